//! Text of a contract stays text: no comment, string, path or documentation becomes code, markup or a doctest.
//!
//! Every place of a contract that takes text gets one that tries to leave it, with a marker of its own inside. Wherever the
//! marker comes out, it is within a literal.

use std::fmt::Write as _;
use std::path::Path;

use callsheet_build::codegen::{Files, Options};
use callsheet_build::driver::{analyse, generate};
use callsheet_build::resolve::MemoryLoader;
use proc_macro2::{TokenStream, TokenTree};
use proptest::prelude::*;

use crate::rustc::{self, Tool};

/// Where the marker goes.
const MARKER: char = '\u{1}';

/// Ways out of a comment, a string, an attribute, a template and of Markdown. A tag is called as the marker.
const ESCAPES: [&str; 36] = [
    "*/ fn \u{1}() {} /*",
    "\n*/\nfn \u{1}() {}\n/*\n",
    "\nfn \u{1}() {}\n",
    "\r\nfn \u{1}() {}\r\n//",
    "\u{2028}fn \u{1}() {}\u{2029}\u{85}\u{b}\u{c}",
    "\"; fn \u{1}() {} const X: &str = \"",
    "\"#; fn \u{1}() {} r#\"",
    "\\\"; fn \u{1}() {} //",
    "\\",
    "\\u{22}; \\x22 \u{1}",
    "\"] fn \u{1}() {} #[doc = \"",
    ")] fn \u{1}() {} #[allow(",
    "'; \u{1} '\\''",
    "{\u{1}} {{\u{1}}} {{ \u{1} }} {% include \u{1} %} {# \u{1} #}",
    "{0} {} {:?} %s $\u{1} ${\u{1}}",
    "#![allow(\u{1})]",
    "#!/bin/\u{1}",
    "```\n\u{1}();\n```",
    "~~~ rust,ignore\n\u{1}();\n~~~~",
    "- ```compile_fail\n  \u{1}();\n  ```",
    "> ```\n> \u{1}();\n> ```",
    "\n\n        \u{1}();\n\n",
    "1.       \u{1}();",
    "````\n```\n\u{1}\n```",
    "`` ` \u{1} `",
    "[\u{1}] [`\u{1}`] [a](\u{1}) [b][\u{1}] ![c](javascript:\u{1})",
    "[\u{1}]: javascript:\u{1}\n\n[x]: <\u{1}> 'y'",
    "<\u{1} onload=x> </div><script>\u{1}</script><!-- \u{1}",
    "&lt;\u{1}&#60; &",
    "https://\u{1}.example/<\u{1}>)\" 'x",
    "<https://\u{1}> <javascript:\u{1}>",
    "\u{202e}\u{1}\u{2066}\u{200b}\u{feff}\u{ad}",
    "| \u{1} |\n|---|\n| [\u{1}] |",
    "# \u{1}\n===\n---\n***",
    "[^\u{1}]\n\n[^\u{1}]: x",
    "$$\u{1}$$ ~~\u{1}~~ - [ ] \u{1}",
];

/// Hands out text with markers of their own.
struct Planter<'a> {
    text: &'a str,
    count: usize,
}

impl Planter<'_> {
    fn next(&mut self) -> String {
        self.count += 1;
        self.text
            .replace(MARKER, &format!("planted_{}", self.count))
    }

    /// In a string literal; never an empty one, which some places refuse.
    fn string(&mut self) -> String {
        let text = self.next();
        quoted(&format!("{}{text}", self.count))
    }

    /// In documentation, line by line behind `start`.
    fn lines(&mut self, start: &str) -> String {
        let text = self.next();
        let text: Vec<String> = text
            .split('\n')
            .map(|line| format!("{start} {}\n", visible(line)))
            .collect();
        format!("\n{}", text.concat())
    }

    /// In a block of documentation.
    fn block(&mut self) -> String {
        let text = visible(&self.next().replace("\r\n", "\n"));
        format!(
            "/**\n{}\n*/\n",
            text.replace("*/", "* /").replace("/*", "/ *")
        )
    }

    /// As a regular expression that means the text.
    fn pattern(&mut self) -> String {
        let mut pattern = String::new();
        for c in self.next().chars() {
            if c.is_ascii_punctuation() {
                pattern.push('\\');
            }
            pattern.push(c);
        }
        quoted(&pattern)
    }

    /// As the name of a file.
    fn path(&mut self) -> String {
        let name: String = self
            .next()
            .chars()
            .filter(|c| !c.is_control() && !matches!(c, '/' | '\\'))
            .collect();
        format!("shop/x{}{name}.rpc", self.count)
    }
}

fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            ' '..='~' => out.push(c),
            _ => {
                let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
            }
        }
    }
    out.push('"');
    out
}

/// What a source may hold in a comment.
fn visible(text: &str) -> String {
    text.chars()
        .map(|c| {
            let refused = c.is_control() && !matches!(c, '\n' | '\t')
                || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
            if refused { ' ' } else { c }
        })
        .collect()
}

/// A contract with `text` in every place that takes text.
fn planted(text: &str) -> Files {
    let mut p = Planter { text, count: 0 };
    let imported = p.path();
    let path = p.path();
    let shared = format!(
        "{}\nedition 2026;\npackage shop.common;\n{}message Shared {{ {}id: uint64 = 1; }}\n",
        p.lines("//!"),
        p.block(),
        p.lines("///"),
    );
    let mut main = format!("{}\nedition 2026;\npackage shop;\n", p.lines("//!"));
    let _ = writeln!(main, "import {};", quoted(&imported));
    let _ = writeln!(main, "{}const TEXT: string = {};", p.block(), p.string());
    let _ = writeln!(
        main,
        "{}const BYTES: bytes = {};",
        p.lines("///"),
        p.string()
    );
    let deprecated = |p: &mut Planter<'_>| format!("@deprecated({})", p.string());
    let _ = writeln!(
        main,
        "{}{} message Order {{\n{}id: uint64 = 1 @json({}) {};\n{}sku: string = 2 @pattern({}) @one_of({}, {});",
        p.lines("///"),
        deprecated(&mut p),
        p.block(),
        p.string(),
        deprecated(&mut p),
        p.lines("///"),
        p.pattern(),
        p.string(),
        p.string(),
    );
    let _ = writeln!(
        main,
        "{}oneof payment {{ {}card: string = 3 {} @redact; shared: shop.common.Shared = 4; }}\nreserved \"planted_name\";",
        p.lines("///"),
        p.block(),
        deprecated(&mut p),
    );
    let _ = writeln!(
        main,
        "{}message Inner {{}}\n}}\n{}{} @allow_alias enum Kind {{ {}ZERO = 0 {}; {}NONE = 0; ONE = 1; reserved \"planted_value\"; }}",
        p.block(),
        p.lines("///"),
        deprecated(&mut p),
        p.block(),
        deprecated(&mut p),
        p.lines("///"),
    );
    let _ = writeln!(
        main,
        "{}{} error Gone(not_found) {{ {}id: uint64 = 1 @json({}); }}",
        p.lines("///"),
        deprecated(&mut p),
        p.lines("///"),
        p.string(),
    );
    let _ = writeln!(
        main,
        "{}{} service Orders {{\nversions 1.0, 2.0;\n{}@deprecated(1.0, {}) rpc get({}id: uint64 = 1 @json({}) {}) -> stream Order throws Gone;",
        p.block(),
        deprecated(&mut p),
        p.lines("///"),
        p.string(),
        p.lines("///"),
        p.string(),
        deprecated(&mut p),
    );
    let _ = writeln!(
        main,
        "{}rpc put(shop.common.Shared) -> Order;\n}}\n// {}\n/* {} */",
        p.lines("///"),
        visible(&p.next().replace('\n', " ")),
        visible(&p.next().replace("*/", "").replace("/*", "")),
    );
    let mut loader = MemoryLoader::new([(imported, shared), (path.clone(), main.clone())]);
    let analysis = analyse(&mut loader, &[path]);
    let model = analysis
        .model
        .unwrap_or_else(|| panic!("{main}\n{:#?}", analysis.diagnostics));
    generate(&model, &Options::default()).expect("default options")
}

