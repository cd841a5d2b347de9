//! Enums where prost has numbers: what is known by name, and what is not known is kept.

use callsheet::codec::{Codec as _, Json, Shape};
use callsheet::codegen::prost::Message as _;

use crate::rules::{self, Basket, FILE_DESCRIPTOR_SET, Kind, Secret};
use crate::shelf::{secret, served};

#[test]
fn an_enum_converts_from_and_to_numbers_and_names() {
    assert_eq!(Kind::try_from(2), Ok(Kind::Wholesale));
    assert!(Kind::try_from(77).is_err());
    assert_eq!(i32::from(Kind::Retail), 1);
    assert_eq!(Kind::Retail.as_str_name(), "KIND_RETAIL");
    assert_eq!(Kind::from_str_name("KIND_RETAIL"), Some(Kind::Retail));
    assert_eq!(Kind::from_str_name("RETAIL"), None);
    assert_eq!(Kind::Wholesale.to_string(), "KIND_WHOLESALE");
    assert_eq!(rules::refused::Kind::Full.to_string(), "KIND_FULL");
    assert_eq!(Kind::default(), Kind::Unspecified);
}

#[test]
fn accessors_spare_the_numbers() {
    let mut secret = Secret::default();
    secret.set_kind(Kind::Retail);
    secret.set_maybe(Kind::Wholesale);
    secret.push_kinds(Kind::Retail);
    secret.insert_by_id(7, Kind::Wholesale);
    assert_eq!(
        (secret.kind(), secret.maybe()),
        (Kind::Retail, Kind::Wholesale)
    );
    assert!(secret.kinds().eq([Kind::Retail]));
    assert_eq!(secret.get_by_id(7), Some(Kind::Wholesale));
    assert_eq!(secret.get_by_id(8), None);

    // What is not known reads as the default, or not at all, and stays what it is.
    secret.kind = 77;
    secret.kinds.push(78);
    secret.by_id.insert(9, 79);
    assert_eq!(secret.kind(), Kind::Unspecified);
    assert!(secret.kinds().eq([Kind::Retail]));
    assert_eq!(secret.get_by_id(9), None);
    assert_eq!(
        (secret.kind, secret.kinds[1], secret.by_id[&9]),
        (77, 78, 79)
    );
}

#[test]
fn debug_tells_names_and_unknown_numbers() {
    let basket = Basket {
        kind: Kind::Retail.into(),
        kinds: vec![1, 77],
        ..Basket::default()
    };
    let printed = format!("{basket:?}");
    assert!(printed.contains("kind: Retail,"), "{printed}");
    assert!(printed.contains("kinds: [Retail, 77]"), "{printed}");
}

#[test]
fn unknown_values_survive_protobuf_and_json() {
    let sent = Secret {
        kind: 77,
        maybe: Some(-1),
        kinds: vec![1, i32::MIN],
        by_id: [(1, 78)].into(),
        which: Some(rules::secret::Which::Sort(79)),
        ..secret()
    };
    let protobuf = sent.encode_to_vec();
    assert_eq!(Secret::decode(protobuf.as_slice()).unwrap(), sent);

    let shape = Shape {
        schema: &FILE_DESCRIPTOR_SET,
        message: "rules.Secret",
    };
    let json = Json.encode(shape, protobuf.into()).unwrap().into_bytes();
    let text = std::str::from_utf8(&json).unwrap();
    assert!(
        text.contains(r#""kind":77"#) && text.contains(r#""KIND_RETAIL""#),
        "{text}"
    );
    let back = Json.decode(shape, json).unwrap();
    assert_eq!(Secret::decode(back).unwrap(), sent);
}

#[tokio::test(start_paused = true)]
async fn an_enum_is_passed_as_itself_or_as_a_number() {
    let (_, shelves, server) = served().await;
    let found = shelves
        .find("a".into(), "1234".into(), Kind::Wholesale)
        .await
        .unwrap();
    assert!(found.kinds().eq([Kind::Wholesale]));
    let shell = shelves.kinds(77).await.unwrap();
    assert_eq!(shell.baskets["77"].kind, 77);
    let waiting = shelves.blocking();
    let shell = tokio::task::spawn_blocking(move || waiting.kinds(Kind::Retail));
    assert_eq!(
        shell.await.unwrap().unwrap().baskets["1"].kind(),
        Kind::Retail
    );
    server.shutdown().await;
}
