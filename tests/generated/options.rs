//! What a build script may ask for.

use callsheet_build::codegen::{Error, Options};
use callsheet_build::driver;

use crate::text::model;

/// `shop.orders` at 1.0, with `shop.common` from another crate.
mod rpc {
    include!(concat!(env!("OUT_DIR"), "/options/mod.rs"));
}

use rpc::shop::orders::{self, Note, v1};

#[test]
fn types_of_another_crate_are_its_own() {
    let theirs = callsheet_tests::rpc::shop::common::Money {
        currency: "EUR".into(),
        cents: 5,
    };
    let item = orders::Item {
        price: Some(theirs.clone()),
        ..Default::default()
    };
    assert_eq!(item.price, Some(theirs));
}

#[test]
fn types_of_another_crate_are_described_all_the_same() {
    let set = orders::FILE_DESCRIPTOR_SET.encode();
    let pool = prost_reflect::DescriptorPool::decode(set.as_slice()).expect("a whole set");
    assert!(pool.get_message_by_name("shop.common.Money").is_some());
}

#[test]
fn a_derive_reaches_what_its_pattern_names() {
    let note = |text: &str| Note { text: text.into() };
    assert!(note("a") < note("b"));
}

#[test]
fn an_older_minor_is_generated_as_it_was() {
    let names: Vec<&str> = v1::ORDERS
        .methods
        .iter()
        .map(|method| method.name)
        .collect();
    assert!(
        names.contains(&"ping") && !names.contains(&"watch"),
        "{names:?}"
    );
    assert_eq!(v1::ORDERS.release, callsheet::Release::new(1, 0));
    let files = driver::generate(
        &model("../idl-examples"),
        &Options {
            at: Some(callsheet_build::model::Release { major: 2, minor: 0 }),
            ..Options::default()
        },
    )
    .expect("a listed release");
    let text = &files.0["shop.orders.rs"];
    assert!(text.contains("pub mod v1 {") && text.contains("pub mod v2 {"));
}

#[test]
fn a_release_that_nobody_lists_is_refused_with_those_that_are() {
    let at = "9.4".parse().expect("a release");
    let options = Options {
        at: Some(at),
        ..Options::default()
    };
    let refused = driver::generate(&model("../idl-examples"), &options)
        .expect_err("no such release")
        .to_string();
    assert!(
        refused.starts_with("no service lists release 9.4; listed are 1.0, "),
        "{refused}"
    );
}

#[test]
fn an_extern_path_without_its_dot_is_refused() {
    let refused = driver::generate(
        &model("../idl-examples"),
        &Options {
            extern_paths: vec![("shop.common".into(), "::x".into())],
            ..Options::default()
        },
    );
    assert!(matches!(refused, Err(Error::ExternPath(_))), "{refused:?}");
}
