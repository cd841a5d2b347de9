//! The grammar in the reference is that of the parser: they name the same rules, what the reference makes parses, and it
//! makes every contract there is.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use proptest::prelude::*;

use super::parse;

/// One rule of the reference, or a part of one.
#[derive(Clone, Debug)]
enum Part {
    /// As it stands.
    Text(String),
    /// What a rule or token stands for.
    Name(String),
    All(Vec<Part>),
    Either(Vec<Part>),
    /// At least so many, and whether there may be many.
    Times(Box<Part>, usize, bool),
}

/// The tokens, with texts that are some.
const TOKENS: [(&str, &[&str]); 8] = [
    (
        "ident",
        &["a", "Order", "x_1", "message", "stream", "rpc", "_"],
    ),
    ("natural", &["1", "0", "2026", "0x1F", "0b1_0", "1_000"]),
    (
        "integer",
        &["1", "0", "2026", "-5", "0x1F", "0b1_0", "1_000"],
    ),
    ("release", &["1.0", "2.10"]),
    ("float", &["2.5", "1e9", "-2.5e-3"]),
    ("duration", &["800ms", "1.5s", "1d"]),
    ("size", &["4MiB", "1B"]),
    ("string", &["\"a \\\" b\"", "r\"\\d\"", "\"\""]),
];

/// Rules of the parser that no author needs: entries, what is understood only to be reported, and signs.
fn is_inner(rule: &str) -> bool {
    const SIGNS: [&str; 34] = [
        "WHITESPACE",
        "COMMENT",
        "block_comment",
        "word",
        "ident",
        "lost",
        "string",
        "digit",
        "arrow",
        "at",
        "close",
        "colon",
        "comma",
        "dot",
        "equals",
        "langle",
        "lbracket",
        "lparen",
        "open",
        "question",
        "rangle",
        "rbracket",
        "rparen",
        "semicolon",
        "terminator",
        "wrong_comma",
        "end",
        "never",
        "broken",
        "block",
        "piece",
        "symbol",
        "stray",
        "plain_type",
    ];
    SIGNS.contains(&rule)
        || ["kw_", "proto_", "thrift_", "label", "probe_", "after_"]
            .iter()
            .any(|start| rule.starts_with(start))
        || ["_entry", "_part", "_rest", "_after"]
            .iter()
            .any(|end| rule.ends_with(end) && rule != "reserved_entry")
}

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    std::fs::read_to_string(path).expect("a file of the repository")
}

/// The rules of the reference by name.
fn reference() -> BTreeMap<String, Part> {
    let manual = read("docs/language.md");
    let (_, grammar) = manual.split_once("```ebnf\n").expect("a grammar");
    let (grammar, _) = grammar.split_once("```").expect("its end");
    let mut rules = BTreeMap::new();
    for line in grammar.lines().filter(|line| !line.is_empty()) {
        let (name, body) = line.split_once(" = ").expect("a rule a line");
        let words: Vec<&str> = body.split_whitespace().collect();
        let mut at = 0;
        let part = either(&words, &mut at);
        assert_eq!(at, words.len(), "{line}");
        let twice = rules.insert(name.trim().to_owned(), part);
        assert!(twice.is_none(), "{name} twice");
    }
    rules
}

fn either(words: &[&str], at: &mut usize) -> Part {
    let mut all = vec![Vec::new()];
    while let Some(&word) = words.get(*at) {
        *at += 1;
        match word {
            "|" => all.push(Vec::new()),
            "(" => {
                let inner = either(words, at);
                let times = words[*at - 1].trim_start_matches(')');
                all.last_mut().expect("one").push(repeated(inner, times));
            }
            _ if word.starts_with(')') => break,
            _ => all.last_mut().expect("one").push(single(word)),
        }
    }
    Part::Either(all.into_iter().map(Part::All).collect())
}

fn single(word: &str) -> Part {
    if let Some(quoted) = word.strip_prefix('"') {
        let (text, times) = quoted.rsplit_once('"').expect("a closing quote");
        return repeated(Part::Text(text.to_owned()), times);
    }
    let name = word.trim_end_matches(['?', '*', '+']);
    repeated(Part::Name(name.to_owned()), &word[name.len()..])
}

fn repeated(part: Part, times: &str) -> Part {
    match times {
        "" => part,
        "?" => Part::Times(Box::new(part), 0, false),
        "*" => Part::Times(Box::new(part), 0, true),
        "+" => Part::Times(Box::new(part), 1, true),
        _ => panic!("`{times}` says no number of times"),
    }
}

fn names(part: &Part, out: &mut BTreeSet<String>) {
    match part {
        Part::Text(_) => {}
        Part::Name(name) => {
            out.insert(name.clone());
        }
        Part::All(parts) | Part::Either(parts) => parts.iter().for_each(|part| names(part, out)),
        Part::Times(part, ..) => names(part, out),
    }
}

