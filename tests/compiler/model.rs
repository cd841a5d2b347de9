//! What files mean once they are checked: everything resolved, every default filled in.

use std::sync::Arc;

use callsheet_build::driver::analyse;
use callsheet_build::model::{
    Backoff, Balance, Bound, Cluster, ConstantValue, FieldShape, FieldType, Message, Model,
    Release, ReservedNumbers, Retry, Rule, Scalar, Service, StatusCode,
};
use callsheet_build::resolve::MemoryLoader;

use crate::transcript;

fn model(body: &str) -> Model {
    let text = format!("edition 2026;\npackage shop.orders;\n\n{body}");
    let mut loader = MemoryLoader::new([("shop/orders.rpc", text.as_str())]);
    let analysis = analyse(&mut loader, &["shop/orders.rpc".to_owned()]);
    let found = transcript::of(&analysis);
    assert_eq!(found, "");
    analysis.model.expect("no errors")
}

fn message<'m>(model: &'m Model, name: &str) -> &'m Message {
    let messages = model.files.iter().flat_map(|file| &file.messages);
    messages
        .into_iter()
        .find(|message| message.name.simple() == name)
        .expect("the message")
}

fn service(model: &Model) -> &Service {
    &model.files[0].services[0]
}

fn release(major: u32, minor: u32) -> Release {
    Release { major, minor }
}

#[test]
fn a_method_without_request_or_reply_has_empty_ones() {
    let model = model("service Orders { rpc ping(); }\n");
    let method = &service(&model).methods[0];
    assert_eq!(&*method.request.message.0, "google.protobuf.Empty");
    assert_eq!(&*method.reply.0, "google.protobuf.Empty");
    assert_eq!(
        *model.files[0].imports,
        [Arc::<str>::from("google/protobuf/empty.proto")]
    );
    assert_eq!(service(&model).releases, [release(1, 0)]);
    assert_eq!(service(&model).groups.named[0].name, "default");
}

#[test]
fn each_definition_of_an_argument_list_has_its_own_request_message() {
    let model = model(
        "message Order { id: uint64 = 1; }\n
         service Orders {
             versions 1.0, 2.0, 3.0;
             @added(3.0) rpc get(key: bytes = 1) -> Order;
             @removed(2.0) rpc get(id: uint64 = 1) -> Order;
             @added(2.0) @removed(3.0) rpc get(key: string = 1 @len(1..)) -> Order;
         }\n",
    );
    let requests: Vec<&str> = service(&model)
        .methods
        .iter()
        .map(|method| method.request.message.simple())
        .collect();
    assert_eq!(
        requests,
        [
            "OrdersGetRequestV3",
            "OrdersGetRequest",
            "OrdersGetRequestV2"
        ]
    );
    let key = &message(&model, "OrdersGetRequestV2").fields[0];
    assert_eq!(key.rules, [Rule::Len { min: 1, max: None }]);
    assert_eq!(model.files[0].messages.len(), 4);
}

#[test]
fn a_method_takes_the_defaults_of_its_service_where_it_says_nothing() {
    let model = model(
        "message Order { id: uint64 = 1; }\n
         @timeout(1s) @balance(consistent_hash(.id)) @cluster(failfast) @limit(7) @max_size(1KiB)
         service Orders {
             rpc a(Order);
             @idempotent @retry(on: [aborted], backoff: 20ms..1s) @timeout(5ms) @balance(p2c) @cluster(forking(3))
             rpc b(Order);
         }\n",
    );
    let [a, b] = &service(&model).methods[..] else {
        panic!("two methods")
    };
    assert_eq!(a.policy.timeout, Some(1_000_000));
    assert_eq!(
        a.policy.balance,
        Some(Balance::ConsistentHash(vec!["id".to_owned()]))
    );
    assert_eq!(a.policy.cluster, Some(Cluster::Failfast));
    assert_eq!((a.policy.limit, a.policy.max_size), (Some(7), Some(1024)));
    assert_eq!(b.policy.timeout, Some(5_000));
    assert_eq!(b.policy.balance, Some(Balance::P2c));
    assert_eq!(b.policy.cluster, Some(Cluster::Forking(3)));
    let retry = Retry {
        attempts: 2,
        on: vec![StatusCode::Aborted],
        backoff: Some(Backoff {
            from: 20_000,
            to: 1_000_000,
        }),
    };
    assert_eq!(b.policy.retry, Some(retry));
    assert_eq!(b.policy.limit, Some(7));
}

#[test]
fn windows_and_deprecations_are_filled_in() {
    let model = model(
        "service Orders {
             versions 1.0, 1.1, 2.0;
             rpc a();
             @added(1.1) @deprecated(1.1) @removed(2.0) rpc b();
             @deprecated(1.0, \"use a\") rpc c();
         }\n",
    );
    let service = service(&model);
    let names = |at| {
        service
            .methods_at(at)
            .map(|method| method.name.as_str())
            .collect::<Vec<_>>()
    };
    assert_eq!(names(release(1, 0)), ["a", "c"]);
    assert_eq!(names(release(1, 1)), ["a", "b", "c"]);
    assert_eq!(names(release(2, 0)), ["a", "c"]);
    assert_eq!(service.methods[1].deprecated, Some((release(1, 1), None)));
    assert_eq!(
        service.methods[2].deprecated,
        Some((release(1, 0), Some("use a".to_owned())))
    );
}

