//! What messages, errors, groups and descriptors of generated code do.

use std::time::Duration;

use callsheet::codegen::prost::Name as _;
use callsheet::{Balance, Code, Error, Merge as _, MethodKind, Release, TypedError as _};
use callsheet_tests::rpc::shop::orders::{self, Order, OutOfStock, Report, order, v1, v2};

#[test]
fn merging_adds_unites_and_keeps_the_first() {
    let mut first = Report {
        servers: vec!["a".into()],
        orders: u64::MAX - 1,
        by_customer: [("x".to_owned(), 1), ("y".to_owned(), 1)].into(),
    };
    first.merge(Report {
        servers: vec!["b".into()],
        orders: 7,
        by_customer: [("y".to_owned(), 2)].into(),
    });
    assert_eq!(first.servers, ["a", "b"]);
    assert_eq!(first.orders, u64::MAX);
    assert_eq!(first.by_customer["y"], 2);

    let card = |holder: &str| {
        order::Payment::Card(order::Card {
            holder: holder.into(),
            ..Default::default()
        })
    };
    let mut one = Order {
        payment: Some(card("first")),
        ..Default::default()
    };
    one.merge(Order {
        status: orders::Status::Shipped.into(),
        payment: Some(card("second")),
        ..Default::default()
    });
    one.merge(Order {
        status: orders::Status::Placed.into(),
        ..Default::default()
    });
    assert_eq!(one.status(), orders::Status::Shipped);
    assert_eq!(one.payment, Some(card("first")));
}

#[test]
fn what_is_redacted_is_never_printed() {
    let order = Order {
        customer: "ann".into(),
        token: b"sesame".as_slice().into(),
        ..Default::default()
    };
    let printed = format!("{order:?}");
    assert!(
        printed.contains("ann") && printed.contains("[redacted]"),
        "{printed}"
    );
    assert!(!printed.contains("sesame"), "{printed}");
}

#[test]
fn messages_know_their_full_names() {
    assert_eq!(Order::full_name(), "shop.orders.Order");
    assert_eq!(order::Card::full_name(), "shop.orders.Order.Card");
    assert_eq!(order::Card::type_url(), "/shop.orders.Order.Card");
}

#[test]
fn a_typed_error_survives_the_wire() {
    let thrown = Error::from(OutOfStock {
        sku: "b-1".into(),
        left: 2,
    });
    let typed: &v1::OrdersPlaceError = thrown.typed().expect("a typed error");
    assert_eq!(typed.code(), Code::FailedPrecondition);
    assert_eq!(
        v1::OrdersPlaceError::decode(typed.type_name(), typed.encode()).as_ref(),
        Some(typed)
    );
    assert_eq!(
        v1::OrdersGetError::decode(typed.type_name(), typed.encode()),
        None
    );
}

#[test]
fn descriptors_say_what_the_contract_says() {
    let method = |name: &str| v1::ORDERS.methods.iter().find(|method| method.name == name);
    let watch = method("watch").expect("a method of 1.1");
    assert_eq!(watch.since, Release::new(1, 1));
    assert_eq!(watch.kind, MethodKind::ServerStream);
    assert_eq!(watch.path, "shop.orders.v1.Orders/watch");
    assert!(watch.policy.idempotent && watch.policy.timeout.is_none());
    assert_eq!(
        method("place").and_then(|place| place.policy.timeout),
        Some(Duration::from_millis(800))
    );
    assert_eq!(
        method("audit").map(|audit| audit.kind),
        Some(MethodKind::OneWay)
    );
    assert_eq!(
        method("get").and_then(|get| get.policy.balance),
        None::<Balance>
    );
    assert!(
        v1::ORDERS
            .methods
            .iter()
            .enumerate()
            .all(|(index, method)| method.index == index)
    );

    assert_eq!(v1::ORDERS.release, Release::new(1, 1));
    assert_eq!(
        v1::ORDERS.releases,
        [Release::new(1, 0), Release::new(1, 1)]
    );
    assert_eq!(v1::ORDERS.groups, ["default", "wholesale"]);
    assert_eq!(
        v2::ORDERS.methods.iter().map(|method| method.since).max(),
        Some(Release::new(2, 0))
    );
    assert!(method("ping").is_some());
    assert!(
        v2::ORDERS
            .methods
            .iter()
            .all(|method| method.name != "ping")
    );
}