/// Every marker that is code, and whether the text is Rust at all.
fn loose(text: &str) -> Vec<String> {
    fn walk(tokens: TokenStream, out: &mut Vec<String>) {
        for token in tokens {
            match token {
                TokenTree::Group(group) => walk(group.stream(), out),
                TokenTree::Ident(name) if name.to_string().contains("planted") => {
                    out.push(name.to_string());
                }
                _ => {}
            }
        }
    }
    let mut out = Vec::new();
    match text.parse::<TokenStream>() {
        Ok(tokens) => walk(tokens, &mut out),
        Err(error) => out.push(error.to_string()),
    }
    if let Err(error) = syn::parse_file(text) {
        out.push(error.to_string());
    }
    out
}

/// The markers of `text` in every place, each way alone and among others.
fn hold(text: &str) {
    for (name, rust) in planted(text).0 {
        let loose = loose(&rust);
        assert!(loose.is_empty(), "{name}: {loose:?} of {text:?}:\n{rust}");
    }
}

#[test]
fn no_way_out_of_a_text_leads_into_code() {
    for text in ESCAPES {
        hold(text);
    }
}

#[test]
fn a_marker_that_is_code_is_found() {
    assert_eq!(
        loose("#[doc = \"planted_1\"] fn planted_2() {}"),
        ["planted_2"]
    );
    assert_eq!(
        loose("// planted_1\n/// planted_2\nfn f() { \"planted_3\"; }"),
        [""; 0]
    );
    assert!(!loose("fn f() { \" }").is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_mixture_of_ways_out_leads_into_code(
        parts in prop::collection::vec(
            prop_oneof![
                3 => prop::sample::select(&ESCAPES[..]).prop_map(str::to_owned),
                1 => "\\PC{0,12}".prop_map(|text| format!("{text}{MARKER}")),
                1 => "[ \t\n\\\\\"'`~<>\\[\\](){}#*/!-]{0,16}",
            ],
            1..6,
        ),
    ) {
        hold(&parts.concat());
    }
}

/// A crate of contracts with markers in their texts; its documentation is Markdown that others wrote.
fn crate_of_markers(folder: &Path) -> std::path::PathBuf {
    let mut root = String::from("//! Generated contracts.\n");
    for (position, text) in ESCAPES.iter().enumerate() {
        let module = folder.join(format!("m{position}"));
        std::fs::create_dir(&module).expect("a folder");
        for (name, rust) in planted(text).0 {
            std::fs::write(module.join(name), rust).expect("a generated file");
        }
        let _ = writeln!(
            root,
            "/// Of one way out.\npub mod m{position} {{ include!(\"m{position}/mod.rs\"); }}"
        );
    }
    let file = folder.join("lib.rs");
    std::fs::write(&file, root).expect("the root of the crate");
    file
}

#[test]
fn documentation_of_a_contract_is_neither_doctest_nor_link_nor_markup() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = crate_of_markers(folder.path());
    let out = folder.path().join("doc");
    let denied = ["-Dwarnings", "-Drustdoc::all"];
    let documented = rustc::run(Tool::Rustdoc, "2024", &root, &out, &denied);
    assert!(
        documented.status.success() && documented.stderr.is_empty(),
        "{}",
        rustc::said(&documented)
    );
    let mut pages = 0;
    let mut folders = vec![out.join("generated")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("rendered documentation") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let page = std::fs::read_to_string(&path).expect("a page");
            pages += usize::from(page.contains("planted_"));
            for markup in [
                "<planted",
                "<script>planted",
                "href=\"planted",
                "href=\"javascript",
                "src=\"javascript",
            ] {
                assert!(!page.contains(markup), "{markup} in {}", path.display());
            }
        }
    }
    assert!(pages > ESCAPES.len(), "markers come out on {pages} pages");

    let tested = rustc::run(Tool::Rustdoc, "2024", &root, &out, &["--test"]);
    let said = rustc::said(&tested);
    assert!(said.contains("running 0 tests"), "{said}");
}

#[test]
fn texts_that_try_to_leave_their_places_compile_without_a_warning() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = crate_of_markers(folder.path());
    let compiled = rustc::run(Tool::Rustc, "2024", &root, folder.path(), &[]);
    let said = rustc::said(&compiled);
    assert!(compiled.status.success() && said.is_empty(), "{said}");
}
