//! A process of a scenario that uses Callsheet: `callsheet-node serve …` or `callsheet-node load …`, or
//! `callsheet-node storm …`, or `callsheet-node tell …`.
//!
//! `serve --name NAME --bind ADDRESS [--registry REGISTRY] [--weight N] [--drain MS] [--slots N] [--limits off]` until its input
//! ends or it is told by a signal: with slots so many calls are worked on at once, and the others wait; `load --registry REGISTRY
//! [--balance weighted] [--snapshots DIR] [--rate N] [--hold MS] [--fill BYTES] [--seed N] [--patience MS]` until its input ends:
//! with patience a call may take so long, and is tried once and at every time; `storm --to ADDRESS --count N`; `tell --registry REGISTRY`, which shows all that is known of
//! a registry.
//!
//! Whatever has a form for debugging is shown on standard error: no password may be there.

use std::sync::Arc;
use std::time::Duration;

use callsheet::balance::Weighted;
use callsheet::governance::{
    BreakerSettings, LimitSettings, RetrySettings, Settings, ThrottleSettings,
};
use callsheet::registry::Instance;
use callsheet::{Client, Error, Progress, Server, registry};
use chaos::load::{Caller, Question, Refused};
use chaos::{Event, Failure, Options, dismissed, load, now, say, show, storm};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use rpc::chaos::v1::{Target, TargetClient, TargetServer};
use rpc::chaos::{Answer, Ask};

/// What `target.rpc` generates.
mod rpc {
    callsheet::include_rpc!();
}

/// The service of a process that tells.
const TOLD: &str = "chaos.Told";

/// What a registry is given to answer who tells.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a client says first: version 1, no features, the default limits (`docs/wire.md`).
const PREFACE: &[u8] = b"\xf5CSH\x01\x01\0\0\0\0\x11\x10\x15\x16\x04\0";

#[tokio::main(flavor = "multi_thread", worker_threads = 1)]
async fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["serve", options @ ..] => serve(&Options::read(options)?).await,
        ["load", options @ ..] => {
            let options = Options::read(options)?;
            load::run(caller(&options).await?, &options).await
        }
        ["storm", options @ ..] => storm::run(&Options::read(options)?, PREFACE).await,
        ["tell", options @ ..] => {
            tell(Options::read(options)?.text("registry")?).await;
            Ok(())
        }
        _ => Err("usage: callsheet-node serve | load | storm | tell".into()),
    }
}

struct Named {
    name: String,
    /// What a call needs while it is worked on.
    slots: Option<Semaphore>,
}

impl Target for Named {
    async fn ask(&self, request: Ask) -> Result<Answer, Error> {
        let _slot = match &self.slots {
            Some(slots) => slots.acquire().await.ok(),
            None => None,
        };
        if request.hold > 0 {
            tokio::time::sleep(Duration::from_millis(request.hold.into())).await;
        }
        Ok(Answer {
            number: request.number,
            server: self.name.clone(),
            filling: vec![1; request.fill as usize].into(),
        })
    }
}

async fn serve(options: &Options) -> Result<(), Failure> {
    let mut offer = TargetServer::new(Named {
        name: options.text("name")?.to_owned(),
        slots: options.value("slots")?.map(Semaphore::new),
    });
    if let Some(weight) = options.value("weight")? {
        offer = offer.weight(weight);
    }
    let mut server = Server::bind(options.text("bind")?).add(offer);
    if options.given("limits") == Some("off") {
        let none = LimitSettings::new().adaptive(false).queue_calls(0_u32);
        server = server.settings(Settings::new().limit(none));
    }
    if let Some(registry) = options.given("registry") {
        let registry = registry::connect(registry).await?;
        show(&registry);
        server = server.register(&registry);
    }
    if let Some(drain) = options.value("drain")? {
        server = server.drain_limit(Duration::from_millis(drain));
    }
    let told = |notice: &callsheet::server::Notice| {
        show(notice);
        say(&Event::Notice {
            text: notice.to_string(),
        });
    };
    show(&server);
    let running = server.on_notice(told).start().await?;
    show(&running);
    say(&Event::Serving {
        address: running.addresses()[0].to_string(),
        at: now(),
    });
    tokio::select! {
        () = dismissed() => {}
        () = callsheet::shutdown_signal() => {}
    }
    show(&running);
    let report = running.shutdown().await.to_string();
    say(&Event::Ended { report, at: now() });
    // The thread that reads the input would hold up the end of the runtime.
    std::process::exit(0)
}

#[derive(Clone)]
struct Asking(TargetClient);

async fn caller(options: &Options) -> Result<Asking, Failure> {
    let registry = registry::connect(options.text("registry")?).await?;
    show(&registry);
    let mut client = Client::builder().registry(&registry).on_notice(|notice| {
        show(notice);
        say(&Event::Notice {
            text: notice.to_string(),
        });
    });
    if let Some(directory) = options.given("snapshots") {
        client = client.snapshots(directory);
    }
    if let Some(patience) = options.value("patience")? {
        let plain = Settings::new()
            .timeout(Duration::from_millis(patience))
            .retry(RetrySettings::new().attempts(0_u32))
            .breaker(BreakerSettings::new().enabled(false))
            .throttle(ThrottleSettings::new().enabled(false));
        client = client.settings(plain);
    }
    client = match options.given("balance") {
        None => client,
        Some("weighted") => client.balancer(Arc::new(Weighted::default())),
        Some(other) => return Err(format!("no balancer `{other}`").into()),
    };
    let client = client.build();
    show(&client);
    Ok(Asking(TargetClient::new(&client)))
}

/// Shows all that is known of a registry: what its back end, views, leases and errors are made of.
async fn tell(address: &str) {
    let scheme = address.split(':').next().unwrap_or_default();
    match scheme {
        "etcd" => show(&registry::Etcd::open(address).await),
        "redis" => show(&registry::Redis::open(address).await),
        "zookeeper" => show(&registry::ZooKeeper::open(address)),
        _ => {}
    }
    let registry = match registry::connect(address).await {
        Ok(registry) => registry,
        Err(error) => return show(&(error.to_string(), error)),
    };
    show(&registry);
    let mut view = registry.watch(TOLD);
    show(&timeout(PATIENCE, view.answered()).await);
    show(&timeout(PATIENCE, registry.services()).await);
    let mut record = Instance::new("teller", TOLD);
    record.addresses = vec!["tcp://127.0.0.1:1".to_owned()];
    match registry.register(vec![record]) {
        Ok(lease) => {
            show(&timeout(PATIENCE, lease.tried()).await);
            show(&lease);
            show(&timeout(PATIENCE, lease.deregister()).await);
        }
        Err(error) => show(&error),
    }
    if let Some(documents) = registry.documents() {
        show(&timeout(PATIENCE, documents.get("told")).await);
    }
}

impl Caller for Asking {
    async fn ask(&self, question: Question) -> Result<(u64, String), Refused> {
        let request = Ask {
            number: question.number,
            hold: question.hold,
            fill: question.fill,
        };
        match self.0.ask(request).await {
            Ok(answer) => Ok((answer.number, answer.server)),
            Err(error) => Err(Refused {
                started: error.status().progress() == Progress::MaybeRun,
                status: error.to_string(),
            }),
        }
    }
}
