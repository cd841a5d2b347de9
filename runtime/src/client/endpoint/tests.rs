//! Servers by hand, on a clock that stands still until everybody waits.

use std::collections::BTreeMap;
use std::io;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::conn::{self, Connection, Outbox};
use crate::contract::MethodKind;
use crate::link::{self, Exchange, Request};
use crate::metadata::Metadata;
use crate::registry::BoxFuture;
use crate::rope::Rope;
use crate::transport::{Accept, BoxIo, Listener, Stream, Transport};
use crate::wire::Route;

fn now() -> std::time::Instant {
    Instant::now().into_std()
}

fn endpoint(address: &Address, seed: u64) -> Arc<Endpoint> {
    let settings = settings(&Arc::default());
    Arc::new(Endpoint::new(address, settings, Handle::current(), seed))
}

fn settings(awaited: &Arc<AtomicUsize>) -> Settings {
    Settings {
        per_server: 2,
        link: link::Config::default(),
        awaited: Arc::clone(awaited),
    }
}

async fn listener(name: &str) -> Listener {
    Listener::bind(&format!("memory:{name}").parse().unwrap())
        .await
        .unwrap()
}

/// A connection to a server that answers when it is told to.
struct Peer {
    stream: Stream,
    machine: Connection,
}

impl Peer {
    /// Accepts, and agrees on the protocol.
    async fn accept(listener: &mut Listener) -> Self {
        let (stream, _) = listener.accept().await.unwrap();
        let machine = Connection::server(conn::Config::default(), now());
        let mut peer = Self { stream, machine };
        peer.turn().await;
        peer
    }

    /// Takes what has come, and says what there is to say to it.
    async fn turn(&mut self) {
        let mut bytes = BytesMut::new();
        self.stream.read_buf(&mut bytes).await.unwrap();
        self.machine.receive(&mut bytes, now());
        let mut out = Outbox::new();
        self.machine.transmit(&mut out, usize::MAX);
        self.stream.write_all_buf(&mut out).await.unwrap();
    }
}

fn call(link: &Link) -> Exchange {
    link.call(Request {
        route: Arc::new(Route::new("test.v1.Echo/echo", "", "protobuf").unwrap()),
        kind: MethodKind::Unary,
        deadline: None,
        attempt: 0,
        metadata: Metadata::new(),
        body: Rope::default(),
        again: None,
    })
}

/// What balancers know of an instance that answers there.
fn load(endpoint: &Endpoint) -> Arc<Load> {
    let load = Arc::default();
    endpoint.serves(&load);
    load
}

/// Waits until the server stands so; how long that took.
async fn stands(endpoint: &Endpoint, standing: Standing) -> Duration {
    let start = Instant::now();
    let load = load(endpoint);
    while load.standing() != standing {
        tokio::time::sleep(Duration::from_millis(1)).await;
        assert!(start.elapsed().as_secs() < 60, "it never is {standing:?}");
    }
    start.elapsed()
}

