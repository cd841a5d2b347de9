//! The embedded descriptors, as another protobuf implementation sees them.

use callsheet::codegen::prost::Message as _;
use callsheet_build::descriptor;
use callsheet_tests::rpc::shop::orders;
use prost_reflect::{DescriptorPool, DynamicMessage, Kind};

use crate::text::model;

fn pool() -> DescriptorPool {
    DescriptorPool::decode(orders::FILE_DESCRIPTOR_SET.encode().as_slice())
        .expect("a valid descriptor set")
}

#[test]
fn a_set_holds_all_that_the_package_refers_to() {
    let pool = pool();
    let mut files: Vec<_> = pool.files().map(|file| file.name().to_owned()).collect();
    files.sort_unstable();
    assert_eq!(
        files,
        [
            "google/protobuf/duration.proto",
            "google/protobuf/empty.proto",
            "google/protobuf/timestamp.proto",
            "shop/common.proto",
            "shop/orders.proto"
        ]
    );
}

#[test]
fn every_contract_lowers_to_valid_descriptors() {
    for folder in ["idl", "../idl-examples"] {
        let files = descriptor::lower(&model(folder));
        let mut pool = DescriptorPool::new();
        pool.add_file_descriptor_protos(files).expect(folder);
    }
}

#[test]
fn fields_keep_presence_shape_and_names() {
    let order = pool()
        .get_message_by_name("shop.orders.Order")
        .expect("a message");
    let field = |name: &str| order.get_field_by_name(name).expect("a field");
    assert!(field("note").supports_presence());
    assert!(!field("customer").supports_presence());
    assert!(field("labels").is_map() && field("items").is_list());
    assert!(
        matches!(field("placed").kind(), Kind::Message(kind) if kind.full_name() == "google.protobuf.Timestamp")
    );
    assert_eq!(
        order.oneofs().filter(|oneof| !oneof.is_synthetic()).count(),
        1
    );
    let reserved: Vec<_> = order.reserved_ranges().collect();
    assert_eq!(reserved, [12..13, 20..30]);
    assert_eq!(order.reserved_names().collect::<Vec<_>>(), ["legacy_id"]);

    let status = pool()
        .get_enum_by_name("shop.orders.Status")
        .expect("an enum");
    assert!(status.get_value_by_name("STATUS_PLACED").is_some());
}

#[test]
fn another_implementation_reads_what_prost_writes() {
    let order = orders::Order {
        id: 7,
        note: Some(String::new()),
        labels: [("colour".to_owned(), "blue".to_owned())].into(),
        status: orders::Status::Placed.into(),
        ..Default::default()
    };
    let descriptor = pool()
        .get_message_by_name("shop.orders.Order")
        .expect("a message");
    let read =
        DynamicMessage::decode(descriptor, order.encode_to_vec().as_slice()).expect("an order");
    let json = serde_json::to_value(&read).expect("JSON");
    let expect = serde_json::json!({
        "id": "7", "note": "", "labels": { "colour": "blue" }, "status": "STATUS_PLACED"
    });
    assert_eq!(json, expect);
}
