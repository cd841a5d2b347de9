//! The end of a server's process. Connections go on while a test's own thread waits for a line of it.

use crate::process::{Served, ask};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_asked_to_end_drains_reports_and_exits_well() {
    for signal in ["TERM", "INT"] {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("echo.sock");
        let mut served = Served::start("exec \"$@\"", &format!("unix:{}", socket.display()));
        let channel = served.channel().await;
        assert_eq!(ask(&channel, 0, "hello").await.unwrap(), "hello");
        served.signal(signal);
        let report = served.line_with("shut down in");
        assert!(report.contains(" 0 cancelled"), "{report}");
        assert!(served.wait().success());
        assert!(!socket.exists(), "the socket file goes with its server");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_asked_twice_cancels_all_and_reports() {
    let mut served = Served::start("exec \"$@\"", "127.0.0.1:0");
    let channel = served.channel().await;
    let hanging = tokio::spawn(async move { ask(&channel, 1, "").no_timeout().await });
    served.line_with("hanging");
    served.signal("TERM");
    served.line_with("asked to end");
    served.signal("TERM");
    let report = served.line_with("shut down in");
    assert!(
        report.contains("as it was asked to end at once: 0 calls drained, 1 cancelled"),
        "{report}"
    );
    assert!(served.wait().success(), "the program has ended by itself");
    assert!(hanging.await.unwrap().is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_whose_only_thread_is_blocked_ends_when_it_is_asked_twice() {
    let mut served = Served::start("exec \"$@\"", "127.0.0.1:0");
    let channel = served.channel().await;
    let blocked = tokio::spawn(async move { ask(&channel, 2, "").no_timeout().await });
    served.line_with("blocking");
    served.signal("INT");
    // Two signals that come together may be one.
    served.signal("TERM");
    assert_eq!(served.wait().code(), Some(130));
    assert!(blocked.await.unwrap().is_err());
}
