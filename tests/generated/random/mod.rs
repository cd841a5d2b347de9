//! Contracts at random: every construct of the language under names that nobody should give.
//!
//! A contract is mostly one that the checker accepts; what it refuses is taken away statement by statement, so that what is
//! left lies next to what is refused.

mod messages;
mod rules;
mod services;
pub(crate) mod tree;
mod words;

use callsheet_tests::chance::Chance;
use messages::{Kind, Known};
use tree::{Node, Tree};
use words::{PACKAGES, Scope};

/// What the generation of one contract knows.
struct Author {
    chance: Chance,
    tree: Tree,
    known: Vec<Known>,
    /// Constants of integers from 1 to 100, by full name.
    small: Vec<(usize, String)>,
    reckless: usize,
}

/// One file that is being written.
struct File {
    position: usize,
    package: String,
    node: Node,
}

/// The contract of this seed.
pub(crate) fn contract(seed: u64) -> Tree {
    let mut chance = Chance::new(seed);
    let reckless = if chance.percent(60) { 0 } else { 8 };
    let author = Author {
        chance,
        tree: Tree::default(),
        known: Vec::new(),
        small: Vec::new(),
        reckless,
    };
    author.write()
}

impl Author {
    fn write(mut self) -> Tree {
        let count = self.chance.pick(&[1, 1, 1, 1, 2, 2, 3]);
        let mut files: Vec<(File, Scope)> = Vec::new();
        for position in 0..count {
            let package = if position > 0 && self.chance.percent(25) {
                files[position - 1].0.package.clone()
            } else {
                words::one_of(&mut self.chance, PACKAGES).to_owned()
            };
            let folder = package.replace('.', "/");
            let path = format!("{folder}/{}.rpc", ["a", "b", "c"][position]);
            let node = self.tree.file(path);
            let same = files.iter().position(|(file, _)| file.package == package);
            let scope = match same {
                Some(earlier) => std::mem::replace(&mut files[earlier].1, Scope::new(0)),
                None => Scope::new(self.reckless),
            };
            files.push((
                File {
                    position,
                    package,
                    node,
                },
                scope,
            ));
            self.head(&files);
            let (file, mut scope) = files.pop().expect("the file just begun");
            self.declarations(&file, &mut scope);
            files.push((file, scope));
        }
        for (file, _) in &files {
            self.fields(file);
        }
        for (file, scope) in &mut files {
            for _ in 0..self.chance.pick(&[0, 1, 1, 1]) {
                self.service(file, scope);
            }
        }
        self.tree
    }

    fn head(&mut self, files: &[(File, Scope)]) {
        let Some(((file, _), before)) = files.split_last() else {
            return;
        };
        let edition = self.tree.line(file.node, "edition 2026".to_owned());
        if self.chance.percent(40) {
            let text = self.documentation().replace("///", "//!");
            self.tree.document(edition, [text, String::new()]);
        }
        self.tree
            .line(file.node, format!("package {}", file.package));
        for (earlier, _) in before {
            let path = format!(
                "{}/{}.rpc",
                earlier.package.replace('.', "/"),
                ["a", "b", "c"][earlier.position]
            );
            self.tree.line(file.node, format!("import \"{path}\""));
        }
    }

    /// Everything but fields and services, which need to know the types of all.
    fn declarations(&mut self, file: &File, scope: &mut Scope) {
        for _ in 0..self.chance.below(5) {
            self.constant(file, scope);
        }
        for _ in 0..self.chance.between(0, 3) {
            self.message(file, file.node, &file.package, scope, 0);
        }
        for _ in 0..self.chance.below(2) {
            self.enumeration(file, file.node, &file.package, scope);
        }
        for _ in 0..self.chance.below(3) {
            let name = scope.declared(&mut self.chance);
            let code = self.chance.pick(&CODES);
            let node = self.declare(file.node, format!("error {name}({code})"), true);
            let full = format!("{}.{name}", file.package);
            self.nested(file, node, &full, 2);
            self.known.push(Known::new(full, file, Kind::Error, node));
        }
    }

