//! Which calls a server takes: limits, queues, rates, priorities, and settings that change while it runs.

use std::time::Duration;

use super::{Echo, Heard, Rig, now, reply, request, rig_with};
use crate::contract::Priority;
use crate::governance::{Layer, LimitSettings, Place, Settings, Share};
use crate::link::{Link, Request};
use crate::server::{Occupancy, Refusal};
use crate::service::Offer;
use crate::status::{Code, Progress, Status};

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn limit(limit: LimitSettings) -> Settings {
    Settings::new().limit(limit)
}

/// A server whose code says this of all methods.
async fn rig(name: &str, said: LimitSettings) -> Rig {
    rig_with(&format!("memory:{name}"), |server| {
        server.settings(limit(said))
    })
    .await
}

impl Rig {
    /// Begins a call that runs until it is dropped.
    async fn hang(&mut self, link: &Link) -> crate::link::Exchange {
        let exchange = link.call(request("hang", ""));
        assert_eq!(self.heard.recv().await, Some(Heard::Hanging));
        exchange
    }

    fn occupied(&self, method: &str) -> Occupancy {
        let all = self.running.occupancy();
        let is_it = |one: &Occupancy| one.method.ends_with(&format!("/{method}"));
        all.into_iter().find(is_it).unwrap()
    }
}

async fn ask(link: &Link, method: &str) -> Result<String, Status> {
    reply(link.call(request(method, "x"))).await
}

fn is_turned_away(status: &Status, text: &str) {
    assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
    assert_eq!(status.progress(), Progress::NotStarted);
    assert!(status.is_overloaded());
    assert!(status.retry_after().is_some());
    assert!(status.message().contains(text), "{status}");
}

#[tokio::test(start_paused = true)]
async fn a_call_waits_for_a_place_and_not_for_long() {
    let mut rig = rig("admission-waits", LimitSettings::new().calls(1_u32)).await;
    let link = rig.link().await;
    let first = rig.hang(&link).await;
    let start = now();
    let status = ask(&link, "hang").await.unwrap_err();
    is_turned_away(
        &status,
        "test.v1.Echo/hang has 1 calls running here, which is its limit; waited 20",
    );
    assert_eq!(now() - start, ms(20));
    // Other methods have limits of their own.
    assert_eq!(ask(&link, "later").await.unwrap(), "x");

    let second = link.call(request("hang", ""));
    tokio::time::sleep(ms(5)).await;
    assert_eq!(
        (rig.occupied("hang").running, rig.occupied("hang").waiting),
        (1, 1)
    );
    drop(first);
    assert_eq!(rig.heard.recv().await, Some(Heard::Dropped));
    assert_eq!(rig.heard.recv().await, Some(Heard::Hanging));
    let occupied = rig.occupied("hang");
    assert_eq!((occupied.running, occupied.waiting), (1, 0));
    assert_eq!(occupied.limit, Some(1));
    assert_eq!(occupied.refused, [(Refusal::Calls, 1)]);
    drop(second);
}

#[tokio::test(start_paused = true)]
async fn one_that_waits_leaves_with_its_caller() {
    let mut rig = rig("admission-leaves", LimitSettings::new().calls(1_u32)).await;
    let link = rig.link().await;
    let _first = rig.hang(&link).await;
    let second = link.call(request("hang", ""));
    tokio::time::sleep(ms(1)).await;
    drop(second);
    tokio::time::sleep(ms(1)).await;
    assert_eq!(rig.occupied("hang").waiting, 0);
    let mut hurried = request("hang", "");
    hurried.deadline = Some(now() + ms(3));
    let status = reply(link.call(hurried)).await.unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded);
    tokio::time::sleep(ms(1)).await;
    assert_eq!(rig.occupied("hang").waiting, 0);
}

