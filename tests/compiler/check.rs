//! Files with mistakes of meaning: each finding once, none besides.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use callsheet_build::driver::{Analysis, analyse};
use callsheet_build::resolve::MemoryLoader;

use crate::transcript;

fn check(files: &[(&str, &str)]) -> (Analysis, MemoryLoader) {
    let mut loader = MemoryLoader::new(files.iter().copied());
    let entry = files[0].0.to_owned();
    let analysis = analyse(&mut loader, &[entry]);
    (analysis, loader)
}

fn codes(files: &[(&str, &str)]) -> Vec<&'static str> {
    let (analysis, _) = check(files);
    analysis
        .diagnostics
        .iter()
        .map(|report| report.code.as_str())
        .collect()
}

/// A file of the corpus, alone or the `main.rpc` of a folder whose other files it imports: its files, and which is checked.
pub(crate) fn project(path: &Path) -> (MemoryLoader, String) {
    let read = |path: &Path| std::fs::read_to_string(path).expect("a file of the corpus");
    let folder = path.file_name().is_some_and(|name| name == "main.rpc");
    let mut loader = MemoryLoader::default();
    let mut add = |name: String, text: String| {
        loader.files.insert(name, text);
    };
    let entry = if folder {
        let parent = path.parent().expect("a folder");
        let mut files: Vec<PathBuf> = std::fs::read_dir(parent)
            .expect("a folder of the corpus")
            .map(|entry| entry.expect("an entry").path())
            .collect();
        files.sort();
        for file in files {
            let name = file
                .file_name()
                .expect("a name")
                .to_string_lossy()
                .into_owned();
            add(format!("shop/{name}"), read(&file));
        }
        "shop/main.rpc".to_owned()
    } else {
        add("shop/orders.rpc".to_owned(), read(path));
        "shop/orders.rpc".to_owned()
    };
    (loader, entry)
}

/// The files as they are read, and what is found in them.
fn corpus(path: &Path) -> String {
    let (mut loader, entry) = project(path);
    let mut sources = String::new();
    for (name, text) in &loader.files {
        let _ = writeln!(sources, "// {name}\n{text}");
    }
    let analysis = analyse(&mut loader, &[entry]);
    format!("{sources}\n{}", transcript::of(&analysis))
}

/// The files of the corpus that are checked.
pub(crate) fn is_entry(path: &Path) -> bool {
    let parent = path.parent().expect("a folder");
    path.ends_with("main.rpc") || !parent.join("main.rpc").exists()
}

#[test]
fn corpus_of_mistakes() {
    insta::glob!("../ui/check", "**/*.rpc", |path| {
        if is_entry(path) {
            insta::assert_snapshot!(corpus(path));
        }
    });
}

#[test]
fn five_independent_mistakes_give_five_reports() {
    let text = r"edition 2026;
package shop.orders;

message Order {
    id:       uint64 = 1;
    customer: string = 1;
    item:     Itme = 2;
    note:     string = 3 @len(9..=1);
}

message Item { sku: string = 1; }

enum Status { PLACED = 1; }

service Orders {
    @retry(2)
    rpc place(Order) -> Item;
}
";
    let found = codes(&[("shop/orders.rpc", text)]);
    assert_eq!(found, ["CS0150", "CS0130", "CS0191", "CS0170", "CS0240"]);
}

#[test]
fn an_unknown_type_hides_nothing_and_causes_nothing() {
    // The field is skipped by its rules, the hash path through it is not followed, the reply is missing.
    let text = r"edition 2026;
package shop.orders;

message Order { who: Custmer = 1 @required @len(1..=2); id: uint64 = 2; }

service Orders {
    @balance(consistent_hash(.who.id))
    rpc place(Order) -> Custmer;
    rpc find(id: uint64 = 0) -> Order;
}
";
    let (analysis, _) = check(&[("shop/orders.rpc", text)]);
    let found: Vec<&str> = analysis
        .diagnostics
        .iter()
        .map(|report| report.code.as_str())
        .collect();
    assert_eq!(found, ["CS0130", "CS0151"], "{}", transcript::of(&analysis));
    assert_eq!(
        analysis.diagnostics[0].labels.len(),
        1,
        "the second use is a label"
    );
}

#[test]
fn a_broken_declaration_is_not_unknown_as_well() {
    let text = r"edition 2026;
package shop.orders;

message Item { sku string = = 1; }

message Order { item: Item = 1; }

mesage Basket { item: Item = 1; }

message Cart { basket: Basket = 1; }
";
    let (analysis, _) = check(&[("shop/orders.rpc", text)]);
    let found: Vec<&str> = analysis
        .diagnostics
        .iter()
        .map(|report| report.code.as_str())
        .collect();
    assert!(
        found.iter().all(|code| *code < "CS0100"),
        "{}",
        transcript::of(&analysis)
    );
    assert_eq!(found.len(), 2, "{}", transcript::of(&analysis));
}

#[test]
fn a_missing_import_is_not_many_unknown_names_as_well() {
    let text = r#"edition 2026;
package shop.orders;

import "shop/comon.rpc";

message Order { invoice: shop.comon.Invoice = 1; other: Invoice = 2; typo: strng = 3; }
"#;
    assert_eq!(codes(&[("shop/orders.rpc", text)]), ["CS0100", "CS0130"]);
}

#[test]
fn a_diamond_of_thirty_levels_loads_each_file_once() {
    let mut files = Vec::new();
    for level in 0..30 {
        for side in ["a", "b"] {
            let imports = if level < 29 {
                let next = level + 1;
                format!("import \"d/a{next}.rpc\";\nimport \"d/b{next}.rpc\";\n")
            } else {
                String::new()
            };
            let fields = if level < 29 {
                let next = level + 1;
                format!("a: A{next} = 1; b: B{next} = 2;")
            } else {
                String::new()
            };
            let name = side.to_uppercase();
            let text = format!(
                "edition 2026;\npackage d;\n\n{imports}\nmessage {name}{level} {{ {fields} }}\n"
            );
            files.push((format!("d/{side}{level}.rpc"), text));
        }
    }
    let mut loader = MemoryLoader::new(files);
    let analysis = analyse(&mut loader, &["d/a0.rpc".to_owned()]);
    assert_eq!(transcript::of(&analysis), "");
    assert_eq!(loader.loads.len(), 59);
    assert!(
        loader.loads.values().all(|&times| times == 1),
        "{:?}",
        loader.loads
    );
    let model = analysis.model.expect("no errors");
    let places: Vec<&str> = model.files.iter().map(|file| &*file.import_path).collect();
    assert_eq!(places.first(), Some(&"d/a29.rpc"));
    assert_eq!(places.last(), Some(&"d/a0.rpc"));
}

#[test]
fn a_chain_of_ten_thousand_imports_and_constants_is_walked() {
    let count = 10_000;
    let files = (0..count).map(|at| {
        let next = at + 1;
        let text = if next < count {
            format!(
                "edition 2026;\npackage c;\n\nimport \"c/f{next}.rpc\";\n\nconst C{at}: uint32 = C{next};\n"
            )
        } else {
            format!("edition 2026;\npackage c;\n\nconst C{at}: uint32 = 7;\n")
        };
        (format!("c/f{at}.rpc"), text)
    });
    let mut loader = MemoryLoader::new(files);
    let analysis = analyse(&mut loader, &["c/f0.rpc".to_owned()]);
    assert!(analysis.diagnostics.is_empty());
    let model = analysis.model.expect("no errors");
    assert_eq!(model.files.len(), count);
}
