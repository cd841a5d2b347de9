//! Whole calls on the default path, and the two halves of it: a client that only plans, a server that only answers.

use std::fmt::Write as _;
use std::future::Future as _;
use std::pin::pin;
use std::task::{Context, Waker};
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use callsheet::Rope;
use callsheet::conn::{Call, Config, Connection, Event, Outbox, StreamId};
use callsheet::wire::Route;
use callsheet::{Client, Metadata, Server, registry, server};
use callsheet_micro::rpc::gauge::Parcel;
use callsheet_micro::rpc::gauge::v1::{GaugeClient, GaugeServer};
use callsheet_micro::service::Echo;
use divan::Bencher;
use divan::counter::ItemsCount;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;

/// A server, and a client that has called it.
struct Rig {
    runtime: Runtime,
    running: server::Running,
    gauge: GaugeClient,
    parcel: Parcel,
}

impl Rig {
    fn new(bind: &str) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let (running, gauge) = runtime.block_on(async {
            let running = Server::bind(bind)
                .add(GaugeServer::new(Echo::start()))
                .start()
                .await
                .unwrap();
            let address = format!("static:{}", running.addresses()[0]);
            let registry = registry::connect(&address).await.unwrap();
            let client = Client::builder()
                .registry(&registry)
                .connections_per_server(1)
                .build();
            (running, GaugeClient::new(&client))
        });
        let payload = Bytes::from_static(&[7; 16]);
        let rig = Self {
            runtime,
            running,
            gauge,
            parcel: Parcel { payload },
        };
        rig.runtime
            .block_on(async { rig.gauge.echo(rig.parcel.clone()).await })
            .unwrap();
        rig
    }

    fn end(self) {
        self.runtime.block_on(self.running.shutdown());
    }
}

/// A call that is planned, and dropped before it is on its way.
#[divan::bench]
fn plan(bencher: Bencher<'_, '_>) {
    let rig = Rig::new("memory:plan");
    bencher.bench_local(|| drop(rig.gauge.echo(rig.parcel.clone())));
    rig.end();
}

/// So many calls at once, over a transport without a kernel.
#[divan::bench(args = [1, 64])]
fn calls(bencher: Bencher<'_, '_>, at_once: usize) {
    let rig = Rig::new(&format!("memory:calls-{at_once}"));
    bencher.counter(ItemsCount::new(at_once)).bench_local(|| {
        rig.runtime.block_on(async {
            let started: Vec<_> = (0..at_once)
                .map(|_| rig.gauge.echo(rig.parcel.clone()).start())
                .collect();
            for call in started {
                call.await.unwrap();
            }
        });
    });
    rig.end();
}

/// Requests as they lie on the wire, so many in one write, until the last reply is read: reading, finding the method,
/// decoding, the handler, encoding and writing of the server, and of the client as little as can be.
#[divan::bench(args = [1, 64])]
#[expect(
    clippy::disallowed_methods,
    reason = "a machine starts at some instant"
)]
fn dispatch(bencher: Bencher<'_, '_>, at_once: usize) {
    let rig = Rig::new("127.0.0.1:0");
    let address = rig.running.addresses()[0].to_string();
    let address = address.trim_start_matches("tcp://").to_owned();
    let mut stream = rig.runtime.block_on(TcpStream::connect(address)).unwrap();
    let now = Instant::now();
    let mut client = Connection::client(Config::default(), now);
    let mut input = BytesMut::new();
    let mut out = Outbox::new();
    let route = std::sync::Arc::new(Route::new("gauge.v1.Gauge/echo", "", "protobuf").unwrap());
    let metadata = Metadata::new();
    let body = Rope::from(Bytes::from_static(b"\x0A\x107777777777777777"));
    let mut opened = 0;
    let mut round = |calls: usize| {
        rig.runtime.block_on(async {
            for _ in 0..calls {
                let call = Call {
                    route: &route,
                    deadline: None,
                    attempt: 0,
                    one_way: false,
                    metadata: &metadata,
                    body: Some(&body),
                    last: true,
                };
                opened += 1;
                client.open(StreamId::new(opened), &call, now).unwrap();
            }
            let mut waiting = calls.max(1);
            loop {
                if client.transmit(&mut out, 256 << 10) {
                    stream.write_all_buf(&mut out).await.unwrap();
                }
                while let Some(event) = client.next_event() {
                    match event {
                        Event::Ready => waiting -= 1,
                        Event::Ended { outcome, .. } => {
                            assert!(outcome.is_ok());
                            waiting -= 1;
                        }
                        _ => {}
                    }
                }
                if waiting == 0 {
                    return;
                }
                assert!(stream.read_buf(&mut input).await.unwrap() > 0);
                client.receive(&mut input, now);
            }
        });
    };
    // The handshake alone.
    round(0);
    bencher
        .counter(ItemsCount::new(at_once))
        .bench_local(|| round(at_once));
    rig.end();
}

/// The first call of a client among so many instances, until it waits for its connection: who may answer is worked out
/// as with each change of the registry's list.
#[divan::bench(args = [3, 100, 10_000])]
fn first_of_a_fleet(bencher: Bencher<'_, '_>, instances: usize) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let mut address = String::from("static:");
    for index in 0..instances {
        let between = if index == 0 { "" } else { "," };
        write!(address, "{between}unix:/nowhere/{index}.sock").unwrap();
    }
    let _entered = runtime.enter();
    let registry = runtime.block_on(registry::connect(&address)).unwrap();
    let gauge = GaugeClient::new(&Client::builder().registry(&registry).build());
    let parcel = Parcel {
        payload: Bytes::from_static(&[7; 16]),
    };
    bencher.bench_local(|| {
        // With a table of its own.
        let gauge = gauge.clone().with_any_group();
        let call = pin!(gauge.echo(parcel.clone()).into_future());
        let waits = call.poll(&mut Context::from_waker(Waker::noop()));
        assert!(waits.is_pending());
    });
}
