//! What a server has to say to those who watch over it.

use std::fmt;
use std::sync::Arc;

use crate::registry;
use crate::steering::DocumentNews;
use crate::transport::Address;

/// Something that went wrong and that no caller can be told: for a log. Peers decide none of its text but `reason`,
/// which holds no control characters.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Notice {
    /// A handler panicked; its caller got `internal`.
    HandlerPanicked {
        /// Path of the method: `shop.orders.v1.Orders/place`.
        method: &'static str,
        /// The text of the panic.
        message: String,
    },
    /// Connections cannot be accepted, most likely because the file descriptors are used up (`ulimit -n`). It is tried again
    /// until it works; connections that are there are served on. Told once, and again only after 10 s without such a
    /// failure.
    AcceptFailed {
        /// Where.
        address: Address,
        /// Why.
        reason: String,
    },
    /// A connection was turned away because there are as many as there may be. Told of the first only, until none is
    /// turned away for 10 s.
    ConnectionRefused {
        /// From where.
        peer: String,
        /// `Server::max_connections`
        limit: usize,
    },
    /// A connection ended for what its peer did: garbage, a limit, silence.
    ConnectionFailed {
        /// From where.
        peer: Arc<str>,
        /// What it did.
        reason: String,
    },
    /// A governance document has come into force, or was refused.
    Document(DocumentNews),
    /// A registry does not list the server, and is tried again until it does.
    NotListed {
        /// Why.
        error: registry::Error,
    },
    /// A registry could not be told that the server leaves; its entries there run out by themselves.
    NotDelisted {
        /// Why.
        error: registry::Error,
    },
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HandlerPanicked { method, message } => {
                write!(f, "the handler of {method} panicked: {message}")
            }
            Self::AcceptFailed { address, reason } => {
                write!(f, "cannot accept connections on {address}: {reason}")
            }
            Self::ConnectionRefused { peer, limit } => write!(
                f,
                "turned {peer} away: there are {limit} connections (Server::max_connections)"
            ),
            Self::ConnectionFailed { peer, reason } => write!(f, "{peer}: {reason}"),
            Self::Document(news) => news.fmt(f),
            Self::NotListed { error } => write!(f, "not listed yet: {error}"),
            Self::NotDelisted { error } => {
                write!(f, "left without being taken off the list: {error}")
            }
        }
    }
}

/// Who is told.
pub(super) type Listener = crate::listener::Listener<Notice>;
