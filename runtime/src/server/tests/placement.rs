//! Where handlers run: beside their connection once they are seen to compute for long, and where it is set.
//!
//! Time stands still, but for handlers that move it: that is how they compute.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::thread::{self, ThreadId};

use tokio::sync::Notify;
use tokio::task::{Id, yield_now};

use super::*;
use crate::link::Placement;
use crate::server::StartError;
use crate::status::Code;

const PLACEMENTS: [Placement; 4] = [
    Placement::Learned,
    Placement::Inline,
    Placement::Spawned,
    Placement::Blocking,
];

/// Computes for as many microseconds as it is asked to: at once, or when it has waited for another's turn or for the gate.
struct Computing {
    gate: Arc<Notify>,
    places: mpsc::UnboundedSender<Place>,
    heard: mpsc::UnboundedSender<Heard>,
}

/// Where a handler ran.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    text: String,
    task: Option<Id>,
    thread: ThreadId,
}

impl Handler for Computing {
    fn call(&self, method: usize, call: Incoming) -> Answer {
        let (places, heard) = (self.places.clone(), self.heard.clone());
        let gate = Arc::clone(&self.gate);
        call.unary(move |text: String| async move {
            let (waits, micros) = text.rsplit_once(' ').unwrap_or(("", &text));
            match waits {
                "turn" => yield_now().await,
                "gate" => gate.notified().await,
                _ => {}
            }
            let place = Place {
                text: text.clone(),
                task: tokio::task::try_id(),
                thread: thread::current().id(),
            };
            places.send(place).unwrap();
            if let Ok(micros) = micros.parse() {
                compute(Duration::from_micros(micros)).await;
            }
            match method {
                1 => {
                    let told = Told(heard.clone());
                    let _bomb = (text == "bomb").then(|| Bomb);
                    heard.send(Heard::Hanging).unwrap();
                    std::future::pending::<()>().await;
                    drop(told);
                }
                6 => panic!("{text}"),
                8 => {
                    let context = Context::current().unwrap();
                    context.append_trailer("served-by", "echo").unwrap();
                }
                _ => {}
            }
            Ok::<_, Error>(text)
        })
    }
}

/// Panics when it is dropped.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("dropped");
    }
}

/// Moves the clock without a turn for anybody else.
async fn compute(time: Duration) {
    let mut advance = pin!(tokio::time::advance(time));
    poll_fn(|cx| {
        let _ = advance.as_mut().poll(cx);
        Poll::Ready(())
    })
    .await;
}

struct Places {
    running: Running,
    ran: mpsc::UnboundedReceiver<Place>,
    heard: mpsc::UnboundedReceiver<Heard>,
    gate: Arc<Notify>,
    link: Link,
    connection: Option<Id>,
}

impl Places {
    async fn new(name: &str, set: impl FnOnce(Offer) -> Offer) -> Self {
        let (sender, mut ran) = mpsc::unbounded_channel();
        let (heard_sender, heard) = mpsc::unbounded_channel();
        let gate = Arc::new(Notify::new());
        let computing = Computing {
            gate: Arc::clone(&gate),
            places: sender,
            heard: heard_sender,
        };
        let offer = set(Offer::new(&ECHO, computing).method_placement("newer", Placement::Inline));
        let bind = format!("memory:placement-{name}");
        let running = Server::bind(bind).add(offer).start().await.unwrap();
        let link = Link::connect(&running.addresses()[0], &Config::default())
            .await
            .unwrap();
        reply(link.call(request("newer", ""))).await.unwrap();
        let connection = ran.recv().await.unwrap().task;
        Self {
            running,
            ran,
            heard,
            gate,
            link,
            connection,
        }
    }

    /// Whether a call that computes for so many microseconds held up its connection.
    async fn held_up(&mut self, method: &str, micros: u64) -> bool {
        self.held_up_by(method, &micros.to_string()).await
    }

    async fn held_up_by(&mut self, method: &str, text: &str) -> bool {
        let answer = reply(self.link.call(request(method, text))).await;
        assert_eq!(answer.unwrap(), text);
        self.ran.recv().await.unwrap().task == self.connection
    }
}

