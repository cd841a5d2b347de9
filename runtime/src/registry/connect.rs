//! From the address of a registry to a handle.

use super::Handle;
#[cfg(feature = "dns")]
use super::dns::Dns;
use super::error::{Error, ErrorKind};
#[cfg(feature = "etcd")]
use super::etcd::Etcd;
use super::file::File;
use super::fixed::Fixed;
use super::joined::{BETWEEN, all};
use super::memory::Memory;
#[cfg(feature = "redis")]
use super::redis::Redis;

/// What this build understands, with an example each.
const SCHEMES: &[(&str, &str)] = &[
    #[cfg(feature = "dns")]
    ("dns", "dns:orders.internal:7000"),
    #[cfg(feature = "etcd")]
    ("etcd", "etcd://10.0.0.1:2379,10.0.0.2:2379/shop"),
    ("file", "file:/run/shop"),
    ("memory", "memory:name"),
    #[cfg(feature = "redis")]
    ("redis", "redis://127.0.0.1:6379/shop"),
    ("static", "static:tcp://127.0.0.1:7000"),
    #[cfg(feature = "zookeeper")]
    ("zookeeper", "zookeeper://10.0.0.1:2181,10.0.0.2:2181/shop"),
];

/// Connects to the registry at `address`.
///
/// | address | what |
/// |---|---|
/// | `memory:`, `memory:name` | one registry per process and name |
/// | `file:/run/shop` | a directory that the processes of one machine share |
/// | `dns:orders.internal:7000`, `dns:_orders._tcp.shop.internal` | names in DNS, with the feature `dns` |
/// | `etcd://user:password@h1:2379,h2:2379/shop`, `etcd+tls://…?ca=FILE` | etcd, with the feature `etcd` |
/// | `redis://user:password@host:6379/shop` | Redis, with the feature `redis`; `redis+tls://` over TLS |
/// | `static:tcp://127.0.0.1:7000,…` | a fixed list, see [`Fixed`] |
/// | `zookeeper://user:password@10.0.0.1:2181,…/shop` | a `ZooKeeper` ensemble (feature `zookeeper`) |
///
/// Several with ` | ` between them are one, as [`all`] joins them. A registry of another kind comes in by [`Handle::new`].
///
/// # Errors
/// An address that is wrong, or a registry that cannot be used as things are; the text says what to do.
pub async fn connect(address: &str) -> Result<Handle, Error> {
    let addresses = several(address);
    if let [address] = addresses[..] {
        return one(address).await;
    }
    let mut registries = Vec::with_capacity(addresses.len());
    for address in addresses {
        registries.push(one(address).await?);
    }
    all(registries)
}

/// The addresses between ` | `. Sets of instances stand between `|`, too, behind `static:`.
fn several(address: &str) -> Vec<&str> {
    let mut addresses = Vec::new();
    let (mut rest, mut from) = (address, 0);
    while let Some(at) = rest[from..].find(BETWEEN) {
        let end = from + at;
        let next = rest[end + BETWEEN.len()..].trim_start();
        if is_static(rest) && is_set(next) {
            from = end + BETWEEN.len();
        } else {
            addresses.push(rest[..end].trim());
            (rest, from) = (next, 0);
        }
    }
    addresses.push(rest.trim());
    addresses
}

fn is_static(address: &str) -> bool {
    address.trim_start().starts_with("static:")
}

/// Whether this is a set of instances of `static:` and no address of a registry: hosts, sockets, or names within the process.
fn is_set(text: &str) -> bool {
    match text.split_once(':') {
        Some(("tcp" | "unix" | "memory", _)) | None => true,
        Some((scheme, rest)) => {
            !rest.starts_with("//") && !SCHEMES.iter().any(|(known, _)| *known == scheme)
        }
    }
}

async fn one(address: &str) -> Result<Handle, Error> {
    let Some((scheme, rest)) = address.split_once(':') else {
        return Err(wrong(address, "the scheme is missing"));
    };
    match scheme {
        #[cfg(feature = "dns")]
        "dns" => Ok(Handle::new(Dns::open(rest)?)),
        #[cfg(feature = "etcd")]
        "etcd" | "etcd+tls" => Ok(Handle::new(Etcd::open(address).await?)),
        "file" => {
            let path = rest.strip_prefix("//").unwrap_or(rest);
            Ok(Handle::new(File::open(path).await?))
        }
        "memory" => Ok(Handle::new(Memory::named(rest))),
        #[cfg(feature = "redis")]
        "redis" | "redis+tls" | "rediss" => Ok(Handle::new(Redis::open(address).await?)),
        "static" => Ok(Handle::new(Fixed::parse(rest)?)),
        #[cfg(feature = "zookeeper")]
        "zookeeper" | "zookeeper+tls" => Ok(Handle::new(super::ZooKeeper::open(address)?)),
        _ => Err(wrong(
            &format!("{scheme}:"),
            "no registry of this kind is compiled in",
        )),
    }
}

/// Names only the scheme of an address: the rest may hold a password.
fn wrong(address: &str, what: &str) -> Error {
    let schemes: Vec<_> = SCHEMES
        .iter()
        .map(|(scheme, example)| format!("{scheme}: (`{example}`)"))
        .collect();
    Error::new(
        ErrorKind::Address,
        address.escape_default().to_string(),
        format!("{what}; this build has {}", schemes.join(", ")),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_unknown_scheme_is_told_what_there_is_and_no_secret_is_repeated() {
        let error = connect("consul://user:hunter2@host/x").await.unwrap_err();
        let text = error.to_string();
        let told = "registry `consul:`: no registry of this kind is compiled in; this build has ";
        assert!(text.starts_with(told), "{text}");
        for (scheme, example) in SCHEMES {
            assert!(text.contains(&format!("{scheme}: (`{example}`)")), "{text}");
        }
        assert!(!text.contains("hunter2"), "{text}");
        let error = connect("/run/shop").await.unwrap_err();
        assert!(error.message().starts_with("the scheme is missing"));
    }

    #[tokio::test]
    async fn several_addresses_are_one_registry_and_sets_of_instances_are_none() {
        for (address, expect) in [
            ("memory:a", &["memory:a"][..]),
            (" memory:a | memory:b|c ", &["memory:a", "memory:b|c"]),
            (
                "static:a:1 | tcp://b:1;weight=3 | memory:c | etcd://d | memory:",
                &[
                    "static:a:1 | tcp://b:1;weight=3 | memory:c",
                    "etcd://d",
                    "memory:",
                ],
            ),
            ("memory:a | consul:b", &["memory:a", "consul:b"]),
        ] {
            assert_eq!(several(address), expect);
        }
        let both = connect("memory:several-a | memory:several-b")
            .await
            .unwrap();
        assert_eq!(both.address(), "memory:several-a | memory:several-b");
        assert!(connect("memory:a | file:/nowhere/at/all").await.is_err());
    }

    #[tokio::test]
    async fn one_name_is_one_memory_registry() {
        let one = connect("memory:connect-test").await.unwrap();
        assert_eq!(one.address(), "memory:connect-test");
        assert_eq!(one.services().await.unwrap(), Vec::<String>::new());
    }
}
