//! Why a request to etcd failed, and what that means to its caller.

use std::fmt;

use super::super::{Error, ErrorKind};
use super::grpc::{GrpcStatus, code};

/// Why a request failed. Holds no secret.
#[derive(Clone, Debug)]
pub(super) enum Fault {
    /// The server answered with a failure.
    Status(GrpcStatus),
    /// The endpoint cannot be reached, or the connection is gone, or what speaks there is not etcd.
    Broken(String),
    /// No answer within the time given.
    Late(String),
    /// The two sides do not trust each other's certificates.
    Distrusted(String),
    /// An answer of so many bytes, beyond our limit.
    TooLarge(usize),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(f, "it answers: {status}"),
            Self::Broken(what) | Self::Late(what) | Self::Distrusted(what) => f.write_str(what),
            Self::TooLarge(bytes) => write!(f, "an answer of {bytes} bytes is beyond the limit"),
        }
    }
}

impl Fault {
    /// Whether another endpoint, or the same one in a moment, may do better.
    pub(super) fn may_pass(&self) -> bool {
        match self {
            Self::Broken(_) | Self::Late(_) => true,
            Self::Status(status) => !matches!(
                status.code,
                code::INVALID_ARGUMENT
                    | code::NOT_FOUND
                    | code::PERMISSION_DENIED
                    | code::FAILED_PRECONDITION
                    | code::OUT_OF_RANGE
                    | code::UNAUTHENTICATED
            ),
            Self::Distrusted(_) | Self::TooLarge(_) => false,
        }
    }

    /// Whether a new token may help: the old one has expired, or is from before a change of the permissions, or there
    /// was none because nobody asked for it then.
    pub(super) fn wants_token(&self) -> bool {
        let Self::Status(status) = self else {
            return false;
        };
        status.code == code::UNAUTHENTICATED
            || status.message.contains("revision of auth store is old")
            || status.message.contains("user name is empty")
    }

    /// Whether the lease that the request names is gone.
    pub(super) fn is_lost_lease(&self) -> bool {
        matches!(self, Self::Status(status) if status.code == code::NOT_FOUND && status.message.contains("lease"))
    }

    /// Whether the revision that the request names is compacted.
    pub(super) fn is_compacted(&self) -> bool {
        matches!(self, Self::Status(status) if status.code == code::OUT_OF_RANGE)
    }

    fn is_denied(&self) -> bool {
        match self {
            Self::Distrusted(_) => true,
            Self::Status(status) => {
                status.code == code::PERMISSION_DENIED
                    || self.wants_token()
                    || status.message.contains("authentication failed")
            }
            _ => false,
        }
    }

    /// What it means for a registry whose entries lie below `root`.
    pub(super) fn error(self, address: &str, root: &str) -> Error {
        let (kind, message) = match &self {
            Self::Status(status) if status.message.contains("authentication failed") => (
                ErrorKind::Denied,
                "etcd does not accept the user and password: check those of the address".to_owned(),
            ),
            Self::Status(status) if status.message.contains("user name is empty") => (
                ErrorKind::Denied,
                "etcd lets nobody in without a name: write `etcd://user:password@…`".to_owned(),
            ),
            Self::Status(status) if status.code == code::PERMISSION_DENIED => (
                ErrorKind::Denied,
                format!(
                    "the user may not do that: `etcdctl role grant-permission ROLE --prefix=true readwrite {root}` \
                     (servers), `… read {root}` (clients)"
                ),
            ),
            Self::Status(status) if status.message.contains("request is too large") => (
                ErrorKind::Record,
                "larger than what etcd takes in one request: shorten it, or raise its --max-request-bytes"
                    .to_owned(),
            ),
            fault if fault.is_denied() => (ErrorKind::Denied, fault.to_string()),
            fault => (ErrorKind::Unavailable, fault.to_string()),
        };
        Error::new(kind, address, message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(code: u32, message: &str) -> Fault {
        Fault::Status(GrpcStatus {
            code,
            message: message.into(),
        })
    }

    #[test]
    fn failures_are_told_by_what_to_do_about_them() {
        let told = |fault: Fault| {
            let error = fault.error("etcd://h:2379/shop", "shop/");
            format!("{:?}: {}", error.kind(), error.message())
        };
        insta::assert_snapshot!(told(status(3, "etcdserver: authentication failed, invalid user ID or password")), @"Denied: etcd does not accept the user and password: check those of the address");
        insta::assert_snapshot!(told(status(3, "etcdserver: user name is empty")), @"Denied: etcd lets nobody in without a name: write `etcd://user:password@…`");
        insta::assert_snapshot!(told(status(7, "etcdserver: permission denied")), @"Denied: the user may not do that: `etcdctl role grant-permission ROLE --prefix=true readwrite shop/` (servers), `… read shop/` (clients)");
        insta::assert_snapshot!(told(status(14, "etcdserver: no leader")), @"Unavailable: it answers: etcdserver: no leader (gRPC code 14)");
        insta::assert_snapshot!(told(status(3, "etcdserver: request is too large")), @"Record: larger than what etcd takes in one request: shorten it, or raise its --max-request-bytes");
    }

    #[test]
    fn what_may_pass_is_tried_elsewhere_and_the_rest_is_not() {
        assert!(status(14, "etcdserver: leader changed").may_pass());
        assert!(Fault::Late(String::new()).may_pass());
        assert!(!status(7, "etcdserver: permission denied").may_pass());
        assert!(status(16, "etcdserver: invalid auth token").wants_token());
        assert!(status(5, "etcdserver: requested lease not found").is_lost_lease());
        assert!(
            status(11, "etcdserver: mvcc: required revision has been compacted").is_compacted()
        );
    }
}
