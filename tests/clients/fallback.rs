//! What takes the place of an answer, and when.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use callsheet::governance::{FallbackMode, FallbackSettings, Settings, Span};
use callsheet::{Client, ClientNotice, Code, Origin, Status};
use callsheet_tests::rpc::shop::orders::v1::{OrdersClient, OrdersMock, OrdersServer};
use callsheet_tests::rpc::shop::orders::{Order, OrderNotFound};
use tokio::sync::mpsc;

use crate::shop::{client, offer, registry, wish};

fn note(text: &str) -> Order {
    Order {
        note: Some(text.into()),
        ..Order::default()
    }
}

fn fallback(settings: FallbackSettings) -> Settings {
    Settings::new().fallback(settings)
}

/// Answers `get` as its number says: with the code of that number, or an order from 100 on. Counts the calls.
fn by_number(asked: &Arc<AtomicUsize>) -> OrdersMock {
    let asked = Arc::clone(asked);
    OrdersMock::new().on_get(move |id| {
        asked.fetch_add(1, Ordering::Relaxed);
        match u8::try_from(id) {
            Ok(99) => Err(OrderNotFound { id }.into()),
            Ok(code) if code < 99 => {
                Err(Status::new(Code::from_number(code), "as it was asked").into())
            }
            _ => Ok(note("served")),
        }
    })
}

#[tokio::test(start_paused = true)]
async fn a_function_answers_when_nobody_serves() {
    let orders = client(&registry().await)
        .with_fallback(OrdersMock::new().on_get(|id| Ok(note(&format!("of {id}")))));
    let reply = orders.get(7).reply().await.unwrap();
    assert_eq!(reply.message, note("of 7"));
    assert_eq!(reply.origin, Origin::Function);
    assert_eq!(orders.get(8).await.unwrap(), note("of 8"));
    let left_out = orders.place(wish("ada", 1)).await.unwrap_err();
    assert_eq!(left_out.code(), Code::Unavailable);
}

#[tokio::test(start_paused = true)]
async fn a_function_may_answer_with_the_error_of_the_contract() {
    let orders = client(&registry().await)
        .with_fallback(OrdersMock::new().on_get(|id| Err(OrderNotFound { id }.into())));
    let error = orders.get(7).await.unwrap_err();
    assert!(error.typed().is_some(), "{error}");
}