#[tokio::test(start_paused = true)]
async fn a_retry_waits_for_nobody_and_a_line_has_an_end() {
    let said = LimitSettings::new().calls(1_u32).queue_calls(1_u32);
    let mut rig = rig("admission-retry", said).await;
    let link = rig.link().await;
    let _first = rig.hang(&link).await;
    let start = now();
    let again = Request {
        attempt: 1,
        ..request("hang", "")
    };
    let status = reply(link.call(again)).await.unwrap_err();
    is_turned_away(&status, "; a retry does not wait (see limit.calls)");
    let _waiting = link.call(request("hang", ""));
    let status = ask(&link, "hang").await.unwrap_err();
    is_turned_away(&status, "; 1 wait (limit.queue_calls) (see limit.calls)");
    assert_eq!(now(), start);
}

#[tokio::test(start_paused = true)]
async fn rates_are_of_a_method_of_a_caller_and_of_the_server() {
    let said = LimitSettings::new()
        .rate(3_u32)
        .caller_rate(2_u32)
        .server_rate(5_u32);
    let rig = rig("admission-rates", said).await;
    let link = rig.link().await;
    let ask = async |method| ask(&link, method).await;
    assert!(ask("echo").await.is_ok() && ask("echo").await.is_ok());
    let status = ask("echo").await.unwrap_err();
    is_turned_away(
        &status,
        "test.v1.Echo/echo takes 2 calls per second of `memory:",
    );
    assert_eq!(status.retry_after(), Some(ms(500)));
    let status = ask("echo").await.unwrap_err();
    is_turned_away(
        &status,
        "test.v1.Echo/echo takes 3 calls per second here (see limit.rate)",
    );
    assert!(ask("later").await.is_ok());
    let status = ask("later").await.unwrap_err();
    is_turned_away(
        &status,
        "the server takes 5 calls per second (see limit.server_rate)",
    );
    tokio::time::sleep(ms(1_000)).await;
    assert!(ask("echo").await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn one_method_has_its_share_and_low_priority_its_own() {
    let said = LimitSettings::new()
        .server_calls(4_u32)
        .low_share(Share::percent(25))
        .queue_calls(0_u32);
    let mut rig = rig_with("memory:admission-shares", |server| {
        server.settings(limit(said))
    })
    .await;
    let link = rig.link().await;
    let low = Settings::new().priority(Priority::Low);
    let share = limit(LimitSettings::new().share(Share::percent(50)));
    rig.say(|method| match method {
        "hang" => Some(share.clone()),
        "later" => Some(low.clone()),
        _ => None,
    });
    let _held = [rig.hang(&link).await, rig.hang(&link).await];
    let status = ask(&link, "hang").await.unwrap_err();
    is_turned_away(
        &status,
        "has 2 calls running, which is its share of this server (see limit.share)",
    );
    assert!(ask(&link, "later").await.is_ok());
    rig.say(|method| (method == "hang").then(|| low.clone()));
    // Of four places a quarter is for low priority.
    let _low = rig.hang(&link).await;
    let status = ask(&link, "hang").await.unwrap_err();
    is_turned_away(
        &status,
        "methods of low priority have 1 calls running, which is their share of this server (see limit.low_share)",
    );
}

#[tokio::test(start_paused = true)]
async fn the_server_is_full_for_all_methods_and_the_higher_priority_comes_first() {
    let said = LimitSettings::new().server_calls(1_u32);
    let mut rig = rig("admission-priority", said).await;
    let link = rig.link().await;
    rig.say(|method| match method {
        "later" => Some(Settings::new().priority(Priority::Low)),
        "hang" => Some(Settings::new().priority(Priority::High)),
        _ => None,
    });
    let first = rig.hang(&link).await;
    let low = reply(link.call(request("later", "low")));
    tokio::time::sleep(ms(1)).await;
    let _high = link.call(request("hang", ""));
    tokio::time::sleep(ms(1)).await;
    drop(first);
    assert_eq!(rig.heard.recv().await, Some(Heard::Dropped));
    assert_eq!(rig.heard.recv().await, Some(Heard::Hanging));
    assert_eq!(rig.occupied("later").waiting, 1);
    let text = "the server has 1 calls running, which is its limit; waited 20";
    is_turned_away(&low.await.unwrap_err(), text);
}

#[tokio::test(start_paused = true)]
async fn what_documents_say_holds_at_once_and_costs_no_call() {
    let mut rig = rig("admission-documents", LimitSettings::new()).await;
    let link = rig.link().await;
    let _running = [rig.hang(&link).await, rig.hang(&link).await];
    let calls = |most: u32| Some(limit(LimitSettings::new().calls(most)));
    rig.say(|_| calls(1));
    assert_eq!(rig.occupied("hang").running, 2);
    is_turned_away(
        &ask(&link, "hang").await.unwrap_err(),
        "has 1 calls running here",
    );
    let _waiting = link.call(request("hang", ""));
    tokio::time::sleep(ms(1)).await;
    rig.say(|_| calls(3));
    assert_eq!(rig.heard.recv().await, Some(Heard::Hanging));
    rig.say(|_| None);
    assert_eq!(rig.occupied("hang").limit, None);
}

#[tokio::test(start_paused = true)]
async fn what_an_offer_says_comes_before_what_its_server_says() {
    let (sender, _heard) = tokio::sync::mpsc::unbounded_channel();
    let echo = Echo {
        heard: sender,
        calls: std::sync::Arc::default(),
    };
    let of = |calls: u32| limit(LimitSettings::new().calls(calls));
    let offer = Offer::new(&super::ECHO, echo)
        .settings(of(2))
        .method_settings("ask", of(3));
    let running = super::Server::bind("memory:admission-offers")
        .settings(of(1))
        .add(offer)
        .start()
        .await
        .unwrap();
    let all = running.occupancy();
    let most = |method: &str| {
        let found = all.iter().find(|one| one.method.ends_with(method));
        found.unwrap().limit
    };
    assert_eq!((most("/echo"), most("/ask")), (Some(2), Some(3)));
}

#[tokio::test(start_paused = true)]
async fn a_call_whose_time_is_not_enough_is_not_begun() {
    let mut rig = rig("admission-deadline", LimitSettings::new()).await;
    let link = rig.link().await;
    let timed = |left: Duration| Request {
        deadline: Some(now() + left),
        ..request("work", "1")
    };
    // They take a second each.
    for _ in 0..30 {
        link.call(timed(ms(5_000))).await.unwrap();
        while rig.heard.recv().await != Some(Heard::Dropped) {}
    }
    link.call(timed(ms(500))).await.unwrap();
    tokio::time::sleep(ms(400)).await;
    assert_eq!(rig.occupied("work").refused, [(Refusal::Deadline, 1)]);
    // What is not known any more counts no more.
    tokio::time::sleep(ms(1_000)).await;
    link.call(timed(ms(500))).await.unwrap();
    assert_eq!(rig.heard.recv().await, Some(Heard::Hanging));
}

#[tokio::test(start_paused = true)]
async fn calls_that_ran_out_of_time_say_nothing_of_what_others_need() {
    let mut rig = rig("admission-ran-out", LimitSettings::new()).await;
    let link = rig.link().await;
    let timed = |left: Duration| Request {
        deadline: Some(now() + left),
        ..request("work", "1!")
    };
    for _ in 0..30 {
        link.call(timed(ms(5_000))).await.unwrap();
        while rig.heard.recv().await != Some(Heard::Dropped) {}
    }
    link.call(timed(ms(500))).await.unwrap();
    assert_eq!(rig.heard.recv().await, Some(Heard::Hanging));
}

impl Rig {
    /// Has a document say this of each method.
    fn say(&self, of: impl Fn(&str) -> Option<Settings>) {
        self.running.admission.set_documents(&[], |subject| {
            let said = of(subject.method.name).into_iter();
            said.map(|settings| Layer::new(Place::Document("test".into()), settings))
                .collect()
        });
    }
}
