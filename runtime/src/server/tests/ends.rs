//! How connections and servers end: GOAWAY, drain, limit, loss, idle peers, offers that contradict each other.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::Instant;

use super::*;
use crate::conn;
use crate::registry;
use crate::server::StartError;
use crate::status::{Code, Phase, Progress};
use crate::transport::{self, Address};

#[tokio::test(start_paused = true)]
async fn a_drain_lets_calls_in_flight_end_and_takes_no_new_ones() {
    let rig = rig("ends-drain").await;
    let link = rig.link().await;
    let mut exchange = link.call(request("chat", ""));
    let mut sender = exchange.take_sender().unwrap();
    let mut replies = exchange.take_receiver().unwrap();
    sender.send(message("before")).await.unwrap();
    assert_eq!(next(&mut replies).await.unwrap().unwrap(), "before?");

    let shutdown = tokio::spawn(rig.running.shutdown());
    while link.is_usable() {
        tokio::task::yield_now().await;
    }
    let status = link.call(request("echo", "")).await.unwrap_err();
    assert_eq!(
        (status.code(), status.progress()),
        (Code::Unavailable, Progress::NotStarted)
    );
    sender.send(message("after")).await.unwrap();
    assert_eq!(next(&mut replies).await.unwrap().unwrap(), "after?");
    sender.finish();
    assert!(next(&mut replies).await.is_none());

    let report = shutdown.await.unwrap();
    assert_eq!((report.drained, report.cancelled), (1, 0));
    assert_eq!(report.connections, 1);
    link.closed().await;
    let gone: Address = "memory:ends-drain".parse().unwrap();
    assert!(transport::connect(&gone).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_drain_ends_at_its_limit_whatever_handlers_and_peers_do() {
    let mut rig = rig_with("memory:ends-limit", |server| {
        server.drain_limit(Duration::from_secs(3))
    })
    .await;
    let link = rig.link().await;
    let hanging = link.call(request("hang", ""));
    assert_eq!(rig.heard.recv().await, Some(Heard::Hanging));
    // Two peers that never say anything: one before its preface, one in the middle of it.
    let address = rig.running.addresses()[0].clone();
    let _silent = transport::connect(&address).await.unwrap();
    let mut halting = transport::connect(&address).await.unwrap();
    halting.write_all(&[0xf5]).await.unwrap();
    while rig.running.connections() < 3 {
        tokio::task::yield_now().await;
    }

    let start = Instant::now();
    let report = rig.running.shutdown().await;
    assert!(start.elapsed() < Duration::from_secs(5));
    assert_eq!((report.drained, report.cancelled), (0, 1));
    assert_eq!(rig.heard.recv().await, Some(Heard::Dropped));
    let status = hanging.await.unwrap_err();
    assert_eq!(
        (status.code(), status.progress()),
        (Code::Unavailable, Progress::MaybeRun)
    );
    insta::assert_snapshot!(report, @"shut down in 3.0s, at its limit (Server::drain_limit): 0 calls drained, 1 cancelled, 0 refused, 3 connections closed");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_dropped_ends_its_calls() {
    let mut rig = rig("ends-drop").await;
    let link = rig.link().await;
    let hanging = link.call(request("hang", ""));
    assert_eq!(rig.heard.recv().await, Some(Heard::Hanging));
    drop(rig.running);
    assert_eq!(hanging.await.unwrap_err().code(), Code::Unavailable);
    assert_eq!(rig.heard.recv().await, Some(Heard::Dropped));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_vanishes_takes_its_handlers_with_it() {
    let mut rig = rig("ends-vanish").await;
    let link = rig.link().await;
    let hanging = link.call(request("hang", ""));
    assert_eq!(rig.heard.recv().await, Some(Heard::Hanging));
    link.close();
    assert_eq!(rig.heard.recv().await, Some(Heard::Dropped));
    assert_eq!(hanging.await.unwrap_err().code(), Code::Unavailable);
    let status = link.call(request("echo", "")).await.unwrap_err();
    assert_eq!(status.progress(), Progress::NotStarted);
    assert_eq!(status.endpoint(), Some("memory:ends-vanish"));
}

#[tokio::test(start_paused = true)]
async fn a_link_that_drains_finishes_its_calls_and_closes() {
    let rig = rig("ends-client-drain").await;
    let link = rig.link().await;
    let mut exchange = link.call(request("join", ""));
    let mut sender = exchange.take_sender().unwrap();
    sender.send(message("a")).await.unwrap();
    link.drain();
    assert!(!link.is_usable());
    sender.send(message("b")).await.unwrap();
    sender.finish();
    assert_eq!(reply(exchange).await.unwrap(), "ab");
    link.closed().await;
}

#[tokio::test(start_paused = true)]
async fn a_link_tells_a_sign_of_life_from_an_end() {
    let rig = rig("ends-ping").await;
    let link = rig.link().await;
    assert!(link.ping().await && link.ping().await);
    link.close();
    link.closed().await;
    assert!(!link.ping().await);
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_nobody_holds_ends() {
    let rig = rig("ends-nobody").await;
    let link = rig.link().await;
    reply(link.call(request("echo", "a"))).await.unwrap();
    assert_eq!(rig.running.connections(), 1);
    drop(link);
    while rig.running.connections() > 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_never_answers_the_preface_fails_the_handshake() {
    let address: Address = "memory:ends-mute".parse().unwrap();
    let mut listener = transport::Listener::bind(&address).await.unwrap();
    let config = Config::default();
    let (failed, accepted) = tokio::join!(Link::connect(&address, &config), listener.accept());
    drop(accepted);
    let status = failed.unwrap_err();
    assert_eq!(status.phase(), Phase::Handshake);
    assert_eq!(
        (status.code(), status.progress()),
        (Code::Unavailable, Progress::NotStarted)
    );
}

#[tokio::test(start_paused = true)]
async fn idle_connections_without_a_preface_are_closed() {
    let rig = rig("ends-idle").await;
    let mut idle = transport::connect(&rig.running.addresses()[0])
        .await
        .unwrap();
    let start = Instant::now();
    // The server says nothing to a peer that has not shown that it speaks the protocol.
    assert_eq!(idle.read(&mut [0; 64]).await.unwrap(), 0);
    assert_eq!(start.elapsed().as_secs(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_falls_silent_is_found_and_its_calls_end() {
    let mut config = Config::default();
    config.connection.keepalive.busy = Duration::from_millis(500);
    let address: Address = "memory:ends-frozen".parse().unwrap();
    let mut listener = transport::Listener::bind(&address).await.unwrap();
    let connecting = tokio::spawn({
        let address = address.clone();
        async move { Link::connect(&address, &config).await }
    });
    let (mut frozen, _) = listener.accept().await.unwrap();
    // A server that greets and then stops.
    let mut greeting = conn::Connection::server(conn::Config::default(), now());
    let mut bytes = bytes::BytesMut::zeroed(16);
    frozen.read_exact(&mut bytes).await.unwrap();
    greeting.receive(&mut bytes, now());
    let mut out = conn::Outbox::new();
    greeting.transmit(&mut out, usize::MAX);
    frozen.write_all_buf(&mut out).await.unwrap();
    let link = connecting.await.unwrap().unwrap();

    let start = Instant::now();
    let status = link.call(request("echo", "")).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    assert!(start.elapsed() <= Duration::from_millis(1_600));
    link.closed().await;
}

#[tokio::test(start_paused = true)]
async fn connections_beyond_the_limit_are_turned_away_and_the_others_live() {
    let (tell, mut told) = mpsc::unbounded_channel();
    let rig = rig_with("memory:ends-crowd", |server| {
        server
            .max_connections(1)
            .on_notice(move |notice| tell.send(notice.to_string()).unwrap())
    })
    .await;
    let link = rig.link().await;
    let status = Link::connect(&rig.running.addresses()[0], &Config::default())
        .await
        .unwrap_err();
    assert_eq!(status.phase(), Phase::Handshake);
    insta::assert_snapshot!(told.recv().await.unwrap(), @"turned memory:ends-crowd away: there are 1 connections (Server::max_connections)");
    assert_eq!(reply(link.call(request("echo", "on"))).await.unwrap(), "on");
}

#[tokio::test]
async fn what_cannot_be_served_is_said_at_the_start() {
    let refused = async |server: Server| server.start().await.unwrap_err().to_string();
    let offer = || echo().0;

    let twice = refused(Server::bind("memory:ends-twice").add(offer()).add(offer())).await;
    insta::assert_snapshot!(twice, @"offered twice: test.Echo 1.1 in group blue and test.Echo 1.1 in group blue; give one another group or release, or leave it out");
    let group = refused(Server::bind("memory:ends-group").add(offer().group("red"))).await;
    insta::assert_snapshot!(group, @"test.Echo has no group `red`; its contract names blue, green");
    let release = offer().release(Release::new(1, 7));
    let release = refused(Server::bind("memory:ends-release").add(release)).await;
    insta::assert_snapshot!(release, @"test.Echo has no release 1.7; its contract lists 1.0, 1.1");
    let address = refused(Server::bind("localhost")).await;
    insta::assert_snapshot!(address, @"`localhost` is no address: write `host:port`, `unix:/path` or `memory:name`");

    let registry = registry::connect("memory:ends-unreachable").await.unwrap();
    let everywhere = || Server::bind("0.0.0.0:0").add(offer()).register(&registry);
    let error = everywhere().start().await.unwrap_err();
    assert!(matches!(error, StartError::Unreachable { .. }), "{error}");
    let running = everywhere()
        .advertise("orders.local:7000")
        .start()
        .await
        .unwrap();
    let listed = registry.watch("test.Echo").answered().await;
    assert_eq!(listed.instances()[0].addresses, ["tcp://orders.local:7000"]);
    running.shutdown().await;
}

#[tokio::test]
async fn an_address_in_use_is_named_and_nothing_stays_bound() {
    let taken = Server::bind("127.0.0.1:0").start().await.unwrap();
    let text = taken.addresses()[0].to_string();
    let error = Server::bind("memory:ends-in-use")
        .and_bind(&text)
        .start()
        .await
        .unwrap_err();
    assert!(error.to_string().contains(&text), "{error}");
    drop(Server::bind("memory:ends-in-use").start().await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_server_is_listed_while_it_serves_and_leaves_before_it_drains() {
    let registry = registry::connect("memory:ends-listed").await.unwrap();
    let rig = rig_with("memory:ends-listed", |server| {
        server
            .register(&registry)
            .and_bind("memory:ends-listed-too")
            .add(echo().0.group("green").weight(7))
    })
    .await;
    let mut watch = registry.watch("test.Echo");
    let listed = watch.answered().await;
    let mut seen: Vec<_> = listed
        .instances()
        .iter()
        .map(|one| (one.group.as_str(), one.weight, one.releases.clone()))
        .collect();
    seen.sort();
    assert_eq!(
        seen,
        [
            ("blue", 100, vec![RELEASES[1]]),
            ("green", 7, vec![RELEASES[1]])
        ]
    );
    assert_eq!(
        listed.instances()[0].addresses,
        ["memory:ends-listed", "memory:ends-listed-too"]
    );
    let link = rig.link().await;
    let shutdown = tokio::spawn(rig.running.shutdown());
    watch.seen(|snapshot| snapshot.instances().is_empty()).await;
    // Clients that have not heard of it yet are still served.
    assert!(link.is_usable());
    assert_eq!(reply(link.call(request("echo", "on"))).await.unwrap(), "on");
    shutdown.await.unwrap();
    assert!(!link.is_usable());
}

#[tokio::test(start_paused = true)]
async fn a_client_that_ignores_goaway_is_hung_up_on_once_its_calls_have_ended() {
    let rig = rig("ends-deaf").await;
    let mut deaf = super::notices::greeted(&rig).await;
    let start = Instant::now();
    let report = rig.running.shutdown().await;
    // `Limits::linger`, not the drain limit; the client hears GOAWAY and the end.
    assert!(start.elapsed() < Duration::from_secs(5), "{report}");
    assert_eq!(report.cancelled, 0);
    let said = super::notices::last_words(&mut deaf).await;
    assert!(said.contains("shutting down"), "{said:?}");
}

#[tokio::test(start_paused = true)]
async fn callers_that_come_and_go_while_nothing_is_opened_leave_nothing_behind() {
    let mut config = Config::default();
    config.connection.limits.streams = 1;
    let mut rig = rig("ends-crowd-waits").await;
    let link = rig.link_with(&config).await;
    let hanging = link.call(request("hang", ""));
    assert_eq!(rig.heard.recv().await, Some(Heard::Hanging));
    for _ in 0..10_000 {
        drop(link.call(request("echo", "")));
    }
    let last = link.call(request("echo", "last"));
    drop(hanging);
    assert_eq!(reply(last).await.unwrap(), "last");
    assert_eq!(link.in_flight(), 0);
    assert_eq!(rig.calls.load(Ordering::Relaxed), 2);
}

/// A connection that never pauses: a thousand calls in flight, each followed by the next.
#[tokio::test]
async fn a_busy_connection_leaves_other_tasks_their_turn() {
    let rig = rig("ends-busy").await;
    let link = rig.link().await;
    let stop = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let callers: Vec<_> = (0..1_000)
        .map(|_| {
            let (link, stop) = (link.clone(), Arc::clone(&stop));
            tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    reply(link.call(request("echo", "x"))).await.unwrap();
                }
            })
        })
        .collect();
    let quiet = rig.link().await;
    for _ in 0..50 {
        let before = rig.calls.load(Ordering::Relaxed);
        assert_eq!(reply(quiet.call(request("echo", "y"))).await.unwrap(), "y");
        let between = rig.calls.load(Ordering::Relaxed) - before;
        // Its way through four tasks, each behind one turn of the busy ones.
        assert!(between < 10_000, "{between} calls came first");
    }
    stop.store(true, Ordering::Relaxed);
    for caller in callers {
        caller.await.unwrap();
    }
}
