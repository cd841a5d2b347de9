//! The error of a call: a status, and the typed error that the contract names.

use std::convert::Infallible;
use std::error;
use std::fmt;

use bytes::Bytes;

use crate::status::{Code, Detail, Status};

/// The errors that one method may throw: implemented by generated enums, one variant per error of the contract.
pub trait TypedError: Sized + Send + Sync + fmt::Debug + 'static {
    /// The code of the error.
    fn code(&self) -> Code;
    /// Full name of its message: `shop.orders.OutOfStock`.
    fn type_name(&self) -> &'static str;
    /// Its message, protobuf-encoded.
    fn encode(&self) -> Bytes;
    /// The error with that name, if the method throws it and the bytes are one.
    fn decode(type_name: &str, value: Bytes) -> Option<Self>;
}

impl TypedError for Infallible {
    fn code(&self) -> Code {
        match *self {}
    }

    fn type_name(&self) -> &'static str {
        match *self {}
    }

    fn encode(&self) -> Bytes {
        match *self {}
    }

    fn decode(_: &str, _: Bytes) -> Option<Self> {
        None
    }
}

/// Why a call failed. One pointer wide.
///
/// A method that `throws` has its own `E`, matched with [`Error::typed`]; every call may also end with a plain
/// [`Status`], which is always there.
pub struct Error<E = Infallible>(Box<Parts<E>>);

struct Parts<E> {
    status: Status,
    typed: Option<E>,
}

impl<E> Error<E> {
    /// The error that the contract names, if it is one.
    pub fn typed(&self) -> Option<&E> {
        self.0.typed.as_ref()
    }

    /// The same by value.
    pub fn into_typed(self) -> Option<E> {
        self.0.typed
    }

    /// How the call ended.
    pub fn status(&self) -> &Status {
        &self.0.status
    }

    /// The same by value.
    pub fn into_status(self) -> Status {
        self.0.status
    }

    /// Its code.
    pub fn code(&self) -> Code {
        self.0.status.code()
    }

    /// Its text.
    pub fn message(&self) -> &str {
        self.0.status.message()
    }
}

impl<E: TypedError> Error<E> {
    /// The same failure as that of another method: typed where that method throws the same error, else a plain status.
    /// For handlers that pass on what a call of theirs met, or that serve several majors with one body.
    pub fn cast<F: TypedError>(self) -> Error<F> {
        Error::received(self.into_status())
    }

    /// What a status from the wire says to a caller who knows `E`.
    pub(crate) fn received(status: Status) -> Self {
        let typed = status
            .detail()
            .and_then(|detail| E::decode(&detail.type_name, detail.value.clone()));
        Self(Box::new(Parts { status, typed }))
    }
}

impl<E: TypedError> From<E> for Error<E> {
    fn from(typed: E) -> Self {
        let status = Status::new(typed.code(), "").with_detail(Detail {
            type_name: typed.type_name().into(),
            value: typed.encode(),
        });
        Self(Box::new(Parts {
            status,
            typed: Some(typed),
        }))
    }
}

impl<E> From<Status> for Error<E> {
    fn from(status: Status) -> Self {
        Self(Box::new(Parts {
            status,
            typed: None,
        }))
    }
}

impl<E> From<Error<E>> for Status {
    fn from(error: Error<E>) -> Self {
        error.into_status()
    }
}

impl<E: fmt::Debug> fmt::Display for Error<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.typed {
            Some(typed) => write!(f, "{}: {typed:?}", self.0.status),
            None => write!(f, "{}", self.0.status),
        }
    }
}

impl<E: fmt::Debug> fmt::Debug for Error<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("status", &self.0.status)
            .field("typed", &self.0.typed)
            .finish()
    }
}

impl<E: fmt::Debug> error::Error for Error<E> {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        Some(&self.0.status)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_is_one_pointer_wide() {
        assert_eq!(size_of::<Result<(), Error>>(), size_of::<usize>());
    }

    #[test]
    fn a_detail_that_the_method_does_not_throw_stays_a_status() {
        let status = Status::not_found("gone").with_detail(Detail {
            type_name: "shop.Unknown".into(),
            value: Bytes::new(),
        });
        let error = Error::<Infallible>::received(status);
        assert!(error.typed().is_none());
        assert_eq!(error.code(), Code::NotFound);
    }
}
