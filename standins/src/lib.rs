//! Stand-ins for the systems around the service, after the contract they are bound to: a Storage Service, a server of
//! objects, a VMS and a MediaMTX, with their faults on demand.
//!
//! Each starts on a port of its own (the kernel's choice unless one is named), in a thread of its own, so that blocking
//! and async tests may use it alike and no test's clock moves it; each stops when it is dropped. What it says and how it
//! fails is changed through its handle while it runs. The `standins` program starts all of them over a directory of
//! recordings.
//!
//! ```
//! use standins::{Content, Fault, Origin, Row, StorageService, Times};
//!
//! let origin = Origin::start();
//! let storage = StorageService::start();
//! storage.sign_with(origin.signer());
//! let row = Row::of("cam-1", "2026-03-14T10:00:00Z", 3600);
//! origin.put(row.path(), Content::from(b"media".to_vec()));
//! storage.add(row);
//! storage.faults().on("/download", Times::Next(1), Fault::status(500));
//! println!("STORAGE_SERVICE_URL={}", storage.url());
//! ```

#![allow(
    clippy::result_large_err,
    reason = "what is refused is an answer as well; nothing here is in a hurry"
)]

pub mod directory;
mod faults;
mod mediamtx;
mod origin;
mod server;
mod storage;
mod vms;

pub use self::faults::{Fault, Faults, Times};
pub use self::mediamtx::{LiveMedia, MediaMtx};
pub use self::origin::{Asked, Behaviour, Content, Origin, Ranges, Signer, Validators};
pub use self::server::Address;
pub use self::storage::{Answers, Row, Selects, StorageService};
pub use self::vms::{Camera, Vms};

/// Which of the two forms a platform service speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// As it is documented.
    Documented,
    /// As it is deployed.
    Deployed,
}

/// Takes a lock that a panicking test may have poisoned: every change under it is a few infallible steps.
fn lock<T>(mutex: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}