#[test]
fn the_reference_has_every_rule_of_the_parser() {
    let parser = read("compiler/src/syntax/grammar.rs");
    let theirs: BTreeSet<String> = parser
        .lines()
        .filter_map(|line| line.split_once('=').map(|(name, _)| name.trim()))
        .filter(|name| name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'))
        .filter(|name| !name.is_empty() && !is_inner(name))
        .map(str::to_owned)
        .collect();
    let rules = reference();
    // The parser reads a file statement by statement, and names no part of a path.
    let mut ours: BTreeSet<String> = rules.keys().cloned().collect();
    assert!(ours.remove("file") && ours.remove("dotted_name"));
    assert_eq!(ours, theirs);

    let mut used = BTreeSet::new();
    for part in rules.values() {
        names(part, &mut used);
    }
    let known: BTreeSet<String> = rules
        .keys()
        .cloned()
        .chain(TOKENS.iter().map(|(name, _)| (*name).to_owned()))
        .filter(|name| name != "file")
        .collect();
    assert_eq!(used, known, "what is used and what is known");
}

#[test]
fn the_reference_lists_every_word_of_the_language() {
    let parser = read("compiler/src/syntax/grammar.rs");
    let mut words: Vec<&str> = parser
        .lines()
        .filter_map(|line| {
            line.trim_start()
                .strip_prefix("kw_")?
                .split_whitespace()
                .next()
        })
        .chain(["map"])
        .collect();
    words.sort_unstable();
    let manual = read("docs/language.md");
    let listed = format!("\n    {}\n", words.join(" "));
    assert!(manual.contains(&listed), "{listed}");
}

/// Makes a text of a rule; `choices` decide.
struct Maker<'a> {
    rules: &'a BTreeMap<String, Part>,
    choices: std::slice::Iter<'a, u8>,
    out: String,
    depth: usize,
}

impl Maker<'_> {
    /// A number below `end`; zero once the choices are used up, or too deep.
    fn choose(&mut self, end: usize) -> usize {
        let choice = self.choices.next().copied().unwrap_or(0);
        if self.depth > 40 {
            0
        } else {
            usize::from(choice) % end
        }
    }

    fn make(&mut self, part: &Part) {
        match part {
            Part::Text(text) => self.push(text),
            Part::Name(name) => self.named(name),
            Part::All(parts) => parts.iter().for_each(|part| self.make(part)),
            Part::Either(parts) => {
                let choice = self.choose(parts.len());
                self.make(&parts[choice]);
            }
            Part::Times(part, least, many) => {
                let most = if *many { 3 } else { 1 };
                let times = least + self.choose(most - least + 1);
                (0..times).for_each(|_| self.make(part));
            }
        }
    }

    fn named(&mut self, name: &str) {
        if let Some((_, texts)) = TOKENS.iter().find(|(token, _)| *token == name) {
            let choice = self.choose(texts.len());
            self.push(texts[choice]);
            return;
        }
        // Deep inside, what ends soonest.
        self.depth += 1;
        let glued = matches!(name, "path" | "field_path" | "dotted_name");
        if self.depth > 40 && name == "type_ref" {
            self.push("bool");
        } else if self.depth > 40 && name == "value" {
            self.push("1");
        } else if glued {
            let before = std::mem::take(&mut self.out);
            self.make(&self.rules[name]);
            let path = std::mem::replace(&mut self.out, before).replace(' ', "");
            self.push(&path);
        } else {
            self.make(&self.rules[name]);
        }
        self.depth -= 1;
    }

    fn push(&mut self, text: &str) {
        self.out.push_str(text);
        self.out.push(' ');
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_the_reference_makes_parses(choices in prop::collection::vec(any::<u8>(), 0..160)) {
        let rules = reference();
        let mut maker = Maker { rules: &rules, choices: choices.iter(), out: String::new(), depth: 0 };
        maker.named("file");
        let text = maker.out;
        let (found, _) = parse::parse("made.rpc", &text);
        // An edition is a year that is known: no matter of grammar.
        let found: Vec<_> = found
            .iter()
            .filter(|one| one.is_error() && one.code.as_str() != "CS0025")
            .map(|one| format!("{} {} at {}", one.code.as_str(), one.message, one.primary.span.start))
            .collect();
        prop_assert!(found.is_empty(), "{text}\n{found:#?}");
    }
}

/// Recognises tokens: where a part of the grammar may end that starts at a token.
struct Reader<'a> {
    rules: &'a BTreeMap<String, Part>,
    tokens: Vec<&'a str>,
    known: HashMap<(&'a str, usize), BTreeSet<usize>>,
    /// The furthest token that was looked at.
    furthest: usize,
}

