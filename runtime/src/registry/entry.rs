//! What the entries of a registry hold, and their JSON: instances, tombstones, overrides.
//!
//! Knows nothing of how or where a registry keeps them.

use serde::{Deserialize, Serialize};

use super::instance::{
    Instance, InvalidRecord, MAX_RECORD_BYTES, MAX_WEIGHT, check_id, check_service,
};

/// Behind the id in the key of an override: no id holds it.
const OVERRIDE: &str = "~";

/// An instance that took itself off the list: tells a planned leave from a loss.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Tombstone {
    /// The id that the instance had.
    pub id: String,
    /// Full name of its service.
    pub service: String,
    /// When it left, in milliseconds since 1970 by its own clock.
    pub left_unix_ms: u64,
}

impl Tombstone {
    /// The tombstone of an instance.
    pub fn new(id: impl Into<String>, service: impl Into<String>, left_unix_ms: u64) -> Self {
        Self {
            id: id.into(),
            service: service.into(),
            left_unix_ms,
        }
    }
}

/// What an operator says of an instance. It stands beside the record, which stays its server's, and lasts as long as
/// the instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Override {
    /// The id of the instance.
    pub id: String,
    /// Full name of its service.
    pub service: String,
    /// The weight that counts in place of the record's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight: Option<u32>,
    /// Whether it takes no calls any more, as if it had left.
    #[serde(default, skip_serializing_if = "is_false")]
    pub drain: bool,
    /// When it was said, in milliseconds since 1970 by the operator's clock; shown to people.
    pub set_unix_ms: u64,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands out references"
)]
fn is_false(flag: &bool) -> bool {
    !flag
}

impl Override {
    /// One that says nothing yet, said now. Put into a registry it takes away what was said before.
    pub fn new(id: impl Into<String>, service: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            service: service.into(),
            weight: None,
            drain: false,
            set_unix_ms: super::unix_ms(),
        }
    }

    /// Whether it says nothing.
    pub fn is_empty(&self) -> bool {
        self.weight.is_none() && !self.drain
    }

    fn check(&self) -> Result<(), InvalidRecord> {
        check_id(&self.id)?;
        check_service(&self.service)?;
        match self.weight {
            Some(weight) if weight > MAX_WEIGHT => Err(InvalidRecord::new(format!(
                "weight {weight}: the limit is {MAX_WEIGHT}"
            ))),
            _ => Ok(()),
        }
    }
}

/// What one entry of a registry holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Entry {
    /// The instance is gone by its own wish. A record with `left_unix_ms` is one, whatever else it says.
    Left(Tombstone),
    /// The instance is there.
    Listed(Instance),
    /// What an operator says of it. A record with `set_unix_ms` is one, whatever else it says.
    Override(Override),
}

impl Entry {
    /// Full name of the service.
    pub fn service(&self) -> &str {
        match self {
            Self::Left(tombstone) => &tombstone.service,
            Self::Listed(instance) => &instance.service,
            Self::Override(order) => &order.service,
        }
    }

    /// The id of the instance.
    pub fn id(&self) -> &str {
        match self {
            Self::Left(tombstone) => &tombstone.id,
            Self::Listed(instance) => &instance.id,
            Self::Override(order) => &order.id,
        }
    }

    /// The last part of its key: the id, and behind it `~` for an override, so that one listing of a service shows
    /// both.
    pub fn key(&self) -> String {
        match self {
            Self::Left(_) | Self::Listed(_) => self.id().to_owned(),
            Self::Override(order) => override_key(&order.id),
        }
    }

    /// Reads an entry as found in a registry, where anybody may have written anything.
    pub fn from_json(json: &[u8]) -> Result<Self, InvalidRecord> {
        if json.len() > MAX_RECORD_BYTES {
            return Err(InvalidRecord::new(format!(
                "{} bytes: the limit is {MAX_RECORD_BYTES}",
                json.len()
            )));
        }
        let entry = serde_json::from_slice::<Probe>(json)
            .and_then(|probe| match probe {
                Probe {
                    left_unix_ms: Some(_),
                    ..
                } => serde_json::from_slice(json).map(Self::Left),
                Probe {
                    set_unix_ms: Some(_),
                    ..
                } => serde_json::from_slice(json).map(Self::Override),
                _ => serde_json::from_slice(json).map(Self::Listed),
            })
            .map_err(|error| InvalidRecord::new(format!("no record: {error}")))?;
        entry.check()?;
        Ok(entry)
    }

    /// Reads the entry that stands under `key` of `service`: one that says to belong elsewhere is not believed.
    pub fn read(service: &str, key: &str, json: &[u8]) -> Result<Self, InvalidRecord> {
        let entry = Self::from_json(json)?;
        if entry.service() != service || entry.key() != key {
            return Err(InvalidRecord::new(format!(
                "it holds `{}` of `{}`",
                entry.key(),
                entry.service()
            )));
        }
        Ok(entry)
    }

