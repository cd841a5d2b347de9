//! The address of a registry of several servers, as `connect` takes it.
//!
//! ```text
//! etcd+tls://user:password@h1:2379,h2:2379/shop?ca=/etc/ssl/shop.pem
//! ```
//! Knows no registry: each asks for the options that it understands.

use std::collections::BTreeMap;
use std::fmt;

use super::error::{Error, ErrorKind};

/// The namespace of an address that names none.
pub const DEFAULT_NAMESPACE: &str = "callsheet";

/// One server of a registry.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Endpoint {
    /// Name or number, without the brackets of IPv6.
    pub host: String,
    /// Its port.
    pub port: u16,
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// A parsed address. Shows itself without the password and without the values of its options.
#[derive(Clone)]
pub struct Locator {
    scheme: String,
    tls: bool,
    user: Option<String>,
    password: Option<String>,
    endpoints: Vec<Endpoint>,
    namespace: String,
    options: BTreeMap<String, String>,
}

impl Locator {
    /// Reads `scheme[+tls]://[user[:password]@]host[:port][,host[:port]…][/namespace][?name=value&…]`. What is no letter
    /// or digit in user, password and values may be written `%40`. A host without a port has `port`; `options` are the
    /// names that the registry understands.
    ///
    /// # Errors
    /// [`ErrorKind::Address`]: what is wrong, and how it is written; never with a password.
    pub fn parse(address: &str, port: u16, options: &[&str]) -> Result<Self, Error> {
        let (scheme, rest) = address.split_once(':').unwrap_or((address, ""));
        let rest = rest.strip_prefix("//").unwrap_or(rest);
        let (plain, tls) = match scheme.strip_suffix("+tls") {
            Some(plain) => (plain, true),
            None => (scheme, false),
        };
        let wrong = |what: String| {
            let example = format!("{plain}://user:password@10.0.0.1:{port},10.0.0.2:{port}/shop");
            Error::new(
                ErrorKind::Address,
                format!("{}:", shown(scheme)),
                format!("{what}; write `{example}`, with as much of it as you need"),
            )
        };
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, namespace) = rest.split_once('/').unwrap_or((rest, ""));
        let (credentials, hosts) = match authority.rsplit_once('@') {
            Some((credentials, hosts)) => (Some(credentials), hosts),
            None => (None, authority),
        };
        let decode = |what: &str, text: &str| {
            decoded(text).ok_or_else(|| wrong(format!("the {what} holds a broken `%` escape")))
        };
        let (mut user, mut password) = (None, None);
        if let Some(credentials) = credentials {
            let (name, secret) = match credentials.split_once(':') {
                Some((name, secret)) => (name, Some(secret)),
                None => (credentials, None),
            };
            user = Some(decode("user", name)?).filter(|name| !name.is_empty());
            password = secret
                .map(|secret| decode("password", secret))
                .transpose()?;
        }
        let endpoints = hosts
            .split(',')
            .map(|host| endpoint(host, port).map_err(&wrong))
            .collect::<Result<Vec<_>, _>>()?;
        let namespace = namespace.trim_matches('/');
        if namespace.split('/').any(|part| !is_name(part)) && !namespace.is_empty() {
            return Err(wrong(format!(
                "`/{}` is no namespace: parts of letters, digits, `-`, `_` and dots between `/`",
                shown(namespace)
            )));
        }
        let mut settings = BTreeMap::new();
        for setting in query.split('&').filter(|setting| !setting.is_empty()) {
            let (name, value) = setting.split_once('=').unwrap_or((setting, ""));
            if !options.contains(&name) {
                return Err(wrong(format!(
                    "option `{}` is unknown: there {}",
                    shown(name),
                    match options {
                        [] => "are none".to_owned(),
                        some => format!("are {}", some.join(", ")),
                    }
                )));
            }
            settings.insert(name.to_owned(), decode("value of an option", value)?);
        }
        Ok(Self {
            scheme: plain.into(),
            tls,
            user,
            password,
            endpoints,
            namespace: if namespace.is_empty() {
                DEFAULT_NAMESPACE.into()
            } else {
                namespace.into()
            },
            options: settings,
        })
    }

    /// The scheme, without `+tls`.
    pub fn scheme(&self) -> &str {
        &self.scheme
    }

    /// Whether connections are to be encrypted.
    pub fn tls(&self) -> bool {
        self.tls
    }

    /// The user.
    pub fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// The password. Never to be shown.
    pub fn password(&self) -> Option<&str> {
        self.password.as_deref()
    }

    /// The servers, one at least, in the order in which they were written.
    pub fn endpoints(&self) -> &[Endpoint] {
        &self.endpoints
    }

    /// Where everything of ours lies: parts between `/`, none before the first and behind the last.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The value of an option.
    pub fn option(&self, name: &str) -> Option<&str> {
        self.options.get(name).map(String::as_str)
    }
}

