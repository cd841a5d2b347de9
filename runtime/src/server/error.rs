//! Why a server did not start.

use std::error;
use std::fmt;
use std::io;

use crate::registry;
use crate::service::DuplicateOffer;
use crate::transport::{Address, ParseAddressError};

/// Why a server did not start. Nothing is bound and nothing registered then.
#[derive(Debug)]
#[non_exhaustive]
pub enum StartError {
    /// A text to bind or to advertise is no address.
    Address(ParseAddressError),
    /// An address could not be bound.
    Bind {
        /// Which.
        address: Address,
        /// Why.
        source: io::Error,
    },
    /// What is offered contradicts itself or its contract.
    Offer(String),
    /// The server would be registered under an address that nobody can reach.
    Unreachable {
        /// What is bound.
        address: Address,
    },
    /// A registry takes no registration, and will not later.
    Registry(registry::Error),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(error) => error.fmt(f),
            Self::Bind { address, source } => write!(f, "cannot listen on {address}: {source}"),
            Self::Offer(why) => f.write_str(why),
            Self::Unreachable { address } => write!(
                f,
                "{address} stands for every interface of this machine, so clients could not find it in the registry: \
                 say how they reach it with Server::advertise(\"host:port\")"
            ),
            Self::Registry(error) => error.fmt(f),
        }
    }
}

impl error::Error for StartError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Self::Address(error) => Some(error),
            Self::Bind { source, .. } => Some(source),
            Self::Registry(error) => Some(error),
            Self::Offer(_) | Self::Unreachable { .. } => None,
        }
    }
}

impl From<ParseAddressError> for StartError {
    fn from(error: ParseAddressError) -> Self {
        Self::Address(error)
    }
}

impl From<DuplicateOffer> for StartError {
    fn from(error: DuplicateOffer) -> Self {
        Self::Offer(error.to_string())
    }
}

impl From<registry::Error> for StartError {
    fn from(error: registry::Error) -> Self {
        Self::Registry(error)
    }
}
