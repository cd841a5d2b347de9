//! The record that an instance of a service leaves in a registry, and its JSON.
//!
//! Knows nothing of how or where a registry keeps it.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::random;
use crate::release::Release;

/// The largest record a registry takes or a reader believes, in bytes of JSON. Ours have about 300; the limit keeps
/// one poisoned entry from filling the memory of every client.
pub const MAX_RECORD_BYTES: usize = 64 * 1024;

/// The most instances a reader keeps per service; what is beyond is skipped and counted.
pub const MAX_INSTANCES: usize = 10_000;

/// The weight of an instance that names none: leaves room to go down as well as up.
pub const DEFAULT_WEIGHT: u32 = 100;

/// The largest weight: sums over [`MAX_INSTANCES`] stay far from overflow.
pub const MAX_WEIGHT: u32 = 1_000_000;

/// The group of an instance that names none.
pub const DEFAULT_GROUP: &str = "default";

const MAX_NAME: usize = 200;
const MAX_TEXT: usize = 1_024;
const MAX_LIST: usize = 64;

/// One instance of one service, as listed in a registry.
///
/// A server that offers a service in two groups lists two instances. Unknown keys are ignored when a record is read,
/// so that records of newer releases of Callsheet are understood.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Instance {
    /// Random per start of the process, so that an entry left behind is never taken for its successor.
    pub id: String,
    /// Full name of the service: `shop.orders.Orders`.
    pub service: String,
    /// Where it listens, best first: `tcp://127.0.0.1:7000`, `unix:/run/orders`, `memory:orders`.
    pub addresses: Vec<String>,
    /// The group it belongs to.
    #[serde(default = "default_group")]
    pub group: String,
    /// The exact releases it serves, oldest first; empty where the registry does not know (any is assumed).
    #[serde(default, with = "releases")]
    pub releases: Vec<Release>,
    /// Its share of the calls beside its peers' weights; 0 takes none while another instance can.
    #[serde(default = "default_weight")]
    pub weight: u32,
    /// Where it runs, for preference of near instances.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// Whatever routing rules want to know.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// When the process started, in milliseconds since 1970 by its own clock; 0 where unknown.
    #[serde(default)]
    pub started_unix_ms: u64,
    /// The revision of the contract between generated code and runtime that it was built with; 0 where unknown.
    #[serde(default)]
    pub contract: u32,
}

fn default_group() -> String {
    DEFAULT_GROUP.into()
}

fn default_weight() -> u32 {
    DEFAULT_WEIGHT
}

impl Instance {
    /// An instance of `service` in the default group, with the default weight and no address yet.
    pub fn new(id: impl Into<String>, service: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            service: service.into(),
            addresses: Vec::new(),
            group: default_group(),
            releases: Vec::new(),
            weight: DEFAULT_WEIGHT,
            zone: None,
            tags: BTreeMap::new(),
            started_unix_ms: 0,
            contract: 0,
        }
    }

    /// An id for a server that starts now: 16 hexadecimal digits, random. A server that offers one service several
    /// times appends `-1`, `-2` and so on.
    pub fn fresh_id() -> String {
        format!("{:016x}", random::seed())
    }

    /// Whether every field keeps its limits.
    pub fn check(&self) -> Result<(), InvalidRecord> {
        check_id(&self.id)?;
        check_service(&self.service)?;
        if self.addresses.is_empty() || self.addresses.len() > MAX_LIST {
            return Err(InvalidRecord(format!(
                "{} addresses: name 1 to {MAX_LIST}",
                self.addresses.len()
            )));
        }
        for address in &self.addresses {
            check_text("address", address, MAX_TEXT)?;
        }
        check_text("group", &self.group, MAX_NAME)?;
        if self.releases.len() > MAX_LIST {
            return Err(InvalidRecord(format!(
                "{} releases: the limit is {MAX_LIST}",
                self.releases.len()
            )));
        }
        if self.weight > MAX_WEIGHT {
            return Err(InvalidRecord(format!(
                "weight {}: the limit is {MAX_WEIGHT}",
                self.weight
            )));
        }
        if let Some(zone) = &self.zone {
            check_text("zone", zone, MAX_NAME)?;
        }
        if self.tags.len() > MAX_LIST {
            return Err(InvalidRecord(format!(
                "{} tags: the limit is {MAX_LIST}",
                self.tags.len()
            )));
        }
        for (name, value) in &self.tags {
            check_text("tag", name, MAX_NAME)?;
            if !value.is_empty() {
                check_text("value of a tag", value, MAX_TEXT)?;
            }
        }
        Ok(())
    }
}

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

/// What one entry of a registry holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Entry {
    /// The instance is gone by its own wish. A record with `left_unix_ms` is one, whatever else it says.
    Left(Tombstone),
    /// The instance is there.
    Listed(Instance),
}

