//! Asking servers, one after the other: hickory writes and reads the messages, over UDP, and over TCP where an answer does not fit.
//!
//! Each server has a pool of its own. A pool of several takes the first answer, also where it is a failure, and says of none whose it was.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverOpts};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::xfer::{DnsHandle as _, FirstAnswer as _};
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::{DnsRequestOptions, Query, ResponseCode};
use hickory_resolver::proto::rr::{Name, RecordType};
use hickory_resolver::{NameServerPool, PoolContext, TlsConfig};

use super::reply::Reply;

/// How often each server is asked before a name counts as not to be had.
const ROUNDS: usize = 2;

/// A server, and the connections to it.
#[derive(Clone)]
pub(super) struct Server {
    pub(super) address: SocketAddr,
    pool: NameServerPool<TokioRuntimeProvider>,
}

impl Server {
    /// Connects to nobody yet. The server has `limit` for each answer.
    pub(super) fn new(address: SocketAddr, limit: Duration) -> Result<Self, NetError> {
        let mut options = ResolverOpts::default();
        options.timeout = limit;
        let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut one| {
            one.port = address.port();
            one
        });
        let server = NameServerConfig::new(address.ip(), true, connections.into());
        let context = Arc::new(PoolContext::new(options, TlsConfig::new()?));
        let pool = NameServerPool::from_config([server], context, TokioRuntimeProvider::new());
        Ok(Self { address, pool })
    }

    /// What the server says; a name without records is an empty reply.
    async fn ask(&self, name: &Name, kind: RecordType) -> Result<Reply, String> {
        let mut options = DnsRequestOptions::default();
        loop {
            let query = Query::query(name.clone(), kind);
            match self.pool.lookup(query, options).first_answer().await {
                Ok(response) => {
                    return match response.response_code {
                        ResponseCode::NoError | ResponseCode::NXDomain => {
                            Ok(Reply::of(name, &response))
                        }
                        code => Err(refusal(code)),
                    };
                }
                Err(NetError::Dns(DnsError::NoRecordsFound(_))) => return Ok(Reply::default()),
                // A server from before EDNS.
                Err(NetError::Dns(DnsError::ResponseCode(
                    ResponseCode::FormErr | ResponseCode::NotImp,
                ))) if options.use_edns => options.use_edns = false,
                Err(error) => return Err(told(&error)),
            }
        }
    }
}

/// What the first server says that says anything, or why none does.
pub(super) async fn ask(servers: &[Server], name: &str, kind: RecordType) -> Result<Reply, String> {
    let mut why = "no server is known".to_owned();
    // Names are whole here: hickory shall add nothing.
    let whole = Name::from_ascii(format!("{name}."))
        .map_err(|error| format!("`{name}` is no name: {error}"))?;
    for _ in 0..ROUNDS {
        for server in servers {
            match server.ask(&whole, kind).await {
                Ok(reply) => return Ok(reply),
                Err(error) => why = format!("{}: {error}", server.address),
            }
        }
    }
    Err(format!("{kind} of `{name}`: {why}"))
}

/// The error in words for whoever runs a client.
fn told(error: &NetError) -> String {
    match error {
        NetError::Dns(DnsError::ResponseCode(code)) => refusal(*code),
        NetError::Timeout => "it does not answer in time".to_owned(),
        NetError::Truncated => {
            "its answer does not fit into a datagram, and it gives none over TCP".to_owned()
        }
        NetError::Proto(_) | NetError::ForeignClassRecord { .. } => {
            "its answer is broken".to_owned()
        }
        NetError::Io(error) => error.to_string(),
        other => other.to_string(),
    }
}

fn refusal(code: ResponseCode) -> String {
    let why = match code {
        ResponseCode::ServFail => "it cannot find out (SERVFAIL)".to_owned(),
        ResponseCode::Refused => "it is not allowed to say (REFUSED)".to_owned(),
        code => format!("response code {}", u16::from(code)),
    };
    format!("it refuses: {why}")
}
