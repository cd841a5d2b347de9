//! The lock file: what it holds, and that it is read as it was written.

use callsheet_build::descriptor::lower;
use callsheet_build::diagnostic::Code;
use callsheet_build::driver::analyse;
use callsheet_build::model::Release;
use callsheet_build::resolve::MemoryLoader;
use callsheet_build::source::{Source, SourceMap};
use callsheet_build::surface::{Lock, Surface, freeze, of_descriptors};
use proptest::prelude::*;

use crate::schema::schema;
use crate::{analysis, model};

/// Everything that a lock records.
const ALL: &str = r#"edition 2026;
package shop.orders;

message Order {
    id:     uint64 = 1 @range(1..=9) @required;
    note:   string? = 2 @len(1..) @pattern("^\\w \"\u{e9}\\\\$") @json("theNote");
    lines:  [Line] = 3 @len(..=5) @unique;
    labels: map<string, Status> = 4;
    kind:   string = 5 @one_of("a", "b\n");
    wait:   duration = 6 @range(1ms..1h);
    ratio:  double = 7 @range(0.5..);
    status: Status = 8 @one_of(PLACED);
    none:   google.protobuf.NullValue = 9;
    @required
    oneof payment { card: string = 10; message: bytes = 11; }
    reserved 20, 30..=39, "old", "older";
    message Line { release: string = 1; }
}
enum Status { UNSPECIFIED = 0; PLACED = 1; LOST = -1; reserved -9..=-5, "GONE"; }
error OutOfStock(failed_precondition) { left: uint32 = 1; order: Order = 2; }
message Unused { id: uint64 = 1; }

service Orders {
    versions 1.0, 1.1, 2.0;
    groups default, wholesale, ..;
    @idempotent @max_size(1MiB) @balance(consistent_hash(.kind)) rpc place(Order) -> Order throws OutOfStock;
    rpc get(key: string = 2 @required, id: uint64 = 1) -> Order;
    @oneway rpc audit(Order);
    @added(1.1) rpc chat(stream Order) -> stream Order;
    @added(2.0) rpc newest() -> Order.Line;
}
"#;

/// The lock of all releases of a contract.
fn lock(text: &str) -> Lock {
    let model = model(text);
    let surface = Surface::of_model(&model);
    let mut lock = Lock::default();
    for service in model.files.iter().flat_map(|file| &file.services) {
        for &release in &service.releases {
            assert!(lock.add(freeze(&surface, service, release)));
        }
    }
    lock
}

/// What a text says.
fn parse(text: &str) -> (Lock, Vec<Code>) {
    let file = SourceMap::default().add(Source {
        path: "orders.rpc.lock".into(),
        import_path: "orders.rpc.lock".into(),
        text: text.into(),
    });
    let (lock, found) = Lock::parse(file, text);
    (lock, found.iter().map(|report| report.code).collect())
}

#[test]
fn a_lock_holds_all_that_callers_rely_on() {
    insta::assert_snapshot!(lock(ALL).text());
}

#[test]
fn a_lock_is_read_as_it_was_written() {
    let text = lock(ALL).text();
    let (again, found) = parse(&text);
    assert_eq!(found, []);
    assert_eq!(again.text(), text);
    let crlf = text.replace('\n', "\r\n");
    assert_eq!(parse(&crlf).0.text(), text, "as some editors save it");
}

#[test]
fn what_was_just_frozen_is_no_change() {
    let found = analysis(&[
        ("shop/orders.rpc", ALL),
        ("shop/orders.rpc.lock", &lock(ALL).text()),
    ]);
    assert_eq!(found.diagnostics, []);
    assert_eq!(found.locks["shop/orders.rpc"].releases.len(), 3);
}

#[test]
fn a_release_is_added_once_and_stays_as_it_was() {
    let mut lock = lock(ALL);
    let before = lock.text();
    let later = model(&ALL.replace("id:     uint64 = 1", "more: bool = 12; id: uint64 = 1"));
    let surface = Surface::of_model(&later);
    let service = &later.files[0].services[0];
    assert!(!lock.add(freeze(&surface, service, service.releases[0])));
    assert_eq!(lock.text(), before);
    assert!(lock.remove(&service.name, Release { major: 1, minor: 0 }));
    assert!(!lock.remove(&service.name, Release { major: 1, minor: 0 }));
    assert!(lock.add(freeze(&surface, service, service.releases[0])));
    assert!(lock.text().contains("more: bool = 12"));
}

