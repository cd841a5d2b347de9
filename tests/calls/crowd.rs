//! Many clients at the same moment.

use bytes::Buf as _;
use callsheet::conn::{Config, Connection, Outbox};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use crate::keeper::{Keeper, LIMIT, orders};

/// As many as a process may have with the usual 1024 file descriptors.
const CROWD: usize = 800;

#[tokio::test]
async fn a_crowd_that_comes_at_once_is_greeted_and_others_are_served() {
    let (_server, registry) = Keeper::serve("a").await;
    let orders = orders(&registry).await;
    orders.get(7).await.unwrap();
    let address = registry.replacen("static:tcp://", "", 1);
    let crowd: Vec<_> = (0..CROWD)
        .map(|_| {
            let address = address.clone();
            tokio::spawn(async move {
                let mut stream = TcpStream::connect(&address).await.unwrap();
                let now = Instant::now().into_std();
                let mut machine = Connection::client(Config::default(), now);
                let mut out = Outbox::new();
                machine.transmit(&mut out, usize::MAX);
                let preface = out.copy_to_bytes(out.remaining());
                stream.write_all(&preface).await.unwrap();
                stream.read_exact(&mut [0; 16]).await.unwrap();
                stream
            })
        })
        .collect();
    assert_eq!(orders.get(7).timeout(LIMIT).await.unwrap().id, 7);
    for one in crowd {
        timeout(LIMIT, one).await.expect("it is greeted").unwrap();
    }
}