impl Entry {
    /// Full name of the service.
    pub fn service(&self) -> &str {
        match self {
            Self::Left(tombstone) => &tombstone.service,
            Self::Listed(instance) => &instance.service,
        }
    }

    /// The id of the instance.
    pub fn id(&self) -> &str {
        match self {
            Self::Left(tombstone) => &tombstone.id,
            Self::Listed(instance) => &instance.id,
        }
    }

    /// Reads an entry as found in a registry, where anybody may have written anything.
    pub fn from_json(json: &[u8]) -> Result<Self, InvalidRecord> {
        if json.len() > MAX_RECORD_BYTES {
            return Err(InvalidRecord(format!(
                "{} bytes: the limit is {MAX_RECORD_BYTES}",
                json.len()
            )));
        }
        let entry = serde_json::from_slice::<Probe>(json)
            .and_then(|probe| {
                if probe.left_unix_ms.is_some() {
                    serde_json::from_slice(json).map(Self::Left)
                } else {
                    serde_json::from_slice(json).map(Self::Listed)
                }
            })
            .map_err(|error| InvalidRecord(format!("no record: {error}")))?;
        match &entry {
            Self::Left(tombstone) => {
                check_id(&tombstone.id)?;
                check_service(&tombstone.service)?;
            }
            Self::Listed(instance) => instance.check()?,
        }
        Ok(entry)
    }

    /// The entry as one line of JSON.
    pub fn to_json(&self) -> Result<Vec<u8>, InvalidRecord> {
        if let Self::Listed(instance) = self {
            instance.check()?;
        }
        let json = serde_json::to_vec(self)
            .map_err(|error| InvalidRecord(format!("no record: {error}")))?;
        if json.len() > MAX_RECORD_BYTES {
            return Err(InvalidRecord(format!(
                "{} bytes of JSON: the limit is {MAX_RECORD_BYTES}; shorten the tags",
                json.len()
            )));
        }
        Ok(json)
    }
}

/// What tells a tombstone from an instance.
#[derive(Deserialize)]
struct Probe {
    #[serde(default)]
    left_unix_ms: Option<u64>,
}

/// Why a record is refused: which field, and its limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidRecord(String);

impl fmt::Display for InvalidRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for InvalidRecord {}

/// Ids become names of files and keys: letters, digits, `-`, `_` and inner dots only.
pub(crate) fn check_id(id: &str) -> Result<(), InvalidRecord> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if id.is_empty() || id.len() > MAX_NAME || id.starts_with('.') || !id.bytes().all(fits) {
        return Err(InvalidRecord(format!(
            "id `{}`: 1 to {MAX_NAME} letters, digits, `-`, `_` or dots, the first no dot",
            shown(id)
        )));
    }
    Ok(())
}

/// Services are named by dotted identifiers.
pub(crate) fn check_service(service: &str) -> Result<(), InvalidRecord> {
    let identifier = |part: &str| {
        part.bytes()
            .next()
            .is_some_and(|byte| !byte.is_ascii_digit())
            && part
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    if service.len() > MAX_NAME || !service.split('.').all(identifier) {
        return Err(InvalidRecord(format!(
            "service `{}`: write its full name, such as `shop.orders.Orders` (at most {MAX_NAME} bytes)",
            shown(service)
        )));
    }
    Ok(())
}

fn check_text(what: &str, text: &str, limit: usize) -> Result<(), InvalidRecord> {
    if text.is_empty() || text.len() > limit || text.chars().any(char::is_control) {
        return Err(InvalidRecord(format!(
            "{what} `{}`: 1 to {limit} bytes, none of them a control character",
            shown(text)
        )));
    }
    Ok(())
}

/// The start of a text that nobody has checked, safe to print.
fn shown(text: &str) -> String {
    text.chars()
        .take(40)
        .flat_map(char::escape_default)
        .collect()
}

mod releases {
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serializer};

    use crate::release::Release;

    pub(super) fn serialize<S: Serializer>(list: &[Release], to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(list.iter().map(Release::to_string))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Vec<Release>, D::Error> {
        Vec::<String>::deserialize(from)?
            .iter()
            .map(|text| text.parse().map_err(D::Error::custom))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        insta::assert_snapshot!(refused(|r| r.addresses = vec!["tcp://a\nb".into()]), @r"address `tcp://a\nb`: 1 to 1024 bytes, none of them a control character");
        insta::assert_snapshot!(refused(|r| r.weight = u32::MAX), @"weight 4294967295: the limit is 1000000");
        insta::assert_snapshot!(refused(|r| r.group = "x".repeat(300)), @"group `xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx`: 1 to 200 bytes, none of them a control character");
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
