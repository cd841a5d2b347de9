//! `--fix` comes to an end: behind it nothing has a fix any more, nothing is worse, and a second run changes nothing.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::ops::Range;
use std::path::{Path, PathBuf};

use callsheet_build::diagnostic::{Code, Levels};
use callsheet_build::driver::{Analysis, analyse};
use callsheet_build::fix::fix;
use callsheet_build::resolve::MemoryLoader;

use crate::{check, damage, pages, transcript};

/// Errors of the syntax.
fn syntax(analysis: &Analysis) -> usize {
    let first = Code::ImportNotFound;
    let errors = analysis
        .diagnostics
        .iter()
        .filter(|report| report.is_error());
    errors.filter(|report| report.code < first).count()
}

/// What is wrong with fixing these files; empty if all is well. Says how many findings were mended.
fn faults(loader: &MemoryLoader, entry: &str, mended: &mut usize) -> String {
    let entries = [entry.to_owned()];
    let before = analyse(&mut loader.clone(), &entries);
    let fixed = fix(&mut loader.clone(), &entries, &Levels::default(), &|_| true);
    let mut after = loader.clone();
    for (path, change) in &fixed.changes {
        *mended += change.mended.len();
        after
            .files
            .insert(path.to_string(), change.after.to_string());
    }
    let mut faults = String::new();
    let left = fixed.analysis.diagnostics.iter();
    if left.clone().any(|report| report.fix.is_some()) {
        faults.push_str("something with a fix is left\n");
    }
    let (syntax_before, syntax_after) = (syntax(&before), syntax(&fixed.analysis));
    // What else is wrong with a statement may show itself only once it is mended.
    let unveiled: usize = fixed
        .changes
        .values()
        .map(|change| change.mended.len())
        .sum();
    if syntax_after > syntax_before + unveiled {
        faults.push_str("it parses worse\n");
    }
    // A round for each layer of mistakes upon mistakes; as many findings take no more rounds.
    if fixed.rounds > 12 {
        let _ = writeln!(faults, "it took {} rounds", fixed.rounds);
    }
    let again = fix(&mut after.clone(), &entries, &Levels::default(), &|_| true);
    if !again.changes.is_empty() {
        faults.push_str("a second run changes something\n");
    }
    if !faults.is_empty() {
        for (path, change) in &fixed.changes {
            let _ = writeln!(faults, "--- {path}\n{}", change.after);
        }
        let _ = write!(
            faults,
            "before:\n{}\nafter:\n{}",
            transcript::of(&before),
            transcript::of(&fixed.analysis)
        );
    }
    faults
}

pub(crate) fn corpus(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder of the corpus") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            corpus(&path, into);
        } else if path.extension().is_some_and(|end| end == "rpc") && check::is_entry(&path) {
            into.push(path);
        }
    }
}