#[tokio::test(start_paused = true)]
async fn a_server_that_falls_silent_is_asked_last_until_it_is_heard_of() {
    let mut listener = listener("endpoint-silent").await;
    let endpoint = endpoint(listener.address(), 1);
    let (link, mut peer) = tokio::join!(endpoint.connect(), Peer::accept(&mut listener));
    let _waiting = call(&link.unwrap());
    let passed = stands(&endpoint, Standing::Suspect).await;
    assert!(passed < Duration::from_millis(650), "{passed:?}");
    assert!(endpoint.link().is_some(), "it can still be asked");
    peer.turn().await;
    stands(&endpoint, Standing::Good).await;
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_is_silent_is_left_alone_where_another_is_not() {
    let mut listener = listener("endpoint-one-silent").await;
    let endpoint = endpoint(listener.address(), 1);
    let (first, mut silent) = tokio::join!(endpoint.connect(), Peer::accept(&mut listener));
    let waiting: Vec<_> = (0..SPREAD).map(|_| call(first.as_ref().unwrap())).collect();
    endpoint.link().unwrap();
    let _other = Peer::accept(&mut listener).await;
    stands(&endpoint, Standing::Suspect).await;
    for _ in 0..2 * SPREAD {
        assert!(!endpoint.link().unwrap().is_silent());
    }
    silent.turn().await;
    stands(&endpoint, Standing::Good).await;
    drop(waiting);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_was_lost_is_found_again_though_nobody_asks_it() {
    let mut listener = listener("endpoint-lost").await;
    let address = listener.address().clone();
    let endpoint = endpoint(&address, 1);
    let (link, peer) = tokio::join!(endpoint.connect(), Peer::accept(&mut listener));
    drop((peer, listener));
    stands(&endpoint, Standing::Down).await;
    assert!(!link.unwrap().is_usable());
    tokio::time::sleep(Duration::from_secs(60)).await;
    let mut listener = Listener::bind(&address).await.unwrap();
    let start = Instant::now();
    let _peer = Peer::accept(&mut listener).await;
    assert!(start.elapsed() <= LONGEST_PAUSE);
    stands(&endpoint, Standing::Good).await;
}

#[tokio::test(start_paused = true)]
async fn a_server_that_leaves_is_not_asked_and_waits_for_nobody() {
    let mut listener = listener("endpoint-leaving").await;
    let endpoint = endpoint(listener.address(), 1);
    let (link, mut peer) = tokio::join!(endpoint.connect(), Peer::accept(&mut listener));
    let link = link.unwrap();
    let _waiting = call(&link);
    peer.turn().await;
    peer.machine.go_away("a new release");
    let mut out = Outbox::new();
    peer.machine.transmit(&mut out, usize::MAX);
    peer.stream.write_all_buf(&mut out).await.unwrap();
    stands(&endpoint, Standing::Down).await;
    assert_eq!(link.in_flight(), 1, "what was accepted goes on");
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_takes_long_is_told_of_before_it_is_over() {
    let listener = listener("endpoint-mute").await;
    let endpoint = endpoint(listener.address(), 1);
    let connecting = tokio::spawn({
        let endpoint = Arc::clone(&endpoint);
        async move { endpoint.connect().await }
    });
    let passed = stands(&endpoint, Standing::Suspect).await;
    assert!(passed >= LATE && passed < 2 * LATE, "{passed:?}");
    let status = connecting.await.unwrap().unwrap_err();
    assert_eq!(status.phase(), Phase::Handshake);
    insta::assert_snapshot!(status, @"unavailable: connected, but no word from the server within 3s (phase handshake, endpoint memory:endpoint-mute, see ClientBuilder::connect_timeout)");
    assert_eq!(load(&endpoint).standing(), Standing::Down);
}

#[tokio::test(start_paused = true)]
async fn a_new_process_at_an_address_is_tried_at_once() {
    let address: Address = "memory:endpoint-reborn".parse().unwrap();
    let endpoint = endpoint(&address, 1);
    endpoint.started(1_000);
    endpoint.connect().await.unwrap_err();
    // The pauses have become long.
    tokio::time::sleep(Duration::from_secs(60)).await;
    let mut listener = Listener::bind(&address).await.unwrap();
    endpoint.started(999);
    assert_eq!(load(&endpoint).standing(), Standing::Down);
    let start = Instant::now();
    endpoint.started(2_000);
    assert_eq!(load(&endpoint).standing(), Standing::Good);
    Peer::accept(&mut listener).await;
    assert_eq!(start.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn clients_that_lose_a_server_together_come_back_apart() {
    const CLIENTS: u64 = 200;
    let mut listener = listener("endpoint-herd").await;
    let address = listener.address().clone();
    let mut endpoints = Vec::new();
    let mut peers = Vec::new();
    for seed in 0..CLIENTS {
        let endpoint = endpoint(&address, seed);
        let (link, peer) = tokio::join!(endpoint.connect(), Peer::accept(&mut listener));
        link.unwrap();
        endpoints.push(endpoint);
        peers.push(peer);
    }
    tokio::time::sleep(LONGEST_PAUSE).await;
    peers.clear();
    let start = Instant::now();
    let mut back = BTreeMap::<_, u32>::new();
    for _ in 0..CLIENTS {
        peers.push(Peer::accept(&mut listener).await);
        *back.entry(start.elapsed().as_millis()).or_default() += 1;
    }
    let (first, last) = (back.keys().next().unwrap(), back.keys().last().unwrap());
    assert!(*first >= 10 && *last <= 21, "{back:?}");
    let most = back.values().max().unwrap();
    assert!(*most < 50, "{back:?}");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_nobody_lists_is_not_tried_again() {
    let address: Address = "memory:endpoint-retired".parse().unwrap();
    let endpoint = endpoint(&address, 1);
    endpoint.connect().await.unwrap_err();
    endpoint.drain();
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert!(!endpoint.lock().mending);
}

/// A way that leads nowhere, and counts who tried it.
#[derive(Clone, Default)]
struct Nowhere(Arc<AtomicUsize>);

impl Transport for Nowhere {
    fn scheme(&self) -> &'static str {
        "nowhere"
    }

    fn connect<'a>(&'a self, _: &'a str) -> BoxFuture<'a, io::Result<BoxIo>> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Box::pin(async { Err(io::ErrorKind::ConnectionRefused.into()) })
    }

    fn listen<'a>(&'a self, _: &'a str) -> BoxFuture<'a, io::Result<Box<dyn Accept>>> {
        Box::pin(async { Err(io::ErrorKind::Unsupported.into()) })
    }
}

/// How often servers that are nowhere are tried in a minute, all taken together, and what is left of them when nobody wants
/// them any more.
async fn attempts(servers: u64) -> (usize, usize) {
    const MINUTE: Duration = Duration::from_secs(60);
    let nowhere = Nowhere::default();
    let awaited = Arc::default();
    let mut settings = settings(&awaited);
    settings.link.transports = settings.link.transports.with(nowhere.clone());
    let mut endpoints = Vec::new();
    for number in 0..servers {
        let address: Address = format!("nowhere://{number}").parse().unwrap();
        let endpoint = Endpoint::new(&address, settings.clone(), Handle::current(), number);
        let endpoint = Arc::new(endpoint);
        endpoint.connect().await.unwrap_err();
        endpoints.push(endpoint);
    }
    tokio::time::sleep(MINUTE).await;
    let before = nowhere.0.load(Ordering::Relaxed);
    tokio::time::sleep(MINUTE).await;
    let attempts = nowhere.0.load(Ordering::Relaxed) - before;
    for endpoint in &endpoints {
        endpoint.drain();
    }
    tokio::time::sleep(MINUTE).await;
    (attempts, awaited.load(Ordering::Relaxed))
}

#[tokio::test(start_paused = true)]
async fn the_more_servers_are_awaited_the_less_often_each_is_tried() {
    let (few, left) = attempts(100).await;
    assert!((3000..=6100).contains(&few), "{few}");
    assert_eq!(left, 0);
    let (many, left) = attempts(3000).await;
    assert!((15_000..=33_000).contains(&many), "{many}");
    assert_eq!(left, 0);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_greets_and_hangs_up_is_tried_ever_less() {
    let mut listener = listener("endpoint-revolving").await;
    let endpoint = endpoint(listener.address(), 1);
    let connecting = Arc::clone(&endpoint);
    drop(tokio::spawn(async move { connecting.connect().await }));
    let start = Instant::now();
    for _ in 0..20 {
        Peer::accept(&mut listener).await;
    }
    assert!(start.elapsed() > 5 * LONGEST_PAUSE, "{:?}", start.elapsed());
}
