//! Unary and one-way calls: answers, errors, deadlines, cancellation, batching.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::*;
use crate::conn;
use crate::governance::{LimitSettings, Settings};
use crate::link::Config;
use crate::status::{Code, Phase, Progress};

async fn answers_over(bind: &str) {
    let rig = rig_with(bind, |server| server).await;
    let link = rig.link().await;
    for length in [0, 1, 40_000, 3 << 20] {
        let text = long(length);
        assert_eq!(
            reply(link.call(request("echo", &text))).await.unwrap(),
            text
        );
    }
    let report = rig.running.shutdown().await;
    assert_eq!((report.drained, report.cancelled), (0, 0));
}

#[tokio::test]
async fn small_and_large_messages_return_over_every_transport() {
    answers_over("memory:calls-answers").await;
    answers_over("127.0.0.1:0").await;
    #[cfg(unix)]
    {
        let folder = tempfile::tempdir().unwrap();
        answers_over(&format!("unix:{}/echo.sock", folder.path().display())).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_handler_sees_who_asks_and_sends_trailers() {
    let rig = rig("calls-context").await;
    let link = rig.link().await;
    let mut asked = request("context", "");
    asked.metadata.append("tenant", "a").unwrap();
    asked.deadline = Some(now() + Duration::from_secs(3));
    let answer = link.call(asked).await.unwrap();
    assert_eq!(
        text(answer.body.unwrap().into_bytes()),
        "test.v1.Echo/context for a at memory:calls-context, deadline true"
    );
    assert_eq!(answer.trailers.text("served-by"), Some("echo"));
}

#[tokio::test(start_paused = true)]
async fn one_way_calls_arrive_and_end_without_a_message() {
    let mut rig = rig("calls-one-way").await;
    let link = rig.link().await;
    let answer = link.call(request("note", "hear this")).await.unwrap();
    assert_eq!(answer.body, None);
    assert_eq!(
        rig.heard.recv().await,
        Some(Heard::Note("hear this".into()))
    );
}

#[tokio::test(start_paused = true)]
async fn dropping_an_exchange_drops_the_handler() {
    let mut rig = rig("calls-cancel").await;
    let link = rig.link().await;
    let exchange = link.call(request("hang", ""));
    assert_eq!(rig.heard.recv().await, Some(Heard::Hanging));
    assert_eq!(link.in_flight(), 1);
    drop(exchange);
    assert_eq!(rig.heard.recv().await, Some(Heard::Dropped));
    assert_eq!(link.in_flight(), 0);
    assert_eq!(reply(link.call(request("echo", "on"))).await.unwrap(), "on");
}

#[tokio::test(start_paused = true)]
async fn a_deadline_ends_the_call_and_drops_the_handler() {
    let mut rig = rig("calls-deadline").await;
    let link = rig.link().await;
    let mut late = request("hang", "");
    late.deadline = Some(now() + Duration::from_millis(200));
    let status = link.call(late).await.unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded);
    assert_eq!(rig.heard.recv().await, Some(Heard::Hanging));
    assert_eq!(rig.heard.recv().await, Some(Heard::Dropped));

    let calls = rig.calls.load(Ordering::Relaxed);
    let mut past = request("echo", "");
    past.deadline = Some(now());
    let status = link.call(past).await.unwrap_err();
    assert_eq!(
        (status.code(), status.progress()),
        (Code::DeadlineExceeded, Progress::NotStarted)
    );
    assert_eq!(rig.calls.load(Ordering::Relaxed), calls);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_waits_for_room_keeps_its_deadline_and_its_turn() {
    let mut config = Config::default();
    config.connection.limits.streams = 1;
    let mut rig = rig("calls-room").await;
    let link = rig.link_with(&config).await;
    let hanging = link.call(request("hang", ""));
    assert_eq!(rig.heard.recv().await, Some(Heard::Hanging));

    let mut late = request("echo", "late");
    late.deadline = Some(now() + Duration::from_millis(50));
    let late = link.call(late);
    let dropped = link.call(request("echo", "dropped"));
    let first = link.call(request("echo", "first"));
    let second = link.call(request("echo", "second"));
    assert_eq!(link.in_flight(), 5);
    let status = late.await.unwrap_err();
    assert_eq!(
        (status.code(), status.progress()),
        (Code::DeadlineExceeded, Progress::NotStarted)
    );
    drop(dropped);
    drop(hanging);
    assert_eq!(reply(second).await.unwrap(), "second");
    // It was opened before the second, and there is one stream at a time.
    assert_eq!(at_once(reply(first)).expect("answered").unwrap(), "first");
    assert_eq!(link.in_flight(), 0);
    assert_eq!(rig.calls.load(Ordering::Relaxed), 3);
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_internal_for_its_call_and_nothing_for_the_others() {
    let (tell, mut told) = mpsc::unbounded_channel();
    let mut rig = rig_with("memory:calls-panic", |server| {
        server.on_notice(move |notice| tell.send(notice.to_string()).unwrap())
    })
    .await;
    let link = rig.link().await;
    let other = link.call(request("hang", ""));
    assert_eq!(rig.heard.recv().await, Some(Heard::Hanging));
    for method in ["panic", "panic_later"] {
        let status = link.call(request(method, "secret")).await.unwrap_err();
        assert_eq!(status.code(), Code::Internal);
        assert!(!status.message().contains("secret"), "{status}");
        assert_eq!(
            told.recv().await.unwrap(),
            format!("the handler of test.v1.Echo/{method} panicked: secret")
        );
    }
    assert_eq!(reply(link.call(request("echo", "on"))).await.unwrap(), "on");
    drop(other);
    assert_eq!(rig.heard.recv().await, Some(Heard::Dropped));
}

#[tokio::test(start_paused = true)]
async fn what_is_not_there_says_what_is() {
    let rig = rig("calls-unknown").await;
    let link = rig.link().await;
    let ask = |path: &str, group: &str, codec: &str| {
        let mut asked = request("echo", "");
        asked.route = Arc::new(Route::new(path, group, codec).unwrap());
        let exchange = link.call(asked);
        async move {
            let status = exchange.await.unwrap_err();
            assert_eq!(
                (status.code(), status.progress()),
                (Code::Unimplemented, Progress::NotStarted)
            );
            status.message().to_owned()
        }
    };
    insta::assert_snapshot!(ask("test.v1.Echo/eco", "", "protobuf").await, @"no method `eco` on test.v1.Echo here; it has ask, chat, context, count, echo, hang, join, later, newer, note, panic, panic_later, …");
    insta::assert_snapshot!(ask("test.v2.Echo/echo", "", "protobuf").await, @"no service test.v2.Echo here; there is test.v1.Echo");
    insta::assert_snapshot!(ask("test.v1.Echo/echo", "red", "protobuf").await, @"test.Echo is not offered in group `red` here; it is in blue");
    // What else there is depends on the features that are compiled in.
    let codecs = ask("test.v1.Echo/echo", "blue", "morse").await;
    assert!(
        codecs.starts_with("no codec `morse` here; there is protobuf"),
        "{codecs}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_method_newer_than_the_announced_release_is_not_there() {
    let (offer, _, _) = echo();
    let running = Server::bind("memory:calls-release")
        .add(offer.release(RELEASES[0]))
        .start()
        .await
        .unwrap();
    let link = Link::connect(&running.addresses()[0], &Config::default())
        .await
        .unwrap();
    let status = link.call(request("newer", "")).await.unwrap_err();
    insta::assert_snapshot!(status.message(), @"test.v1.Echo/newer is there since release 1.1, and this server announces 1.0");
    assert_eq!(reply(link.call(request("echo", "a"))).await.unwrap(), "a");
}

#[tokio::test(start_paused = true)]
async fn what_the_peer_does_not_take_is_refused_before_it_is_sent() {
    let limits = conn::Limits {
        message: 1 << 10,
        ..conn::Limits::default()
    };
    let rig = rig_with("memory:calls-size", |server| server.limits(limits)).await;
    let link = rig.link().await;
    let status = link
        .call(request("echo", &long(4 << 10)))
        .await
        .unwrap_err();
    assert_eq!(
        (status.code(), status.progress(), status.phase()),
        (Code::ResourceExhausted, Progress::NotStarted, Phase::Local)
    );
    assert_eq!(reply(link.call(request("echo", "on"))).await.unwrap(), "on");
}

/// 64 callers, each with one call after the other, shared out among so many connections. Gives the writes of each side per
/// call, as its transports count them.
async fn writes_per_call(method: &'static str, bind: &str, connections: usize) -> (f64, f64) {
    const CALLERS: u32 = 64;
    const EACH: u32 = 50;
    // On a machine that is busy elsewhere calls may take long enough for some to be turned away.
    let unlimited = Settings::new().limit(LimitSettings::new().adaptive(false));
    let rig = rig_with(bind, |server| server.settings(unlimited)).await;
    let mut links = Vec::new();
    for _ in 0..connections {
        links.push(rig.link().await);
    }
    let writes = || {
        let client: u64 = links.iter().map(|link| link.traffic().writes).sum();
        (client, rig.running.traffic().writes)
    };
    let before = writes();
    let callers: Vec<_> = (0..CALLERS)
        .zip(links.iter().cycle())
        .map(|(caller, link)| {
            let link = link.clone();
            tokio::spawn(async move {
                for round in 0..EACH {
                    let text = format!("{caller} {round}");
                    assert_eq!(
                        reply(link.call(request(method, &text))).await.unwrap(),
                        text
                    );
                }
            })
        })
        .collect();
    for caller in callers {
        caller.await.unwrap();
    }
    let after = writes();
    let per_call =
        |writes: u64| f64::from(u32::try_from(writes).unwrap()) / f64::from(CALLERS * EACH);
    (per_call(after.0 - before.0), per_call(after.1 - before.1))
}

async fn check_writes_per_call(method: &'static str, bind: &str, connections: usize) {
    let (client, server) = writes_per_call(method, bind, connections).await;
    assert!(
        client <= 0.2 && server <= 0.2,
        "{method} over {connections} x {bind}: {client} writes of the client and {server} of the server per call"
    );
}

// On one thread: on several it is for the scheduler to say how many frames share a write.
#[tokio::test]
async fn bursts_become_one_write_each_way() {
    // Handlers that answer at once, that let others run first, and that wait for what another task sends.
    for method in ["echo", "later", "ask"] {
        for connections in [1, 4] {
            let memory = format!("memory:calls-burst-{method}-{connections}");
            check_writes_per_call(method, &memory, connections).await;
            check_writes_per_call(method, "127.0.0.1:0", connections).await;
        }
    }
}

// Here a task that another one wakes runs next, before those that could add to what it writes. Over memory a call would be
// over before the next caller has begun, so that no two were in flight.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn bursts_share_writes_where_the_woken_run_first() {
    let check = async {
        for (method, connections) in [
            ("echo", 1),
            ("echo", 4),
            ("later", 1),
            ("later", 4),
            ("ask", 1),
            ("ask", 4),
        ] {
            check_writes_per_call(method, "127.0.0.1:0", connections).await;
        }
    };
    tokio::spawn(check).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn small_calls_overtake_a_large_one() {
    let rig = rig("calls-overtake").await;
    let link = rig.link().await;
    let large = long(4_000_000);
    let exchange = tokio::spawn(reply(link.call(request("echo", &large))));
    for round in 0..20 {
        let text = round.to_string();
        assert_eq!(
            reply(link.call(request("echo", &text))).await.unwrap(),
            text
        );
        assert!(round > 10 || !exchange.is_finished(), "round {round}");
    }
    assert_eq!(exchange.await.unwrap().unwrap(), large);
}