impl<'a> Reader<'a> {
    fn ends(&mut self, part: &'a Part, at: usize) -> BTreeSet<usize> {
        match part {
            Part::Text(text) => self.one(at, |token| token == text),
            Part::Name(name) => self.named(name, at),
            Part::All(parts) => parts.iter().fold(BTreeSet::from([at]), |starts, part| {
                starts
                    .into_iter()
                    .flat_map(|start| self.ends(part, start))
                    .collect()
            }),
            Part::Either(parts) => parts.iter().flat_map(|part| self.ends(part, at)).collect(),
            Part::Times(part, least, many) => {
                let mut all = if *least == 0 {
                    BTreeSet::from([at])
                } else {
                    BTreeSet::new()
                };
                let mut last = BTreeSet::from([at]);
                loop {
                    last = last
                        .into_iter()
                        .flat_map(|start| self.ends(part, start))
                        .collect();
                    last.retain(|end| all.insert(*end));
                    if last.is_empty() || !many {
                        return all;
                    }
                }
            }
        }
    }

    fn named(&mut self, name: &'a str, at: usize) -> BTreeSet<usize> {
        let word = |token: &str| token.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        let digit = |token: &str| {
            token
                .trim_start_matches('-')
                .starts_with(|c: char| c.is_ascii_digit())
        };
        match name {
            "ident" => self.one(at, |token| word(token) && !token.contains('"')),
            "string" => self.one(at, |token| token.ends_with('"')),
            "release" => self.one(at, |token| digit(token) && token.contains('.')),
            "natural" | "integer" | "float" | "duration" | "size" => self.one(at, digit),
            _ => {
                if let Some(known) = self.known.get(&(name, at)) {
                    return known.clone();
                }
                let ends = self.ends(&self.rules[name], at);
                self.known.insert((name, at), ends.clone());
                ends
            }
        }
    }

    fn one(&mut self, at: usize, fits: impl Fn(&str) -> bool) -> BTreeSet<usize> {
        self.furthest = self.furthest.max(at);
        let fits = self.tokens.get(at).is_some_and(|token| fits(token));
        fits.then_some(at + 1).into_iter().collect()
    }
}

/// A valid contract with blanks in the place of its comments.
fn without_comments(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let length = if rest.starts_with("//") {
            out.push(' ');
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            out.push(' ');
            block(rest)
        } else if c == '"' {
            let raw = out.ends_with('r');
            let mut escaped = false;
            let closes = |c: char| {
                let closes = c == '"' && !escaped;
                escaped = c == '\\' && !escaped && !raw;
                closes
            };
            let length = rest[1..].find(closes).expect("a closed string") + 2;
            out.push_str(&rest[..length]);
            length
        } else {
            out.push(c);
            c.len_utf8()
        };
        rest = &rest[length..];
    }
    out
}

/// How long the block comment is that `text` starts with.
fn block(text: &str) -> usize {
    let mut depth = 0;
    for at in 0..text.len() {
        match text.get(at..at + 2) {
            Some("/*") => depth += 1,
            Some("*/") if depth == 1 => return at + 2,
            Some("*/") => depth -= 1,
            _ => {}
        }
    }
    panic!("a closed comment")
}

/// The tokens of a valid contract without comments.
fn tokens(text: &str) -> Vec<&str> {
    let mut out: Vec<std::ops::Range<usize>> = Vec::new();
    for token in super::damage::tokens(text) {
        // Signs of several characters come one by one.
        if let Some(last) = out.last_mut()
            && last.end == token.start
            && matches!(
                (&text[last.clone()], &text[token.clone()]),
                ("-", ">") | (".", ".") | ("..", "=")
            ) | (&text[last.clone()] == "-"
                && text[token.clone()].starts_with(|c: char| c.is_ascii_digit()))
        {
            last.end = token.end;
        } else {
            out.push(token);
        }
    }
    out.into_iter().map(|range| &text[range]).collect()
}

#[test]
fn the_reference_makes_every_contract() {
    let rules = reference();
    let mut contracts = super::damage::contracts("../idl-examples");
    contracts.extend(super::damage::contracts("idl"));
    let manual = read("docs/language.md");
    contracts.extend(manual.split("\n```rpc\n").skip(1).map(|example| {
        let text = example.split("\n```").next().expect("an end");
        ("docs/language.md".to_owned(), format!("{text}\n"))
    }));
    assert!(contracts.len() > 30, "{} contracts", contracts.len());
    for (path, text) in &contracts {
        let text = without_comments(text);
        let mut reader = Reader {
            rules: &rules,
            tokens: tokens(&text),
            known: HashMap::new(),
            furthest: 0,
        };
        let ends = reader.named("file", 0);
        assert!(
            ends.contains(&reader.tokens.len()),
            "{path}: {ends:?} of {} not made from `{}` on",
            reader.tokens.len(),
            reader.tokens[reader.furthest.saturating_sub(8)..]
                .iter()
                .take(16)
                .copied()
                .collect::<Vec<_>>()
                .join(" ")
        );
    }
}
