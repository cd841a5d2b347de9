//! `@pattern` against the crate whose dialect it takes: the compiler's programs match what `regex` matches.

use callsheet::codegen::Pattern;
use callsheet_build::codegen::Options;
use callsheet_build::driver;
use callsheet_build::resolve::MemoryLoader;
use proc_macro2::{Literal, TokenStream, TokenTree};
use proptest::prelude::*;
use regex::Regex;

/// What patterns are made of: characters, classes, places.
const ATOMS: [&str; 34] = [
    "a",
    "b",
    "é",
    "ſ",
    "K",
    r"\d",
    r"\w",
    r"\s",
    r"\D",
    "[a-c]",
    "[^a]",
    "[^a-z0-9]",
    ".",
    "(?s:.)",
    "(?i:k)",
    "(?i:é)",
    r"\p{Greek}",
    r"\p{Lu}",
    "(?-u:\\w)",
    "[[:alpha:]&&[^b]]",
    "^",
    "$",
    r"\A",
    r"\z",
    "(?m:^)",
    "(?m:$)",
    "(?mR:^)",
    "(?mR:$)",
    r"\b",
    r"\B",
    r"(?-u:\b)",
    r"\b{start}",
    r"\b{end-half}",
    r"(?-u:\b{end})",
];

/// What texts are made of: members of the classes, and what divides them.
const LETTERS: [char; 18] = [
    'a', 'b', 'c', 'k', 'K', '\u{212a}', 's', 'ſ', 'é', 'É', 'λ', 'Σ', '7', '_', ' ', '\n', '\r',
    '🦀',
];

fn patterns() -> impl Strategy<Value = String> {
    let atom = prop::sample::select(&ATOMS[..]).prop_map(str::to_owned);
    atom.prop_recursive(5, 24, 4, |inner| {
        prop_oneof![
            4 => prop::collection::vec(inner.clone(), 1..5).prop_map(|parts| parts.concat()),
            2 => prop::collection::vec(inner.clone(), 1..4)
                .prop_map(|parts| format!("(?:{})", parts.join("|"))),
            1 => inner.clone().prop_map(|part| format!("({part}|)")),
            2 => (inner, prop::sample::select(vec!["*", "+", "?", "*?", "{2}", "{1,3}", "{0}", "{0,2}", "{2,}"]))
                .prop_map(|(part, times)| format!("(?:{part}){times}")),
        ]
    })
}

fn texts() -> impl Strategy<Value = String> {
    let letter = prop::sample::select(&LETTERS[..]);
    prop::collection::vec(letter, 0..9).prop_map(|letters| letters.into_iter().collect())
}

/// The program that generated code holds for a pattern.
fn compiled(pattern: &str) -> Pattern {
    let text = format!(
        "edition 2026;\npackage p;\nmessage M {{ f: string = 1 @pattern(r\"{pattern}\"); }}\n"
    );
    let mut loader = MemoryLoader::new([("p.rpc", text.as_str())]);
    let analysis = driver::analyse(&mut loader, &["p.rpc".to_owned()]);
    let model = analysis
        .model
        .unwrap_or_else(|| panic!("{pattern}: {:?}", analysis.diagnostics));
    let files = driver::generate(&model, &Options::default()).unwrap();
    let text: TokenStream = files.0["p.rs"].parse().unwrap();
    let program = behind(text, "Pattern").unwrap();
    let [steps, classes] = &*groups(program) else {
        panic!("a program has steps and classes");
    };
    let steps: Vec<u32> = literals(steps)
        .map(|it| it.to_string().parse().unwrap())
        .collect();
    let classes = groups(classes.clone()).into_iter().map(|class| {
        let ranges = groups(class);
        let ranges = ranges.iter().map(|range| {
            let ends: Vec<char> = literals(range).map(|end| character(&end)).collect();
            (ends[0], ends[1])
        });
        &*ranges.collect::<Vec<_>>().leak()
    });
    // `Pattern` borrows from the program for ever, as that of a binary is.
    Pattern::new(steps.leak(), classes.collect::<Vec<_>>().leak())
}

/// What is in the first brackets behind a name.
fn behind(tokens: TokenStream, name: &str) -> Option<TokenStream> {
    let mut named = false;
    for token in tokens {
        match token {
            TokenTree::Ident(ident) if ident == name => named = true,
            TokenTree::Group(group) if named => return Some(group.stream()),
            TokenTree::Group(group) => {
                let found = behind(group.stream(), name);
                if found.is_some() {
                    return found;
                }
            }
            _ => {}
        }
    }
    None
}

/// What is in each pair of brackets.
fn groups(tokens: TokenStream) -> Vec<TokenStream> {
    let groups = tokens.into_iter().filter_map(|token| match token {
        TokenTree::Group(group) => Some(group.stream()),
        _ => None,
    });
    groups.collect()
}

fn literals(tokens: &TokenStream) -> impl Iterator<Item = Literal> {
    tokens.clone().into_iter().filter_map(|token| match token {
        TokenTree::Literal(literal) => Some(literal),
        _ => None,
    })
}

/// The character of a literal.
fn character(literal: &Literal) -> char {
    let text = literal.to_string();
    let inner = text.trim_start_matches('\'').strip_suffix('\'').unwrap();
    match inner.strip_prefix('\\') {
        None => inner.chars().next().unwrap(),
        Some("t") => '\t',
        Some("r") => '\r',
        Some("n") => '\n',
        Some(code) if code.starts_with("u{") => {
            let digits = code.trim_start_matches("u{").trim_end_matches('}');
            char::from_u32(u32::from_str_radix(digits, 16).unwrap()).unwrap()
        }
        Some(escaped) => escaped.chars().next().unwrap(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn a_program_matches_what_the_crate_matches(
        pattern in patterns(),
        texts in prop::collection::vec(texts(), 24),
    ) {
        let theirs = Regex::new(&pattern).unwrap();
        let ours = compiled(&pattern);
        for text in texts {
            prop_assert_eq!(ours.matches(&text), theirs.is_match(&text), "{:?} on {:?}", pattern, text);
        }
    }
}

#[test]
fn patterns_that_people_write_match_as_the_crate_says() {
    let patterns = [
        r"^[A-Z]{3}-\d+$",
        r"^[\w.+-]+@[\w-]+\.[\w.-]+$",
        r"^(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?:25[0-5]|2[0-4]\d|1?\d?\d)){3}$",
        r"(?i)^straße$",
        r"^\S{1,64}$",
        r"\bcat\b",
        r"^(a|aa)+$",
        r"(?x) ^ \d{4} - \d{2} $ # a month",
        r"[^\s\S]",
        "",
    ];
    let texts = [
        "ABC-123",
        "ABC-",
        "a.b+c@example.org",
        "@example.org",
        "255.1.0.99",
        "256.1.0.99",
        "STRASSE",
        "STRAẞE",
        "straße",
        "a cat sat",
        "concat",
        "aaaa",
        "aaab",
        "2026-11",
        "2026-1",
        "",
        "\u{200d}",
    ];
    for pattern in patterns {
        let (theirs, ours) = (Regex::new(pattern).unwrap(), compiled(pattern));
        for text in texts {
            assert_eq!(
                ours.matches(text),
                theirs.is_match(text),
                "{pattern} on {text:?}"
            );
        }
    }
}

#[test]
fn what_makes_other_matchers_slow_takes_linear_time() {
    // A backtracking matcher tries 2^30000 ways.
    let pattern = compiled("^(a|a)*$");
    assert!(!pattern.matches(&("a".repeat(30_000) + "b")));
    assert!(pattern.matches(&"a".repeat(30_000)));
}
