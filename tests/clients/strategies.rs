//! How many instances a call asks, and what their failures mean: one strategy after the other.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use callsheet::governance::{FailbackSettings, FallbackSettings, RetrySettings, Settings};
use callsheet::registry::Handle;
use callsheet::server::Running;
use callsheet::{Client, ClientNotice, Cluster, Code, Origin, Status};
use callsheet_tests::rpc::shop::orders::v1::{
    OrdersClient, OrdersGetError, OrdersMock, OrdersServer,
};
use callsheet_tests::rpc::shop::orders::{AuditEvent, Order, OrderNotFound};
use tokio::sync::mpsc;

use crate::shop::{offer, registry, wish};

const SECOND: Duration = Duration::from_secs(1);

/// A client whose calls go by a strategy, and what its listener is told.
struct Caller {
    client: Client,
    orders: OrdersClient,
    notices: mpsc::UnboundedReceiver<ClientNotice>,
}

fn caller(registry: &Handle, settings: Settings) -> Caller {
    let (tell, notices) = mpsc::unbounded_channel();
    let client = Client::builder()
        .registry(registry)
        // The test may not look.
        .on_notice(move |notice| drop(tell.send(notice.clone())))
        .build();
    Caller {
        orders: OrdersClient::new(&client).with_settings(settings),
        client,
        notices,
    }
}

impl Caller {
    /// The next notice that has to do with strategies: circuit breakers have theirs.
    async fn told(&mut self) -> Option<ClientNotice> {
        loop {
            match self.notices.recv().await? {
                ClientNotice::BreakerOpened { .. }
                | ClientNotice::BreakerClosed { .. }
                | ClientNotice::PanicBegan { .. }
                | ClientNotice::PanicEnded { .. } => {}
                notice => return Some(notice),
            }
        }
    }
}

fn strategy(cluster: Cluster) -> Settings {
    Settings::new().cluster(cluster)
}

/// A server whose `get` and `place` end with the code of a number, which may change, or well where it is 0.
struct Moody {
    code: Arc<AtomicUsize>,
    asked: Arc<AtomicUsize>,
    running: Running,
}

impl Moody {
    async fn start(registry: &Handle, code: Code) -> Self {
        let code = Arc::new(AtomicUsize::new(code as usize));
        let asked = Arc::new(AtomicUsize::new(0));
        let ended = {
            let (code, asked) = (Arc::clone(&code), Arc::clone(&asked));
            move || {
                asked.fetch_add(1, Ordering::SeqCst);
                let code = u8::try_from(code.load(Ordering::SeqCst)).unwrap();
                match Code::from_number(code) {
                    Code::Ok => Ok(Order::default()),
                    code => Err(Status::new(code, "in this mood")),
                }
            }
        };
        let placed = ended.clone();
        let mock = OrdersMock::new()
            .on_get(move |id| match id {
                404 => Err(OrderNotFound { id }.into()),
                id => Ok(Order { id, ..ended()? }),
            })
            .on_place(move |_| Ok(placed()?));
        Self {
            code,
            asked,
            running: offer(registry, OrdersServer::new(mock)).await,
        }
    }

