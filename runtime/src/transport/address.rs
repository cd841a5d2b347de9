//! Where a server is: what users write, registries hold and errors show.
//!
//! Knows nothing of sockets.

use std::error;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Where a server listens or is reached.
///
/// Written `127.0.0.1:7000` or `tcp://127.0.0.1:7000`, `unix:/run/shop.sock`, `memory:name`; shown with its scheme, and
/// read back from what is shown.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Address {
    /// A host, by name or number, and a port: `127.0.0.1:7000`, `[::1]:7000`, `orders.local:7000`.
    Tcp(String),
    /// A socket file.
    Unix(PathBuf),
    /// A name within this process.
    Memory(String),
}

impl Address {
    /// Whether it stands for every interface of the machine, which is no place that a client could reach.
    pub fn is_unspecified(&self) -> bool {
        match self {
            Self::Tcp(authority) => split_authority(authority).is_some_and(|(host, _)| {
                host.trim_matches(['[', ']'])
                    .parse::<std::net::IpAddr>()
                    .is_ok_and(|ip| ip.is_unspecified())
            }),
            Self::Unix(_) | Self::Memory(_) => false,
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

/// Why a text is no address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseAddressError {
    text: String,
    reason: &'static str,
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
        if authority.contains("://") {
            return Err(wrong(
                "the schemes are `tcp://host:port`, `unix:/path` and `memory:name`",
            ));
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
            "http://a:80",
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