    fn constant(&mut self, file: &File, scope: &mut Scope) {
        let name = scope.declared(&mut self.chance);
        let (kind, value) = self.chance.pick(&CONSTANTS);
        let full = format!("{}.{name}", file.package);
        if kind == "uint32" && value.len() < 3 && value != "0" {
            self.small.push((file.position, full));
        }
        self.declare(file.node, format!("const {name}: {kind} = {value}"), false);
    }

    /// A declaration, with documentation and deprecation by chance.
    fn declare(&mut self, parent: Node, text: String, block: bool) -> Node {
        let text = if block && self.chance.percent(12) {
            format!("@deprecated(\"{}\") {text}", self.reason())
        } else {
            text
        };
        let node = if block {
            self.tree.block(parent, text)
        } else {
            self.tree.line(parent, text)
        };
        if self.chance.percent(20) {
            let lines = self.documentation();
            self.tree.document(node, [lines]);
        }
        node
    }

    fn documentation(&mut self) -> String {
        format!("/// {}", self.chance.pick(&DOCUMENTATION))
    }

    fn reason(&mut self) -> &'static str {
        self.chance.pick(&REASONS)
    }
}

const CODES: [&str; 16] = [
    "cancelled",
    "unknown",
    "invalid_argument",
    "deadline_exceeded",
    "not_found",
    "already_exists",
    "permission_denied",
    "resource_exhausted",
    "failed_precondition",
    "aborted",
    "out_of_range",
    "unimplemented",
    "internal",
    "unavailable",
    "data_loss",
    "unauthenticated",
];

const CONSTANTS: [(&str, &str); 42] = [
    ("bool", "true"),
    ("bool", "false"),
    ("int32", "-2147483648"),
    ("int32", "2147483647"),
    ("sint32", "-1"),
    ("sfixed32", "0"),
    ("int64", "-9223372036854775808"),
    ("int64", "9223372036854775807"),
    ("sint64", "-9_000"),
    ("sfixed64", "0x7F"),
    ("uint32", "0"),
    ("uint32", "1"),
    ("uint32", "7"),
    ("uint32", "42"),
    ("uint32", "4294967295"),
    ("fixed32", "0b1010_1010"),
    ("uint64", "18446744073709551615"),
    ("uint64", "4GiB"),
    ("fixed64", "0"),
    ("float", "3.4028235e38"),
    ("float", "-3.4028235e38"),
    ("float", "1e-45"),
    ("float", "0"),
    ("float", "3.14159"),
    ("float", "16777217"),
    ("float", "1"),
    ("double", "1.7976931348623157e308"),
    ("double", "5e-324"),
    ("double", "-0.0"),
    ("double", "2.718281828459045"),
    ("double", "3.141592653589793"),
    ("double", "1e21"),
    ("double", "9007199254740993"),
    ("string", "\"\""),
    (
        "string",
        "\"\\u{202E}\\n\\r\\t\\0\\\\\\\"\\'\\x7F\\u{10FFFF}{}\"",
    ),
    ("string", "r\"\\ {{ }} # \""),
    ("bytes", "\"\""),
    ("bytes", "\"\\x00\\\"\\\\é\\u{1F44B}\""),
    ("duration", "0s"),
    ("duration", "1us"),
    ("duration", "1.5s"),
    ("duration", "106751991d"),
];

/// Lines that mean something to rustdoc, to clippy or to Rust.
const DOCUMENTATION: [&str; 26] = [
    "```",
    "```rust",
    "~~~ignore",
    "    let indented = code;",
    "[Link] and [`Missing`] and [a](b) and [c]: d",
    "<b>html <script> </div>",
    "*/ /* ///",
    "- list",
    "12. numbered",
    "> quote",
    "# Heading",
    "| a | b |",
    "https://example.com/a_b?c=[d]",
    "`unclosed",
    "``two` ` backticks``",
    "\\",
    "&amp; &lt; & ; &#33;",
    "\\u{202E} #![allow(x)]",
    "***",
    "===",
    "[^1]: note",
    "`a",
    "SomeCamelCase and snake_case and a::path",
    "Ends without",
    "trailing blanks   ",
    "\t\ttabs",
];

const REASONS: [&str; 7] = [
    "use something else",
    "it is \\\"better\\\"",
    "two\\nlines ``` of it",
    "[link] <b> ` \\\\",
    "\\u{202E}\\u{2028}\\0",
    "*/ {} {{x}} #\\\"#",
    " ",
];
