//! `.proto` files as contracts: what comes along, and what is said of the rest.

use std::collections::BTreeMap;

use callsheet_build::driver::analyse;
use callsheet_build::model::Model;
use callsheet_build::proto::{self, Import};
use callsheet_build::resolve::MemoryLoader;

use crate::descriptors::compile;
use crate::{bare, of_folder};

/// The import of these files.
fn import(files: &[(&str, &str)]) -> Import {
    let texts: BTreeMap<String, String> = files
        .iter()
        .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
        .collect();
    let names: Vec<String> = texts.keys().cloned().collect();
    proto::import(&compile(texts), &names)
}

/// The import of a file of package `shop.orders`: its contract, and the notes.
fn import_one(head: &str, body: &str) -> (String, Vec<String>) {
    let text = format!("{head}\npackage shop.orders;\n{body}");
    let import = import(&[("shop/orders.proto", &text)]);
    let notes = import.notes.iter();
    let notes = notes.map(|note| format!("{}:{}: {}", note.line, note.column, note.what));
    (import.texts["shop/orders.rpc"].clone(), notes.collect())
}

/// What contracts mean, without errors.
pub(crate) fn model(texts: &BTreeMap<String, String>) -> Model {
    let mut loader = MemoryLoader::new(
        texts
            .iter()
            .map(|(path, text)| (path.as_str(), text.as_str())),
    );
    let entries: Vec<String> = texts.keys().cloned().collect();
    let analysis = analyse(&mut loader, &entries);
    analysis
        .model
        .unwrap_or_else(|| panic!("{texts:#?}\n{:#?}", analysis.diagnostics))
}

