//! Changes of contracts, each with what is told about it.

use std::fs;
use std::path::Path;

use callsheet_build::breaking::{Category, Party, Verdict, compare};
use callsheet_build::diagnostic::{Code, render};
use callsheet_build::driver::{analyse, analyse_beside};
use callsheet_build::resolve::MemoryLoader;
use callsheet_build::surface::Surface;

use crate::model;

/// What is told of two files of the corpus, as people see it.
fn told(folder: &Path) -> String {
    let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
    let loader = |path: &str, name: &str| MemoryLoader::new([(path, read(name))]);
    let entry = ["shop/orders.rpc".to_owned()];
    let old = analyse(&mut loader(&entry[0], "old.rpc"), &entry);
    assert_eq!(old.diagnostics, []);
    let new = analyse_beside(old.sources, &mut loader(&entry[0], "new.rpc"), &entry);
    assert_eq!(new.diagnostics, []);
    let (before, after) = (old.model.unwrap(), new.model.unwrap());
    let verdicts = compare(&Surface::of_model(&before), &Surface::of_model(&after));
    let reports: Vec<_> = verdicts.iter().map(Verdict::report).collect();
    render::human(&reports, &new.sources, false)
}

#[test]
fn corpus_of_changes() {
    insta::glob!("../ui/breaking", "*/new.rpc", |path| {
        insta::assert_snapshot!(told(path.parent().unwrap()));
    });
}

#[test]
fn corpus_of_changes_of_what_is_frozen() {
    insta::glob!("../ui/frozen", "*/orders.rpc", |path| {
        let lock = path.with_extension("rpc.lock");
        let files = [
            ("shop/orders.rpc", fs::read_to_string(path).unwrap()),
            ("shop/orders.rpc.lock", fs::read_to_string(lock).unwrap()),
        ];
        let analysis = analyse(
            &mut MemoryLoader::new(files),
            &["shop/orders.rpc".to_owned()],
        );
        assert!(analysis.model.is_none(), "what is frozen is upheld");
        insta::assert_snapshot!(render::human(
            &analysis.diagnostics,
            &analysis.sources,
            false
        ));
    });
}

/// The verdicts between two bodies of a file.
fn verdicts(old: &str, new: &str) -> Vec<Verdict> {
    let file = |body: &str| format!("edition 2026;\npackage shop.orders;\n{body}\n");
    let (old, new) = (model(&file(old)), model(&file(new)));
    compare(&Surface::of_model(&old), &Surface::of_model(&new))
}

fn parties(old: &str, new: &str) -> Vec<Party> {
    let verdicts = verdicts(old, new);
    assert_eq!(verdicts.len(), 1, "{verdicts:#?}");
    let wire = verdicts[0].breaks.get(&Category::Wire);
    wire.into_iter().flatten().copied().collect()
}

#[test]
fn who_breaks_depends_on_who_sends_the_message() {
    use Party::{OldClient, OldServer, StoredData};

    let file = |ty: &str, method: &str| {
        format!("message Order {{ id: {ty} = 1; }} service Orders {{ {method} }}")
    };
    for (method, narrower, other) in [
        (
            "rpc place(Order);",
            &[OldClient, StoredData][..],
            &[OldClient, OldServer, StoredData][..],
        ),
        (
            "rpc list() -> stream Order;",
            &[OldServer, StoredData],
            &[OldClient, OldServer, StoredData],
        ),
        ("rpc ping();", &[StoredData], &[StoredData]),
    ] {
        let found = parties(&file("int64", method), &file("int32", method));
        assert_eq!(found, narrower, "{method}");
        let found = parties(&file("int64", method), &file("string", method));
        assert!(
            found.starts_with(other) || method.contains("ping"),
            "{method}: {found:?}"
        );
        // The way back loses nothing.
        let found = parties(&file("int32", method), &file("int64", method));
        assert_eq!(found, [], "{method}");
    }
}

#[test]
fn what_only_adds_breaks_nothing() {
    let old = "
        message Order { id: uint64 = 1; status: Status = 2; reserved 9; oneof pay { card: string = 3; } }
        enum Status { UNSPECIFIED = 0; }
        error Gone(not_found) { }
        service Orders { versions 1.0; groups default; rpc place(Order) throws Gone; }";
    let new = "
        message Order { id: uint64 = 1 @deprecated(\"old\"); status: Status = 2; reserved 9, 10, \"x\";
            oneof pay { card: string = 3; cash: bool = 4; } note: string? = 5 @len(1..); more: More = 6; }
        message More { id: uint64 = 1 @required; }
        enum Status { UNSPECIFIED = 0; PLACED = 1; }
        error Gone(not_found) { why: string = 1; }
        const MOST: uint32 = 1;
        @timeout(1s)
        service Orders { versions 1.0, 1.1, 2.0; groups default, wholesale, ..;
            @idempotent @retry(2) rpc place(Order) throws Gone;
            @added(1.1) rpc ping();
        }
        service Archive { rpc get(Order); }";
    assert_eq!(verdicts(old, new), []);
}

#[test]
fn rules_of_replies_may_become_tighter() {
    let file = |rule: &str, method: &str| {
        format!("message Order {{ note: string = 1 {rule}; }} service Orders {{ {method} }}")
    };
    let change = |method: &str| {
        let found = verdicts(&file("@len(..=9)", method), &file("@len(..=8)", method));
        found.iter().map(|it| it.code).collect::<Vec<_>>()
    };
    assert_eq!(change("rpc list() -> Order;"), []);
    assert_eq!(change("rpc place(Order);"), [Code::RuleTightened]);
    assert_eq!(change("rpc ping();"), [Code::RuleTightened]);
}

#[test]
fn rules_that_say_the_same_or_less_are_not_tighter() {
    for (old, new) in [
        ("string = 1 @len(1..=8)", "string = 1 @len(..=8)"),
        (
            "string = 1 @one_of(\"a\")",
            "string = 1 @one_of(\"b\", \"a\")",
        ),
        ("int32 = 1 @range(1..5)", "int32 = 1 @range(0..=5)"),
        ("int32 = 1 @range(1..5)", "int32 = 1"),
        (
            "string = 1 @pattern(\"a\") @required",
            "string = 1 @pattern(\"a\")",
        ),
    ] {
        let file = |field: &str| format!("message Order {{ a: {field}; }}");
        assert_eq!(verdicts(&file(old), &file(new)), [], "{old} to {new}");
        assert!(
            !verdicts(&file(new), &file(old)).is_empty(),
            "{new} to {old}"
        );
    }
}
