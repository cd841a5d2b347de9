//! DNS messages as bytes: a question out, what an answer says of it in (RFC 1035; SRV: RFC 2782; EDNS: RFC 6891).
//!
//! Knows no socket. Bytes come from anybody: nothing is believed beyond them, and no name is followed in circles.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What we take over UDP: what passes every network unbroken (DNS flag day, 2020). Longer answers come over TCP.
pub(super) const PAYLOAD: u16 = 1232;

/// Names that stand for names, one after the other, in one answer. Real chains have two or three.
const LONGEST_CHAIN: usize = 16;

const CNAME: u16 = 5;
const OPT: u16 = 41;
const INTERNET: u16 = 1;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Kind {
    A,
    Aaaa,
    Srv,
}

impl Kind {
    pub(super) fn number(self) -> u16 {
        match self {
            Self::A => 1,
            Self::Aaaa => 28,
            Self::Srv => 33,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::A => "A",
            Self::Aaaa => "AAAA",
            Self::Srv => "SRV",
        }
    }
}

/// A name with letters, digits, `-`, `_` in labels between dots; none behind the last.
pub(super) fn is_name(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let label = |label: &str| (1..=63).contains(&label.len()) && label.bytes().all(fits);
    name.len() <= 253 && name.split('.').all(label)
}

/// Where a service is, as a SRV record says.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) priority: u16,
    pub(super) weight: u16,
    pub(super) port: u16,
    /// In small letters; empty where the record says that the service is nowhere.
    pub(super) target: String,
}

/// What an answer says of the question.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Reply {
    /// The response code: 0 well, 3 there is no such name.
    pub(super) code: u8,
    /// Whether there is more than what fitted.
    pub(super) truncated: bool,
    pub(super) addresses: Vec<IpAddr>,
    pub(super) places: Vec<Place>,
    /// Addresses of targets that came along.
    pub(super) along: BTreeMap<String, Vec<IpAddr>>,
    /// Seconds that all of it may be believed.
    pub(super) ttl: u32,
}

/// Why bytes are no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bad {
    /// They answer another question, or none: whoever waits goes on waiting.
    NotOurs,
    /// They end too early, or lead nowhere.
    Broken,
}

/// The question as bytes. `name` is one by [`is_name`].
pub(super) fn query(id: u16, name: &str, kind: Kind, edns: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(name.len() + 32);
    out.extend(id.to_be_bytes());
    // A plain query; recursion is wanted.
    out.extend([0x01, 0x00, 0, 1, 0, 0, 0, 0, 0, u8::from(edns)]);
    for label in name.split('.') {
        out.push(u8::try_from(label.len()).unwrap_or(0));
        out.extend(label.as_bytes());
    }
    out.push(0);
    out.extend(kind.number().to_be_bytes());
    out.extend(INTERNET.to_be_bytes());
    if edns {
        out.push(0);
        out.extend(OPT.to_be_bytes());
        out.extend(PAYLOAD.to_be_bytes());
        out.extend([0; 6]);
    }
    out
}

/// Reads the answer to the question of this id.
pub(super) fn read(bytes: &[u8], id: u16, name: &str, kind: Kind) -> Result<Reply, Bad> {
    let mut reader = Reader { bytes, at: 0 };
    let header = reader.take(12).map_err(|_| Bad::NotOurs)?;
    let field = |at: usize| u16::from_be_bytes([header[at], header[at + 1]]);
    let is_answer = header[2] & 0x80 != 0;
    if field(0) != id || !is_answer {
        return Err(Bad::NotOurs);
    }
    let mut reply = Reply {
        code: header[3] & 0x0f,
        truncated: header[2] & 0x02 != 0,
        ttl: u32::MAX,
        ..Reply::default()
    };
    match field(4) {
        1 => {
            let asked = reader.name()?;
            let (asked_kind, class) = (reader.number()?, reader.number()?);
            if asked != name.to_ascii_lowercase()
                || asked_kind != kind.number()
                || class != INTERNET
            {
                return Err(Bad::NotOurs);
            }
        }
        // Some servers that do not understand a question do not repeat it.
        0 if reply.code != 0 => return Ok(reply),
        _ => return Err(Bad::NotOurs),
    }
    // What is cut off may end anywhere.
    if reply.truncated {
        return Ok(reply);
    }
    let answers = reader.records(field(6))?;
    reader.records(field(8))?;
    let additional = reader.records(field(10))?;
    reply.follow(name.to_ascii_lowercase(), &answers);
    for record in &additional {
        if let Data::Address(address) = &record.data
            && reply
                .places
                .iter()
                .any(|place| place.target == record.owner)
        {
            reply.ttl = reply.ttl.min(record.ttl);
            let along = reply.along.entry(record.owner.clone()).or_default();
            along.push(*address);
        }
    }
    Ok(reply)
}