/// What was exported comes back as it was.
pub(crate) fn round_trip(before: &Model) {
    let texts = proto::texts(before, None);
    let names: Vec<String> = texts.keys().cloned().collect();
    let import = proto::import(&compile(texts.clone()), &names);
    assert_eq!(import.notes, []);
    let after = model(&import.texts);
    let again = proto::texts(&after, None);
    assert!(texts.keys().eq(again.keys()));
    // What stood in several files has no order of its own.
    let sorted = |text: &str| {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    for (name, text) in &texts {
        let (before, after) = (sorted(text), sorted(&again[name]));
        let differ = before.iter().zip(&after).find(|(a, b)| a != b);
        assert!(
            differ.is_none() && before.len() == after.len(),
            "{name}: {differ:?}"
        );
    }
    let (before, after) = (bare(before), bare(&after));
    let differ = before.lines().zip(after.lines()).position(|(a, b)| a != b);
    if let Some(line) = differ {
        let shown = |text: &str| {
            let from = line.saturating_sub(6);
            text.lines()
                .skip(from)
                .take(12)
                .collect::<Vec<_>>()
                .join("\n")
        };
        panic!("before\n{}\nafter\n{}", shown(&before), shown(&after));
    }
    assert_eq!(before.lines().count(), after.lines().count());
}

#[test]
fn what_was_exported_comes_back_as_it_was() {
    round_trip(&of_folder("idl-examples"));
    round_trip(&of_folder("tests/idl"));
}

#[test]
fn descriptors_stay_as_they_were() {
    let text = "
        /* A block
         * of two lines. */
        message Order {
          // Kept.
          string note_text = 1; // Behind.
          optional int32 a = 2;
          map<string, Order> by_name = 3;
          oneof kind { bytes raw = 4; Inner inner = 5 [deprecated = true, json_name = \"INNER\"]; }
          repeated google.protobuf.Timestamp at = 6;
          google.protobuf.FieldMask mask = 7;
          message Inner { enum Level { LEVEL_LOW = 0; LEVEL_2X = 1; LEVEL_LEVEL_3 = 2; reserved \"LEVEL_OLD\"; } Level level = 1; }
          reserved 8, 10 to 12, 1000 to max;
          reserved \"old\";
        }
        enum Bare { option allow_alias = true; ZERO = 0; NIL = 0; BARE_ONE = -1; }
    ";
    let text = format!(
        "syntax = \"proto3\";\npackage shop.orders;\nimport \"google/protobuf/timestamp.proto\";\n\
         import \"google/protobuf/field_mask.proto\";\n{text}"
    );
    let texts = BTreeMap::from([("shop/orders.proto".to_owned(), text)]);
    let files = compile(texts);
    let import = proto::import(&files, &["shop/orders.proto".to_owned()]);
    assert_eq!(import.notes, []);
    let ours = callsheet_build::descriptor::lower(&model(&import.texts));
    let ours = ours.last().expect("a file");
    let theirs = files.last().expect("a file");
    // Entry messages of maps stand where their fields do.
    let sorted = |file: &prost_types::FileDescriptorProto| {
        let mut messages = file.message_type.clone();
        for message in &mut messages {
            message
                .nested_type
                .sort_by_key(|nested| nested.name().to_owned());
        }
        messages
    };
    assert_eq!(sorted(ours), sorted(theirs));
    assert_eq!(ours.enum_type, theirs.enum_type);
    insta::assert_snapshot!(import.texts["shop/orders.rpc"]);
}

#[test]
fn everything_without_a_counterpart_is_said() {
    let (text, notes) = import_one(
        "syntax = \"proto2\"; import public \"google/protobuf/descriptor.proto\"; option go_package = \"x\";",
        "
        extend google.protobuf.FieldOptions { optional string rule = 50001; }
        message Old {
          required int32 must = 1 [(rule) = \"x\"];
          optional string name = 2 [default = \"none\", ctype = CORD];
          optional group Part = 3 { optional int32 x = 1; }
          repeated int32 list = 4;
          optional google.protobuf.FileDescriptorProto file = 5;
          extensions 100 to 199;
          extend Old { optional int32 more = 100; }
        }
        enum NoZero { ONE = 1; TWO = 2; }
        enum LateZero { LATE_ZERO_ONE = 1; LATE_ZERO_NONE = 0; }
        service Calls { rpc Go(Old) returns (stream Old) { option deprecated = true; } }
    ",
    );
    insta::assert_snapshot!(format!("{}\n\n{text}", notes.join("\n")));
    model(&BTreeMap::from([("shop/orders.rpc".to_owned(), text)]));
}

#[test]
fn packages_of_services_alone_are_the_majors_of_one() {
    let types = "syntax = \"proto3\"; package shop; message A {} message B {}";
    let v1 = "syntax = \"proto3\"; package shop.v1; import \"shop.proto\";
              service S { rpc Same(A) returns (B); rpc Gone(A) returns (B); rpc Changed(A) returns (B); }";
    let v2 = "syntax = \"proto3\"; package shop.v2; import \"shop.proto\";
              service S { rpc New(A) returns (B); rpc Same(A) returns (B); rpc Changed(A) returns (A); }";
    let import = import(&[
        ("shop.proto", types),
        ("shop/v1/s.proto", v1),
        ("shop/v2/s.proto", v2),
    ]);
    assert_eq!(import.notes, []);
    insta::assert_snapshot!(import.texts["shop/s.rpc"]);
    let model = model(&import.texts);
    let service = model
        .files
        .iter()
        .flat_map(|file| &file.services)
        .next()
        .expect("a service");
    assert_eq!(service.majors().len(), 2);
}

#[test]
fn a_service_beside_its_messages_keeps_their_names() {
    let text =
        "syntax = \"proto3\"; package shop.v2; message A {} service S { rpc Go(A) returns (A); }";
    let import = import(&[("shop/v2/s.proto", text)]);
    let text = &import.texts["shop/v2/s.rpc"];
    assert!(
        text.contains("package shop.v2;") && text.contains("versions 2.0;"),
        "{text}"
    );
    assert_eq!(import.notes.len(), 1);
    assert!(import.notes[0].what.contains("called as `shop.v2.v2.S`"));
    model(&import.texts);
}

#[test]
fn a_comment_of_a_stranger_becomes_no_code() {
    let (text, notes) = import_one(
        "syntax = \"proto3\";",
        "
        // callsheet: @len(1); } message Evil {
        message A {
          // */ /// \u{202e} }
          string a = 1; // callsheet: @redact; b: string = 2
          /* callsheet: const X: uint32 = 5; message Evil {} */
        }
        // callsheet: versions 1.0; } service Evil {
        service S {
          // callsheet: throws A; rpc evil()
          rpc go(A) returns (A);
        }
    ",
    );
    assert!(!text.contains("Evil") && !text.contains("evil"), "{text}");
    assert!(!text.contains('\u{202e}'), "{text}");
    assert_eq!(notes.len(), 5, "{notes:#?}");
    model(&BTreeMap::from([("shop/orders.rpc".to_owned(), text)]));
}
