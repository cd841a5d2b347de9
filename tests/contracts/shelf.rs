//! Shelves whose handlers take whatever reaches them, and count it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use callsheet::registry::{self, Handle};
use callsheet::server::Running;
use callsheet::{Client, Error, Server, Streaming};
use tokio::sync::Semaphore;

use crate::rules::v1::{
    Shelves, ShelvesClient, ShelvesForgetError, ShelvesListError, ShelvesMixError, ShelvesPutError,
    ShelvesServer,
};
use crate::rules::{
    Basket, Closed, Free, Kind, Line, Pair, Refused, Secret, Shell, basket, refused,
};

/// Handlers that share what they saw.
#[derive(Clone)]
pub(crate) struct Shelf {
    /// Requests that reached a handler.
    pub(crate) taken: Arc<AtomicUsize>,
    /// Has a permit for every call that has begun and waits.
    pub(crate) waiting: Arc<Semaphore>,
    /// Lets one waiting call go on per permit.
    pub(crate) gate: Arc<Semaphore>,
}

impl Shelf {
    pub(crate) fn new() -> Self {
        Self {
            taken: Arc::default(),
            waiting: Arc::new(Semaphore::new(0)),
            gate: Arc::new(Semaphore::new(0)),
        }
    }

    pub(crate) fn taken(&self) -> usize {
        self.taken.load(Ordering::SeqCst)
    }

    /// Waits until `calls` more calls have begun.
    pub(crate) async fn begun(&self, calls: u32) {
        self.waiting.acquire_many(calls).await.unwrap().forget();
    }

    async fn wait(&self) {
        self.waiting.add_permits(1);
        self.gate.acquire().await.unwrap().forget();
    }

    fn take(&self) {
        self.taken.fetch_add(1, Ordering::SeqCst);
    }
}

fn refused(why: &str) -> Refused {
    Refused {
        why: why.into(),
        pin: "sesame".into(),
        kind: refused::Kind::Full.into(),
    }
}

impl Shelves for Shelf {
    async fn put(&self, request: Secret) -> Result<Free, Error<ShelvesPutError>> {
        self.take();
        if request.pin == "0000" {
            return Err(refused("too easy").into());
        }
        Ok(Free::default())
    }

    async fn check(&self, _: Option<Basket>) -> Result<Free, Error> {
        self.take();
        Ok(Free::default())
    }

    async fn find(&self, name: String, pin: String, kind: i32) -> Result<Secret, Error> {
        self.take();
        let kinds = vec![kind];
        Ok(Secret {
            pin,
            kinds,
            hidden: [(name, Line::default())].into(),
            ..Secret::default()
        })
    }

    async fn pour(&self, mut requests: Streaming<Line>) -> Result<Free, Error> {
        while let Some(request) = requests.next().await {
            request?;
            self.take();
        }
        Ok(Free::default())
    }

    /// Gives back what comes in; `full` is refused behind it, and `shut` ends all.
    async fn mix(
        &self,
        mut requests: Streaming<Line>,
    ) -> Result<Streaming<Line, ShelvesMixError>, Error<ShelvesMixError>> {
        let (sender, replies) = Streaming::channel(1);
        let shelf = self.clone();
        tokio::spawn(async move {
            while let Some(request) = requests.next().await {
                let line = match request {
                    Ok(line) => line,
                    Err(error) => return sender.fail(error.cast()).await,
                };
                shelf.take();
                let sku = line.sku.clone();
                if sender.send(line).await.is_err() {
                    return;
                }
                match &*sku {
                    "full" => return sender.fail(ShelvesMixError::from(refused("full"))).await,
                    "shut" => return sender.fail(ShelvesMixError::from(Closed::default())).await,
                    _ => {}
                }
            }
        });
        Ok(replies)
    }

    async fn list(
        &self,
        request: Line,
    ) -> Result<Streaming<Line, ShelvesListError>, Error<ShelvesListError>> {
        self.take();
        match &*request.sku {
            "full" => Err(refused("before the first").into()),
            _ => Ok(Streaming::from([request])),
        }
    }

    async fn forget(&self, request: Line) -> Result<(), Error<ShelvesForgetError>> {
        self.take();
        match &*request.sku {
            "full" => Err(refused("never").into()),
            "shut" => Err(Closed {
                until: "noon".into(),
            }
            .into()),
            _ => Ok(()),
        }
    }

    async fn note(&self, _: Line) -> Result<(), Error> {
        self.take();
        self.waiting.add_permits(1);
        Ok(())
    }

    async fn slow(&self, request: Free) -> Result<Free, Error> {
        self.wait().await;
        match &*request.text {
            "panic" => panic!("as it was asked"),
            _ => Ok(request),
        }
    }

    async fn drip(&self, request: Free) -> Result<Streaming<Free>, Error> {
        let (sender, replies) = Streaming::channel(1);
        let shelf = self.clone();
        tokio::spawn(async move {
            shelf.wait().await;
            // The caller may have gone.
            let _ = sender.send(request).await;
        });
        Ok(replies)
    }

    async fn drop_by(&self, _: Free) -> Result<(), Error> {
        self.take();
        self.wait().await;
        Ok(())
    }

    async fn kinds(&self, kind: i32) -> Result<Shell, Error> {
        let basket = Basket {
            kind,
            ..Basket::default()
        };
        Ok(Shell {
            baskets: [(kind.to_string(), basket)].into(),
        })
    }
}

/// A name that no other test of the process has.
fn fresh() -> String {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    format!("contracts-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

pub(crate) async fn registry() -> Handle {
    registry::connect(&format!("memory:{}", fresh()))
        .await
        .unwrap()
}

/// A server in the process, listed in `registry`.
pub(crate) async fn offer(registry: &Handle, offer: impl Into<callsheet::Offer>) -> Running {
    Server::bind(format!("memory:{}", fresh()))
        .add(offer)
        .register(registry)
        .start()
        .await
        .unwrap()
}

/// A served shelf, its client, and the server.
pub(crate) async fn served() -> (Shelf, ShelvesClient, Running) {
    let registry = registry().await;
    let shelf = Shelf::new();
    let server = offer(&registry, ShelvesServer::new(shelf.clone())).await;
    (shelf, client(&registry), server)
}

pub(crate) fn client(registry: &Handle) -> ShelvesClient {
    ShelvesClient::new(&Client::builder().registry(registry).build())
}

pub(crate) fn line(sku: &str) -> Line {
    Line {
        sku: sku.into(),
        ..Line::default()
    }
}

/// A basket that keeps every rule.
pub(crate) fn basket() -> Basket {
    Basket {
        name: "a".into(),
        code: "ÅÄÖ-7".into(),
        count: 1,
        rate: 0.1,
        wait: Some(callsheet::codegen::prost_types::Duration {
            seconds: 3_600,
            nanos: 0,
        }),
        kind: Kind::Retail.into(),
        tags: vec!["new".into(), "sale".into()],
        sizes: vec![0.5, 1.0],
        lines: vec![line("a"), line("b")],
        by_name: [("a".to_owned(), line("a"))].into(),
        flag: true,
        placed: Some(callsheet::codegen::prost_types::Timestamp::default()),
        r#type: -1,
        payment: Some(basket::Payment::Voucher("0123".into())),
        ids: vec![1, 2],
        pairs: vec![Pair { a: 1, b: 0 }, Pair { a: 0, b: 1 }],
        ..Basket::default()
    }
}

/// A secret that keeps every rule.
pub(crate) fn secret() -> Secret {
    Secret {
        pin: "1234".into(),
        price: 1,
        length: vec![0; 2].into(),
        ..Secret::default()
    }
}
