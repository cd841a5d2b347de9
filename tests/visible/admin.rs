//! The pages over HTTP, as a probe or a browser gets them.

use std::net::SocketAddr;
use std::time::Duration;

use callsheet::admin::{Admin, AdminError};
use callsheet::observe::Observer;
use callsheet_tests::rpc::shop::orders::v1::OrdersClient;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::chain::{SECRET, client, registry, serve, wish};

/// Sends `head` as it is; gives the status and the body.
async fn send(at: SocketAddr, head: String) -> (u16, String) {
    let mut stream = TcpStream::connect(at).await.unwrap();
    // It may be refused before all of it is sent.
    let _ = stream.write_all(head.as_bytes()).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    let answer = String::from_utf8(answer).unwrap();
    let status = answer.get(9..12).map_or(0, |code| code.parse().unwrap());
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    (status, body.to_owned())
}

async fn get(at: SocketAddr, path: &str) -> (u16, String) {
    send(at, format!("GET {path} HTTP/1.1\r\nHost: {at}\r\n\r\n")).await
}

async fn json(at: SocketAddr, path: &str) -> Value {
    let (status, body) = get(at, path).await;
    assert_eq!(status, 200, "{body}");
    serde_json::from_str(&body).unwrap()
}

const PAGES: [&str; 10] = [
    "/",
    "/metrics",
    "/healthz",
    "/readyz",
    "/services",
    "/instances",
    "/connections",
    "/breakers",
    "/config",
    "/calls",
];

#[tokio::test]
async fn every_page_tells_what_there_is_and_no_page_tells_a_secret() {
    let observer = Observer::new().prometheus();
    let registry = registry().await;
    let server = serve(&registry, None, &observer).await;
    let client = client(&registry, &observer)
        .timeout(Duration::from_secs(7))
        .build();
    let orders = OrdersClient::new(&client);
    let admin = Admin::bind("127.0.0.1:0")
        .client(&client)
        .server(&server)
        .start()
        .await
        .unwrap();
    let at = admin.address();
    orders
        .place(wish())
        .metadata("authorization", SECRET)
        .await
        .unwrap();
    orders.get(2).await.unwrap_err();

    let instance = server.addresses()[0].to_string();
    let services = json(at, "/services").await;
    assert_eq!(services["called"][0]["service"], "shop.orders.Orders");
    assert_eq!(services["called"][0]["freshness"], "current");
    assert_eq!(services["called"][0]["instances"], 1);
    assert_eq!(services["served"][0]["state"], "serving");
    let instances = json(at, "/instances").await;
    assert_eq!(instances[0]["address"], *instance);
    assert_eq!(instances[0]["standing"], "good");
    let connections = json(at, "/connections").await;
    assert_eq!(connections["client"][0]["open"], 1);
    assert_eq!(connections["server"].as_array().unwrap().len(), 1);
    assert_eq!(json(at, "/breakers").await[0]["instance"], *instance);

    let config = json(at, "/config").await;
    let methods = config.as_array().unwrap();
    let is_place =
        |it: &&Value| it["side"] == "client" && it["method"] == "shop.orders.v1.Orders/place";
    let place = methods.iter().find(is_place).unwrap();
    let settings = place["settings"].as_array().unwrap();
    let timeout = settings.iter().find(|it| it["key"] == "timeout").unwrap();
    assert_eq!(timeout["value"], "7s");
    assert_eq!(timeout["place"], "code (ClientBuilder::timeout)");

    let is_served = |it: &&Value| it["side"] == "server" && it["method"] == place["method"];
    let served = methods.iter().find(is_served).unwrap();
    assert_eq!(served["settings"].as_array().unwrap().len(), settings.len());

    let calls = json(at, "/calls").await;
    let calls = calls.as_array().unwrap();
    let failed = |it: &&Value| it["side"] == "client" && it["code"] == "failed_precondition";
    let failed = calls.iter().find(failed).unwrap();
    assert_eq!(failed["tries"][0]["instance"], *instance);
    let why = failed["tries"][0]["why"].as_str().unwrap();
    assert!(why.starts_with("first: p2c among 1"), "{why}");
    assert!(calls.iter().any(|it| it["side"] == "server"));

    let (_, metrics) = get(at, "/metrics").await;
    assert!(metrics.contains("callsheet_client_calls_total{"));
    for page in PAGES {
        for format in ["json", "text"] {
            let (status, body) = get(at, &format!("{page}?format={format}")).await;
            assert_eq!(status, 200, "{page}: {body}");
            assert!(!body.is_empty() && !body.contains(SECRET), "{page}: {body}");
        }
    }
    let (_, text) = get(at, "/calls?format=text").await;
    assert!(text.contains("code=failed_precondition"), "{text}");
}

