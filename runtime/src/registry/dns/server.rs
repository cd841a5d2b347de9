//! A DNS server for tests, on loopback: says what it is told to, over UDP and TCP.
//!
//! It writes messages by hand, so that what reads them is not its own witness.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use hickory_resolver::proto::rr::RecordType;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, UdpSocket};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// What the server says of a name.
#[derive(Clone, Debug)]
pub(super) enum Say {
    /// These records, and these along with them. Cut off over UDP where they do not fit.
    Records(Vec<Vec<u8>>, Vec<Vec<u8>>),
    /// A response code.
    Code(u8),
    /// Nothing at all.
    Silence,
    /// Bytes that are no message behind the id.
    Noise,
}

#[derive(Default)]
struct Zone {
    says: BTreeMap<(String, u16), Say>,
    /// Whether questions with EDNS are refused as broken.
    old: bool,
    /// Whether somebody else answers first, with a guess at the id.
    forged: bool,
}

/// The server; it ends when it is dropped.
pub(super) struct Server {
    pub(super) address: SocketAddr,
    zone: Arc<Mutex<Zone>>,
    asked: Arc<watch::Sender<usize>>,
    _tasks: JoinSet<()>,
}

impl Server {
    pub(super) async fn start() -> Self {
        // Both on one port; another program may have taken the second.
        let (udp, tcp) = loop {
            let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
            if let Ok(tcp) = TcpListener::bind(udp.local_addr().unwrap()).await {
                break (udp, tcp);
            }
        };
        let zone: Arc<Mutex<Zone>> = Arc::default();
        let asked = Arc::new(watch::Sender::new(0));
        let address = udp.local_addr().unwrap();
        let mut tasks = JoinSet::new();
        let (of_udp, count) = (Arc::clone(&zone), Arc::clone(&asked));
        tasks.spawn(async move {
            let mut bytes = [0; 2048];
            while let Ok((length, from)) = udp.recv_from(&mut bytes).await {
                count.send_modify(|count| *count += 1);
                let forged = of_udp.lock().unwrap().forged;
                if forged {
                    let mut guess = bytes[..length].to_vec();
                    guess[0] ^= 1;
                    let forged = vec![a("x.test", 9, [6, 6, 6, 6])];
                    let _ = udp
                        .send_to(&message(&guess, 0, false, &forged, &[]), from)
                        .await;
                }
                if let Some(answer) = answer(&of_udp, &bytes[..length], true) {
                    let _ = udp.send_to(&answer, from).await;
                }
            }
        });
        let of_tcp = Arc::clone(&zone);
        tasks.spawn(async move {
            while let Ok((mut stream, _)) = tcp.accept().await {
                let Ok(length) = stream.read_u16().await else {
                    continue;
                };
                let mut bytes = vec![0; usize::from(length)];
                if stream.read_exact(&mut bytes).await.is_ok()
                    && let Some(answer) = answer(&of_tcp, &bytes, false)
                {
                    let length = u16::try_from(answer.len()).unwrap();
                    let _ = stream.write_all(&length.to_be_bytes()).await;
                    let _ = stream.write_all(&answer).await;
                }
            }
        });
        Self {
            address,
            zone,
            asked,
            _tasks: tasks,
        }
    }

    /// From now on it says this of a name.
    pub(super) fn say(&self, name: &str, kind: RecordType, say: Say) {
        let key = (name.to_owned(), kind.into());
        self.zone.lock().unwrap().says.insert(key, say);
    }

    /// These addresses of a host, and none of the other family.
    pub(super) fn host(&self, name: &str, ttl: u32, addresses: &[[u8; 4]]) {
        let records = addresses
            .iter()
            .map(|octets| a(name, ttl, *octets))
            .collect();
        self.say(name, RecordType::A, Say::Records(records, Vec::new()));
        self.say(name, RecordType::AAAA, Say::Records(Vec::new(), Vec::new()));
    }

    pub(super) fn old(&self) {
        self.zone.lock().unwrap().old = true;
    }

    pub(super) fn forged(&self) {
        self.zone.lock().unwrap().forged = true;
    }

