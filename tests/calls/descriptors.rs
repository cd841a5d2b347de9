//! Processes that have run out of file descriptors.

use std::net::TcpStream;

use crate::keeper::Keeper;
use crate::process::{Served, ask};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_without_descriptors_serves_on_and_recovers() {
    let mut served = Served::start("ulimit -n 24 && exec \"$@\"", "127.0.0.1:0");
    let channel = served.channel().await;
    assert_eq!(ask(&channel, 0, "before").await.unwrap(), "before");

    let address = served.address.replacen("tcp://", "", 1);
    let crowd: Vec<_> = (0..40)
        .map(|_| TcpStream::connect(&address).unwrap())
        .collect();
    let notice = served.line_with("notice: cannot accept connections on");
    assert!(notice.contains("Too many open files"), "{notice}");
    assert_eq!(ask(&channel, 0, "during").await.unwrap(), "during");
    // Further tries fail as well, and nobody is told again.
    let more: Vec<_> = (0..10)
        .map(|_| TcpStream::connect(&address).unwrap())
        .collect();
    assert_eq!(ask(&channel, 0, "on").await.unwrap(), "on");

    drop((crowd, more));
    let newcomer = served.channel().await;
    assert_eq!(ask(&newcomer, 0, "after").await.unwrap(), "after");
    served.signal("TERM");
    loop {
        let line = served.line_with("");
        assert!(!line.contains("cannot accept"), "told twice: {line}");
        if line.starts_with("shut down in") {
            break;
        }
    }
    assert!(served.wait().success());
}

#[tokio::test]
async fn a_client_without_descriptors_says_so_and_recovers() {
    let (_server, registry) = Keeper::serve("a").await;
    let mut client = Keeper::start_behind("ulimit -n 64 && exec \"$@\"", &["short", &registry]);
    let refused = client.line_with("short").await;
    assert!(
        refused.contains("Too many open files") && refused.contains("see ulimit -n"),
        "{refused}"
    );
    client.line_with("order 7").await;
    client.ends().await;
}