#[test]
fn bounds_are_worth_what_their_constants_are() {
    let model = model(
        "const MOST: uint32 = REALLY;
         const REALLY: uint64 = 0x1F;
         const LONG: duration = 1m;
         const BYTES: bytes = \"é\";
         message Order {
             a: string = 1 @len(..MOST);
             b: int32 = 2 @range(-5..=MOST);
             c: duration = 3 @range(1ms..LONG);
             d: double = 4 @range(1..);
             e: string = 5 @one_of(\"a\", \"b\") @pattern(r\"^\\w$\");
         }\n",
    );
    let rules: Vec<&Rule> = message(&model, "Order")
        .fields
        .iter()
        .flat_map(|field| &field.rules)
        .collect();
    assert_eq!(
        *rules[0],
        Rule::Len {
            min: 0,
            max: Some(30)
        }
    );
    let range = |min, max, max_inclusive| Rule::Range {
        min,
        max,
        max_inclusive,
    };
    assert_eq!(
        *rules[1],
        range(Some(Bound::Integer(-5)), Some(Bound::Integer(31)), true)
    );
    assert_eq!(
        *rules[2],
        range(
            Some(Bound::Duration(1_000)),
            Some(Bound::Duration(60_000_000)),
            false
        )
    );
    assert_eq!(*rules[3], range(Some(Bound::Float(1.0)), None, false));
    assert_eq!(
        *rules[4],
        Rule::OneOfStrings(vec!["a".to_owned(), "b".to_owned()])
    );
    assert_eq!(*rules[5], Rule::Pattern(r"^\w$".to_owned()));
    let constants = &model.files[0].constants;
    assert_eq!(
        constants[0].value,
        ConstantValue::Integer(Scalar::Uint32, 31)
    );
    assert_eq!(
        constants[3].value,
        ConstantValue::Bytes("é".as_bytes().to_vec())
    );
}

#[test]
fn enum_values_have_their_descriptor_names_and_numbers() {
    let model = model(
        "@allow_alias
         enum HttpStatus { NONE = 0; HTTP_STATUS_OK = 200; FINE = 200; reserved \"GONE\", 5..=7, -1; }
         @bare_names
         enum Bare { NONE = 0; }
         message Order { a: [HttpStatus] = 1 @one_of(FINE, HttpStatus.NONE); }\n",
    );
    let status = &model.files[0].enums[0];
    let names: Vec<&str> = status
        .values
        .iter()
        .map(|value| value.descriptor_name.as_str())
        .collect();
    assert_eq!(
        names,
        ["HTTP_STATUS_NONE", "HTTP_STATUS_OK", "HTTP_STATUS_FINE"]
    );
    assert!(status.allow_alias);
    assert_eq!(status.reserved_names, ["HTTP_STATUS_GONE"]);
    let reserved = [
        ReservedNumbers { from: -1, to: -1 },
        ReservedNumbers { from: 5, to: 7 },
    ];
    assert_eq!(status.reserved_numbers, reserved);
    assert_eq!(model.files[0].enums[1].values[0].descriptor_name, "NONE");
    assert_eq!(
        message(&model, "Order").fields[0].rules,
        [Rule::OneOfIntegers(vec![200, 0])]
    );
}

#[test]
fn fields_have_their_shapes_and_oneofs() {
    let model = model(
        "message Order {
             a: string? = 1 @json(\"A\") @redact @deprecated(\"old\");
             b: map<uint64, Order> = 2;
             @required
             oneof c { d: timestamp = 3; e: google.protobuf.NullValue = 4; }
         }\n",
    );
    let order = message(&model, "Order");
    assert_eq!(
        order.fields[0].shape,
        FieldShape::Optional(FieldType::Scalar(Scalar::String))
    );
    assert_eq!(order.fields[0].json_name.as_deref(), Some("A"));
    assert!(order.fields[0].redact);
    assert_eq!(
        order.fields[0].deprecated.as_ref().map(|it| &*it.reason),
        Some("old")
    );
    assert!(matches!(
        &order.fields[1].shape,
        FieldShape::Map(Scalar::Uint64, FieldType::Message(_))
    ));
    assert_eq!(
        (order.fields[2].oneof, order.fields[3].oneof),
        (Some(0), Some(0))
    );
    assert!(matches!(
        &order.fields[3].shape,
        FieldShape::Singular(FieldType::Enum(_))
    ));
    assert!(order.oneofs[0].required);
    let protos: Vec<&str> = model.files[0]
        .imports
        .iter()
        .map(|import| &**import)
        .collect();
    assert_eq!(
        protos,
        [
            "google/protobuf/struct.proto",
            "google/protobuf/timestamp.proto"
        ]
    );
}

#[test]
fn names_that_only_look_alike_are_fine() {
    model(
        "message OrdersClient { string: string = 1; message: bool = 2; stream: bytes = 3; }
         message Order { labels: map<string, string> = 1; message Entry { a: string = 1; } }
         message Tree { left: Tree = 1; right: Tree? = 2; all: [Tree] = 3; }
         enum Status { NONE = 0; PLACED = 1; }
         enum Other { NONE = 0; PLACED = 1; }
         const NONE: bool = true;
         service Orders { rpc place(Order) -> OrdersClient; rpc string(); }
         service Returns { rpc place(Order); }\n",
    );
}
