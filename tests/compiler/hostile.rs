//! Input made to hurt: names of a megabyte, more fields than anybody writes. Whatever is found is said in few words.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use callsheet_build::diagnostic::render;
use callsheet_build::driver::{Analysis, analyse};
use callsheet_build::resolve::MemoryLoader;

const HEAD: &str = "edition 2026;\npackage hostile;\n";

/// Bytes of all that is said of one file, in the longest form.
const WORDS: usize = 64 << 10;

fn analysed(text: String) -> Analysis {
    let entry = "hostile.rpc".to_owned();
    analyse(&mut MemoryLoader::new([(entry.clone(), text)]), &[entry])
}

/// How often each code was found.
fn codes(analysis: &Analysis) -> BTreeMap<&'static str, usize> {
    let mut codes = BTreeMap::new();
    for report in &analysis.diagnostics {
        *codes.entry(report.code.as_str()).or_default() += 1;
    }
    codes
}

#[test]
fn a_name_of_a_megabyte_is_told_in_few_words() {
    let name = "Name".repeat(1 << 18);
    let lower = name.to_lowercase();
    for (code, text) in [
        ("CS0144", format!("{HEAD}message {name} {{}}\n")),
        (
            "CS0144",
            format!("{HEAD}message A {{ {lower}: bool = 1; }}\n"),
        ),
        ("CS0144", format!("{HEAD}enum A {{ {name} = 0; }}\n")),
        (
            "CS0144",
            format!("{HEAD}message A {{ oneof {lower} {{ a: bool = 1; }} }}\n"),
        ),
        ("CS0144", format!("{HEAD}service A {{ rpc {lower}(); }}\n")),
        (
            "CS0144",
            format!("{HEAD}service A {{ rpc a({lower}: bool = 1); }}\n"),
        ),
        (
            "CS0144",
            format!("{HEAD}service A {{ groups {lower}; rpc a(); }}\n"),
        ),
        ("CS0144", format!("{HEAD}const {name}: bool = true;\n")),
        (
            "CS0144",
            format!("edition 2026;\npackage hostile.{lower};\n"),
        ),
        ("CS0130", format!("{HEAD}message A {{ a: {name} = 1; }}\n")),
        ("CS0180", format!("{HEAD}@{lower} message A {{}}\n")),
        (
            "CS0180",
            format!("{HEAD}message A {{ a: string = 1 @{lower}; }}\n"),
        ),
        (
            "CS0100",
            format!("{HEAD}import \"{lower}.rpc\";\nmessage A {{}}\n"),
        ),
        (
            "CS0130",
            format!("{HEAD}service A {{ rpc a() throws {name}; }}\n"),
        ),
        ("CS0214", format!("{HEAD}error A({lower}) {{}}\n")),
        ("CS0017", format!("{HEAD}{lower} A {{}}\n")),
    ] {
        let shown = text[..60].to_owned();
        let analysis = analysed(text);
        let codes = codes(&analysis);
        assert!(codes.contains_key(code), "{shown}: {codes:?}");
        for said in [
            render::human(&analysis.diagnostics, &analysis.sources, false),
            render::short(&analysis.diagnostics, &analysis.sources),
            render::json(&analysis.diagnostics, &analysis.sources),
            render::github(&analysis.diagnostics, &analysis.sources),
            render::sarif(&analysis.diagnostics, &analysis.sources),
        ] {
            assert!(said.len() < WORDS, "{shown}: {} bytes", said.len());
        }
    }
}

/// As many as a build for tests takes in seconds.
const FIELDS: usize = 50_000;

#[test]
fn a_message_of_very_many_fields_is_a_contract() {
    let mut text = format!("{HEAD}message A{{");
    for number in 1..=FIELDS {
        // Gaps where no number may be used.
        let number = number + if number < 19_000 { 0 } else { 1_000 };
        let mut name = String::new();
        let mut rest = number;
        while rest > 0 {
            name.push(char::from(
                b"abcdefghijklmnopqrstuvwxyz0123456789"[rest % 36],
            ));
            rest /= 36;
        }
        // Writing to a string cannot fail.
        let _ = write!(text, "x{name}:A={number};");
    }
    text.push_str("}\n");
    let analysis = analysed(text);
    assert_eq!(codes(&analysis), BTreeMap::new());
    let model = analysis.model.expect("a contract");
    assert_eq!(model.files[0].messages[0].fields.len(), FIELDS);
}
