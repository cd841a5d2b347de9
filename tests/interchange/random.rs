//! Contracts made at random go out and come back as they were.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use proptest::prelude::*;

use crate::import::{model, round_trip};

/// Decisions, taken one by one; the first alternative once they run out, so that a failure shrinks to little.
struct Choices {
    left: std::vec::IntoIter<u32>,
}

impl Choices {
    fn below(&mut self, bound: usize) -> usize {
        self.left.next().map_or(0, |choice| choice as usize % bound)
    }

    fn of<'o>(&mut self, options: &[&'o str]) -> &'o str {
        options[self.below(options.len())]
    }

    fn often(&mut self) -> bool {
        self.below(2) == 1
    }

    fn seldom(&mut self) -> bool {
        self.below(5) == 4
    }
}

const WORDS: [&str; 9] = [
    "Plain words.",
    "*/ ends nothing, // starts nothing, /* opens nothing",
    "callsheet: @required",
    "\\callsheet: const X: uint32 = 1;",
    "Deprecated: not really.",
    "  - indented \"quotes\" \\ and `code`",
    "größer → ∞ 👍",
    "{ } ; = @len(1)",
    "option deprecated = true;",
];

const SCALARS: [&str; 8] = [
    "uint64", "string", "bytes", "bool", "double", "sint32", "fixed64", "duration",
];

/// A package with everything that a contract may hold.
struct Author<'c> {
    choices: &'c mut Choices,
    out: String,
    messages: Vec<String>,
    enums: Vec<String>,
    errors: Vec<String>,
}

impl Author<'_> {
    fn docs(&mut self, indent: &str) {
        if !self.choices.seldom() {
            return;
        }
        for line in 0..=self.choices.below(3) {
            // The first line decides how far documentation is indented.
            let words = self
                .choices
                .of(if line == 0 { &WORDS[..5] } else { &WORDS });
            let _ = writeln!(self.out, "{indent}/// {words}");
        }
    }

    fn deprecated(&mut self) -> String {
        if !self.choices.seldom() {
            return String::new();
        }
        let reason = self
            .choices
            .of(&["use another", "two\\nlines", " padded ", "callsheet: x"]);
        format!("@deprecated(\"{reason}\") ")
    }

    fn declared(&mut self) -> String {
        let names = [&self.messages[..], &self.enums[..]].concat();
        match names.len() {
            0 => "timestamp".to_owned(),
            count => names[self.choices.below(count)].clone(),
        }
    }

    /// A type and the rules that it may have.
    fn typed(&mut self) -> (String, String) {
        let scalar = self.choices.of(&SCALARS);
        let rules = match scalar {
            "string" => self.choices.of(&[
                "",
                "@len(1..=64) ",
                "@pattern(r\"^\\d+$\") ",
                "@one_of(\"a\", \"b\\\"\") @required ",
                "@len(3) @redact ",
            ]),
            "uint64" => self.choices.of(&[
                "",
                "@range(1..) ",
                "@one_of(1, 18446744073709551615) ",
                "@range(..=9) ",
            ]),
            "double" => self.choices.of(&["", "@range(-0.5..1e300) "]),
            "bytes" => self.choices.of(&["", "@len(2..) @redact "]),
            "duration" => self.choices.of(&["", "@range(1ms..=2h) "]),
            _ => self.choices.of(&["", "@required ", "@redact "]),
        };
        match self.choices.below(7) {
            0 | 1 => (scalar.to_owned(), rules.to_owned()),
            2 => (format!("{scalar}?"), rules.to_owned()),
            3 => (
                format!("[{}]", self.declared()),
                self.choices.of(&["", "@len(..=4) "]).to_owned(),
            ),
            4 => (
                format!(
                    "map<{}, {}>",
                    self.choices.of(&["string", "int32", "bool"]),
                    self.declared()
                ),
                String::new(),
            ),
            _ => (self.declared(), String::new()),
        }
    }

    fn message(&mut self, head: &str) {
        self.docs("");
        let deprecated = self.deprecated();
        let _ = writeln!(self.out, "{deprecated}{head} {{");
        let mut number = 0;
        for field in 0..self.choices.below(6) {
            self.docs("    ");
            number += 1 + self.choices.below(30);
            let (ty, rules) = self.typed();
            let deprecated = self.deprecated();
            let json = if self.choices.seldom() {
                format!("@json(\"other \\\"{field}\") ")
            } else {
                String::new()
            };
            let _ = writeln!(
                self.out,
                "    field_{field}: {ty} = {number} {rules}{json}{deprecated};"
            );
        }
        if self.choices.seldom() {
            self.docs("    ");
            let required = self.choices.of(&["", "@required "]);
            let (one, two) = (self.declared(), number + 2);
            number += 1;
            let _ = writeln!(
                self.out,
                "    {required}oneof choice {{ first: {one} = {number}; second: bytes = {two}; }}"
            );
            number = two;
        }
        if self.choices.seldom() {
            let (from, to) = (number + 5, number + 9);
            let _ = writeln!(
                self.out,
                "    reserved {from}..={to}, {}, \"gone\";",
                number + 20
            );
        }
        if self.choices.seldom() {
            let _ = writeln!(
                self.out,
                "    message Inner {{ deep: Inner = 1; }}\n    enum State {{ OFF = 0; ON = 1; }}"
            );
        }
        self.out.push_str("}\n");
    }

    fn enumeration(&mut self, name: &str) {
        self.docs("");
        let bare = self.choices.seldom();
        let alias = self.choices.seldom();
        let deprecated = self.deprecated();
        let _ = writeln!(
            self.out,
            "{deprecated}{}{}enum {name} {{",
            if bare { "@bare_names " } else { "" },
            if alias { "@allow_alias " } else { "" },
        );
        // Values of bare enums share the package's names.
        let own = if bare {
            name.to_uppercase() + "_"
        } else {
            String::new()
        };
        let _ = writeln!(
            self.out,
            "    {own}ZERO = 0;\n    BARE_{name} = {};",
            self.choices.of(&["7", "-7"])
        );
        if alias {
            self.docs("    ");
            let _ = writeln!(self.out, "    {own}NIL = 0 @deprecated(\"x\");");
        }
        if self.choices.seldom() {
            let _ = writeln!(self.out, "    reserved 3, 10..=12, -9, \"{own}OLD\";");
        }
        self.out.push_str("}\n");
    }

    fn method(&mut self, name: &str, releases: &[&str]) {
        self.docs("    ");
        let mut said = String::new();
        let added = self.choices.below(releases.len());
        if added > 0 {
            let _ = write!(said, "@added({}) ", releases[added]);
        }
        let idempotent = self.choices.often();
        if idempotent {
            said.push_str(self.choices.of(&[
                "@idempotent ",
                "@idempotent @retry(3, on: [unavailable, aborted], backoff: 20ms..1s) ",
            ]));
        }
        said.push_str(self.choices.of(&[
            "",
            "@timeout(1500ms) ",
            "@max_size(3KiB) @compress(gzip) ",
            "@balance(least_active) @limit(9) @priority(low) ",
        ]));
        if self.choices.seldom() {
            let _ = write!(
                said,
                "@deprecated({}, \"a \\\"b\\\" throws c\") ",
                releases[added]
            );
        }
        let arguments = [
            "",
            "id: uint64 = 1 @range(1..), why: string? = 4 @len(..=3)",
        ];
        let request = match (self.choices.below(3), self.messages.len()) {
            (0, count) if count > 0 => self.messages[self.choices.below(count)].clone(),
            (choice, _) => arguments[choice.min(1)].to_owned(),
        };
        let reply = match self.messages.len() {
            0 => String::new(),
            count => {
                let name = self.messages[self.choices.below(count)].clone();
                let stream = if idempotent {
                    ""
                } else {
                    self.choices.of(&["", "stream "])
                };
                format!(" -> {stream}{name}")
            }
        };
        let throws = if self.errors.is_empty() || self.choices.often() {
            String::new()
        } else {
            format!(" throws {}", self.errors.join(", "))
        };
        let _ = writeln!(self.out, "    {said}rpc {name}({request}){reply}{throws};");
    }

    fn service(&mut self, name: &str) {
        self.docs("");
        let releases = [
            &["1.0"][..],
            &["1.0", "1.1"],
            &["2.3"],
            &["1.0", "1.2", "2.0", "2.1"],
        ];
        let releases = releases[self.choices.below(releases.len())];
        let groups =
            self.choices
                .of(&["", "    groups main, other, ..;\n", "    groups default;\n"]);
        let deprecated = self.deprecated();
        let _ = write!(
            self.out,
            "{deprecated}service {name} {{\n    versions {};\n{groups}",
            releases.join(", ")
        );
        for method in 0..self.choices.below(5) {
            self.method(&format!("call_{method}"), releases);
        }
        self.out.push_str("}\n");
    }
}

