//! nginx, all as it does it by default but for the names of places.

use std::path::Path;
use std::process::{Command, Stdio};

/// What starts it with this in its `http` block; it keeps its files in `directory`.
pub(crate) fn command(directory: &Path, http: &str) -> Command {
    let config = directory.join("nginx.conf");
    std::fs::write(&config, configuration(directory, http)).unwrap();
    let mut command = Command::new("nginx");
    command.args(["-p", directory.to_str().unwrap(), "-e", "stderr", "-c", config.to_str().unwrap()]);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command
}

fn configuration(directory: &Path, http: &str) -> String {
    let directory = directory.display();
    format!(
        "daemon off; master_process off; pid {directory}/pid; error_log stderr;
        events {{}}
        http {{
            access_log off;
            client_body_temp_path {directory}/body; proxy_temp_path {directory}/proxy;
            fastcgi_temp_path {directory}/f; uwsgi_temp_path {directory}/u; scgi_temp_path {directory}/s;
            {http}
        }}"
    )
}
