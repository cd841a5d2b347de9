//! The cases that are counted: how many calls or messages of what, on the default path, on one thread.
//!
//! Server and client share a thread and speak over loopback TCP, so that the order of all that happens, and with it
//! what shares a write, is the same from run to run. For the same reason the clock stands still while calls are made: a
//! program that is counted is fifty times as slow, which deadlines and whoever learns how long calls take would notice. What
//! a look at the clock costs is another figure then: about a lock more.

use std::error::Error;
use std::sync::mpsc;

use bytes::Bytes;
use callsheet::{Client, Server, registry};

use crate::rpc::gauge::v1::{GaugeClient, GaugeServer};
use crate::rpc::gauge::{Parcel, Pour};
use crate::service::Echo;

/// One thing that is counted.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// As tables show it and the command line takes it.
    pub name: &'static str,
    /// How many calls or messages show what one costs: enough that the first ones, for which tables grow, do not matter.
    pub units: u64,
    what: What,
    /// Bytes of each payload.
    payload: usize,
}

#[derive(Clone, Copy, Debug)]
enum What {
    /// Calls whose handler answers at its first poll, so many of them in flight.
    Echo(u64),
    /// Calls whose handler waits for another task, so many of them in flight.
    Later(u64),
    /// Messages of one stream from the server.
    Down,
    /// Messages of one stream to the server.
    Up,
    /// Messages of one stream there and back.
    Both,
}

const fn case(name: &'static str, units: u64, what: What, payload: usize) -> Case {
    Case {
        name,
        units,
        what,
        payload,
    }
}

/// All of them. S is 16 bytes, K 1 KiB, L 64 KiB.
pub const CASES: [Case; 8] = [
    case("S-1", 1_600, What::Echo(1), 16),
    case("S-64", 6_400, What::Echo(64), 16),
    case("S-64-later", 6_400, What::Later(64), 16),
    case("K-64", 6_400, What::Echo(64), 1 << 10),
    case("L-64", 512, What::Echo(64), 64 << 10),
    case("stream-down", 6_400, What::Down, 100),
    case("stream-up", 6_400, What::Up, 100),
    case("stream-both", 6_400, What::Both, 100),
];

impl Case {
    /// Runs it with a server and a client of its own. `units` calls or messages; a multiple of 64.
    pub async fn run(self, units: u64) -> Result<(), Box<dyn Error>> {
        let running = Server::bind("127.0.0.1:0")
            .add(GaugeServer::new(Echo::start()))
            .start()
            .await?;
        let registry = registry::connect(&format!("static:{}", running.addresses()[0])).await?;
        let client = Client::builder()
            .registry(&registry)
            .connections_per_server(1)
            .build();
        let gauge = GaugeClient::new(&client);
        let (moves, stands) = mpsc::channel::<()>();
        // While there is such a task, a clock that stands does not leap to the next timer whenever all wait for a socket.
        let holding = tokio::task::spawn_blocking(move || stands.recv().is_err());
        tokio::time::pause();
        let called = self.call(&gauge, units).await;
        tokio::time::resume();
        drop(moves);
        holding.await?;
        running.shutdown().await;
        called
    }

    async fn call(self, gauge: &GaugeClient, units: u64) -> Result<(), Box<dyn Error>> {
        let parcel = Parcel {
            payload: Bytes::from(vec![7; self.payload]),
        };
        match self.what {
            What::Echo(in_flight) => {
                let callers = (0..in_flight).map(|_| {
                    let (gauge, parcel) = (gauge.clone(), parcel.clone());
                    tokio::spawn(async move {
                        for _ in 0..units / in_flight {
                            gauge.echo(parcel.clone()).await?;
                        }
                        Ok::<_, callsheet::Error>(())
                    })
                });
                for caller in callers.collect::<Vec<_>>() {
                    caller.await??;
                }
            }
            What::Later(in_flight) => {
                let callers = (0..in_flight).map(|_| {
                    let (gauge, parcel) = (gauge.clone(), parcel.clone());
                    tokio::spawn(async move {
                        for _ in 0..units / in_flight {
                            gauge.later(parcel.clone()).await?;
                        }
                        Ok::<_, callsheet::Error>(())
                    })
                });
                for caller in callers.collect::<Vec<_>>() {
                    caller.await??;
                }
            }
            What::Down => {
                let payload = parcel.payload;
                let messages = units;
                let mut parcels = gauge.down(Pour { messages, payload }).await?;
                while let Some(parcel) = parcels.next().await {
                    parcel?;
                }
            }
            What::Up => {
                let parcels = (0..units).map(move |_| parcel.clone());
                gauge.up(parcels).await?;
            }
            What::Both => {
                let parcels = (0..units).map(move |_| parcel.clone());
                let mut parcels = gauge.both(parcels).await?;
                while let Some(parcel) = parcels.next().await {
                    parcel?;
                }
            }
        }
        Ok(())
    }
}
