//! HTTP for those who operate a process: what it is like now, read-only.
//!
//! ```no_run
//! # async fn example(client: &callsheet::Client, running: &callsheet::server::Running) -> Result<(), callsheet::admin::AdminError> {
//! use callsheet::admin::Admin;
//!
//! let admin = Admin::bind("127.0.0.1:9900")
//!     .client(client)
//!     .server(running)
//!     .start()
//!     .await?;
//! println!("http://{}/", admin.address());
//! # Ok(())
//! # }
//! ```
//!
//! | page | what |
//! |---|---|
//! | `/metrics` | metrics for Prometheus, where an observer has [`Observer::prometheus`] |
//! | `/healthz` | `ok`, as long as the process answers |
//! | `/readyz` | 200 while every server serves and is listed; 503 before that, and from the beginning of its shutdown on |
//! | `/services` | what clients believe of services, and what servers offer |
//! | `/instances` | every instance that clients believe in, and how it stands |
//! | `/connections` | how many connections clients have to whom, and who is connected to servers |
//! | `/breakers` | how each instance stands, and its breaker |
//! | `/config` | how calls of each method are treated, and who said so |
//! | `/calls` | recent calls, their tries, and why each instance was asked |
//!
//! JSON, or plain text with `?format=text` or `Accept: text/plain`.

mod guard;
mod pages;
mod serve;

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Weak};

use tokio::net::TcpListener;
use tokio::task::AbortHandle;

use crate::client::Client;
use crate::observe::{Observer, Source};
use crate::server::Running;
use guard::Guard;
use pages::Pages;

/// How many recent calls are kept where the observer of a client or server keeps none yet.
const RECENT: usize = 256;

/// The fewest characters of a token that is to keep a network out: what cannot be guessed.
const TOKEN: usize = 16;

/// What is to be served, and where.
#[must_use = "nothing is served before `start`"]
pub struct Admin {
    address: String,
    token: Option<String>,
    pages: Pages,
}

impl Admin {
    /// Pages at `address`, an IP address and a port: `127.0.0.1:9900`. Port 0 is any free one.
    ///
    /// Whoever reaches an address that is no loopback needs a [token](Self::token).
    pub fn bind(address: impl Into<String>) -> Self {
        Self {
            address: address.into(),
            token: None,
            pages: Pages::default(),
        }
    }

    /// Answers only those who send `Authorization: Bearer …` with this token, which has 16 characters at least where the
    /// address is no loopback. Only `/healthz` and `/readyz` are for everybody.
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.token = Some(token.into());
        self
    }

    /// Shows this client as long as it is there, and keeps its recent calls.
    pub fn client(mut self, client: &Client) -> Self {
        self.pages.sources.push(client.standing());
        self.observed(client.observer());
        self
    }

    /// Shows this server, also when it drains and has ended, and keeps its recent calls.
    pub fn server(mut self, running: &Running) -> Self {
        let standing: Arc<dyn Source> = running.standing();
        self.pages.sources.push(Arc::downgrade(&standing));
        self.pages.servers.push(standing);
        self.observed(running.observer());
        self
    }

    fn observed(&mut self, observer: &Observer) {
        observer.keep_recent(RECENT);
        let observers = &mut self.pages.observers;
        if !observers.iter().any(|known| known.is(observer)) {
            observers.push(observer.clone());
        }
    }

    /// Listens, and answers until what this gives is dropped.
    ///
    /// # Errors
    /// [`AdminError`]
    pub async fn start(self) -> Result<RunningAdmin, AdminError> {
        let address = parse(&self.address)?;
        let guard = Guard::new(self.token);
        let listener = match TcpListener::bind(address).await {
            _ if !address.ip().is_loopback() && guard.token_length() < TOKEN => {
                return Err(AdminError::Unguarded {
                    address,
                    length: guard.token_length(),
                });
            }
            Ok(listener) => listener,
            Err(source) => return Err(AdminError::Bind { address, source }),
        };
        let address = listener
            .local_addr()
            .map_err(|source| AdminError::Bind { address, source })?;
        let task = tokio::spawn(serve::accept(listener, guard, Arc::new(self.pages)));
        Ok(RunningAdmin {
            address,
            task: task.abort_handle(),
        })
    }
}

/// An IP address and port; `localhost` counts as one.
fn parse(text: &str) -> Result<SocketAddr, AdminError> {
    if let Some(port) = text.strip_prefix("localhost:")
        && let Ok(port) = port.parse()
    {
        return Ok(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port));
    }
    text.parse().map_err(|_| AdminError::Address {
        text: text.escape_debug().take(80).collect(),
    })
}

impl fmt::Debug for Admin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admin")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

/// Pages that are served; dropped, they are no longer.
#[derive(Debug)]
#[must_use = "dropping it ends it"]
pub struct RunningAdmin {
    address: SocketAddr,
    task: AbortHandle,
}

impl RunningAdmin {
    /// Where, with the real port.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for RunningAdmin {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Why pages cannot be served.
#[derive(Debug)]
#[non_exhaustive]
pub enum AdminError {
    /// It is no IP address with a port.
    Address {
        /// What it is.
        text: String,
    },
    /// Others could reach it, and nothing would keep them out.
    Unguarded {
        /// Where it was to listen.
        address: SocketAddr,
        /// How many characters its token has.
        length: usize,
    },
    /// The system does not let it listen there.
    Bind {
        /// Where.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
}

impl fmt::Display for AdminError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address { text } => write!(
                f,
                "`{text}` is no address for Admin::bind: write an IP address and a port, 127.0.0.1:9900"
            ),
            Self::Unguarded { address, length: 0 } => write!(
                f,
                "Admin::bind({address}) can be reached from outside: bind a loopback address, or set Admin::token"
            ),
            Self::Unguarded { address, length } => write!(
                f,
                "Admin::bind({address}) can be reached from outside, and a token of {length} characters can be guessed: \
                 Admin::token takes {TOKEN} at least there"
            ),
            Self::Bind { address, source } => {
                write!(f, "Admin::bind({address}): cannot listen: {source}")
            }
        }
    }
}

impl std::error::Error for AdminError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Bind { source, .. } => Some(source),
            Self::Address { .. } | Self::Unguarded { .. } => None,
        }
    }
}

/// Who is shown, as long as it is there.
type Seen = Weak<dyn Source>;
