//! A transport of a third party: TCP on this machine under a scheme of its own, with every byte turned round on the way.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use callsheet::registry::{self, BoxFuture};
use callsheet::transport::{Accept, BoxIo, Transport};
use callsheet::{Client, Code, Server};
use callsheet_tests::rpc::shop::orders::v1::{OrdersClient, OrdersServer};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

use crate::shop::shop;

/// `turned://127.0.0.1:7000`
#[derive(Clone, Default)]
struct Turned {
    bytes: Arc<AtomicU64>,
}

impl Transport for Turned {
    fn scheme(&self) -> &'static str {
        "turned"
    }

    fn connect<'a>(&'a self, place: &'a str) -> BoxFuture<'a, io::Result<BoxIo>> {
        Box::pin(async move {
            let stream = TcpStream::connect(place).await?;
            let bytes = Arc::clone(&self.bytes);
            Ok(Box::new(Turning { stream, bytes }) as BoxIo)
        })
    }

    fn listen<'a>(&'a self, place: &'a str) -> BoxFuture<'a, io::Result<Box<dyn Accept>>> {
        Box::pin(async move {
            let listener = TcpListener::bind(place).await?;
            let place = listener.local_addr()?.to_string();
            let bytes = Arc::clone(&self.bytes);
            Ok(Box::new(Accepting {
                listener,
                place,
                bytes,
            }) as Box<dyn Accept>)
        })
    }
}

struct Accepting {
    listener: TcpListener,
    place: String,
    bytes: Arc<AtomicU64>,
}

impl Accept for Accepting {
    fn place(&self) -> &str {
        &self.place
    }

    fn accept(&mut self) -> BoxFuture<'_, io::Result<(BoxIo, String)>> {
        Box::pin(async {
            let (stream, peer) = self.listener.accept().await?;
            let bytes = Arc::clone(&self.bytes);
            Ok((
                Box::new(Turning { stream, bytes }) as BoxIo,
                peer.to_string(),
            ))
        })
    }
}

/// A connection that turns round what it carries, and counts it.
struct Turning {
    stream: TcpStream,
    bytes: Arc<AtomicU64>,
}

impl AsyncRead for Turning {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        for byte in &mut buf.filled_mut()[before..] {
            *byte = !*byte;
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Turning {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let turned: Vec<u8> = bytes.iter().map(|byte| !byte).collect();
        let written = ready!(Pin::new(&mut self.stream).poll_write(cx, &turned))?;
        self.bytes.fetch_add(written as u64, Ordering::Relaxed);
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[tokio::test]
async fn calls_travel_over_a_transport_of_ones_own() {
    let registry = registry::connect("memory:turned").await.unwrap();
    let turned = Turned::default();
    let server = Server::bind("turned://127.0.0.1:0")
        .transport(turned.clone())
        .add(OrdersServer::new(shop("a")))
        .register(&registry)
        .start()
        .await
        .unwrap();
    let address = server.addresses()[0].to_string();
    assert!(address.starts_with("turned://127.0.0.1:"), "{address}");
    let client = Client::builder()
        .registry(&registry)
        .transport(turned.clone())
        .build();
    let orders = OrdersClient::new(&client);
    assert_eq!(orders.get(7).await.unwrap().id, 7);
    assert!(turned.bytes.load(Ordering::Relaxed) > 0);
    // Errors name the address as it is listed.
    let error = orders.get(404).await.unwrap_err();
    assert_eq!(error.status().endpoint(), Some(&*address));
    server.shutdown().await;
}

#[tokio::test]
async fn who_lacks_a_transport_is_told_and_goes_where_there_is_a_way() {
    let server = Server::bind("turned://127.0.0.1:0").add(OrdersServer::new(shop("a")));
    let error = server.start().await.unwrap_err().to_string();
    assert!(error.contains("Server::transport"), "{error}");

    let registry = registry::connect("memory:turned-2").await.unwrap();
    let server = Server::bind("turned://127.0.0.1:0")
        .and_bind("127.0.0.1:0")
        .transport(Turned::default())
        .add(OrdersServer::new(shop("a")))
        .register(&registry)
        .start()
        .await
        .unwrap();
    // Its second address.
    let plain = OrdersClient::new(&Client::builder().registry(&registry).build());
    assert_eq!(plain.get(7).await.unwrap().id, 7);
    server.shutdown().await;

    let registry = registry::connect("static:turned://127.0.0.1:1")
        .await
        .unwrap();
    let lost = OrdersClient::new(&Client::builder().registry(&registry).build());
    assert_eq!(lost.get(7).await.unwrap_err().code(), Code::Unavailable);
}