    fn turns(&self, code: Code) {
        self.code.store(code as usize, Ordering::SeqCst);
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

#[tokio::test(start_paused = true)]
async fn failover_asks_another_instance_and_failfast_does_not() {
    let registry = registry().await;
    let servers = [
        Moody::start(&registry, Code::Unavailable).await,
        Moody::start(&registry, Code::Unavailable).await,
    ];
    let asked = || servers.iter().map(Moody::asked).sum::<usize>();
    let over = caller(&registry, strategy(Cluster::Failover));
    over.orders.get(7).await.unwrap_err();
    assert!(asked() > 1);
    assert!(servers.iter().all(|server| server.asked() > 0));

    let before = asked();
    let fast = caller(
        &registry,
        strategy(Cluster::Failfast).retry(RetrySettings::new().attempts(5_u32)),
    );
    fast.orders.get(7).await.unwrap_err();
    assert_eq!(asked() - before, 1);
    for server in servers {
        server.running.shutdown().await;
    }
}

#[tokio::test(start_paused = true)]
async fn failsafe_swallows_failures_and_tells_the_listener() {
    let registry = registry().await;
    let server = Moody::start(&registry, Code::Internal).await;
    let mut caller = caller(&registry, strategy(Cluster::Failsafe));
    let reply = caller.orders.get(7).reply().await.unwrap();
    assert_eq!(
        (reply.message, reply.origin),
        (Order::default(), Origin::Nobody)
    );
    match caller.told().await.unwrap() {
        ClientNotice::FailureSwallowed { method, failure } => {
            assert_eq!(method, "shop.orders.v1.Orders/get");
            assert_eq!(failure.code(), Code::Internal);
        }
        other => panic!("{other}"),
    }
    server.turns(Code::PermissionDenied);
    let refused = caller.orders.get(7).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
    assert!(caller.orders.get(404).await.unwrap_err().typed().is_some());
    server.turns(Code::Ok);
    let served = caller.orders.get(7).reply().await.unwrap();
    assert_eq!((served.message.id, served.origin), (7, Origin::Server));
    server.running.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn failsafe_lets_a_fallback_speak_first() {
    let named = FallbackSettings::new().reply(r#"{"id": "9"}"#);
    let caller = caller(
        &registry().await,
        strategy(Cluster::Failsafe).fallback(named),
    );
    let reply = caller.orders.get(7).reply().await.unwrap();
    assert_eq!((reply.message.id, reply.origin), (9, Origin::Settings));
}

#[tokio::test(start_paused = true)]
async fn failback_repeats_in_the_background_until_it_is_done() {
    let registry = registry().await;
    let caller = caller(&registry, strategy(Cluster::Failback));
    // Nobody is there, so no handler has seen them: methods that are not idempotent too.
    for _ in 0..3 {
        let reply = caller.orders.place(wish("ada", 1)).reply().await.unwrap();
        assert_eq!(
            (reply.message, reply.origin),
            (Order::default(), Origin::Later)
        );
    }
    let event = AuditEvent::default();
    assert_eq!(
        caller.orders.audit(event).reply().await.unwrap().origin,
        Origin::Later
    );
    assert_eq!(caller.client.failback_waiting(), 4);
    tokio::time::sleep(SECOND * 100).await;
    assert_eq!(caller.client.failback_waiting(), 4);

    let (audited, mut audit) = mpsc::unbounded_channel();
    let auditor = OrdersMock::new()
        .on_audit(move |event| {
            audited.send(event).unwrap();
            Ok(())
        })
        .on_place(|_| Ok(Order::default()));
    let server = offer(&registry, OrdersServer::new(auditor)).await;
    caller.client.failback_settled().await;
    assert_eq!(caller.client.failback_waiting(), 0);
    assert_eq!(audit.recv().await.unwrap(), AuditEvent::default());
    server.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn failback_repeats_what_may_have_run_only_where_that_does_no_harm() {
    let registry = registry().await;
    let server = Moody::start(&registry, Code::Unavailable).await;
    let caller = caller(
        &registry,
        strategy(Cluster::Failback).retry(RetrySettings::new().attempts(0_u32)),
    );
    let harm = caller.orders.place(wish("ada", 1)).await.unwrap_err();
    assert_eq!(harm.code(), Code::Unavailable);
    assert_eq!((server.asked(), caller.client.failback_waiting()), (1, 0));

    let harmless = caller.orders.get(7).reply().await.unwrap();
    assert_eq!(harmless.origin, Origin::Later);
    tokio::time::sleep(SECOND * 10).await;
    assert_eq!(caller.client.failback_waiting(), 1);
    assert!(server.asked() > 3, "{}", server.asked());
    server.turns(Code::Ok);
    caller.client.failback_settled().await;
    let asked = server.asked();
    tokio::time::sleep(SECOND * 1_000).await;
    assert_eq!(server.asked(), asked, "it is done");
    server.running.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn failback_gives_up_what_is_answered_otherwise_or_too_old() {
    let registry = registry().await;
    let server = Moody::start(&registry, Code::Unavailable).await;
    let keep = FailbackSettings::new().keep(SECOND * 30);
    let mut caller = caller(&registry, strategy(Cluster::Failback).failback(keep));
    caller.orders.get(7).await.unwrap();
    server.turns(Code::PermissionDenied);
    caller.client.failback_settled().await;
    let given_up = |notice| match notice {
        ClientNotice::FailbackGivenUp { failure, .. } => failure.code(),
        other => panic!("{other}"),
    };
    let notice = caller.told().await.unwrap();
    assert_eq!(given_up(notice), Code::PermissionDenied);

    server.turns(Code::Unavailable);
    caller.orders.get(7).await.unwrap();
    let began = tokio::time::Instant::now();
    caller.client.failback_settled().await;
    assert!(began.elapsed() <= SECOND * 30);
    let notice = caller.told().await.unwrap();
    assert_eq!(given_up(notice), Code::Unavailable);
    server.running.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn failback_has_bounds_and_says_which() {
    let one = FailbackSettings::new().queue_calls(1_u32);
    let mut caller = caller(&registry().await, strategy(Cluster::Failback).failback(one));
    caller.orders.get(7).await.unwrap();
    for _ in 0..2 {
        let full = caller.orders.get(8).await.unwrap_err();
        assert_eq!(full.code(), Code::Unavailable);
        assert_eq!(full.status().setting(), Some("failback.queue_calls"));
    }
    drop((caller.orders, caller.client));
    let told = caller.notices.recv().await.unwrap();
    assert!(matches!(told, ClientNotice::FailbackFull { .. }), "{told}");
    let told = caller.notices.recv().await.unwrap();
    assert!(
        matches!(told, ClientNotice::FailbackAbandoned { calls: 1, .. }),
        "{told}"
    );
    assert!(caller.notices.recv().await.is_none(), "told once");
}

/// Servers in these moods.
async fn fleet(registry: &Handle, moods: &[Code]) -> Vec<Moody> {
    let mut fleet = Vec::new();
    for &mood in moods {
        fleet.push(Moody::start(registry, mood).await);
    }
    fleet
}

fn asked(fleet: &[Moody]) -> Vec<usize> {
    fleet.iter().map(Moody::asked).collect()
}

async fn end(fleet: Vec<Moody>) {
    for server in fleet {
        server.running.shutdown().await;
    }
}

#[tokio::test(start_paused = true)]
async fn forking_asks_so_many_at_once_and_the_first_good_answer_counts() {
    let registry = registry().await;
    let fleet = fleet(&registry, &[Code::Unavailable, Code::Unavailable, Code::Ok]).await;
    let three = caller(&registry, strategy(Cluster::Forking(3)));
    for call in 1..=10 {
        assert_eq!(three.orders.get(7).await.unwrap().id, 7);
        assert_eq!(asked(&fleet), [call; 3], "each once");
    }
    let two = caller(&registry, strategy(Cluster::Forking(2)));
    let _ = two.orders.get(7).await;
    assert_eq!(asked(&fleet).iter().sum::<usize>(), 32);
    fleet[2].turns(Code::Internal);
    let error = three.orders.get(7).await.unwrap_err();
    assert_eq!(error.status().attempts(), 3);
    fleet[2].turns(Code::NotFound);
    let answer = three.orders.get(7).await.unwrap_err();
    assert_eq!(
        answer.code(),
        Code::NotFound,
        "an answer of the application"
    );
    // What is not idempotent goes to one.
    let before: usize = asked(&fleet).iter().sum();
    let _ = three.orders.place(wish("ada", 1)).await;
    assert_eq!(asked(&fleet).iter().sum::<usize>(), before + 1);
    end(fleet).await;
}

#[tokio::test(start_paused = true)]
async fn the_losers_of_a_fork_are_cancelled() {
    let registry = registry().await;
    let (stuck, _audit) = crate::shop::Shop::new("stuck");
    let slow = crate::shop::serve(&registry, &stuck).await;
    let quick = OrdersMock::new().on_get(|id| {
        Ok(Order {
            id,
            ..Order::default()
        })
    });
    let quick = offer(&registry, OrdersServer::new(quick)).await;
    let caller = caller(&registry, strategy(Cluster::Forking(2)));
    let began = tokio::time::Instant::now();
    caller.orders.get(0).no_timeout().await.unwrap();
    assert!(began.elapsed() < SECOND);
    stuck.stuck_are(0).await;
    slow.shutdown().await;
    quick.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn broadcast_asks_everybody_once_and_names_who_failed() {
    let registry = registry().await;
    let fleet = fleet(&registry, &[Code::Ok; 100]).await;
    let caller = caller(&registry, strategy(Cluster::Broadcast));
    caller.orders.place(wish("ada", 1)).await.unwrap();
    assert_eq!(asked(&fleet), [1; 100]);
    for server in &fleet[3..10] {
        server.turns(Code::Unavailable);
    }
    let error = caller.orders.place(wish("ada", 1)).await.unwrap_err();
    assert_eq!(asked(&fleet), [2; 100], "the others too, and nobody twice");
    assert_eq!(error.code(), Code::Unavailable);
    let told = error.to_string();
    assert!(
        told.contains("7 of 100 instances failed: memory:"),
        "{told}"
    );
    assert!(told.contains("… and 3 more"), "{told}");
    end(fleet).await;
}

#[tokio::test(start_paused = true)]
async fn broadcast_ends_with_its_deadline() {
    let registry = registry().await;
    let (stuck, _audit) = crate::shop::Shop::new("stuck");
    let slow = crate::shop::serve(&registry, &stuck).await;
    let caller = caller(&registry, strategy(Cluster::Broadcast));
    let call = caller.orders.get(0).timeout(SECOND);
    assert_eq!(call.await.unwrap_err().code(), Code::DeadlineExceeded);
    stuck.stuck_are(0).await;
    slow.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_call_to_all_instances_asks_everybody_and_fails_with_one() {
    let registry = registry().await;
    let fleet = fleet(&registry, &[Code::Ok; 70]).await;
    // Neither strategy nor fallback nor retries have a part in it.
    let stubborn = strategy(Cluster::Failsafe).retry(RetrySettings::new().attempts(5_u32));
    let caller = caller(&registry, stubborn);
    let everybody = || {
        caller
            .orders
            .get(7)
            .all_instances_with(|orders| Some(orders.len()))
    };
    assert_eq!(everybody().await.unwrap(), 70);
    assert_eq!(asked(&fleet), [1; 70]);
    fleet[11].turns(Code::Unavailable);
    let error = everybody().await.unwrap_err();
    assert_eq!(asked(&fleet), [2; 70], "the others too, and nobody twice");
    assert_eq!(error.code(), Code::Unavailable);
    assert!(
        error.to_string().contains("1 of 70 instances failed"),
        "{error}"
    );

    let unknown = caller
        .orders
        .get(404)
        .all_instances_with(|orders| Some(orders.len()));
    let error = unknown.await.unwrap_err();
    let OrdersGetError::OrderNotFound(found) = error.typed().unwrap();
    assert_eq!(found.id, 404);
    end(fleet).await;
}

#[tokio::test(start_paused = true)]
async fn a_call_to_all_instances_ends_with_its_deadline_and_with_its_future() {
    let registry = registry().await;
    let (stuck, _audit) = crate::shop::Shop::new("stuck");
    let slow = crate::shop::serve(&registry, &stuck).await;
    let orders = caller(&registry, Settings::new()).orders;
    let call = orders.get(0).timeout(SECOND).all_instances_with(Some);
    assert_eq!(call.await.unwrap_err().code(), Code::DeadlineExceeded);
    stuck.stuck_are(0).await;
    let call = tokio::spawn(orders.get(0).no_timeout().all_instances_with(Some));
    stuck.stuck_are(1).await;
    call.abort();
    stuck.stuck_are(0).await;
    slow.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn available_stays_with_one_that_is_up() {
    let registry = registry().await;
    let fleet = fleet(&registry, &[Code::Ok; 4]).await;
    let caller = caller(&registry, strategy(Cluster::Available));
    for _ in 0..20 {
        caller.orders.get(7).await.unwrap();
    }
    let asked = asked(&fleet);
    assert_eq!(asked.iter().max(), Some(&20), "{asked:?}");
    let chosen = asked.iter().position(|&calls| calls == 20).unwrap();
    fleet[chosen].turns(Code::Unavailable);
    caller.orders.get(7).await.unwrap();
    end(fleet).await;
}

#[tokio::test(start_paused = true)]
async fn available_stays_with_its_choice_while_others_come_and_go() {
    let registry = registry().await;
    let mut fleet = fleet(&registry, &[Code::Ok; 8]).await;
    let caller = caller(&registry, strategy(Cluster::Available));
    caller.orders.get(7).await.unwrap();
    let chosen = fleet.iter().position(|server| server.asked() == 1).unwrap();
    let chosen = fleet.swap_remove(chosen);
    for (calls, other) in (2..).zip(fleet) {
        other.running.shutdown().await;
        caller.orders.get(7).await.unwrap();
        assert_eq!(chosen.asked(), calls);
    }
    chosen.running.shutdown().await;
}