#[tokio::test(start_paused = true)]
async fn a_method_that_computes_for_long_is_moved_and_comes_back() {
    let mut places = Places::new("learned", |offer| offer).await;
    for _ in 0..100 {
        assert!(places.held_up("echo", 50).await);
    }
    let mut long = 0;
    while places.held_up("echo", 5_000).await {
        long += 1;
        assert!(long < 4, "it is known after three at the latest");
    }
    assert!(long > 1, "one alone says little");
    assert!(!places.held_up("echo", 1).await);
    assert!(places.held_up("later", 1).await, "each method by itself");

    let mut short = 0;
    while !places.held_up("echo", 1).await {
        short += 1;
        assert!(short < 200, "it is short for good");
    }
    assert!(short > 10, "a few say little");
}

#[tokio::test(start_paused = true)]
async fn who_computes_for_long_once_it_has_waited_gets_a_task_and_comes_back() {
    let mut places = Places::new("later", |offer| offer).await;
    for _ in 0..100 {
        assert!(places.held_up_by("echo", "turn 20").await);
    }
    let waiting = places.link.call(request("echo", "gate 1"));
    let mut long = 0;
    while places.held_up_by("echo", "turn 5000").await {
        long += 1;
        assert!(long < 4, "it is known after three at the latest");
    }
    assert!(long > 1, "one alone says little");
    places.gate.notify_one();
    waiting.await.unwrap();
    let place = places.ran.recv().await.unwrap();
    assert_ne!(
        place.task, places.connection,
        "one that has waited for long"
    );
    assert!(places.held_up("echo", 1).await, "one that does not wait");

    let mut short = 0;
    while !places.held_up_by("echo", "turn 1").await {
        short += 1;
        assert!(short < 200, "it is short for good");
    }
    assert!(short > 10, "a few say little");
}

