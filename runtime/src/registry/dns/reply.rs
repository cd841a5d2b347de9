//! What an answer says of the question: the addresses or places of the name, or of the name that it stands for.

use std::collections::BTreeMap;
use std::net::IpAddr;

use hickory_resolver::proto::op::Message;
use hickory_resolver::proto::rr::{Name, RData, Record};

/// Names that stand for names, one after the other, in one answer. Real chains have two or three.
const LONGEST_CHAIN: usize = 16;

/// Where a service is, as a SRV record says.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) priority: u16,
    pub(super) weight: u16,
    pub(super) port: u16,
    /// In small letters, without the last dot; empty where the record says that the service is nowhere.
    pub(super) target: String,
}

/// What an answer says of the question; empty where it says that there is nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reply {
    pub(super) addresses: Vec<IpAddr>,
    pub(super) places: Vec<Place>,
    /// Addresses of targets that came along.
    pub(super) along: BTreeMap<String, Vec<IpAddr>>,
    /// Seconds that all of it may be believed.
    pub(super) ttl: u32,
}

impl Default for Reply {
    fn default() -> Self {
        Self {
            addresses: Vec::new(),
            places: Vec::new(),
            along: BTreeMap::new(),
            ttl: u32::MAX,
        }
    }
}

impl Reply {
    /// Takes what `message` says of `name`, and of the targets of its places. Whatever else stands in it is not looked at.
    pub(super) fn of(name: &Name, message: &Message) -> Self {
        let mut reply = Self::default();
        reply.follow(name, &message.answers);
        for record in &message.additionals {
            let owner = written(&record.name);
            if let Some(address) = address(&record.data)
                && reply.places.iter().any(|place| place.target == owner)
            {
                reply.ttl = reply.ttl.min(seconds(record));
                reply.along.entry(owner).or_default().push(address);
            }
        }
        reply
    }

    fn follow<'a>(&mut self, mut name: &'a Name, answers: &'a [Record]) {
        for _ in 0..LONGEST_CHAIN {
            let mut next = None;
            for record in answers.iter().filter(|record| record.name == *name) {
                match &record.data {
                    RData::CNAME(target) => next = Some(&target.0),
                    RData::SRV(place) => self.places.push(Place {
                        priority: place.priority,
                        weight: place.weight,
                        port: place.port,
                        target: written(&place.target),
                    }),
                    data => match address(data) {
                        Some(address) => self.addresses.push(address),
                        None => continue,
                    },
                }
                self.ttl = self.ttl.min(seconds(record));
            }
            match next {
                Some(target) if self.addresses.is_empty() && self.places.is_empty() => {
                    name = target;
                }
                _ => return,
            }
        }
    }
}

fn address(data: &RData) -> Option<IpAddr> {
    match data {
        RData::A(address) => Some(address.0.into()),
        RData::AAAA(address) => Some(address.0.into()),
        _ => None,
    }
}

fn written(name: &Name) -> String {
    let name = name.to_lowercase().to_ascii();
    name.strip_suffix('.').unwrap_or(&name).to_owned()
}

/// With the first bit set it is no time (RFC 2181).
fn seconds(record: &Record) -> u32 {
    if record.ttl > i32::MAX.unsigned_abs() {
        0
    } else {
        record.ttl
    }
}