impl fmt::Display for Locator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tls = if self.tls { "+tls" } else { "" };
        write!(f, "{}{tls}://", self.scheme)?;
        for (index, endpoint) in self.endpoints.iter().enumerate() {
            let before = if index == 0 { "" } else { "," };
            write!(f, "{before}{endpoint}")?;
        }
        write!(f, "/{}", self.namespace)
    }
}

impl fmt::Debug for Locator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Locator({self})")
    }
}

fn endpoint(text: &str, port: u16) -> Result<Endpoint, String> {
    let text = text.trim();
    let wrong = || format!("`{}` is no server: write `host:port`", shown(text));
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, behind) = rest.split_once(']').ok_or_else(wrong)?;
            match behind.strip_prefix(':') {
                Some(port) => (host, port.parse().map_err(|_| wrong())?),
                None if behind.is_empty() => (host, port),
                None => return Err(wrong()),
            }
        }
        None => match text.rsplit_once(':') {
            Some((host, port)) => (host, port.parse().map_err(|_| wrong())?),
            None => (text, port),
        },
    };
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b':');
    if host.is_empty() || !host.bytes().all(fits) || port == 0 {
        return Err(wrong());
    }
    Ok(Endpoint {
        host: host.into(),
        port,
    })
}

fn is_name(part: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    !part.is_empty() && !part.starts_with('.') && part.bytes().all(fits)
}

/// `%40` as `@`; `None` if an escape is broken or the whole no text.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, behind)) = rest.split_first() {
        if first == b'%' {
            let digits = std::str::from_utf8(behind.get(..2)?).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = &behind[2..];
        } else {
            bytes.push(first);
            rest = behind;
        }
    }
    String::from_utf8(bytes).ok()
}

/// The start of a text that may be anything, safe to print.
fn shown(text: &str) -> String {
    text.chars()
        .take(40)
        .flat_map(char::escape_default)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_address_is_understood_and_shows_no_secret() {
        let address = "etcd+tls://me:p%40ss:w@h1:1,[::1]:2,h3/shop/eu?ca=/a%20b.pem";
        let locator = Locator::parse(address, 2379, &["ca"]).unwrap();
        assert_eq!((locator.scheme(), locator.tls()), ("etcd", true));
        assert_eq!(locator.user(), Some("me"));
        assert_eq!(locator.password(), Some("p@ss:w"));
        assert_eq!(locator.endpoints()[2].port, 2379);
        assert_eq!(locator.namespace(), "shop/eu");
        assert_eq!(locator.option("ca"), Some("/a b.pem"));
        insta::assert_snapshot!(format!("{locator} {locator:?}"), @"etcd+tls://h1:1,[::1]:2,h3:2379/shop/eu Locator(etcd+tls://h1:1,[::1]:2,h3:2379/shop/eu)");
    }

    #[test]
    fn what_is_left_out_has_a_default() {
        let locator = Locator::parse("redis://h", 6379, &[]).unwrap();
        assert_eq!(locator.to_string(), "redis://h:6379/callsheet");
        assert_eq!((locator.user(), locator.password()), (None, None));
        let only = Locator::parse("redis://:secret@h", 6379, &[]).unwrap();
        assert_eq!((only.user(), only.password()), (None, Some("secret")));
    }

    #[test]
    fn what_is_wrong_is_said_without_the_password() {
        let wrong = |address: &str| {
            let error = Locator::parse(address, 1, &["ca"]).unwrap_err().to_string();
            assert!(!error.contains("hunter2"), "{error}");
            error
        };
        insta::assert_snapshot!(wrong("etcd:"), @"registry `etcd:`: `` is no server: write `host:port`; write `etcd://user:password@10.0.0.1:1,10.0.0.2:1/shop`, with as much of it as you need");
        insta::assert_snapshot!(wrong("etcd://u:hunter2@h:x/shop"), @"registry `etcd:`: `h:x` is no server: write `host:port`; write `etcd://user:password@10.0.0.1:1,10.0.0.2:1/shop`, with as much of it as you need");
        insta::assert_snapshot!(wrong("etcd://u:hunter2%4@h"), @"registry `etcd:`: the password holds a broken `%` escape; write `etcd://user:password@10.0.0.1:1,10.0.0.2:1/shop`, with as much of it as you need");
        insta::assert_snapshot!(wrong("etcd://u:hunter2@h/a//b"), @"registry `etcd:`: `/a//b` is no namespace: parts of letters, digits, `-`, `_` and dots between `/`; write `etcd://user:password@10.0.0.1:1,10.0.0.2:1/shop`, with as much of it as you need");
        insta::assert_snapshot!(wrong("etcd://u:hunter2@h/a?colour=hunter2"), @"registry `etcd:`: option `colour` is unknown: there are ca; write `etcd://user:password@10.0.0.1:1,10.0.0.2:1/shop`, with as much of it as you need");
        insta::assert_snapshot!(wrong("etcd://u:hunter2@h,/a"), @"registry `etcd:`: `` is no server: write `host:port`; write `etcd://user:password@10.0.0.1:1,10.0.0.2:1/shop`, with as much of it as you need");
    }
}
