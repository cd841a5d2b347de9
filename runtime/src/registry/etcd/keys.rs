//! Where things lie: names to keys and back.
//!
//! Pure.

use bytes::Bytes;

use super::super::instance::check_service;
use super::super::{Entry, Instance, override_key};

/// The keys of one namespace.
#[derive(Clone, Debug)]
pub(super) struct Keys {
    root: String,
}

/// The keys from `start` to `end`, which is not among them; one key where `end` is empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) start: Bytes,
    pub(super) end: Bytes,
}

impl Span {
    /// All keys that begin with `prefix`, which ends in `/`.
    fn below(prefix: String) -> Self {
        let mut end = prefix.clone().into_bytes();
        if let Some(last) = end.last_mut() {
            // `0` comes behind `/`.
            *last += 1;
        }
        Self {
            start: prefix.into(),
            end: end.into(),
        }
    }

    fn one(key: String) -> Self {
        Self {
            start: key.into(),
            end: Bytes::new(),
        }
    }
}

impl Keys {
    pub(super) fn new(namespace: &str) -> Self {
        Self {
            root: format!("{namespace}/"),
        }
    }

    /// Before every key: `shop/`.
    pub(super) fn root(&self) -> &str {
        &self.root
    }

    /// Everything of all services.
    pub(super) fn services(&self) -> Span {
        Span::below(format!("{}services/", self.root))
    }

    /// Everything of a service; `None` if it cannot be the name of one.
    pub(super) fn service(&self, service: &str) -> Option<Span> {
        check_service(service).ok()?;
        Some(Span::below(format!("{}services/{service}/", self.root)))
    }

    /// Where an instance or its tombstone lies.
    pub(super) fn instance(&self, record: &Instance) -> Bytes {
        self.place(&record.service, &record.id)
    }

    /// Where what an operator says of an instance lies.
    pub(super) fn order(&self, record: &Instance) -> Bytes {
        self.place(&record.service, &override_key(&record.id))
    }

    /// Where an entry lies.
    pub(super) fn entry(&self, entry: &Entry) -> Bytes {
        self.place(entry.service(), &entry.key())
    }

    fn place(&self, service: &str, key: &str) -> Bytes {
        format!("{}services/{service}/{key}", self.root).into()
    }

    /// The service and the last part of a key below [`Keys::services`]; `None` if it is not of that form.
    pub(super) fn parts<'a>(&self, key: &'a [u8]) -> Option<(&'a str, &'a str)> {
        let key = std::str::from_utf8(key).ok()?;
        let rest = key
            .strip_prefix(self.root.as_str())?
            .strip_prefix("services/")?;
        let (service, last) = rest.split_once('/')?;
        check_service(service).ok()?;
        Some((service, last))
    }

    /// All documents.
    pub(super) fn documents(&self) -> Span {
        Span::below(format!("{}config/", self.root))
    }

    /// One document.
    pub(super) fn document(&self, name: &str) -> Span {
        Span::one(format!("{}config/{name}", self.root))
    }

    /// The name of the document with this key.
    pub(super) fn document_name<'a>(&self, key: &'a [u8]) -> Option<&'a str> {
        let key = std::str::from_utf8(key).ok()?;
        key.strip_prefix(self.root.as_str())?
            .strip_prefix("config/")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_lead_back_to_what_they_name() {
        let keys = Keys::new("shop/eu");
        let record = Instance::new("9f2c-1", "shop.orders.Orders");
        let key = keys.instance(&record);
        assert_eq!(key, "shop/eu/services/shop.orders.Orders/9f2c-1");
        assert_eq!(keys.parts(&key), Some(("shop.orders.Orders", "9f2c-1")));
        let order = keys.order(&record);
        assert_eq!(keys.parts(&order), Some(("shop.orders.Orders", "9f2c-1~")));
        let document = keys.document("shop.orders.Orders@3");
        assert_eq!(document.start, "shop/eu/config/shop.orders.Orders@3");
        assert_eq!(
            keys.document_name(&document.start),
            Some("shop.orders.Orders@3")
        );
        for foreign in [
            &b"shop/eu/services/x"[..],
            b"shop/services/S/a",
            b"\xff",
            b"shop/eu/services/a b/c",
        ] {
            assert_eq!(keys.parts(foreign), None);
        }
    }

    #[test]
    fn a_service_has_its_own_keys_and_no_others() {
        let keys = Keys::new("shop");
        let span = keys.service("a.B").unwrap();
        let within = |service: &str| {
            let key = keys.instance(&Instance::new("x", service));
            span.start <= key && key < span.end
        };
        assert!(within("a.B"));
        assert!(!within("a.Bc") && !within("a.A") && !within("a.B.C"));
        assert_eq!(keys.service("../x"), None);
    }
}
