//! Asking servers, one after the other, over UDP, and over TCP where an answer does not fit.
//!
//! Each question has a socket and an id of its own, so that whoever wants to answer in a server's place has to guess both.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;

use super::message::{self, Bad, Kind, Reply};
use crate::random;

const WELL: u8 = 0;
const NOT_UNDERSTOOD: u8 = 1;
const NO_SUCH_NAME: u8 = 3;
const NOT_IMPLEMENTED: u8 = 4;

/// How often each server is asked before a name counts as not to be had.
const ROUNDS: usize = 2;

/// What all servers say, or why none says anything.
pub(super) async fn ask(
    servers: &[SocketAddr],
    name: &str,
    kind: Kind,
    limit: Duration,
) -> Result<Reply, String> {
    let mut why = "no server is known".to_owned();
    for _ in 0..ROUNDS {
        for server in servers {
            match one(*server, name, kind, limit).await {
                Ok(reply) if matches!(reply.code, WELL | NO_SUCH_NAME) => return Ok(reply),
                Ok(reply) => why = format!("{server} refuses: {}", refusal(reply.code)),
                Err(error) => why = format!("{server}: {error}"),
            }
        }
    }
    Err(format!("{} of `{name}`: {why}", kind.name()))
}

fn refusal(code: u8) -> String {
    match code {
        2 => "it cannot find out (SERVFAIL)".to_owned(),
        5 => "it is not allowed to say (REFUSED)".to_owned(),
        code => format!("response code {code}"),
    }
}

async fn one(server: SocketAddr, name: &str, kind: Kind, limit: Duration) -> io::Result<Reply> {
    let reply = over_udp(server, name, kind, true, limit).await?;
    let reply = match reply.code {
        // A server from before EDNS.
        NOT_UNDERSTOOD | NOT_IMPLEMENTED => over_udp(server, name, kind, false, limit).await?,
        _ => reply,
    };
    if !reply.truncated {
        return Ok(reply);
    }
    let whole = over_tcp(server, name, kind);
    timeout(limit, whole).await.map_err(|_| late())?
}

async fn over_udp(
    server: SocketAddr,
    name: &str,
    kind: Kind,
    edns: bool,
    limit: Duration,
) -> io::Result<Reply> {
    let any = match server {
        SocketAddr::V4(_) => SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
        SocketAddr::V6(_) => SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)),
    };
    let socket = UdpSocket::bind(any).await?;
    socket.connect(server).await?;
    let id = id();
    socket.send(&message::query(id, name, kind, edns)).await?;
    let answer = async {
        let mut bytes = vec![0; usize::from(message::PAYLOAD)];
        loop {
            let count = socket.recv(&mut bytes).await?;
            match message::read(&bytes[..count], id, name, kind) {
                Ok(reply) => return Ok(reply),
                Err(Bad::NotOurs) => {}
                Err(Bad::Broken) => return Err(broken()),
            }
        }
    };
    timeout(limit, answer).await.map_err(|_| late())?
}

async fn over_tcp(server: SocketAddr, name: &str, kind: Kind) -> io::Result<Reply> {
    let mut stream = TcpStream::connect(server).await?;
    let id = id();
    let query = message::query(id, name, kind, false);
    let length = u16::try_from(query.len()).map_err(|_| broken())?;
    let mut framed = length.to_be_bytes().to_vec();
    framed.extend(query);
    stream.write_all(&framed).await?;
    let length = stream.read_u16().await?;
    let mut bytes = vec![0; usize::from(length)];
    stream.read_exact(&mut bytes).await?;
    message::read(&bytes, id, name, kind).map_err(|_| broken())
}

/// Nobody but the server shall know it: keys of the operating system decide.
fn id() -> u16 {
    let [first, second, ..] = random::seed().to_be_bytes();
    u16::from_be_bytes([first, second])
}

fn late() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "it does not answer in time")
}

fn broken() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "its answer is broken")
}