/// A file that may use what `earlier` declares.
fn write(choices: &mut Choices, package: &str, earlier: Option<&str>) -> String {
    let mut author = Author {
        choices,
        out: String::new(),
        messages: Vec::new(),
        enums: Vec::new(),
        errors: Vec::new(),
    };
    if author.choices.seldom() {
        author.out.push_str("//! About the file.\n\n");
    }
    let _ = writeln!(author.out, "edition 2026;\npackage {package};");
    if let Some(earlier) = earlier {
        let _ = writeln!(author.out, "import \"{}.rpc\";", earlier.replace('.', "/"));
        // An import that nothing needs does not come back.
        let _ = writeln!(author.out, "message Link {{ one: {earlier}.M0 = 1; }}");
        author.messages.push(format!("{earlier}.M0"));
    }
    if author.choices.often() {
        author.docs("");
        author.out.push_str(author.choices.of(&[
            "const LIMIT: uint64 = 0xFF;\n",
            "const TEXT: string = \"a;{}\\n\\\"\";\n",
            "const WAIT: duration = 90s;\nconst RATE: double = -2.5e-9;\n",
        ]));
    }
    author.messages.push("M0".to_owned());
    for one in 0..author.choices.below(3) {
        author.enumeration(&format!("Kind{one}"));
        author.enums.push(format!("Kind{one}"));
    }
    author.message("message M0");
    for one in 1..=author.choices.below(4) {
        author.message(&format!("message M{one}"));
        author.messages.push(format!("M{one}"));
    }
    if author.choices.often() {
        author.message("error Lost(not_found)");
        author.errors.push("Lost".to_owned());
    }
    for one in 0..author.choices.below(3) {
        author.service(&format!("Service{one}"));
    }
    author.out
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_contract_made_at_random_comes_back_as_it_was(choices in prop::collection::vec(any::<u32>(), 0..900)) {
        let mut choices = Choices { left: choices.into_iter() };
        let mut texts = BTreeMap::new();
        texts.insert("demo/one.rpc".to_owned(), write(&mut choices, "demo.one", None));
        texts.insert("demo/two.rpc".to_owned(), write(&mut choices, "demo.two", Some("demo.one")));
        round_trip(&model(&texts));
    }
}
