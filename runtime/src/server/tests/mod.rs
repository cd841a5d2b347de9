//! Servers and links against each other, with handlers written by hand.

mod admission;
mod calls;
mod deaf;
mod ends;
mod notices;
mod one_way;
mod placement;
mod shutdown;
mod streams;

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bytes::Bytes;
use prost::Message;
use tokio::sync::{mpsc, oneshot};

use super::{Running, Server};
use crate::context::Context;
use crate::contract::{MethodDescriptor, MethodKind, Policy, ServiceDescriptor};
use crate::error::Error;
use crate::link::{BodyReceiver, Config, Exchange, Link, Request};
use crate::metadata::Metadata;
use crate::release::Release;
use crate::rope::Rope;
use crate::schema::Schema;
use crate::service::{Answer, Handler, Incoming, Offer};
use crate::status::Status;
use crate::streaming::Streaming;
use crate::wire::Route;

const RELEASES: [Release; 2] = [Release::new(1, 0), Release::new(1, 1)];

macro_rules! method {
    ($index:expr, $name:literal, $kind:ident, $since:expr) => {
        MethodDescriptor {
            service: "test.Echo",
            name: $name,
            path: concat!("test.v1.Echo/", $name),
            index: $index,
            since: RELEASES[$since],
            kind: MethodKind::$kind,
            request: "google.protobuf.StringValue",
            reply: "google.protobuf.StringValue",
            policy: Policy::UNSET,
        }
    };
}

/// Messages are `StringValue`, which prost reads and writes as `String`.
pub(super) static ECHO: ServiceDescriptor = ServiceDescriptor {
    name: "test.Echo",
    release: RELEASES[1],
    releases: &RELEASES,
    groups: &["blue", "green"],
    open_groups: false,
    methods: &[
        method!(0, "echo", Unary, 0),
        method!(1, "hang", Unary, 0),
        method!(2, "count", ServerStream, 0),
        method!(3, "join", ClientStream, 0),
        method!(4, "chat", BidiStream, 0),
        method!(5, "note", OneWay, 0),
        method!(6, "panic", Unary, 0),
        method!(7, "panic_later", Unary, 0),
        method!(8, "context", Unary, 0),
        method!(9, "newer", Unary, 1),
        method!(10, "later", Unary, 0),
        method!(11, "work", OneWay, 0),
        method!(12, "ask", Unary, 0),
    ],
    schema: &Schema::new(&[], &[]),
};

/// What handlers tell the test.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Heard {
    Note(String),
    Hanging,
    Dropped,
}

pub(super) struct Echo {
    heard: mpsc::UnboundedSender<Heard>,
    calls: Arc<AtomicU32>,
}

/// Tells when the future that holds it is dropped.
struct Told(mpsc::UnboundedSender<Heard>);

impl Drop for Told {
    fn drop(&mut self) {
        let _ = self.0.send(Heard::Dropped);
    }
}

impl Handler for Echo {
    fn call(&self, method: usize, call: Incoming) -> Answer {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let heard = self.heard.clone();
        match method {
            0 | 9 => call.unary(async |text: String| Ok::<_, Error>(text)),
            1 => call.unary(move |_: String| async move {
                let told = Told(heard.clone());
                heard.send(Heard::Hanging).unwrap();
                std::future::pending::<()>().await;
                drop(told);
                Ok::<String, Error>(String::new())
            }),
            2 => call.server_stream(async |last: String| {
                let last: u32 = last
                    .parse()
                    .map_err(|_| Error::from(Status::invalid_argument("say how far to count")))?;
                Ok::<_, Error>(Streaming::from((1..=last).map(|count| count.to_string())))
            }),
            3 => call.client_stream(async |parts: Streaming<String>| {
                Ok::<_, Error>(parts.collect().await?.concat())
            }),
            4 => call.bidi_stream(move |mut questions: Streaming<String>| async move {
                let told = Told(heard);
                let (sender, answers) = Streaming::channel(1);
                tokio::spawn(async move {
                    let _told = told;
                    while let Some(Ok(question)) = questions.next().await {
                        if sender.send(format!("{question}?")).await.is_err() {
                            return;
                        }
                    }
                });
                Ok::<Streaming<String>, Error>(answers)
            }),
            5 => call.one_way(move |text: String| async move {
                heard.send(Heard::Note(text)).unwrap();
                Ok::<_, Error>(())
            }),
            6 => call.unary(async |text: String| -> Result<String, Error> { panic!("{text}") }),
            7 => call.unary(async |text: String| -> Result<String, Error> {
                tokio::task::yield_now().await;
                panic!("{text}")
            }),
            8 => call.unary(async |_: String| {
                let context = Context::current().unwrap();
                context.append_trailer("served-by", "echo").unwrap();
                let tenant = context.metadata().text("tenant").unwrap_or("none");
                Ok::<_, Error>(format!(
                    "{} for {tenant} at {}, deadline {}",
                    context.method().unwrap(),
                    context.peer().unwrap(),
                    context.deadline().is_some()
                ))
            }),
            10 => call.unary(async |text: String| {
                tokio::task::yield_now().await;
                Ok::<_, Error>(text)
            }),
            11 => call.one_way(move |seconds: String| async move {
                let told = Told(heard.clone());
                heard.send(Heard::Hanging).unwrap();
                // Those whom it asks take too long.
                let fails = seconds.ends_with('!');
                let seconds = seconds.trim_end_matches('!').parse().unwrap();
                tokio::time::sleep(Duration::from_secs(seconds)).await;
                heard.send(Heard::Note("done".into())).unwrap();
                drop(told);
                let failed = fails.then(|| Status::deadline_exceeded("no time is left"));
                failed.map_or(Ok::<_, Error>(()), |status| Err(status.into()))
            }),
            12 => call.unary(async |text: String| {
                let (answer, answered) = oneshot::channel();
                tokio::spawn(async move { answer.send(text) });
                Ok::<_, Error>(answered.await.unwrap())
            }),
            _ => call.unknown_method(),
        }
    }
}