#[test]
fn fixing_the_bad_examples_comes_to_an_end() {
    let mut mended = 0;
    let mut wrong = String::new();
    for &code in Code::ALL {
        let example = pages::example(code.page(), "Bad").expect("a bad example");
        let faults = faults(&example.files, example.entry(), &mut mended);
        if !faults.is_empty() {
            let _ = writeln!(wrong, "{}: {faults}", code.as_str());
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert!(mended > 20, "the fixes were not made");
}

#[test]
fn fixing_the_corpus_comes_to_an_end() {
    let mut files = Vec::new();
    corpus(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("ui"),
        &mut files,
    );
    assert!(files.len() > 50, "the corpus was not found");
    let mut mended = 0;
    let mut wrong = String::new();
    for path in files {
        let (loader, entry) = check::project(&path);
        let faults = faults(&loader, &entry, &mut mended);
        if !faults.is_empty() {
            let _ = writeln!(wrong, "{}: {faults}", path.display());
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert!(mended > 50, "the fixes were not made");
}

/// What `--fix` makes of a file.
fn mend(text: &str) -> String {
    let path = pages::path_of(text);
    let mut loader = MemoryLoader::new([(path.clone(), text.to_owned())]);
    let fixed = fix(&mut loader, &[path], &Levels::default(), &|_| true);
    let change = fixed.changes.into_values().next();
    change.map_or_else(|| text.to_owned(), |change| change.after.to_string())
}

#[test]
fn documentation_and_comments_stay_with_what_they_are_about() {
    let text = "edition 2026;
package shop;

enum Status {
    /// It was placed.
    PLACED = 1; // by hand
    SHIPPED = 2;
}

enum Kind {
    /// A small one.
    SMALL = 1;
    NONE = 0;
}
";
    let mended = "edition 2026;
package shop;

enum Status {
    UNSPECIFIED = 0;
    /// It was placed.
    PLACED = 1; // by hand
    SHIPPED = 2;
}

enum Kind {
    NONE = 0;
    /// A small one.
    SMALL = 1;
}
";
    assert_eq!(mend(text), mended);
}

#[test]
fn fields_of_thrift_become_ours_and_what_is_required_is_left_to_the_author() {
    let text = "edition 2026;
package shop;

message Order {
    1: i64 id,
    2: optional string note
    3: list<string> tags;
    4: required string name;
}
";
    let mended = mend(text);
    for line in [
        "id: int64 = 1;",
        "note: string? = 2;",
        "tags: [string] = 3;",
    ] {
        assert!(
            mended.contains(&format!("\n    {line}\n")),
            "{line} in {mended}"
        );
    }
    assert!(mended.contains("4: required string name;"), "{mended}");
}

#[test]
fn a_number_keeps_its_sign_its_fraction_and_its_unit() {
    for (written, mended) in [
        ("const A: int32 = -007;", "const A: int32 = -7;"),
        ("const A: int32 = 00;", "const A: int32 = 0;"),
        ("const A: double = 01.5;", "const A: double = 1.5;"),
        ("const A: duration = 09ms;", "const A: duration = 9ms;"),
        ("const A: int32 = 0755;", "const A: int32 = 0755;"),
    ] {
        let head = "edition 2026;\npackage shop;\n";
        assert_eq!(
            mend(&format!("{head}{written}\n")),
            format!("{head}{mended}\n")
        );
    }
}

/// Numbers that a seed decides.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        // Knuth's MMIX: its upper bits are good enough to choose a token.
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("31 bits") % limit
    }

    fn of<'s>(&mut self, list: &[&'s str]) -> &'s str {
        list[self.below(list.len())]
    }
}

/// The text with one mistake that a hand might make, at a token.
fn mistake(text: &str, tokens: &[Range<usize>], at: usize, dice: &mut Dice) -> String {
    let (here, next) = (tokens[at].clone(), tokens[at + 1].clone());
    let word = &text[here.clone()];
    let between = &text[here.end..next.start];
    let with = |new: &str| format!("{}{new}{}", &text[..here.start], &text[here.end..]);
    match dice.below(8) {
        0 => with(""),
        1 => with(&format!("{word} {word}")),
        2 => format!(
            "{}{}{between}{word}{}",
            &text[..here.start],
            &text[next.clone()],
            &text[next.end..]
        ),
        3 if word.len() > 2 && word.is_ascii() => {
            let cut = 1 + dice.below(word.len() - 1);
            with(&format!("{}{}", &word[..cut - 1], &word[cut..]))
        }
        4 => with(&format!("{word};")),
        5 if word.starts_with(|c: char| c.is_ascii_digit()) => with(&format!("0{word}")),
        6 => {
            let foreign = [
                "struct",
                "repeated",
                "optional",
                "required",
                "exception",
                "list",
                "string",
                "True",
                "interface",
                "returns",
                "option",
                "typedef",
                "include",
                "extends",
            ];
            with(dice.of(&foreign))
        }
        7 => {
            let marks = [
                ";", ",", ":", "=", "}", "{", ")", "(", "\u{a0}", "\u{37e}", "\"", "..", "/// x\n",
            ];
            with(&format!("{word}{}", dice.of(&marks)))
        }
        _ => with(&word.to_ascii_uppercase()),
    }
}

#[test]
fn fixing_injected_mistakes_comes_to_an_end() {
    let examples = damage::examples();
    let mut mended = 0;
    let mut wrong = String::new();
    for seed in 0..400 {
        let mut dice = Dice(seed);
        for _ in 0..3 {
            dice.below(1);
        }
        let (path, text) = &examples[dice.below(examples.len())];
        let mut text = text.clone();
        // From the end to the start, and never at neighbours, so that the tokens before stay where they were found.
        let tokens = damage::tokens(&text);
        let places: BTreeSet<usize> = (0..=dice.below(5))
            .map(|_| dice.below(tokens.len() / 2 - 1) * 2)
            .collect();
        for at in places.into_iter().rev() {
            text = mistake(&text, &tokens, at, &mut dice);
        }
        let mut loader = MemoryLoader::new(examples.clone());
        loader.files.insert(path.clone(), text);
        let faults = faults(&loader, path, &mut mended);
        if !faults.is_empty() {
            let _ = writeln!(wrong, "seed {seed}, {path}: {faults}");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert!(mended > 150, "only {mended} fixes were made");
}