    /// How many questions came over UDP, and more of them as they come.
    pub(super) fn asked(&self) -> watch::Receiver<usize> {
        self.asked.subscribe()
    }
}

/// What is said to a question; nothing where there is silence.
fn answer(zone: &Mutex<Zone>, question: &[u8], udp: bool) -> Option<Vec<u8>> {
    let (name, kind, edns) = asked(question);
    let zone = zone.lock().unwrap();
    if zone.old && edns {
        return Some(message(question, 1, false, &[], &[]));
    }
    match zone.says.get(&(name, kind)) {
        None => Some(message(question, 3, false, &[], &[])),
        Some(Say::Silence) => None,
        Some(Say::Noise) => {
            let mut noise = message(question, 0, false, &[a("x.test", 1, [1; 4])], &[]);
            noise.truncate(noise.len() - 3);
            Some(noise)
        }
        Some(Say::Code(code)) => Some(message(question, *code, false, &[], &[])),
        Some(Say::Records(records, along)) => {
            let whole = message(question, 0, false, records, along);
            let cut = || message(question, 0, true, &records[..records.len() / 16], &[]);
            let room = match (udp, edns) {
                (false, _) => usize::from(u16::MAX),
                (true, true) => 1232,
                (true, false) => 512,
            };
            Some(if whole.len() > room { cut() } else { whole })
        }
    }
}

/// Name and kind of a question, and whether it has EDNS.
fn asked(question: &[u8]) -> (String, u16, bool) {
    let mut at = 12;
    let mut labels = Vec::new();
    while question[at] != 0 {
        let end = at + 1 + usize::from(question[at]);
        labels.push(String::from_utf8(question[at + 1..end].to_vec()).unwrap());
        at = end;
    }
    let kind = u16::from_be_bytes([question[at + 1], question[at + 2]]);
    (labels.join("."), kind, question[11] == 1)
}

fn message(
    question: &[u8],
    code: u8,
    cut: bool,
    records: &[Vec<u8>],
    along: &[Vec<u8>],
) -> Vec<u8> {
    let end = 12 + question[12..].iter().position(|byte| *byte == 0).unwrap() + 5;
    let count = |list: &[Vec<u8>]| u16::try_from(list.len()).unwrap().to_be_bytes();
    let mut out = question[..2].to_vec();
    out.extend([0x81 | u8::from(cut) << 1, 0x80 | code, 0, 1]);
    out.extend(count(records));
    out.extend([0, 0]);
    out.extend(count(along));
    out.extend(&question[12..end]);
    out.extend(records.concat());
    out.extend(along.concat());
    out
}

fn record(name: &str, kind: u16, ttl: u32, data: &[u8]) -> Vec<u8> {
    let mut out = labels(name);
    out.extend(kind.to_be_bytes());
    out.extend([0, 1]);
    out.extend(ttl.to_be_bytes());
    out.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
    out.extend(data);
    out
}

fn labels(name: &str) -> Vec<u8> {
    let mut out = Vec::new();
    for label in name.split('.').filter(|label| !label.is_empty()) {
        out.push(u8::try_from(label.len()).unwrap());
        out.extend(label.as_bytes());
    }
    out.push(0);
    out
}

pub(super) fn a(name: &str, ttl: u32, octets: [u8; 4]) -> Vec<u8> {
    record(name, 1, ttl, &octets)
}

pub(super) fn aaaa(name: &str, ttl: u32, address: &str) -> Vec<u8> {
    let IpAddr::V6(address) = address.parse().unwrap() else {
        panic!("an IPv6 address")
    };
    record(name, 28, ttl, &address.octets())
}

pub(super) fn alias(name: &str, ttl: u32, target: &str) -> Vec<u8> {
    record(name, 5, ttl, &labels(target))
}

pub(super) fn srv(name: &str, ttl: u32, place: [u16; 3], target: &str) -> Vec<u8> {
    let mut data: Vec<u8> = place.iter().flat_map(|part| part.to_be_bytes()).collect();
    data.extend(labels(target));
    record(name, 33, ttl, &data)
}
