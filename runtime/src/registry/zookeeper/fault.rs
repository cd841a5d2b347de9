//! From what a server refuses to what a person can do about it.

use super::super::{Error, ErrorKind};
use super::line::Fault;
use super::proto::code;

/// Whom errors are about: the registry, and who we are to it.
#[derive(Clone, Debug)]
pub(super) struct Party {
    /// The address without secrets.
    pub(super) address: String,
    pub(super) user: Option<String>,
}

impl Party {
    /// The error of a request that was to `act` on the node at `path`.
    pub(super) fn error(&self, act: &str, path: &str, fault: Fault) -> Error {
        let refusal = match fault {
            Fault::Lost(error) => return error,
            Fault::TooLong(length) => {
                return self.say(
                    ErrorKind::Unavailable,
                    format!(
                        "what it has at `{path}` is {length} bytes long, which is more than can be ours: remove what does not \
                         belong there"
                    ),
                );
            }
            Fault::Refused(refusal) => refusal,
        };
        match refusal {
            code::NO_AUTH => self.say(ErrorKind::Denied, self.denied(act, path)),
            code::INVALID_ACL => self.say(
                ErrorKind::Denied,
                format!(
                    "it does not take us for anybody, so that nobody could own `{path}`: write a user and password in the \
                     address, or `?acl=open`"
                ),
            ),
            code::UNIMPLEMENTED => self.say(
                ErrorKind::Unsupported,
                "the server is older than ZooKeeper 3.6, which brought watches that last: update it".into(),
            ),
            code::NOT_EMPTY => self.say(
                ErrorKind::Unavailable,
                format!("there are nodes below `{path}`, where an instance belongs: `deleteall {path}`"),
            ),
            code::QUOTA => self.say(
                ErrorKind::Unavailable,
                format!("a quota above `{path}` is used up: `listquota` shows it"),
            ),
            code::THROTTLED => self.say(
                ErrorKind::Unavailable,
                "the server has too much to do and drops requests".into(),
            ),
            code::NODE_EXISTS | code::NO_NODE | code::BAD_VERSION => self.say(
                ErrorKind::Unavailable,
                format!("`{path}` changes faster than we can {act} it"),
            ),
            other => self.say(
                ErrorKind::Unavailable,
                format!("it does not {act} `{path}`: error {other}"),
            ),
        }
    }

    fn denied(&self, act: &str, path: &str) -> String {
        let (us, advice) = match &self.user {
            Some(user) => {
                let user = user.escape_debug();
                (
                    format!("the user `{user}`"),
                    format!(
                        "check the password in the address, or let that user in (`getAcl` shows who may, `setAcl -R {} auth:{user}:cdrwa` changes it)",
                        top(path)
                    ),
                )
            }
            None => (
                "clients without a user".into(),
                "write `user:password@` before the first server of the address".into(),
            ),
        };
        format!("it does not let {us} {act} `{path}`: {advice}")
    }

    fn say(&self, kind: ErrorKind, message: String) -> Error {
        Error::new(kind, &self.address, message)
    }
}

/// The node at the top above `path`.
fn top(path: &str) -> String {
    let name = path.trim_start_matches('/').split('/').next();
    format!("/{}", name.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(user: Option<&str>, refusal: i32) -> String {
        let party = Party {
            address: "zookeeper://h:2181/shop".into(),
            user: user.map(Into::into),
        };
        let fault = Fault::Refused(refusal);
        party.error("create", "/shop/services", fault).to_string()
    }

    #[test]
    fn errors_say_what_to_do() {
        insta::assert_snapshot!(error(Some("orders"), code::NO_AUTH), @"registry `zookeeper://h:2181/shop`: it does not let the user `orders` create `/shop/services`: check the password in the address, or let that user in (`getAcl` shows who may, `setAcl -R /shop auth:orders:cdrwa` changes it)");
        insta::assert_snapshot!(error(None, code::NO_AUTH), @"registry `zookeeper://h:2181/shop`: it does not let clients without a user create `/shop/services`: write `user:password@` before the first server of the address");
        insta::assert_snapshot!(error(None, code::UNIMPLEMENTED), @"registry `zookeeper://h:2181/shop`: the server is older than ZooKeeper 3.6, which brought watches that last: update it");
        insta::assert_snapshot!(error(None, -77), @"registry `zookeeper://h:2181/shop`: it does not create `/shop/services`: error -77");
    }
}
