//! The two forms in which services of the platform answer, and which of them one does.

use std::sync::Mutex;

use reqwest::StatusCode;

/// One of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// As it is documented.
    Documented,
    /// As it is deployed.
    Deployed,
}

/// Which form a service speaks, as far as that is known.
#[derive(Debug)]
pub(super) enum Spoken {
    /// It was said.
    Said(Dialect),
    /// It is to be found out: what was found last.
    Found(Mutex<Option<Dialect>>),
}

impl Spoken {
    pub(super) fn new(said: Option<Dialect>) -> Self {
        said.map_or_else(|| Self::Found(Mutex::default()), Self::Said)
    }

    pub(super) fn known(&self) -> Option<Dialect> {
        match self {
            Self::Said(dialect) => Some(*dialect),
            Self::Found(found) => *found.lock().unwrap_or_else(|poisoned| poisoned.into_inner()),
        }
    }

    /// What to try, in this order. A service may have been replaced by one that speaks the other form.
    pub(super) fn to_try(&self) -> &'static [Dialect] {
        use Dialect::{Deployed, Documented};
        match (self, self.known()) {
            (Self::Said(Documented), _) => &[Documented],
            (Self::Said(Deployed), _) => &[Deployed],
            (Self::Found(_), Some(Deployed)) => &[Deployed, Documented],
            (Self::Found(_), _) => &[Documented, Deployed],
        }
    }

    /// An answer in this form was understood.
    pub(super) fn on_understood(&self, dialect: Dialect) {
        if let Self::Found(found) = self {
            *found.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = Some(dialect);
        }
    }
}

/// Whether an answer says that there is no such thing to be asked: routers also send elsewhere, or blame the method.
pub(super) fn is_no_such_question(status: StatusCode) -> bool {
    status == StatusCode::NOT_FOUND || status == StatusCode::METHOD_NOT_ALLOWED || status.is_redirection()
}
