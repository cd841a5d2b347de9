//! The record that an instance of a service leaves in a registry, and its JSON.
//!
//! Knows nothing of how or where a registry keeps it.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::printable::{is_printable, printable};
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

/// The longest reason why a record is refused, in characters: it may quote what somebody else wrote.
pub(super) const MAX_REASON: usize = 300;

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

/// Why a record is refused: which field, and its limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidRecord(String);

impl InvalidRecord {
    pub(super) fn new(reason: impl AsRef<str>) -> Self {
        Self(printable(reason.as_ref(), MAX_REASON).into())
    }
}

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
    if text.is_empty() || text.len() > limit || !text.chars().all(is_printable) {
        return Err(InvalidRecord(format!(
            "{what} `{}`: 1 to {limit} bytes, and no control or invisible characters",
            shown(text)
        )));
    }
    Ok(())
}

/// The start of a text that nobody has checked, safe to print.
pub(super) fn shown(text: &str) -> String {
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