impl Reply {
    /// Takes what the answers say of `name`, or of the name that it stands for.
    fn follow(&mut self, mut name: String, answers: &[Record]) {
        for _ in 0..LONGEST_CHAIN {
            let mut next = None;
            for record in answers.iter().filter(|record| record.owner == name) {
                match &record.data {
                    Data::Address(address) => self.addresses.push(*address),
                    Data::Place(place) => self.places.push(place.clone()),
                    Data::Alias(target) => next = Some(target.clone()),
                    Data::Other => continue,
                }
                self.ttl = self.ttl.min(record.ttl);
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

/// A record, as far as we understand it.
struct Record {
    owner: String,
    ttl: u32,
    data: Data,
}

enum Data {
    Address(IpAddr),
    Alias(String),
    Place(Place),
    Other,
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], Bad> {
        let end = self.at.checked_add(count).ok_or(Bad::Broken)?;
        let taken = self.bytes.get(self.at..end).ok_or(Bad::Broken)?;
        self.at = end;
        Ok(taken)
    }

    fn number(&mut self) -> Result<u16, Bad> {
        self.take(2)
            .map(|taken| u16::from_be_bytes([taken[0], taken[1]]))
    }

    /// A name in small letters. What is no letter, digit, `-` or `_` in it is `?`, so that it equals no name of ours.
    fn name(&mut self) -> Result<String, Bad> {
        let mut name = String::new();
        let mut back = None;
        loop {
            let length = self.take(1)?[0];
            match length {
                0 => break,
                1..=63 => {
                    let label = self.take(usize::from(length))?;
                    if !name.is_empty() {
                        name.push('.');
                    }
                    name.extend(label.iter().map(|byte| match byte {
                        b'-' | b'_' => char::from(*byte),
                        byte if byte.is_ascii_alphanumeric() => {
                            char::from(byte.to_ascii_lowercase())
                        }
                        _ => '?',
                    }));
                    if name.len() > 255 {
                        return Err(Bad::Broken);
                    }
                }
                192.. => {
                    let low = self.take(1)?[0];
                    let to = usize::from(length & 0x3f) << 8 | usize::from(low);
                    // Only backwards: no circle.
                    if to + 2 >= self.at {
                        return Err(Bad::Broken);
                    }
                    back.get_or_insert(self.at);
                    self.at = to;
                }
                _ => return Err(Bad::Broken),
            }
        }
        self.at = back.unwrap_or(self.at);
        Ok(name)
    }

    fn records(&mut self, count: u16) -> Result<Vec<Record>, Bad> {
        (0..count).map(|_| self.record()).collect()
    }

    fn record(&mut self) -> Result<Record, Bad> {
        let owner = self.name()?;
        let (kind, class) = (self.number()?, self.number()?);
        let ttl = self.take(4)?;
        let ttl = u32::from_be_bytes([ttl[0], ttl[1], ttl[2], ttl[3]]);
        let length = usize::from(self.number()?);
        let end = self.at + length;
        let data = match (class, kind, length) {
            (INTERNET, 1, 4) => {
                let octets: [u8; 4] = self.take(4)?.try_into().map_err(|_| Bad::Broken)?;
                Data::Address(Ipv4Addr::from(octets).into())
            }
            (INTERNET, 28, 16) => {
                let octets: [u8; 16] = self.take(16)?.try_into().map_err(|_| Bad::Broken)?;
                Data::Address(Ipv6Addr::from(octets).into())
            }
            (INTERNET, CNAME, _) => Data::Alias(self.name()?),
            (INTERNET, 33, _) => Data::Place(Place {
                priority: self.number()?,
                weight: self.number()?,
                port: self.number()?,
                target: self.name()?,
            }),
            _ => {
                self.take(length)?;
                Data::Other
            }
        };
        if self.at != end {
            return Err(Bad::Broken);
        }
        Ok(Record {
            owner,
            // With the first bit set it is no time (RFC 2181).
            ttl: if ttl > i32::MAX.unsigned_abs() {
                0
            } else {
                ttl
            },
            data,
        })
    }
}