    /// The entry as one line of JSON.
    pub fn to_json(&self) -> Result<Vec<u8>, InvalidRecord> {
        self.check()?;
        let json = serde_json::to_vec(self)
            .map_err(|error| InvalidRecord::new(format!("no record: {error}")))?;
        if json.len() > MAX_RECORD_BYTES {
            return Err(InvalidRecord::new(format!(
                "{} bytes of JSON: the limit is {MAX_RECORD_BYTES}; shorten the tags",
                json.len()
            )));
        }
        Ok(json)
    }

    fn check(&self) -> Result<(), InvalidRecord> {
        match self {
            Self::Left(tombstone) => {
                check_id(&tombstone.id).and_then(|()| check_service(&tombstone.service))
            }
            Self::Listed(instance) => instance.check(),
            Self::Override(order) => order.check(),
        }
    }
}

/// The last part of the key of the override of the instance with this id.
pub fn override_key(id: &str) -> String {
    format!("{id}{OVERRIDE}")
}

/// What tells the kinds of entries from each other.
#[derive(Deserialize)]
struct Probe {
    #[serde(default)]
    left_unix_ms: Option<u64>,
    #[serde(default)]
    set_unix_ms: Option<u64>,
}

#[cfg(test)]
mod tests {
    use super::super::instance::{DEFAULT_GROUP, DEFAULT_WEIGHT};
    use super::*;
    use crate::release::Release;

    fn instance() -> Instance {
        let mut instance = Instance::new("9f2c-1", "shop.orders.Orders");
        instance.addresses = vec!["tcp://127.0.0.1:7000".into()];
        instance.releases = vec![Release::new(1, 1)];
        instance
    }

    #[test]
    fn a_record_is_one_readable_line_and_reads_back() {
        let entry = Entry::Listed(instance());
        let json = String::from_utf8(entry.to_json().unwrap()).unwrap();
        insta::assert_snapshot!(json, @r#"{"id":"9f2c-1","service":"shop.orders.Orders","addresses":["tcp://127.0.0.1:7000"],"group":"default","releases":["1.1"],"weight":100,"started_unix_ms":0,"contract":0}"#);
        assert_eq!(Entry::from_json(json.as_bytes()).unwrap(), entry);
        let left = Entry::Left(Tombstone::new("9f2c-1", "shop.orders.Orders", 5));
        assert_eq!(Entry::from_json(&left.to_json().unwrap()).unwrap(), left);
    }

    #[test]
    fn unknown_keys_of_newer_records_are_ignored_and_absent_ones_have_defaults() {
        let json =
            br#"{"id":"a","service":"S","addresses":["quic://h:1","tcp://h:2"],"lane":{"x":[1]}}"#;
        let Entry::Listed(instance) = Entry::from_json(json).unwrap() else {
            panic!("a tombstone")
        };
        assert_eq!(instance.weight, DEFAULT_WEIGHT);
        assert_eq!(instance.group, DEFAULT_GROUP);
        assert_eq!(instance.releases, []);
    }

    #[test]
    fn poisoned_records_are_refused_with_the_limit_they_break() {
        let refused = |change: fn(&mut Instance)| {
            let mut record = instance();
            change(&mut record);
            let json = serde_json::to_vec(&record).unwrap();
            let read = Entry::from_json(&json).unwrap_err();
            assert!(Entry::Listed(record).to_json().is_err());
            read.to_string()
        };
        insta::assert_snapshot!(refused(|r| r.id = "../../etc/passwd".into()), @"id `../../etc/passwd`: 1 to 200 letters, digits, `-`, `_` or dots, the first no dot");
        insta::assert_snapshot!(refused(|r| r.service = "a/b\u{1}".into()), @r"service `a/b\u{1}`: write its full name, such as `shop.orders.Orders` (at most 200 bytes)");
        insta::assert_snapshot!(refused(|r| r.addresses = vec![]), @"0 addresses: name 1 to 64");
        insta::assert_snapshot!(refused(|r| r.addresses = vec!["tcp://a\nb".into()]), @r"address `tcp://a\nb`: 1 to 1024 bytes, and no control or invisible characters");
        insta::assert_snapshot!(refused(|r| r.weight = u32::MAX), @"weight 4294967295: the limit is 1000000");
        insta::assert_snapshot!(refused(|r| r.group = "x".repeat(300)), @"group `xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx`: 1 to 200 bytes, and no control or invisible characters");
    }

    #[test]
    fn what_is_no_record_is_refused_whatever_it_is() {
        let deep = "[".repeat(60_000);
        let long = format!("{{\"id\":\"{}\"}}", "a".repeat(10_000_000));
        let bad: [&[u8]; 8] = [
            b"",
            b"null",
            b"[]",
            b"{}",
            b"\xff\xfe{}",
            b"{\"id\":\"a\",\"service\":\"S\",\"addresses\":[\"x:y\"],\"releases\":[\"one\"]}",
            deep.as_bytes(),
            long.as_bytes(),
        ];
        for json in bad {
            assert!(Entry::from_json(json).is_err());
        }
    }
}
