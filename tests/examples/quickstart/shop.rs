//! The server: a shop that keeps its orders in memory.

use std::collections::BTreeMap;
use std::error::Error as StdError;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use callsheet::{Error, Release, Server, Streaming, registry};
use callsheet_tests::rpc::shop::orders::v1::{self, OrdersGetError, OrdersPlaceError};
use callsheet_tests::rpc::shop::orders::{
    AuditEvent, Note, Order, OrderEvent, OrderNotFound, OrdersGroup, OutOfStock, PlaceOrder,
    Report, Status as OrderStatus, UploadSummary, WatchOrders, v2,
};
use tokio::io::AsyncReadExt;

/// More of one thing than this is never in stock.
const STOCK: u32 = 100;

/// Serves one release in one group until its standard input ends.
pub(crate) async fn serve(
    name: &str,
    release: Release,
    group: &str,
    registry: &str,
) -> Result<(), Box<dyn StdError>> {
    let registry = registry::connect(registry).await?;
    let shop = Shop::new(name);
    let group = match group {
        "wholesale" => OrdersGroup::Wholesale,
        _ => OrdersGroup::Default,
    };
    let server = Server::bind("127.0.0.1:0").register(&registry);
    let server = if release.major == 1 {
        server.add(v1::OrdersServer::new(shop).group(group).release(release))
    } else {
        server.add(v2::OrdersServer::new(shop).group(group))
    };
    let running = server.start().await?;
    println!("{name} serves {release} in {group:?}");
    let mut input = Vec::new();
    tokio::io::stdin().read_to_end(&mut input).await?;
    println!("{name} leaves: {}", running.shutdown().await);
    Ok(())
}

/// What both majors have in common; each trait is a thin face of it.
#[derive(Clone)]
struct Shop {
    name: Arc<str>,
    orders: Arc<Mutex<BTreeMap<u64, Order>>>,
}

impl Shop {
    fn new(name: &str) -> Self {
        Self {
            name: name.into(),
            orders: Arc::default(),
        }
    }

    fn orders(&self) -> MutexGuard<'_, BTreeMap<u64, Order>> {
        self.orders.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn take(&self, wish: PlaceOrder) -> Result<Order, Error<OrdersPlaceError>> {
        if wish.customer == "sloth" {
            // The caller's deadline drops this future.
            std::future::pending::<()>().await;
        }
        if let Some(item) = wish.items.iter().find(|item| item.amount > STOCK) {
            return Err(OutOfStock {
                sku: item.sku.clone(),
                left: STOCK,
            }
            .into());
        }
        let mut orders = self.orders();
        let id = orders.len() as u64 + 1;
        let order = Order {
            id,
            customer: wish.customer,
            items: wish.items,
            status: OrderStatus::Placed.into(),
            ..Order::default()
        };
        orders.insert(id, order.clone());
        Ok(order)
    }

    fn find(&self, id: u64) -> Option<Order> {
        self.orders().get(&id).cloned()
    }

    fn sum_up(&self) -> Report {
        let mut report = Report {
            servers: vec![self.name.to_string()],
            ..Report::default()
        };
        for order in self.orders().values() {
            report.orders += 1;
            *report
                .by_customer
                .entry(order.customer.clone())
                .or_default() += 1;
        }
        report
    }

    fn events(watch: &WatchOrders) -> Streaming<OrderEvent> {
        let events = (0..u64::from(watch.limit)).map(|number| OrderEvent {
            order: number + 1,
            status: OrderStatus::Shipped.into(),
        });
        Streaming::from(events)
    }

    async fn take_all(&self, mut orders: Streaming<Order>) -> Result<UploadSummary, Error> {
        let mut summary = UploadSummary::default();
        while let Some(order) = orders.next().await {
            summary.orders += 1;
            summary.items += order?.items.len() as u64;
        }
        Ok(summary)
    }

    fn answer(&self, mut notes: Streaming<Note>) -> Streaming<Note> {
        let (sender, replies) = Streaming::channel(1);
        let name = Arc::clone(&self.name);
        tokio::spawn(async move {
            while let Some(note) = notes.next().await {
                let reply = match note {
                    Ok(note) => Note {
                        text: format!("{name} says: {} to you", note.text),
                    },
                    Err(error) => return sender.fail(error).await,
                };
                if sender.send(reply).await.is_err() {
                    return;
                }
            }
        });
        replies
    }
}

impl v1::Orders for Shop {
    async fn place(&self, request: PlaceOrder) -> Result<Order, Error<OrdersPlaceError>> {
        self.take(request).await
    }

    async fn get(&self, id: u64) -> Result<Order, Error<OrdersGetError>> {
        self.find(id).ok_or_else(|| OrderNotFound { id }.into())
    }

    async fn report(&self) -> Result<Report, Error> {
        Ok(self.sum_up())
    }

    async fn watch(&self, request: WatchOrders) -> Result<Streaming<OrderEvent>, Error> {
        Ok(Self::events(&request))
    }

    async fn upload(&self, requests: Streaming<Order>) -> Result<UploadSummary, Error> {
        self.take_all(requests).await
    }

    async fn chat(&self, requests: Streaming<Note>) -> Result<Streaming<Note>, Error> {
        Ok(self.answer(requests))
    }

    async fn audit(&self, _: AuditEvent) -> Result<(), Error> {
        Ok(())
    }

    async fn ping(&self) -> Result<(), Error> {
        Ok(())
    }
}

impl v2::Orders for Shop {
    async fn place(&self, request: PlaceOrder) -> Result<Order, Error<v2::OrdersPlaceError>> {
        self.take(request).await.map_err(Error::cast)
    }

    async fn get(&self, id: u64) -> Result<Order, Error<v2::OrdersGetError>> {
        self.find(id).ok_or_else(|| OrderNotFound { id }.into())
    }

    async fn report(&self) -> Result<Report, Error> {
        Ok(self.sum_up())
    }

    async fn watch(&self, request: WatchOrders) -> Result<Streaming<OrderEvent>, Error> {
        Ok(Self::events(&request))
    }

    async fn upload(&self, requests: Streaming<Order>) -> Result<UploadSummary, Error> {
        self.take_all(requests).await
    }

    async fn chat(&self, requests: Streaming<Note>) -> Result<Streaming<Note>, Error> {
        Ok(self.answer(requests))
    }

    async fn audit(&self, _: AuditEvent) -> Result<(), Error> {
        Ok(())
    }
}
