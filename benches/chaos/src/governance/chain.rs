//! Servers that ask each other, within this process, and what their handlers do.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use callsheet::governance::{BreakerSettings, RetrySettings, Settings, ThrottleSettings};
use callsheet::registry::{self, Handle};
use callsheet::server::Running;
use callsheet::{Client, Error, Server};
use chaos::Failure;

use rpc::chaos::Step;
use rpc::chaos::v1::{Chain, ChainClient, ChainServer};

use crate::stage::System;

pub(super) mod rpc {
    callsheet::include_rpc!();
}

/// What a handler does with the number of a call.
pub(super) type Deed =
    Arc<dyn Fn(u64) -> Pin<Box<dyn Future<Output = Result<(), Error>> + Send>> + Send + Sync>;

/// The handlers of a server.
struct Link(Deed);

impl Chain for Link {
    async fn read(&self, step: Step) -> Result<Step, Error> {
        (self.0)(step.number).await?;
        Ok(step)
    }

    async fn write(&self, step: Step) -> Result<Step, Error> {
        (self.0)(step.number).await?;
        Ok(step)
    }
}

/// What a handler does, whatever kind of future it is.
pub(super) fn deed<F>(deed: impl Fn(u64) -> F + Send + Sync + 'static) -> Deed
where
    F: Future<Output = Result<(), Error>> + Send + 'static,
{
    Arc::new(move |number| Box::pin(deed(number)))
}

/// A server with these handlers.
pub(super) fn server(bind: &str, deed: &Deed) -> Server {
    Server::bind(bind).add(ChainServer::new(Link(Arc::clone(deed))))
}

/// Servers of one tier, listed in a registry of its own.
pub(super) struct Tier {
    pub(super) registry: Handle,
    _servers: Vec<Running>,
}

impl Tier {
    /// So many servers within the process.
    pub(super) async fn start(servers: usize, deed: &Deed) -> Result<Self, Failure> {
        let registry = registry::connect(&format!("memory:{}", fresh())).await?;
        let mut running = Vec::new();
        for _ in 0..servers {
            let server = server(&format!("memory:{}", fresh()), deed);
            running.push(server.register(&registry).start().await?);
        }
        for server in &running {
            server.listed().await;
        }
        Ok(Self {
            registry,
            _servers: running,
        })
    }
}

/// A client of a tier: as users get it, or with nothing that follows a failure.
pub(super) fn client(registry: &Handle, system: System) -> ChainClient {
    let mut builder = Client::builder().registry(registry);
    if system == System::Bare {
        builder = builder.settings(
            Settings::new()
                .retry(RetrySettings::new().attempts(0_u32))
                .breaker(BreakerSettings::new().enabled(false))
                .throttle(ThrottleSettings::new().enabled(false)),
        );
    }
    ChainClient::new(&builder.build())
}

/// Asks three times before it gives up, as people write it who have no budget.
pub(super) async fn naively(client: &ChainClient, number: u64) -> Result<(), Error> {
    let mut tries = 0;
    loop {
        tries += 1;
        match client.read(Step { number }).await {
            Ok(_) => return Ok(()),
            Err(error) if tries == 3 => return Err(error),
            Err(_) => {}
        }
    }
}

/// A name that nothing else in the process has.
fn fresh() -> String {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    format!("chain-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Numbers that look like chance (the finalizer of `SplitMix64`).
pub(super) fn mix(number: u64) -> u64 {
    let mixed = number.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}
