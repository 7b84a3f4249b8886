//! TLS of everything that is a client of somebody: rustls with ring, no C library.

use std::sync::Once;

use reqwest::{Client, ClientBuilder};
use tracing::warn;

/// Chooses the cryptography for the whole process. Must have been called before the first client is made; later calls do
/// nothing.
pub fn choose_provider() {
    static CHOSEN: Once = Once::new();
    CHOSEN.call_once(|| {
        // An error says that somebody else has chosen already.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}

/// A client with `options`. Where the system knows nobody who vouches for servers (an image without certificates) it is one that
/// trusts nobody: what is spoken to without TLS wants none, and everybody else is refused.
pub fn client(options: impl Fn() -> ClientBuilder) -> Client {
    choose_provider();
    let client = options().build().or_else(|error| {
        warn!(%error, "servers that are spoken to by TLS will not be trusted");
        options().tls_certs_only([]).build()
    });
    client.expect("the options are constants that go together")
}
