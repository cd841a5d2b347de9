//! Where a server is: what users write, registries hold and errors show.
//!
//! Knows nothing of sockets.

use std::error;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Where a server listens or is reached.
///
/// Written `127.0.0.1:7000` or `tcp://127.0.0.1:7000`, `unix:/run/shop.sock`, `memory:name`, `scheme://place` for a
/// [transport](crate::transport::Transport) that is not built in; shown with its scheme, and read back from what is shown.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Address {
    /// A host, by name or number, and a port: `127.0.0.1:7000`, `[::1]:7000`, `orders.local:7000`.
    Tcp(String),
    /// A socket file.
    Unix(PathBuf),
    /// A name within this process.
    Memory(String),
    /// A place of a transport that is not built in.
    Other {
        /// What names the transport.
        scheme: String,
        /// What it makes of it, the transport says.
        place: String,
    },
}

impl Address {
    /// Where somebody is who calls from here: without the port, which another connection would not share.
    pub(crate) fn host(&self) -> String {
        match self {
            Self::Tcp(authority) => match split_authority(authority) {
                Some((host, _)) => host.to_owned(),
                None => authority.clone(),
            },
            _ => self.to_string(),
        }
    }

    /// Whether it stands for every interface of the machine, which is no place that a client could reach.
    pub fn is_unspecified(&self) -> bool {
        match self {
            Self::Tcp(authority) => split_authority(authority).is_some_and(|(host, _)| {
                host.trim_matches(['[', ']'])
                    .parse::<std::net::IpAddr>()
                    .is_ok_and(|ip| ip.is_unspecified())
            }),
            Self::Unix(_) | Self::Memory(_) | Self::Other { .. } => false,
        }
    }
}

/// Host and port of `host:port`, if it is that.
fn split_authority(text: &str) -> Option<(&str, u16)> {
    let (host, port) = text.rsplit_once(':')?;
    let bracketed = host.starts_with('[') && host.ends_with(']');
    let plausible = if bracketed {
        host[1..host.len() - 1]
            .parse::<std::net::Ipv6Addr>()
            .is_ok()
    } else {
        !host.is_empty()
            && host
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'))
    };
    if !plausible || port.is_empty() || !port.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some((host, port.parse().ok()?))
}

/// Whether this may name a transport: as RFC 3986 has it, in lower case, and none that is built in.
fn is_scheme(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.bytes().all(|byte| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'.')
        })
        && !matches!(text, "tcp" | "unix" | "memory")
}

/// Why a text is no address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseAddressError {
    text: String,
    reason: &'static str,
}

impl ParseAddressError {
    /// For an address of a transport that nobody brought along.
    pub(super) fn unknown_scheme(text: &str) -> Self {
        Self {
            text: text.into(),
            reason: "the schemes are `tcp://host:port`, `unix:/path` and `memory:name`; another one needs its transport \
                (Server::transport, ClientBuilder::transport)",
        }
    }
}

impl fmt::Display for ParseAddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` is no address: {}",
            self.text.escape_debug(),
            self.reason
        )
    }
}

impl error::Error for ParseAddressError {}

impl FromStr for Address {
    type Err = ParseAddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = |reason| ParseAddressError {
            text: text.into(),
            reason,
        };
        if text.contains('\0') {
            return Err(wrong("it holds a NUL"));
        }
        if let Some(path) = text.strip_prefix("unix:") {
            // `unix:///run/x` is the same file as `unix:/run/x`.
            let path = path
                .strip_prefix("//")
                .filter(|rest| rest.starts_with('/'))
                .unwrap_or(path);
            if path.is_empty() {
                return Err(wrong("write the socket file: `unix:/run/shop.sock`"));
            }
            return Ok(Self::Unix(Path::new(path).into()));
        }
        if let Some(name) = text.strip_prefix("memory:") {
            if name.is_empty() {
                return Err(wrong("write a name: `memory:orders`"));
            }
            return Ok(Self::Memory(name.into()));
        }
        let authority = text.strip_prefix("tcp://").unwrap_or(text);
        if let Some((scheme, place)) = authority.split_once("://") {
            if !is_scheme(scheme) || place.is_empty() || place.chars().any(char::is_control) {
                return Err(wrong("write `scheme://place`, such as `tcp://host:port`"));
            }
            return Ok(Self::Other {
                scheme: scheme.into(),
                place: place.into(),
            });
        }
        split_authority(authority)
            .ok_or_else(|| wrong("write `host:port`, `unix:/path` or `memory:name`"))?;
        Ok(Self::Tcp(authority.into()))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(authority) => write!(f, "tcp://{authority}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Memory(name) => write!(f, "memory:{name}"),
            Self::Other { scheme, place } => write!(f, "{scheme}://{place}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_reads_what_it_prints() {
        for (text, shown) in [
            ("127.0.0.1:0", "tcp://127.0.0.1:0"),
            ("tcp://[::1]:7000", "tcp://[::1]:7000"),
            ("orders.local:80", "tcp://orders.local:80"),
            ("unix:/run/a.sock", "unix:/run/a.sock"),
            ("unix:///run/a.sock", "unix:/run/a.sock"),
            ("unix:a.sock", "unix:a.sock"),
            ("memory:a", "memory:a"),
            ("vsock://3:7000", "vsock://3:7000"),
        ] {
            let address: Address = text.parse().unwrap();
            assert_eq!(address.to_string(), shown);
            assert_eq!(shown.parse::<Address>().unwrap(), address);
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in [
            "",
            "localhost",
            "localhost:",
            ":80",
            "a:99999",
            "a:+1",
            "::1:80",
            "Http://a:80",
            "tcp://tcp://a:80",
            "vsock://",
            "vsock://a\nb",
            "unix:",
            "memory:",
            "a b:1",
            "unix:/a\0b",
        ] {
            assert!(text.parse::<Address>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn every_interface_is_no_place_to_reach() {
        for (text, expect) in [
            ("0.0.0.0:1", true),
            ("[::]:1", true),
            ("127.0.0.1:1", false),
            ("a:1", false),
            ("memory:a", false),
        ] {
            assert_eq!(text.parse::<Address>().unwrap().is_unspecified(), expect);
        }
    }
}
