//! Where an answer came from.

use std::fmt;

use crate::metadata::Metadata;

/// An answer, and what is known of it beside the message: [`Call::reply`](crate::Call::reply).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Reply<T> {
    /// What was answered.
    pub message: T,
    /// What the server sent behind it.
    pub trailers: Metadata,
    /// Who answered.
    pub origin: Origin,
}

/// Who answered a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Origin {
    /// A server.
    #[default]
    Server,
    /// A server, some time ago: the last good answer to an equal request (`fallback.stale`).
    Stale,
    /// The reply that settings name (`fallback.reply`).
    Settings,
    /// The program: what was given to `with_fallback`.
    Function,
    /// Nobody: the call failed, which the strategy `failsafe` swallows. The reply is empty.
    Nobody,
    /// Nobody yet: the call failed and is repeated in the background (`failback`). The reply is empty.
    Later,
}

impl Origin {
    /// Whether a server has answered this call.
    pub fn is_server(self) -> bool {
        self == Self::Server
    }

    /// Its name in metrics and notices: `server`, `stale`, `settings`, `function`, `nobody`, `later`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Stale => "stale",
            Self::Settings => "settings",
            Self::Function => "function",
            Self::Nobody => "nobody",
            Self::Later => "later",
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
