//! A chain of servers, each of which asks the next one.

use std::sync::atomic::{AtomicUsize, Ordering};

use callsheet::observe::Observer;
use callsheet::registry::{self, Handle};
use callsheet::server::Running;
use callsheet::{Client, ClientBuilder, Error, Server, Status, Streaming};
use callsheet_tests::rpc::shop::orders::v1::{
    Orders, OrdersClient, OrdersGetError, OrdersPlaceError, OrdersServer,
};
use callsheet_tests::rpc::shop::orders::{
    AuditEvent, Item, Note, Order, OrderEvent, PlaceOrder, Report, UploadSummary, WatchOrders,
};

/// What nobody but the two ends of a call may see.
pub(crate) const SECRET: &str = "planted-secret-4711";

/// One server of the chain.
#[derive(Clone)]
pub(crate) struct Hop {
    /// Whom it asks.
    pub(crate) next: Option<OrdersClient>,
}

impl Orders for Hop {
    async fn place(&self, request: PlaceOrder) -> Result<Order, Error<OrdersPlaceError>> {
        match &self.next {
            Some(next) => next.place(request).metadata("authorization", SECRET).await,
            None => Ok(Order {
                customer: request.customer,
                token: SECRET.into(),
                ..Order::default()
            }),
        }
    }

    async fn get(&self, id: u64) -> Result<Order, Error<OrdersGetError>> {
        match id {
            0 => std::future::pending().await,
            1 => panic!("the handler of order 1 panics\u{1b}[2J"),
            2 => Err(Status::failed_precondition(SECRET).into()),
            id => Ok(Order {
                id,
                token: SECRET.into(),
                ..Order::default()
            }),
        }
    }

    async fn report(&self) -> Result<Report, Error> {
        Ok(Report::default())
    }

    async fn watch(&self, _: WatchOrders) -> Result<Streaming<OrderEvent>, Error> {
        Ok(Streaming::channel(1).1)
    }

    async fn upload(&self, _: Streaming<Order>) -> Result<UploadSummary, Error> {
        Ok(UploadSummary::default())
    }

    async fn chat(&self, requests: Streaming<Note>) -> Result<Streaming<Note>, Error> {
        Ok(requests)
    }

    async fn audit(&self, _: AuditEvent) -> Result<(), Error> {
        Ok(())
    }

    async fn ping(&self) -> Result<(), Error> {
        Ok(())
    }
}

/// Something to order.
pub(crate) fn wish() -> PlaceOrder {
    PlaceOrder {
        customer: SECRET.into(),
        items: vec![Item {
            sku: "tea".into(),
            amount: 1,
            ..Item::default()
        }],
    }
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
    format!("visible-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A server of the chain, listed in `registry`.
pub(crate) async fn serve(
    registry: &Handle,
    next: Option<OrdersClient>,
    observer: &Observer,
) -> Running {
    Server::bind(format!("memory:{}", fresh()))
        .add(OrdersServer::new(Hop { next }))
        .register(registry)
        .observer(observer)
        .start()
        .await
        .unwrap()
}

pub(crate) fn client(registry: &Handle, observer: &Observer) -> ClientBuilder {
    Client::builder().registry(registry).observer(observer)
}

/// A chain of so many servers and the client before it, all of which report to `observer`.
pub(crate) async fn chain(length: usize, observer: &Observer) -> (OrdersClient, Vec<Running>) {
    let mut servers = Vec::new();
    let mut next = None;
    for _ in 0..length {
        let registry = registry().await;
        servers.push(serve(&registry, next, observer).await);
        next = Some(OrdersClient::new(&client(&registry, observer).build()));
    }
    (next.unwrap(), servers)
}