/// A server with one [`Echo`].
pub(super) struct Rig {
    pub(super) running: Running,
    pub(super) heard: mpsc::UnboundedReceiver<Heard>,
    pub(super) calls: Arc<AtomicU32>,
}

pub(super) fn echo() -> (Offer, mpsc::UnboundedReceiver<Heard>, Arc<AtomicU32>) {
    let (sender, heard) = mpsc::unbounded_channel();
    let calls = Arc::<AtomicU32>::default();
    let echo = Echo {
        heard: sender,
        calls: Arc::clone(&calls),
    };
    (Offer::new(&ECHO, echo), heard, calls)
}

/// Starts it on a name of this process that no other test has.
pub(super) async fn rig(name: &str) -> Rig {
    rig_with(&format!("memory:{name}"), |server| server).await
}

pub(super) async fn rig_with(bind: &str, set: impl FnOnce(Server) -> Server) -> Rig {
    let (offer, heard, calls) = echo();
    let running = set(Server::bind(bind).add(offer)).start().await.unwrap();
    Rig {
        running,
        heard,
        calls,
    }
}

impl Rig {
    pub(super) async fn link(&self) -> Link {
        self.link_with(&Config::default()).await
    }

    pub(super) async fn link_with(&self, config: &Config) -> Link {
        Link::connect(&self.running.addresses()[0], config)
            .await
            .unwrap()
    }
}

pub(super) fn route(method: &str, group: &str) -> Arc<Route> {
    Arc::new(Route::new(&format!("test.v1.Echo/{method}"), group, "protobuf").unwrap())
}

pub(super) fn request(method: &str, text: &str) -> Request {
    let kind = ECHO
        .methods
        .iter()
        .find(|known| known.name == method)
        .map_or(MethodKind::Unary, |known| known.kind);
    Request {
        route: route(method, ""),
        kind,
        deadline: None,
        attempt: 0,
        metadata: Metadata::new(),
        body: message(text),
        again: None,
    }
}

pub(super) fn message(text: &str) -> Rope {
    text.to_owned().encode_to_vec().into()
}

pub(super) fn text(body: Bytes) -> String {
    String::decode(body).unwrap()
}

pub(super) async fn reply(exchange: Exchange) -> Result<String, Status> {
    Ok(text(exchange.await?.body.expect("a reply").into_bytes()))
}

pub(super) async fn next(receiver: &mut BodyReceiver) -> Option<Result<String, Status>> {
    let body = poll_fn(|cx| receiver.poll_next(cx)).await?;
    Some(body.map(text))
}

/// A text of `length` bytes.
pub(super) fn long(length: usize) -> String {
    "0123456789abcdef".repeat(length / 16 + 1)[..length].to_owned()
}

pub(super) fn now() -> std::time::Instant {
    tokio::time::Instant::now().into_std()
}

/// What a future gives at its first poll.
pub(super) fn at_once<F: Future>(future: F) -> Option<F::Output> {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match std::pin::pin!(future).poll(&mut context) {
        std::task::Poll::Ready(output) => Some(output),
        std::task::Poll::Pending => None,
    }
}