#[tokio::test]
async fn a_server_that_leaves_is_not_ready() {
    let registry = registry().await;
    let server = serve(&registry, None, &Observer::new()).await;
    let admin = Admin::bind("127.0.0.1:0")
        .server(&server)
        .start()
        .await
        .unwrap();
    let at = admin.address();
    server.listed().await;
    assert_eq!(get(at, "/readyz").await.0, 200);
    server.shutdown().await;
    let (status, why) = get(at, "/readyz").await;
    assert_eq!(status, 503);
    assert!(why.contains("ended, not listed"), "{why}");
    assert_eq!(get(at, "/healthz").await.0, 200);
}

#[tokio::test]
async fn only_get_only_by_address_and_only_small_heads() {
    let admin = Admin::bind("127.0.0.1:0").start().await.unwrap();
    let at = admin.address();
    assert_eq!(get(at, "/nothing").await.0, 404);
    assert_eq!(get(at, "/calls?format=xml").await.0, 400);
    let post = format!("POST /calls HTTP/1.1\r\nHost: {at}\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(send(at, post).await.0, 405);
    let rebound = "GET /calls HTTP/1.1\r\nHost: evil.example\r\n\r\n";
    let (status, why) = send(at, rebound.into()).await;
    assert_eq!(status, 403, "{why}");
    let filler = "x".repeat(64 * 1024);
    let large = format!("GET / HTTP/1.1\r\nHost: {at}\r\nX: {filler}\r\n\r\n");
    assert_ne!(send(at, large).await.0, 200);
    let many = "X-Many: 1\r\n".repeat(100);
    let many = format!("GET / HTTP/1.1\r\nHost: {at}\r\n{many}\r\n");
    assert_ne!(send(at, many).await.0, 200);
    assert_eq!(send(at, "\u{0}\u{0}\r\n\r\n".into()).await.0, 400);
}

#[tokio::test]
async fn whoever_can_be_reached_from_outside_needs_a_token() {
    let error = Admin::bind("0.0.0.0:0").start().await.unwrap_err();
    assert!(matches!(error, AdminError::Unguarded { length: 0, .. }));
    assert_eq!(
        error.to_string(),
        "Admin::bind(0.0.0.0:0) can be reached from outside: bind a loopback address, or set Admin::token"
    );
    let short = Admin::bind("0.0.0.0:0").token("short").start().await;
    assert!(matches!(
        short.unwrap_err(),
        AdminError::Unguarded { length: 5, .. }
    ));
    let wrong = Admin::bind("orders:9900").start().await.unwrap_err();
    assert!(wrong.to_string().contains("127.0.0.1:9900"), "{wrong}");
}

#[tokio::test]
async fn with_a_token_only_probes_go_without() {
    let token = "0123456789abcdef";
    let admin = Admin::bind("127.0.0.1:0")
        .token(token)
        .start()
        .await
        .unwrap();
    let at = admin.address();
    assert_eq!(get(at, "/calls").await.0, 401);
    assert_eq!(get(at, "/healthz").await.0, 200);
    let with = |token: &str| {
        format!("GET /calls HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n\r\n")
    };
    assert_eq!(send(at, with("0123456789abcdeX")).await.0, 401);
    assert_eq!(send(at, with(token)).await.0, 200);
}

#[tokio::test]
async fn pages_end_with_what_started_them() {
    let admin = Admin::bind("127.0.0.1:0").start().await.unwrap();
    let at = admin.address();
    drop(admin);
    let mut tries = 0;
    while TcpStream::connect(at).await.is_ok() {
        tries += 1;
        assert!(tries < 1_000, "still there");
        tokio::task::yield_now().await;
    }
}
