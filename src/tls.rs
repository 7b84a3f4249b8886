//! TLS of everything that is a client of somebody: rustls with ring, no C library.

use std::sync::Once;

/// Chooses the cryptography for the whole process. Must have been called before the first client is made; later calls do
/// nothing.
pub fn choose_provider() {
    static CHOSEN: Once = Once::new();
    CHOSEN.call_once(|| {
        // An error says that somebody else has chosen already.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}
