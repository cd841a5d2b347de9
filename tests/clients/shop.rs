//! A shop whose handlers do what the test needs.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use callsheet::registry::{self, Handle};
use callsheet::server::Running;
use callsheet::{Client, Context, Error, Server, Status, Streaming};
use callsheet_tests::rpc::shop::orders::v1::{
    Orders, OrdersClient, OrdersGetError, OrdersPlaceError, OrdersServer,
};
use callsheet_tests::rpc::shop::orders::{
    AuditEvent, Item, Note, Order, OrderEvent, OrderNotFound, OutOfStock, PlaceOrder, Report,
    UploadSummary, WatchOrders,
};
use tokio::sync::{Notify, mpsc};

/// A server's handlers, and what they saw.
#[derive(Clone)]
pub(crate) struct Shop {
    pub(crate) name: Arc<str>,
    /// Handlers of `get(0)` that are running: they never end by themselves.
    pub(crate) stuck: Arc<AtomicUsize>,
    /// Told when the number changes.
    pub(crate) changed: Arc<Notify>,
    /// What `audit` was told.
    pub(crate) audited: mpsc::UnboundedSender<AuditEvent>,
    /// Whom `place` asks for a report, on its own account.
    pub(crate) upstream: Option<OrdersClient>,
}

/// Counts a handler for as long as its future lives.
struct Stuck(Shop);

impl Stuck {
    fn new(shop: &Shop) -> Self {
        shop.stuck.fetch_add(1, Ordering::SeqCst);
        shop.changed.notify_waiters();
        Self(shop.clone())
    }
}

impl Drop for Stuck {
    fn drop(&mut self) {
        self.0.stuck.fetch_sub(1, Ordering::SeqCst);
        self.0.changed.notify_waiters();
    }
}

impl Shop {
    pub(crate) fn new(name: &str) -> (Self, mpsc::UnboundedReceiver<AuditEvent>) {
        let (audited, audit) = mpsc::unbounded_channel();
        let shop = Self {
            name: name.into(),
            stuck: Arc::default(),
            changed: Arc::default(),
            audited,
            upstream: None,
        };
        (shop, audit)
    }

    /// Waits until this many handlers of `get(0)` run.
    pub(crate) async fn stuck_are(&self, number: usize) {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if self.stuck.load(Ordering::SeqCst) == number {
                return;
            }
            changed.await;
        }
    }
}

impl Orders for Shop {
    async fn place(&self, request: PlaceOrder) -> Result<Order, Error<OrdersPlaceError>> {
        if let Some(item) = request.items.iter().find(|item| item.sku == "kettle") {
            return Err(OutOfStock {
                sku: item.sku.clone(),
                left: 3,
            }
            .into());
        }
        if let Some(upstream) = &self.upstream {
            return upstream.get(0).await.map_err(Error::cast);
        }
        let context = Context::current().ok_or_else(|| Status::internal("no context"))?;
        context
            .append_trailer("served-by", self.name.to_string())
            .map_err(|error| Status::internal(error.to_string()))?;
        Ok(Order {
            customer: request.customer,
            note: context.metadata().text("tenant").map(Into::into),
            labels: context
                .trace_id()
                .map(|id| ("trace".into(), id.into()))
                .into_iter()
                .collect(),
            ..Order::default()
        })
    }

    async fn get(&self, id: u64) -> Result<Order, Error<OrdersGetError>> {
        match id {
            0 => {
                let _stuck = Stuck::new(self);
                std::future::pending().await
            }
            1 => panic!("the handler of order 1 always panics"),
            2 => Err(Status::resource_exhausted("sold out").into()),
            // More than 64 KiB.
            u64::MAX => Ok(Order {
                id,
                note: Some("x".repeat(70_000)),
                ..Order::default()
            }),
            404 => Err(OrderNotFound { id }.into()),
            id => Ok(Order {
                id,
                ..Order::default()
            }),
        }
    }

    async fn report(&self) -> Result<Report, Error> {
        Ok(Report {
            servers: vec![self.name.to_string()],
            orders: 1,
            ..Report::default()
        })
    }

    async fn watch(&self, request: WatchOrders) -> Result<Streaming<OrderEvent>, Error> {
        let (sender, events) = Streaming::channel(1);
        let stuck = Stuck::new(self);
        tokio::spawn(async move {
            let _stuck = stuck;
            for order in 0..u64::from(request.limit) {
                let event = OrderEvent { order, status: 0 };
                if sender.send(event).await.is_err() {
                    return;
                }
            }
            match &*request.customer {
                "fails" => sender.fail(Status::data_loss("the tape is torn")).await,
                "idle" => sender.closed().await,
                _ => {}
            }
        });
        Ok(events)
    }

    async fn upload(&self, mut requests: Streaming<Order>) -> Result<UploadSummary, Error> {
        let mut summary = UploadSummary::default();
        while let Some(order) = requests.next().await {
            summary.items += order?.items.len() as u64;
            summary.orders += 1;
        }
        Ok(summary)
    }

    async fn chat(&self, mut requests: Streaming<Note>) -> Result<Streaming<Note>, Error> {
        let (sender, replies) = Streaming::channel(1);
        tokio::spawn(async move {
            while let Some(Ok(note)) = requests.next().await {
                let text = note.text.to_uppercase();
                if sender.send(Note { text }).await.is_err() {
                    return;
                }
            }
        });
        Ok(replies)
    }

    async fn audit(&self, request: AuditEvent) -> Result<(), Error> {
        // The test may not look.
        let _ = self.audited.send(request);
        Ok(())
    }

    async fn ping(&self) -> Result<(), Error> {
        Ok(())
    }
}

/// A wish for so many kinds of things, as the contract allows it.
pub(crate) fn wish(customer: &str, kinds: usize) -> PlaceOrder {
    PlaceOrder {
        customer: customer.into(),
        items: items(kinds),
    }
}

/// An order for so many kinds of things, as the contract allows it.
pub(crate) fn order(kinds: usize) -> Order {
    Order {
        customer: "ada".into(),
        items: items(kinds),
        ..Order::default()
    }
}

fn items(kinds: usize) -> Vec<Item> {
    let item = |kind| Item {
        sku: format!("kind-{kind}"),
        amount: 1,
        ..Item::default()
    };
    (0..kinds).map(item).collect()
}

/// A registry of this test's own.
pub(crate) async fn registry() -> Handle {
    registry::connect(&format!("memory:{}", fresh()))
        .await
        .unwrap()
}

/// A name that no other test of the process has.
pub(crate) fn fresh() -> String {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    format!("clients-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A server of `shop` within the process, listed in `registry`.
pub(crate) async fn serve(registry: &Handle, shop: &Shop) -> Running {
    offer(registry, OrdersServer::new(shop.clone())).await
}

/// The same with an offer of the test's making.
pub(crate) async fn offer(registry: &Handle, offer: impl Into<callsheet::Offer>) -> Running {
    Server::bind(format!("memory:{}", fresh()))
        .add(offer)
        .register(registry)
        .start()
        .await
        .unwrap()
}

pub(crate) fn client(registry: &Handle) -> OrdersClient {
    OrdersClient::new(&Client::builder().registry(registry).build())
}
