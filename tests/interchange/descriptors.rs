//! The texts mean what the descriptors say, to a compiler of protobuf that is not ours.

use std::collections::BTreeMap;

use callsheet_build::model::Model;
use callsheet_build::proto;
use prost_types::{FileDescriptorProto, SourceCodeInfo};
use protox::Compiler;
use protox::file::{ChainFileResolver, File, FileResolver, GoogleFileResolver};

use crate::{of_folder, of_text};

struct Texts(BTreeMap<String, String>);

impl FileResolver for Texts {
    fn open_file(&self, name: &str) -> Result<File, protox::Error> {
        match self.0.get(name) {
            Some(text) => File::from_source(name, text),
            None => Err(protox::Error::file_not_found(name)),
        }
    }
}

/// What protox makes of texts by name, and of what they import.
pub(crate) fn compile(texts: BTreeMap<String, String>) -> Vec<FileDescriptorProto> {
    let names: Vec<String> = texts.keys().cloned().collect();
    let mut resolver = ChainFileResolver::new();
    resolver.add(Texts(texts));
    resolver.add(GoogleFileResolver::new());
    let mut compiler = Compiler::with_file_resolver(resolver);
    compiler.include_imports(true).include_source_info(true);
    compiler
        .open_files(names)
        .unwrap_or_else(|error| panic!("{error:?}"));
    compiler.file_descriptor_set().file
}

fn check(model: &Model) {
    let texts = proto::texts(model, None);
    let compiled = compile(texts.clone()).into_iter();
    let mut compiled: BTreeMap<String, FileDescriptorProto> = compiled
        .map(|file| (file.name().to_owned(), file))
        .collect();
    let ours = proto::descriptors(model, None, true);
    for mut file in ours {
        if !texts.contains_key(file.name()) {
            continue;
        }
        let mut theirs = compiled.remove(file.name()).expect("every file of ours");
        let (our_info, their_info) = (file.source_code_info.take(), theirs.source_code_info.take());
        for (message, their) in file.message_type.iter().zip(&theirs.message_type) {
            assert_eq!(message, their, "{}", file.name());
        }
        assert_eq!(file, theirs, "{}", file.name());
        check_info(
            file.name(),
            &our_info.expect("ours"),
            &their_info.expect("theirs"),
        );
    }
}

/// Every comment of ours stands where protox finds it, and so does its element.
fn check_info(name: &str, ours: &SourceCodeInfo, theirs: &SourceCodeInfo) {
    assert!(ours.location.len() > 2, "{name}");
    for location in &ours.location {
        // The file as a whole: where it ends is a matter of taste.
        if location.path.is_empty() {
            continue;
        }
        let same = theirs
            .location
            .iter()
            .find(|one| one.path == location.path)
            .unwrap_or_else(|| panic!("{name}: {:?}", location.path));
        assert_eq!(
            (&location.leading_comments, &location.trailing_comments),
            (&same.leading_comments, &same.trailing_comments),
            "{name}: {:?}",
            location.path
        );
        let line = |span: &[i32]| span[..2].to_vec();
        assert_eq!(
            line(&location.span),
            line(&same.span),
            "{name}: {:?}",
            location.path
        );
    }
}

#[test]
fn every_contract_of_ours_compiles_to_its_descriptors() {
    check(&of_folder("idl-examples"));
    check(&of_folder("tests/idl"));
}

#[test]
fn names_that_hide_each_other_are_told_apart() {
    check(&of_text(
        "message shop { orders: Order = 1; card: Order.Card = 2; other: Card = 3; }
         message Order {
             card: Card = 1;
             outer: .shop.orders.Card = 2;
             shop: Order = 3;
             message Card { order: Order = 1; own: Card = 2; map: map<string, Card> = 3; }
             message Order { inner: Card = 1; outer: .shop.orders.Order = 2; }
         }
         message Card { kind: Order.Card = 1; }
         service Orders { rpc shop(Order) -> Card; rpc google() -> Order.Card; }\n",
    ));
}

#[test]
fn every_word_of_protobuf_is_said() {
    check(&of_text(
        "/// Everything.
         ///
         /// \\ and */ and \"quotes\".
         @deprecated(\"use Other\")
         message All {
             /// In it.

             a: sint32? = 1 @json(\"A \\\"quoted\\\"\\\\ \\n name\");
             b: [fixed64] = 2 @deprecated(\"two\\nlines\");
             c: map<sfixed32, timestamp> = 3;
             oneof one { d: bool = 4; e: any = 5; }
             _f: string? = 6;
             XXf: string? = 536870911;
             reserved 7, 9..=11, 1000..=536870910, \"old\", \"older\";
         }
         @allow_alias @deprecated(\"x\")
         enum Kind { NONE = 0; MIN = -2147483648; A = 1; B = 1 @deprecated(\"a\"); reserved 5, 7..=2147483647, -9..=-3, \"GONE\"; }
         @deprecated(\"no more\")
         service Orders { @idempotent rpc all(stream All) -> stream All; }\n",
    ));
}

#[test]
fn the_files_of_protobuf_itself_are_as_everywhere() {
    let model = of_text(
        "message All {
             any: any = 1; api: google.protobuf.Api = 2; duration: duration = 3; empty: empty = 4;
             mask: google.protobuf.FieldMask = 5; context: google.protobuf.SourceContext = 6; fields: struct = 7;
             timestamp: timestamp = 8; kind: google.protobuf.Type = 9; text: google.protobuf.StringValue = 10;
         }\n",
    );
    let theirs = compile(proto::texts(&model, None));
    let ours = proto::descriptors(&model, None, false);
    let mut compared = 0;
    for file in ours
        .iter()
        .filter(|file| file.package() == "google.protobuf")
    {
        let mut their = theirs
            .iter()
            .find(|one| one.name() == file.name())
            .expect("a file of protobuf")
            .clone();
        their.source_code_info = None;
        // Newer releases have added to `Type`, and name what is deprecated.
        assert_eq!((&file.options, file.name()), (&their.options, their.name()));
        if !matches!(
            file.name(),
            "google/protobuf/type.proto" | "google/protobuf/api.proto"
        ) {
            assert_eq!(*file, their);
        }
        compared += 1;
    }
    assert_eq!(compared, 10);
}
