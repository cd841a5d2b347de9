//! What an exported file looks like.

use callsheet_build::proto;

use crate::{of_folder, of_text};

#[test]
fn an_example_reads_as_if_written_by_hand() {
    let texts = proto::texts(&of_folder("idl-examples"), None);
    let shown = ["shop/orders.proto", "shop/orders/v1/orders.proto"].map(|name| &*texts[name]);
    insta::assert_snapshot!(shown.join("\n"));
}

#[test]
fn a_major_is_a_file_of_its_own_package() {
    let model = of_text(
        "service Orders { versions 1.0, 1.1, 2.0; @removed(2.0) rpc old(); @added(1.1) rpc kept(); }\n",
    );
    let texts = proto::texts(&model, None);
    let names: Vec<&str> = texts.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "shop/orders.proto",
            "shop/orders/v1/orders.proto",
            "shop/orders/v2/orders.proto"
        ]
    );
    assert!(texts[names[1]].contains("rpc old(") && texts[names[1]].contains("rpc kept("));
    assert!(!texts[names[2]].contains("rpc old(") && texts[names[2]].contains("rpc kept("));
    let early = proto::texts(&model, Some("1.0".parse().expect("a release")));
    assert_eq!(early.len(), 2);
    assert!(!early[names[1]].contains("rpc kept("));
}

#[test]
fn constants_stand_before_something_that_keeps_their_comment() {
    let text = |body: &str| {
        let texts = proto::texts(&of_text(body), None);
        texts["shop/orders.proto"].clone()
    };
    let alone = text("/// Most.\nconst MOST: uint32 = 5;\n");
    assert!(alone.contains("// Most.\n//\n// callsheet: const MOST: uint32 = 5;\n\npackage"));
    let before = text("const MOST: uint32 = 5;\nmessage A {}\n");
    assert!(before.contains("// callsheet: const MOST: uint32 = 5;\n\nmessage A {}"));
}

#[test]
fn two_sources_of_one_package_and_name_make_two_files() {
    let mut loader = callsheet_build::resolve::MemoryLoader::new([
        (
            "shop/orders.rpc",
            "edition 2026;\npackage shop.orders;\nservice A { rpc a(); }\n",
        ),
        (
            "shop/orders/orders.rpc",
            "edition 2026;\npackage shop.orders;\nservice B { rpc b(); }\n",
        ),
    ]);
    let entries = ["shop/orders.rpc", "shop/orders/orders.rpc"].map(str::to_owned);
    let analysis = callsheet_build::driver::analyse(&mut loader, &entries);
    let texts = proto::texts(&analysis.model.expect("no errors"), None);
    assert!(texts["shop/orders/v1/orders.proto"].contains("service A"));
    assert!(texts["shop/orders/v1/orders_.proto"].contains("service B"));
}
