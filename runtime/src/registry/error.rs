//! Why a registry could not do what it was asked to.

use std::borrow::Cow;
use std::error;
use std::fmt;
use std::sync::Arc;

use crate::printable::printable;
use crate::status::{Phase, Status};

/// The longest address or message, in characters: some quote what a server said.
const MAX_TEXT: usize = 2_000;

/// What kind of failure it was: decides whether trying again may help.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The address of the registry is wrong; it stays wrong.
    Address,
    /// The registry cannot do that at all.
    Unsupported,
    /// A record breaks a limit or is malformed; it stays so.
    Record,
    /// The registry lets us not in, or not write.
    Denied,
    /// Somebody else has changed what was to be changed.
    Conflict,
    /// The registry does not answer, or not sensibly; it may later.
    Unavailable,
}

/// Why a registry could not do what it was asked to. Cheap to clone; names the registry, never a secret.
#[derive(Clone)]
pub struct Error(Arc<Parts>);

struct Parts {
    kind: ErrorKind,
    registry: String,
    message: String,
    source: Option<Box<dyn error::Error + Send + Sync>>,
}

impl Error {
    /// An error of the registry at `registry` (its address without secrets).
    pub fn new(kind: ErrorKind, registry: impl Into<String>, message: impl Into<String>) -> Self {
        Self(Arc::new(Parts {
            kind,
            registry: safe(registry),
            message: safe(message),
            source: None,
        }))
    }

    /// The same with the error that caused it.
    pub fn caused_by(
        kind: ErrorKind,
        registry: impl Into<String>,
        message: impl Into<String>,
        source: impl Into<Box<dyn error::Error + Send + Sync>>,
    ) -> Self {
        Self(Arc::new(Parts {
            kind,
            registry: safe(registry),
            message: safe(message),
            source: Some(source.into()),
        }))
    }

    /// What kind of failure it was.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The address of the registry, without secrets.
    pub fn registry(&self) -> &str {
        &self.0.registry
    }

    /// What went wrong and what to do about it.
    pub fn message(&self) -> &str {
        &self.0.message
    }
}

/// What a registry, its address or its server say may be anything.
fn safe(text: impl Into<String>) -> String {
    let text = text.into();
    match printable(&text, MAX_TEXT) {
        Cow::Borrowed(_) => text,
        Cow::Owned(safe) => safe,
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "registry `{}`: {}", self.0.registry, self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("registry", &self.0.registry)
            .field("message", &self.0.message)
            .field("source", &self.0.source)
            .finish()
    }
}

impl error::Error for Error {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        self.0
            .source
            .as_deref()
            .map(|source| source as &(dyn error::Error + 'static))
    }
}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        let status = match error.kind() {
            ErrorKind::Denied => Status::permission_denied(error.to_string()),
            ErrorKind::Unavailable => Status::unavailable(error.to_string()),
            ErrorKind::Conflict => Status::aborted(error.to_string()),
            ErrorKind::Address | ErrorKind::Unsupported | ErrorKind::Record => {
                Status::failed_precondition(error.to_string())
            }
        };
        status.in_phase(Phase::Resolve).not_started()
    }
}
