//! Certificates of an authority of our own.

use std::path::Path;

use crate::tools::run;

/// An authority (`ca.pem`), and a certificate of it (`server.pem`, `server.key`) for localhost, by name and by address, as nodes of a
/// cluster name themselves.
pub(crate) fn make(directory: &Path) {
    let at = |name: &str| directory.join(name).to_str().unwrap().to_owned();
    let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
    let authority = [
        "-x509",
        "-days",
        "2",
        "-subj",
        "/CN=test authority",
        "-keyout",
        &at("ca.key"),
        "-out",
        &at("ca.pem"),
        "-addext",
        "keyUsage=critical,keyCertSign",
    ];
    run("openssl", &[&["req"][..], &key, &authority].concat());
    let request = ["-subj", "/CN=localhost", "-keyout", &at("server.key"), "-out", &at("server.csr")];
    run("openssl", &[&["req"][..], &key, &request].concat());
    std::fs::write(at("names"), "subjectAltName=DNS:localhost,IP:127.0.0.1\nbasicConstraints=CA:FALSE\n")
        .unwrap();
    run(
        "openssl",
        &[
            "x509",
            "-req",
            "-days",
            "2",
            "-in",
            &at("server.csr"),
            "-CA",
            &at("ca.pem"),
            "-CAkey",
            &at("ca.key"),
            "-CAcreateserial",
            "-extfile",
            &at("names"),
            "-out",
            &at("server.pem"),
        ],
    );
}
