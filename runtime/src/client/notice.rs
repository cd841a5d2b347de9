//! What a client has to say to those who watch over it.

use std::fmt;
use std::path::{Path, PathBuf};

/// Something that operators should hear of and that no call fails for: for a log. Its texts hold no control characters.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ClientNotice {
    /// A registry lists far fewer instances than before, and nothing says that they left. They are asked; those that
    /// answer are kept.
    LossDoubted {
        /// Full name of the service.
        service: String,
        /// How many are missing.
        lost: usize,
        /// How many are listed.
        listed: usize,
    },
    /// A registry holds entries that are not believed: too large, malformed, foreign. The others work.
    EntriesSkipped {
        /// Full name of the service.
        service: String,
        /// How many.
        count: usize,
        /// Which, and why, of one of them.
        example: String,
    },
    /// The registry does not answer, and what an earlier process saved is used until it does.
    ViewRecalled {
        /// Full name of the service.
        service: String,
        /// How many instances that names.
        instances: usize,
    },
    /// A file of [`ClientBuilder::snapshots`](crate::ClientBuilder::snapshots) is not used, or not all of it.
    ViewNotRead {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// A view could not be saved. The next change tries again.
    ViewNotSaved {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
}

impl fmt::Display for ClientNotice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LossDoubted {
                service,
                lost,
                listed,
            } => write!(
                f,
                "the registry lost {lost} instances of {service} and lists {listed}: those that answer are kept"
            ),
            Self::EntriesSkipped {
                service,
                count,
                example,
            } => write!(
                f,
                "{count} entries of {service} are not believed, such as {example}"
            ),
            Self::ViewRecalled { service, instances } => write!(
                f,
                "the registry does not answer: the {instances} instances of {service} that were saved are used"
            ),
            Self::ViewNotRead { path, reason } => {
                write!(f, "{}: {reason}", shown(path))
            }
            Self::ViewNotSaved { path, reason } => {
                write!(f, "{} could not be saved: {reason}", shown(path))
            }
        }
    }
}

/// A path, safe to print.
fn shown(path: &Path) -> String {
    path.to_string_lossy().escape_debug().collect()
}

/// Who is told.
pub(super) type Listener = crate::listener::Listener<ClientNotice>;
