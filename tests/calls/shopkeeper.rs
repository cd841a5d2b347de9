//! A shop in a process of its own, for tests of what only whole processes do: `shopkeeper serve NAME REGISTRY BIND
//! [UPSTREAM]` until its standard input ends, `shopkeeper audit REGISTRY ACTOR` for one one-way call, `shopkeeper hang REGISTRY`
//! for a call that is never answered, and `shopkeeper short REGISTRY` for one without file descriptors and one with some.
//!
//! Says on standard output what happens, one line each.

use std::io::{self, Read as _, Write as _};
use std::sync::Arc;

use callsheet::governance::{RetrySettings, Settings};
use callsheet::{Client, Context, Error, Server, Status, Streaming, registry};
use callsheet_tests::rpc::shop::orders::v1::{
    Orders, OrdersClient, OrdersGetError, OrdersPlaceError, OrdersServer,
};
use callsheet_tests::rpc::shop::orders::{
    AuditEvent, Note, Order, OrderEvent, PlaceOrder, Report, UploadSummary, WatchOrders,
};
use tokio::sync::Notify;
use tokio::time::Instant;

/// What a process ends with when it fails.
type Failure = Box<dyn std::error::Error>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["serve", name, registry, bind] => serve(name, registry, bind, None).await,
        ["serve", name, registry, bind, upstream] => {
            let upstream = client(upstream).await?;
            serve(name, registry, bind, Some(upstream)).await
        }
        ["audit", registry, actor] => {
            let event = AuditEvent {
                actor: actor.into(),
                action: String::new(),
            };
            // The process ends as soon as this returns.
            Ok(client(registry).await?.audit(event).await?)
        }
        ["hang", registry] => {
            let once = Settings::new().retry(RetrySettings::new().attempts(0_u32));
            let client = client(registry).await?.with_settings(once);
            let answer = client.get(0).no_timeout().await;
            let code = answer.err().map(|error| error.code());
            say(&format!("answered {code:?}"));
            Ok(())
        }
        ["short", registry] => {
            let orders = client(registry).await?;
            let mut held = Vec::new();
            while let Ok(file) = std::fs::File::open("/dev/null") {
                held.push(file);
            }
            match orders.get(7).await {
                Ok(order) => say(&format!("order {} although it was short", order.id)),
                Err(error) => say(&format!("short: {error}")),
            }
            drop(held);
            say(&format!("order {}", orders.get(7).await?.id));
            Ok(())
        }
        _ => Err("usage: shopkeeper serve | audit | hang | short".into()),
    }
}

async fn client(registry: &str) -> Result<OrdersClient, Failure> {
    let registry = registry::connect(registry).await?;
    Ok(OrdersClient::new(
        &Client::builder().registry(&registry).build(),
    ))
}

async fn serve(
    name: &str,
    registry: &str,
    bind: &str,
    upstream: Option<OrdersClient>,
) -> Result<(), Failure> {
    let shop = Shop {
        name: name.into(),
        upstream,
        reported: Notify::new(),
    };
    let mut server = Server::bind(bind).add(OrdersServer::new(shop));
    if registry != "none" {
        server = server.register(&registry::connect(registry).await?);
    }
    let running = server
        .on_notice(|notice| say(&format!("notice {notice}")))
        .start()
        .await?;
    say(&format!("at {}", running.addresses()[0]));
    tokio::task::spawn_blocking(|| io::stdin().read_to_end(&mut Vec::new())).await??;
    say(&running.shutdown().await.to_string());
    Ok(())
}

fn say(line: &str) {
    let mut out = io::stdout();
    // A reader that has gone is no loss.
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

struct Shop {
    name: Arc<str>,
    upstream: Option<OrdersClient>,
    reported: Notify,
}

/// Says when a handler begins and when its future is dropped.
struct Lives(&'static str);

impl Lives {
    fn new(what: &'static str) -> Self {
        say(&format!("{what} begins"));
        Self(what)
    }
}

impl Drop for Lives {
    fn drop(&mut self) {
        say(&format!("{} ends", self.0));
    }
}

impl Orders for Shop {
    /// With an upstream, what that answers; else what the call brought along.
    async fn place(&self, request: PlaceOrder) -> Result<Order, Error<OrdersPlaceError>> {
        if let Some(upstream) = &self.upstream {
            return upstream.place(request).no_timeout().await;
        }
        let context = Context::current().ok_or_else(|| Status::internal("no context"))?;
        let left = context.time_left(Instant::now().into_std());
        let baggage = context.metadata().text("baggage").unwrap_or_default();
        Ok(Order {
            customer: self.name.to_string(),
            labels: [
                ("trace", context.trace_id().unwrap_or_default().to_owned()),
                ("baggage", baggage.to_owned()),
                ("left", left.unwrap_or_default().as_millis().to_string()),
            ]
            .map(|(key, value)| (key.to_owned(), value))
            .into(),
            ..Order::default()
        })
    }

    /// Order 0 never comes.
    async fn get(&self, id: u64) -> Result<Order, Error<OrdersGetError>> {
        if id == 0 {
            let _lives = Lives::new("get");
            std::future::pending::<()>().await;
        }
        Ok(Order {
            id,
            customer: self.name.to_string(),
            ..Order::default()
        })
    }

    async fn report(&self) -> Result<Report, Error> {
        self.reported.notify_one();
        Ok(Report {
            servers: vec![self.name.to_string()],
            ..Report::default()
        })
    }

    /// Events without end, or as many as wished for.
    async fn watch(&self, request: WatchOrders) -> Result<Streaming<OrderEvent>, Error> {
        let lives = Lives::new("watch");
        let last = match request.limit {
            0 => u64::MAX,
            limit => limit.into(),
        };
        Ok(Streaming::from((0..last).map(move |order| {
            let _in_the_stream = &lives;
            OrderEvent { order, status: 0 }
        })))
    }

    async fn upload(&self, mut requests: Streaming<Order>) -> Result<UploadSummary, Error> {
        let mut summary = UploadSummary::default();
        while let Some(order) = requests.next().await {
            summary.orders += 1;
            summary.items += order?.items.len() as u64;
        }
        Ok(summary)
    }

    /// Answers a note `COUNT SIZE` with so many notes of that size.
    async fn chat(&self, mut requests: Streaming<Note>) -> Result<Streaming<Note>, Error> {
        let wish = requests.next().await.ok_or_else(unclear)??;
        let (count, size) = wish.text.split_once(' ').ok_or_else(unclear)?;
        let (Ok(count), Ok(size)) = (count.parse::<u64>(), size.parse()) else {
            return Err(unclear());
        };
        Ok(Streaming::from((0..count).map(move |_| Note {
            text: "x".repeat(size),
        })))
    }

    /// Is done when the next report is asked for.
    async fn audit(&self, request: AuditEvent) -> Result<(), Error> {
        let _lives = Lives::new("audit");
        self.reported.notified().await;
        say(&format!("audited {}", request.actor));
        Ok(())
    }

    async fn ping(&self) -> Result<(), Error> {
        Ok(())
    }
}

fn unclear() -> Error {
    Status::invalid_argument("say `COUNT SIZE`").into()
}
