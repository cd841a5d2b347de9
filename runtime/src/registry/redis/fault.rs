//! What goes wrong with a server, and what to do about it, without a secret.
//!
//! A server's words are repeated only where they answer a command of ours that holds none: old servers repeat the
//! password in their answer to a greeting that they do not understand.

use super::super::{Error, ErrorKind};

/// The longest part of a server's words that is repeated.
const MAX_SAID: usize = 200;

/// What went wrong with one server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// No connection, or no longer: why.
    Broken(String),
    /// One side does not trust the other's certificate: which.
    Distrusted(String),
    /// It did not answer in time.
    Late,
    /// It does not speak RESP3, or not sensibly: what it sends.
    Malformed(&'static str),
    /// It refused a command with these words.
    Refused(String),
    /// It refused the greeting, with user and password, with these words: never to be shown.
    Unwelcome(String),
    /// It is a server that cannot be used: why.
    Unfit(&'static str),
}

impl Fault {
    /// Whether the server has closed the connection, perhaps while nobody looked.
    pub(super) fn is_broken(&self) -> bool {
        matches!(self, Self::Broken(_))
    }

    /// Whether the server has done nothing, and another is the master now.
    pub(super) fn is_demoted(&self) -> bool {
        matches!(self, Self::Refused(said) if word(said) == "READONLY")
    }

    /// The same where it was met in the greeting: the server's words may hold the password.
    pub(super) fn of_greeting(self) -> Self {
        match self {
            Self::Refused(said) => Self::Unwelcome(said),
            other => other,
        }
    }

    /// As an error of the registry at `address`, met at `endpoint`.
    pub(super) fn at(self, address: &str, endpoint: &str) -> Error {
        let (kind, message) = match self {
            Self::Broken(why) => (ErrorKind::Unavailable, format!("{endpoint}: {why}")),
            Self::Distrusted(what) => (ErrorKind::Denied, format!("{endpoint}: {what}")),
            Self::Late => (
                ErrorKind::Unavailable,
                format!("{endpoint} does not answer in time"),
            ),
            Self::Malformed(what) => (
                ErrorKind::Unavailable,
                format!(
                    "{endpoint} sends {what}: is it a Redis, and the address that of its RESP port?"
                ),
            ),
            Self::Unfit(why) => (ErrorKind::Unsupported, format!("{endpoint} {why}")),
            Self::Refused(said) => {
                let (kind, advice) = refused(word(&said));
                let said = shown(&said);
                (kind, format!("{endpoint} refuses: `{said}`{advice}"))
            }
            Self::Unwelcome(said) => {
                let (kind, advice) = unwelcome(&said);
                (kind, format!("{endpoint} {advice}"))
            }
        };
        Error::new(kind, address, message)
    }
}

/// The word in capitals that tells what kind of refusal it is.
fn word(said: &str) -> &str {
    said.split_whitespace().next().unwrap_or_default()
}

fn refused(word: &str) -> (ErrorKind, &'static str) {
    match word {
        "NOAUTH" | "NOPERM" => (
            ErrorKind::Denied,
            "; give the user what docs/discovery.md names (`ACL SETUSER …`)",
        ),
        "READONLY" => (
            ErrorKind::Unavailable,
            "; it has become a replica: name the master, too",
        ),
        "MOVED" | "CROSSSLOT" | "CLUSTERDOWN" => (
            ErrorKind::Unsupported,
            "; Redis Cluster is not supported: name a master that stands alone",
        ),
        "OOM" => (
            ErrorKind::Unavailable,
            "; its memory is full: raise `maxmemory`, or let it evict what is not ours",
        ),
        "MISCONF" => (
            ErrorKind::Unavailable,
            "; it cannot write to its disk: see its log",
        ),
        "WRONGTYPE" => (
            ErrorKind::Unavailable,
            "; somebody has put something else in the place of a list: servers put it right when they renew",
        ),
        _ => (ErrorKind::Unavailable, ""),
    }
}

fn unwelcome(said: &str) -> (ErrorKind, &'static str) {
    match word(said) {
        "WRONGPASS" => (
            ErrorKind::Denied,
            "refuses user or password, or the user is off: check `user:password@` in the address, and `ACL LIST` on the \
             server",
        ),
        "NOAUTH" => (
            ErrorKind::Denied,
            "asks for a password: write `redis://user:password@…`, or `redis://:password@…` for `requirepass`",
        ),
        "NOPERM" => (
            ErrorKind::Denied,
            "lets the user in but forbids `HELLO` or `SELECT`: allow what docs/discovery.md names (`ACL SETUSER …`)",
        ),
        "DENIED" => (
            ErrorKind::Denied,
            "is in protected mode: give it a password (`requirepass` or ACL users), or bind it where we reach it",
        ),
        "LOADING" => (ErrorKind::Unavailable, "is still loading its data"),
        "NOPROTO" => (ErrorKind::Unsupported, TOO_OLD),
        _ if said.contains("max number of clients") => (
            ErrorKind::Unavailable,
            "has no room for another client: raise `maxclients`",
        ),
        _ if said.contains("unknown command") => (ErrorKind::Unsupported, TOO_OLD),
        _ if said.contains("DB index") => (
            ErrorKind::Address,
            "has no such database: check `?db=` in the address",
        ),
        _ => (ErrorKind::Unavailable, "refuses to greet us"),
    }
}

const TOO_OLD: &str = "does not know `HELLO 3`: Redis 6 or later is needed, with that command neither renamed nor disabled";

/// The start of what a server said, safe to print.
fn shown(said: &str) -> String {
    said.chars()
        .take(MAX_SAID)
        .flat_map(|c| {
            let odd = c.is_control();
            let escaped = odd.then(|| c.escape_default()).into_iter().flatten();
            escaped.chain((!odd).then_some(c))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(fault: Fault) -> Error {
        fault.at("redis://h:1/shop", "h:1")
    }

    #[test]
    fn refusals_say_what_to_do_and_whether_it_may_pass() {
        for (said, kind, advice) in [
            (
                "NOPERM this user has no permissions",
                ErrorKind::Denied,
                "ACL SETUSER",
            ),
            (
                "READONLY You can't write",
                ErrorKind::Unavailable,
                "name the master",
            ),
            (
                "MOVED 3999 127.0.0.1:6381",
                ErrorKind::Unsupported,
                "Cluster",
            ),
            (
                "OOM command not allowed",
                ErrorKind::Unavailable,
                "maxmemory",
            ),
            (
                "LOADING Redis is loading",
                ErrorKind::Unavailable,
                "LOADING",
            ),
            ("", ErrorKind::Unavailable, "refuses"),
        ] {
            let error = told(Fault::Refused(said.into()));
            assert_eq!(error.kind(), kind, "{error}");
            assert!(error.message().contains(advice), "{error}");
        }
    }

    #[test]
    fn nothing_is_repeated_of_what_a_server_says_to_user_and_password() {
        let said = "ERR unknown command `HELLO`, with args beginning with: `3`, `AUTH`, `shop`, `hunter2`, ";
        let error = told(Fault::Unwelcome(said.into()));
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        insta::assert_snapshot!(error, @"registry `redis://h:1/shop`: h:1 does not know `HELLO 3`: Redis 6 or later is needed, with that command neither renamed nor disabled");
        let wrong = told(Fault::Unwelcome("WRONGPASS hunter2".into()));
        assert_eq!(wrong.kind(), ErrorKind::Denied);
        for said in [
            "ERR hunter2",
            "hunter2",
            "DENIED hunter2",
            "LOADING hunter2",
        ] {
            let error = told(Fault::Unwelcome(said.into()));
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn what_a_server_says_is_shortened_and_safe_to_print() {
        let error = told(Fault::Refused(format!(
            "ERR \u{1b}[31m\r\nü{}",
            "x".repeat(10_000)
        )));
        let message = error.message();
        assert!(
            message.len() < 300 && message.contains("\\u{1b}[31m\\r\\nü"),
            "{message}"
        );
    }
}