#[tokio::test(start_paused = true)]
async fn only_failures_of_servers_and_networks_are_replaced() {
    let registry = registry().await;
    let asked = Arc::default();
    let server = offer(&registry, OrdersServer::new(by_number(&asked))).await;
    let orders = client(&registry).with_fallback(OrdersMock::new().on_get(|_| Ok(note("instead"))));
    let replaced = [
        Code::Unknown,
        Code::DeadlineExceeded,
        Code::ResourceExhausted,
        Code::Internal,
        Code::Unavailable,
    ];
    for code in Code::ALL.into_iter().skip(1) {
        let outcome = orders.get(code as u64).reply().await;
        match outcome {
            Ok(reply) => {
                assert!(replaced.contains(&code), "{code}");
                assert_eq!(reply.origin, Origin::Function);
            }
            Err(error) => {
                assert!(!replaced.contains(&code), "{code}");
                assert_eq!(error.code(), code);
            }
        }
    }
    assert!(orders.get(99).await.unwrap_err().typed().is_some());
    let served = orders.get(100).reply().await.unwrap();
    assert_eq!(
        (served.message, served.origin),
        (note("served"), Origin::Server)
    );
    server.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_fallback_that_is_off_or_for_other_codes_answers_nothing() {
    let registry = registry().await;
    let orders = client(&registry).with_fallback(OrdersMock::new().on_get(|_| Ok(note("instead"))));
    let off = FallbackSettings::new().mode(FallbackMode::Off);
    let other = FallbackSettings::new().on([Code::Internal]);
    for settings in [off, other] {
        let orders = orders.clone().with_settings(fallback(settings));
        assert_eq!(orders.get(7).await.unwrap_err().code(), Code::Unavailable);
    }
    orders.get(7).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_function_that_takes_its_time_answers_within_the_deadline_or_not_at_all() {
    let registry = registry().await;
    // The calls of the first find nobody and fail at once; those of the second wait until their time is up.
    let other =
        callsheet_tests::rpc::shop::orders::v1::OrdersMock::new().on_get(|_| Ok(note("elsewhere")));
    let elsewhere = crate::shop::registry().await;
    let server = offer(&elsewhere, OrdersServer::new(other)).await;
    let orders = client(&registry).with_fallback(client(&elsewhere));
    let reply = orders.get(7).reply().await.unwrap();
    assert_eq!(
        (reply.message, reply.origin),
        (note("elsewhere"), Origin::Function)
    );
    let (stuck, _audit) = crate::shop::Shop::new("stuck");
    let silent = crate::shop::serve(&registry, &stuck).await;
    let error = orders.get(0).await.unwrap_err();
    assert_eq!(error.code(), Code::DeadlineExceeded);
    server.shutdown().await;
    silent.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_reply_of_settings_comes_before_a_function() {
    let registry = registry().await;
    let orders = client(&registry)
        .with_fallback(OrdersMock::new().on_get(|_| Ok(note("function"))))
        .with_settings(fallback(
            FallbackSettings::new().reply(r#"{"note": "named"}"#),
        ));
    let reply = orders.get(7).reply().await.unwrap();
    assert_eq!(
        (reply.message, reply.origin),
        (note("named"), Origin::Settings)
    );
    let json = Client::builder()
        .registry(&registry)
        .codec(&callsheet::codec::Json)
        .build();
    let orders = OrdersClient::new(&json).with_settings(fallback(
        FallbackSettings::new().reply(r#"{"note": "named"}"#),
    ));
    assert_eq!(orders.get(7).await.unwrap(), note("named"));
}

#[tokio::test(start_paused = true)]
async fn nobody_is_called_where_a_fallback_is_forced() {
    let registry = registry().await;
    let asked = Arc::default();
    let server = offer(&registry, OrdersServer::new(by_number(&asked))).await;
    let force = FallbackSettings::new().mode(FallbackMode::Force);
    let orders =
        client(&registry).with_settings(fallback(force.clone().reply(r#"{"note": "named"}"#)));
    let reply = orders.get(100).reply().await.unwrap();
    assert_eq!(
        (reply.message, reply.origin),
        (note("named"), Origin::Settings)
    );
    let orders = client(&registry).with_settings(fallback(force.clone()));
    let error = orders.get(100).await.unwrap_err();
    assert_eq!(error.code(), Code::Unavailable);
    assert_eq!(error.status().setting(), Some("fallback.mode"));
    assert_eq!(asked.load(Ordering::Relaxed), 0);

    // What was answered before nobody was to be called is there still.
    let orders = client(&registry).with_settings(stale());
    let first = orders.get(100).await.unwrap();
    let five_minutes = force.stale(Duration::from_secs(300));
    let orders = orders.with_settings(fallback(five_minutes));
    let reply = orders.get(100).reply().await.unwrap();
    assert_eq!((reply.message, reply.origin), (first, Origin::Stale));
    assert_eq!(asked.load(Ordering::Relaxed), 1);
    server.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_reply_that_is_none_is_told_at_once_and_replaces_nothing() {
    let registry = registry().await;
    let (tell, mut told) = mpsc::unbounded_channel();
    let client = Client::builder()
        .registry(&registry)
        .settings(fallback(FallbackSettings::new().reply(r#"{"colour": 1}"#)))
        .on_notice(move |notice| {
            if let ClientNotice::FallbackRefused { method, .. } = notice {
                tell.send((*method, notice.to_string())).unwrap();
            }
        })
        .build();
    let orders = OrdersClient::new(&client);
    let mut methods = Vec::new();
    while let Ok((method, text)) = told.try_recv() {
        assert!(text.contains("`fallback.reply`: not the JSON"), "{text}");
        methods.push(method);
    }
    assert!(
        methods.contains(&"shop.orders.v1.Orders/get"),
        "{methods:?}"
    );
    let error = orders.get(7).await.unwrap_err();
    assert_eq!(error.status().setting(), Some("fallback.reply"));
}

fn stale() -> Settings {
    fallback(FallbackSettings::new().stale(Duration::from_secs(300)))
}

#[tokio::test(start_paused = true)]
async fn the_last_good_answer_to_an_equal_request_is_given_until_it_is_too_old() {
    let registry = registry().await;
    let asked = Arc::default();
    let server = offer(&registry, OrdersServer::new(by_number(&asked))).await;
    let orders = client(&registry).with_settings(stale());
    orders.get(100).metadata("tenant", "a").await.unwrap();
    server.shutdown().await;

    let again = || orders.get(100).metadata("tenant", "a").reply();
    let reply = again().await.unwrap();
    assert_eq!(
        (reply.message, reply.origin),
        (note("served"), Origin::Stale)
    );
    let derived = orders.clone().with_timeout(Duration::from_secs(1));
    let reply = derived.get(100).metadata("tenant", "a").reply().await;
    assert_eq!(
        reply.unwrap().origin,
        Origin::Stale,
        "clients share what is kept"
    );
    let unequal = [
        orders.get(101).metadata("tenant", "a"),
        orders.get(100).metadata("tenant", "b"),
        orders.get(100).metadata("tenant", "a").any_group(),
    ];
    for call in unequal {
        assert_eq!(call.await.unwrap_err().code(), Code::Unavailable);
    }
    tokio::time::advance(Duration::from_secs(301)).await;
    assert_eq!(again().await.unwrap_err().code(), Code::Unavailable);
}

#[tokio::test(start_paused = true)]
async fn answers_of_methods_that_are_not_idempotent_are_not_kept() {
    let registry = registry().await;
    let shop = OrdersMock::new().on_place(|_| Ok(note("served")));
    let server = offer(&registry, OrdersServer::new(shop)).await;
    let orders = client(&registry).with_settings(stale());
    orders.place(wish("ada", 1)).await.unwrap();
    server.shutdown().await;
    let error = orders.place(wish("ada", 1)).await.unwrap_err();
    assert_eq!(error.code(), Code::Unavailable);
}

#[tokio::test(start_paused = true)]
async fn what_is_kept_is_bounded() {
    let registry = registry().await;
    let asked = Arc::default();
    let server = offer(&registry, OrdersServer::new(by_number(&asked))).await;
    let two = FallbackSettings::new()
        .stale(Span(Duration::from_secs(300)))
        .stale_entries(2_u32);
    let orders = client(&registry).with_settings(fallback(two));
    for id in 100..103 {
        orders.get(id).await.unwrap();
    }
    server.shutdown().await;
    assert_eq!(orders.get(100).await.unwrap_err().code(), Code::Unavailable);
    for id in 101..103 {
        assert_eq!(orders.get(id).reply().await.unwrap().origin, Origin::Stale);
    }
}
