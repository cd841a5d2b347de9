//! Callers and their task at the lock, without a peer.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Wake;

use super::*;
use crate::link::driver::Role;
use crate::link::side::{Place, Side};
use crate::metadata::Metadata;
use crate::wire::Route;

/// Callers before the handshake: whatever they ask waits.
fn callers() -> (Arc<Front>, Desk) {
    let health = Arc::new(Health::new("memory:test".into(), None));
    let (ready, _) = oneshot::channel();
    let caller = Caller::new(health, ready, now());
    let (front, desk) = desk(Connection::client(conn::Config::default(), now()), caller);
    (Arc::new(front), desk)
}

fn open(front: &Front, waker: &Waker) -> Option<(StreamId, bool)> {
    let asked = Ask {
        route: &Arc::new(Route::new("test.Echo/echo", "", "protobuf").unwrap()),
        kind: MethodKind::Unary,
        deadline: None,
        attempt: 0,
        metadata: &Metadata::new(),
        body: &Rope::new(),
        now: now(),
    };
    let opened = front.open(&asked, &mut None, AnswerTo::slot(Some(waker)), None);
    opened.ok()
}

fn take(front: &Front, stream: StreamId) -> Poll<Option<Outcome>> {
    let polled = front.poll_take(stream, &mut Context::from_waker(Waker::noop()));
    polled.map(|answered| answered.map(|answered| answered.outcome))
}

/// Looks, when it is woken, whether its call has its answer.
struct Looks {
    front: Arc<Front>,
    answers: AtomicUsize,
}

impl Wake for Looks {
    fn wake(self: Arc<Self>) {
        let answer = take(&self.front, StreamId::new(1));
        self.answers
            .fetch_add(usize::from(answer.is_ready()), Ordering::Relaxed);
    }
}

#[test]
fn whoever_is_woken_finds_the_lock_open_and_the_answer_there() {
    let (front, desk) = callers();
    let looks = Arc::new(Looks {
        front: Arc::clone(&front),
        answers: AtomicUsize::new(0),
    });
    let (stream, _) = open(&front, &Arc::clone(&looks).into()).unwrap();
    assert_eq!(stream.number(), 1);
    drop(desk);
    assert_eq!(looks.answers.load(Ordering::Relaxed), 1);
}

#[test]
fn a_task_that_vanishes_ends_all_calls_and_takes_no_more() {
    let (front, desk) = callers();
    let (first, _) = open(&front, Waker::noop()).unwrap();
    let (second, _) = open(&front, Waker::noop()).unwrap();
    assert!(take(&front, first).is_pending());
    drop(desk);
    for stream in [first, second] {
        assert!(matches!(take(&front, stream), Poll::Ready(Some(Err(_)))));
        assert!(matches!(take(&front, stream), Poll::Ready(None)), "taken");
    }
    assert!(open(&front, Waker::noop()).is_none());
}

#[test]
fn numbers_rise_and_end() {
    let (front, mut desk) = callers();
    desk.hold().role.next = u32::MAX - 1;
    for number in [u32::MAX - 1, u32::MAX] {
        let (stream, _) = open(&front, Waker::noop()).unwrap();
        assert_eq!(stream.number(), number);
    }
    assert!(open(&front, Waker::noop()).is_none());
}

#[test]
fn a_driver_is_roused_once_where_it_sleeps() {
    let (front, mut desk) = callers();
    let roused = |front: &Front| open(front, Waker::noop()).unwrap().1;
    assert!(!roused(&front), "it is at work");
    assert!(!desk.hold().role.may_sleep(), "it has not seen the call");
    assert!(desk.hold().role.was_stirred());
    assert!(desk.hold().role.may_sleep());
    assert!(roused(&front));
    assert!(!roused(&front));
}

#[test]
fn a_call_that_was_dropped_leaves_nothing() {
    let (front, mut desk) = callers();
    let (stream, _) = open(&front, Waker::noop()).unwrap();
    {
        let Side { connection, role } = &mut *desk.hold();
        role.drop_call(connection, stream);
        assert_eq!((role.calls.len(), role.queue.len()), (0, 0));
    }
    assert!(matches!(take(&front, stream), Poll::Ready(None)));
}