#[tokio::test(start_paused = true)]
async fn who_computes_for_long_once_it_has_waited_is_known_beside_a_flood() {
    let mut places = Places::new("later-rare", |offer| offer).await;
    // Nobody looks closely at what was short so often.
    for method in ["echo", "later"] {
        for _ in 0..200 {
            assert!(places.held_up_by(method, "turn 1").await);
        }
    }
    let mut long = 0;
    while places.held_up_by("later", "turn 5000").await {
        for _ in 0..200 {
            assert!(places.held_up_by("echo", "turn 1").await);
        }
        long += 1;
        assert!(
            long < 5,
            "the first is seen among others, the next two alone"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn where_handlers_stay_when_they_wait_is_kept_where_it_is_set() {
    let mut places = Places::new("later-set", |offer| offer.placement(Placement::Spawned)).await;
    for _ in 0..5 {
        assert!(places.held_up_by("newer", "turn 5000").await);
        assert!(!places.held_up_by("echo", "turn 1").await);
    }
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_panics_when_it_is_stopped_stops_nobody_else() {
    let mut places = Places::new("bomb", |offer| offer).await;
    let other = places.link.call(request("echo", "gate 1"));
    let exchange = places.link.call(request("hang", "bomb"));
    assert_eq!(places.heard.recv().await, Some(Heard::Hanging));
    drop(exchange);
    assert_eq!(places.heard.recv().await, Some(Heard::Dropped));
    places.gate.notify_one();
    assert_eq!(reply(other).await.unwrap(), "gate 1");
}

#[tokio::test(start_paused = true)]
async fn a_rare_method_is_known_beside_a_flood_of_others() {
    let mut places = Places::new("rare", |offer| offer).await;
    // Nobody looks closely at what was short so often.
    for method in ["echo", "later"] {
        for _ in 0..200 {
            assert!(places.held_up(method, 1).await);
        }
    }
    let mut long = 0;
    while places.held_up("later", 5_000).await {
        for _ in 0..200 {
            assert!(places.held_up("echo", 1).await);
        }
        long += 1;
        assert!(
            long < 5,
            "the first is seen among others, the next two alone"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_method_is_known_on_every_connection() {
    let mut places = Places::new("shared", |offer| offer).await;
    while places.held_up("echo", 5_000).await {}
    places.link = Link::connect(&places.running.addresses()[0], &Config::default())
        .await
        .unwrap();
    reply(places.link.call(request("newer", ""))).await.unwrap();
    places.connection = places.ran.recv().await.unwrap().task;
    assert!(places.held_up("later", 1).await);
    assert!(!places.held_up("echo", 1).await);
}

#[tokio::test(start_paused = true)]
async fn what_is_set_is_kept() {
    let mut places = Places::new("set", |offer| {
        offer
            .placement(Placement::Spawned)
            .method_placement("later", Placement::Learned)
            .method_placement("context", Placement::Blocking)
    })
    .await;
    for micros in [1, 5_000, 5_000, 5_000, 5_000] {
        assert!(places.held_up("newer", micros).await);
        assert!(!places.held_up("echo", micros).await);
    }
    assert!(places.held_up("later", 1).await);
    let answer = places.link.call(request("context", "")).await.unwrap();
    assert_eq!(answer.trailers.text("served-by"), Some("echo"));
    let place = places.ran.recv().await.unwrap();
    assert_ne!(place.thread, thread::current().id());
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_internal_wherever_it_happens() {
    for placement in PLACEMENTS {
        let name = format!("panic-{placement:?}");
        let places = Places::new(&name, |offer| offer.placement(placement)).await;
        // What it computes, it is known by from the third on.
        for _ in 0..5 {
            let status = places.link.call(request("panic", "5000")).await;
            assert_eq!(status.unwrap_err().code(), Code::Internal);
        }
        let answer = reply(places.link.call(request("echo", "on"))).await;
        assert_eq!(answer.unwrap(), "on");
    }
}

#[tokio::test(start_paused = true)]
async fn cancel_deadline_and_drain_reach_handlers_wherever_they_run() {
    for placement in PLACEMENTS {
        let name = format!("ends-{placement:?}");
        let mut places = Places::new(&name, |offer| offer.placement(placement)).await;
        // What it computes, it is known by from the third on.
        for _ in 0..5 {
            let exchange = places.link.call(request("hang", "5000"));
            assert_eq!(places.heard.recv().await, Some(Heard::Hanging));
            drop(exchange);
            assert_eq!(places.heard.recv().await, Some(Heard::Dropped));
        }
        let mut last = None;
        while let Ok(place) = places.ran.try_recv() {
            last = Some(place.thread);
        }
        let here = last == Some(thread::current().id());
        assert_eq!(
            here,
            matches!(placement, Placement::Inline | Placement::Spawned)
        );

        let mut late = request("hang", "");
        late.deadline = Some(now() + Duration::from_millis(200));
        let late = tokio::spawn(places.link.call(late));
        assert_eq!(places.heard.recv().await, Some(Heard::Hanging));
        // It does not pass by itself while a thread is at work.
        tokio::time::advance(Duration::from_secs(1)).await;
        let status = late.await.unwrap().unwrap_err();
        assert_eq!(status.code(), Code::DeadlineExceeded);
        assert_eq!(places.heard.recv().await, Some(Heard::Dropped));

        let hanging = places.link.call(request("hang", ""));
        assert_eq!(places.heard.recv().await, Some(Heard::Hanging));
        let mut shutdown = tokio::spawn(places.running.shutdown());
        let report = loop {
            tokio::select! {
                biased;
                report = &mut shutdown => break report.unwrap(),
                () = tokio::time::advance(Duration::from_secs(1)) => {}
            }
        };
        assert_eq!((report.drained, report.cancelled), (0, 1), "{placement:?}");
        assert_eq!(places.heard.recv().await, Some(Heard::Dropped));
        hanging.await.unwrap_err();
    }
}

#[tokio::test(start_paused = true)]
async fn other_tasks_have_their_turn_while_handlers_take_their_time() {
    let places = Places::new("turns", |offer| offer).await;
    let mut ran = places.ran;
    let link = places.link;
    // Each is short enough to stay, and all of them are not.
    let calls: Vec<_> = (0..200).map(|_| link.call(request("echo", "50"))).collect();
    let mut turns = Vec::new();
    loop {
        tokio::task::yield_now().await;
        let mut count = 0;
        while ran.try_recv().is_ok() {
            count += 1;
        }
        turns.push(count);
        if turns.iter().sum::<usize>() == calls.len() {
            break;
        }
    }
    let most = turns.iter().copied().max();
    assert!(most <= Some(24), "calls at a time: {turns:?}");
    for call in calls {
        call.await.unwrap();
    }
}

#[tokio::test]
async fn a_method_that_is_not_there_cannot_be_placed() {
    let (offer, _, _) = echo();
    let offer = offer.method_placement("ecko", Placement::Blocking);
    let started = Server::bind("memory:placement-unknown").add(offer).start();
    let Err(StartError::Offer(why)) = started.await else {
        panic!("it must not start");
    };
    let expected = "test.Echo has no method `ecko`; it has echo, hang, ";
    assert!(why.starts_with(expected), "{why}");
}
