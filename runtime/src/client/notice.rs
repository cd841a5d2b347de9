//! What a client has to say to those who watch over it.

use std::fmt;

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
        }
    }
}

/// Who is told.
pub(super) type Listener = crate::listener::Listener<ClientNotice>;