#[test]
fn a_lock_that_is_damaged_freezes_nothing_and_says_so() {
    let text = lock(ALL).text();
    for (from, to, code) in [
        ("callsheet lock 1", "callsheet lock 2", Code::LockVersion),
        ("callsheet lock 1\n", "", Code::LockMalformed),
        (
            "    groups default, wholesale, ..\n",
            "",
            Code::LockMalformed,
        ),
        (
            "-> shop.orders.Order",
            "shop.orders.Order",
            Code::LockMalformed,
        ),
        ("id: uint64 = 1", "id: uint64", Code::LockMalformed),
        (
            "release shop.orders.Orders 1.1",
            "release shop.orders.Orders 1.0",
            Code::LockMalformed,
        ),
        (
            "release shop.orders.Orders 1.1",
            "<<<<<<< ours",
            Code::LockMalformed,
        ),
    ] {
        assert!(text.contains(from), "{from}");
        let (lock, found) = parse(&text.replacen(from, to, 1));
        assert_eq!(found, [code], "{from} to {to}");
        assert!(lock.releases.is_empty(), "{from} to {to}");
    }
}

#[test]
fn a_file_with_mistakes_is_not_compared_as_well() {
    let broken = ALL.replace("id:     uint64 = 1", "id: uint46 = 1");
    let lock = lock(ALL).text();
    let found = analysis(&[
        ("shop/orders.rpc", &broken),
        ("shop/orders.rpc.lock", &lock),
    ]);
    let codes: Vec<&str> = found
        .diagnostics
        .iter()
        .map(|it| it.code.as_str())
        .collect();
    assert_eq!(codes, ["CS0130"]);
}

#[test]
fn a_change_in_an_imported_file_is_a_change_of_the_release() {
    let common = "edition 2026;\npackage shop.common;\nmessage Money { cents: int64 = 1; }\n";
    let orders = "edition 2026;\npackage shop.orders;\nimport \"shop/common.rpc\";\nservice Orders { rpc pay(shop.common.Money); }\n";
    let entry = ["shop/orders.rpc".to_owned()];
    let look = |common: &str, lock: &str| {
        let files = [
            ("shop/orders.rpc", orders),
            ("shop/common.rpc", common),
            ("shop/orders.rpc.lock", lock),
        ];
        analyse(&mut MemoryLoader::new(files), &entry)
    };
    let empty = look(common, "callsheet lock 1\n");
    let model = empty.model.unwrap();
    let file = model
        .files
        .iter()
        .find(|file| !file.services.is_empty())
        .unwrap();
    let mut lock = Lock::default();
    lock.add(freeze(
        &Surface::of_model(&model),
        &file.services[0],
        Release { major: 1, minor: 0 },
    ));
    assert_eq!(look(common, &lock.text()).diagnostics, []);
    let changed = look(&common.replace("int64", "sint64"), &lock.text());
    let [found] = &changed.diagnostics[..] else {
        panic!("{:#?}", changed.diagnostics)
    };
    assert_eq!(found.code, Code::FieldTypeChanged);
    let place = changed.sources.file(found.primary.span.file);
    assert_eq!(&*place.import_path, "shop/common.rpc");
}

proptest! {
    #![proptest_config(crate::cases(100))]

    #[test]
    fn any_contract_is_read_from_its_lock_and_is_no_change(schema in schema()) {
        let text = schema.text();
        let lock = lock(&text).text();
        let (again, found) = parse(&lock);
        prop_assert_eq!(found, []);
        prop_assert_eq!(&again.text(), &lock);
        let found = analysis(&[("shop/orders.rpc", &text), ("shop/orders.rpc.lock", &lock)]);
        prop_assert_eq!(found.diagnostics, []);
    }

    #[test]
    fn descriptors_hold_the_messages_that_they_were_made_of(schema in schema()) {
        let model = model(&schema.text());
        let text = of_descriptors(&lower(&model));
        let (lock, found) = parse(&text);
        prop_assert_eq!(found, []);
        let mut old = lock.releases[0].surface();
        old.services.clear();
        let verdicts = callsheet_build::breaking::compare(&old, &Surface::of_model(&model));
        let verdicts: Vec<_> = verdicts.iter().filter(|it| !it.message.contains("google.protobuf")).collect();
        prop_assert!(verdicts.is_empty(), "{:#?}", verdicts);
    }

    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,200}", lines in prop::collection::vec("(release|rpc|message|enum|error|reserved|groups|oneof|[a-z: =.@()<>\"0-9]{0,30}){1,6}", 0..8)) {
        parse(&text);
        let body = format!("callsheet lock 1\nrelease a.B 1.0\n    groups default\n{}", lines.join("\n"));
        parse(&body);
    }
}
