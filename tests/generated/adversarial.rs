//! Contracts in `idl/` whose names are Rust's keywords, its prelude, its traits, and what generated code uses itself; whose
//! modules are called alike; whose documentation is no documentation for rustdoc. That this file compiles is the test.
#![deny(warnings)]

use callsheet::codegen::prost::Message as _;

#[deny(
    clippy::pedantic,
    missing_copy_implementations,
    missing_debug_implementations
)]
mod tree {
    include!(concat!(env!("OUT_DIR"), "/adversarial/mod.rs"));
}

/// One package without the tree, as `include_rpc!("prelude")` takes it.
#[expect(
    unreachable_pub,
    clippy::allow_attributes,
    clippy::pedantic,
    reason = "this workspace asks for more than rustc's and clippy's defaults"
)]
mod alone {
    include!(concat!(env!("OUT_DIR"), "/adversarial/prelude.rs"));
}

use tree::r#type::r#match::self_ as keywords;
use tree::{prelude, v1};

#[test]
fn fields_called_as_keywords_travel() {
    let sent = keywords::Keywords {
        r#as: "a".into(),
        crate_: "c".into(),
        r#enum: keywords::Match::Gen.into(),
        r#match: Some(keywords::Match::Crate.into()),
        dyn_: [("k".to_owned(), keywords::Match::Self_.into())].into(),
        ..Default::default()
    };
    let received = keywords::Keywords::decode(sent.encode_to_vec().as_slice()).unwrap();
    assert_eq!(received, sent);
    assert_eq!(received.r#enum(), keywords::Match::Gen);
}

#[tokio::test]
async fn methods_called_as_those_of_standard_traits_are_our_own() {
    use prelude::v1::{Client, ClientMock};

    let mock = ClientMock::new()
        .on_clone(|| Ok(prelude::Clone::default()))
        .on_new(|new| {
            assert_eq!(new, 7);
            Ok(prelude::Option::default())
        })
        .on_on_clone(|| Err(callsheet::Status::aborted("no").into()));
    Client::clone(&mock).await.unwrap();
    Client::new_(&mock, 7).await.unwrap();
    let refused = Client::on_clone(&mock).await.unwrap_err();
    assert_eq!(refused.code(), callsheet::Code::Aborted);
    let unset = Client::drop(&mock).await.unwrap_err();
    assert_eq!(unset.code(), callsheet::Code::Unimplemented);
    assert!(unset.message().contains("on_drop"), "{unset}");
}

#[test]
fn groups_called_as_keywords_announce_their_names() {
    use callsheet::Group as _;

    assert_eq!(keywords::SelfGroup::Self_.name(), "self");
    let open = prelude::ClientGroup::Other_("night".to_owned());
    assert_eq!(open.name(), "night");
    assert_eq!(prelude::ClientGroup::Other.name(), "other");
}

#[test]
fn constants_keep_their_values() {
    assert_eq!(prelude::SOME, "ok \" \\ \n { } é");
    assert_eq!(prelude::BYTES, "\0\"\\é".as_bytes());
    assert_eq!(prelude::LEAST, i64::MIN);
    assert_eq!(prelude::LONG.as_secs(), 3 * 60 * 60);
    assert_eq!((keywords::FN, keywords::SELF), (1, "self"));
}

#[test]
fn a_second_name_of_an_enum_value_is_used_as_the_first() {
    use tree::alias::{Way, walk};

    assert!(matches!(Way::default(), Way::Home));
    assert_eq!(walk::Pace::Self_, walk::Pace::Slow);
}

#[test]
fn what_is_copy_and_eq_does_not_depend_on_how_deep_a_message_is() {
    use tree::doubling::{M46, M47, M48};

    let end = M48 { end: 7 };
    let deep = M46 {
        a: Some(M47 {
            a: Some(end),
            b: Some(end),
        }),
        b: None,
    };
    let copy = deep;
    assert!(std::collections::HashSet::from([deep]).contains(&copy));
}

#[test]
fn a_package_stands_alone_and_in_the_tree() {
    let alone = alone::Vec {
        vec: vec![alone::Box::default()],
        ..Default::default()
    };
    let same = prelude::Vec::decode(alone.encode_to_vec().as_slice()).unwrap();
    assert_eq!(same.vec.len(), 1);
    assert_eq!(v1::v1::v2::TWICE.name, "v1.v1.Twice");
}

#[test]
fn packages_that_need_each_other_have_each_file_once() {
    use tree::mutual::{one, two};

    let files = |schema: &callsheet::Schema| {
        let pool = prost_reflect::DescriptorPool::decode(schema.encode().as_slice()).unwrap();
        let names = pool.files().map(|file| file.name().to_owned());
        names.collect::<Vec<_>>()
    };
    let (time, third) = ("google/protobuf/timestamp.proto", "mutual/one/third.proto");
    let (first, second) = ("mutual/one/first.proto", "mutual/two/second.proto");
    assert_eq!(
        files(&one::FILE_DESCRIPTOR_SET),
        [third, time, second, first]
    );
    assert_eq!(files(&two::FILE_DESCRIPTOR_SET).len(), 4);
}
