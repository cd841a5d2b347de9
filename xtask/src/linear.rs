//! `cargo xtask linear`: what the compiler does grows as its input does.
//!
//! Counts instructions, not time, of the programs that `cargo xtask fuzz` builds: they take whole trees of files in one
//! text, and hold what comes out to their laws. What they take for an empty text does not count. Work that grows with the
//! square of the input shows in the ratio of two counts once it is a sixth of the larger one.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use crate::bench::callgrind;
use crate::{fuzz, workspace};

/// How much larger the larger input of a case is.
const TIMES: usize = 10;

/// The most that a byte of the larger input may take of what a byte of the smaller one takes: sorting and tables that
/// grow make it a little more.
const MOST: f64 = 1.15;

/// The same of a tree with a mistake in each file, and the tree without.
const MOST_OF_MISTAKES: f64 = 1.3;

/// Where the inputs and profiles are.
const FOLDER: &str = "target/linear";

/// Two inputs and what a byte of the second may take of what a byte of the first takes.
struct Case {
    name: &'static str,
    /// One of the fuzzing programs.
    program: &'static str,
    inputs: [String; 2],
    most: f64,
}

/// Counts all cases. `Ok(false)` when one grows faster than its input.
pub(crate) fn linear() -> Result<bool, String> {
    callgrind::provide()?;
    let programs = fuzz::build()?;
    let folder = workspace::root().join(FOLDER);
    fs::create_dir_all(&folder)
        .map_err(|error| format!("cannot make {}: {error}", folder.display()))?;
    println!(
        "{:<34} {:>14} {:>14} {:>6} {:>6}",
        "case", "instructions", "and", "a byte", "most"
    );
    let mut held = true;
    let mut starts: BTreeMap<&str, u64> = BTreeMap::new();
    for (number, case) in cases().iter().enumerate() {
        let program = programs.join(case.program);
        let start = match starts.get(case.program) {
            Some(&start) => start,
            None => count(&program, &folder.join("nothing"), "\n")?,
        };
        starts.insert(case.program, start);
        let [first, second] = [0, 1].map(|half| {
            let input = folder.join(format!("{number}-{half}"));
            let taken = count(&program, &input, &case.inputs[half])?;
            Ok::<_, String>(taken.saturating_sub(start))
        });
        let (first, second) = (first?, second?);
        #[expect(
            clippy::cast_precision_loss,
            reason = "a ratio of counts far below 2^52"
        )]
        let times = {
            let [short, long] = case.inputs.each_ref().map(|input| input.len() as f64);
            second as f64 / first.max(1) as f64 / (long / short)
        };
        println!(
            "{:<34} {first:>14} {second:>14} {times:>6.2} {:>6}",
            case.name, case.most
        );
        held &= times <= case.most;
    }
    if !held {
        println!(
            "\nSomething is done for each file or declaration that looks at all the others. Compare the profiles in {FOLDER}\n\
             with `callgrind_annotate`: the functions whose share grew."
        );
    }
    Ok(held)
}

/// The instructions that a program takes for one input.
fn count(program: &Path, input: &Path, text: &str) -> Result<u64, String> {
    fs::write(input, text).map_err(|error| format!("cannot write {}: {error}", input.display()))?;
    let profile = input.with_extension("profile");
    let log = input.with_extension("log");
    let said = fs::File::create(&log).map_err(|error| error.to_string())?;
    let mut command = callgrind::command(program, &["-rss_limit_mb=0"], &profile);
    command.arg(input).stderr(said);
    callgrind::run(command)?
        .finish(&profile)
        .map_err(|reason| format!("{reason}: {}", log.display()))
}

fn cases() -> Vec<Case> {
    let grown = |name, program, size, grow: fn(usize) -> String| Case {
        name,
        program,
        inputs: [grow(size), grow(size * TIMES)],
        most: MOST,
    };
    vec![
        grown("check, 20 and 200 files", "check", 20, tree),
        grown("generate, 20 and 200 files", "generate", 20, tree),
        grown("check, 200 and 2000 declarations", "check", 200, file),
        grown("generate, 20 and 200 declarations", "generate", 20, file),
        grown("check, 20 and 200 wrong files", "check", 20, wrong),
        grown("parse, 200 and 2000 wrong lines", "parse", 200, broken),
        Case {
            name: "check, 200 right and wrong files",
            program: "check",
            inputs: [tree(200), wrong(200)],
            most: MOST_OF_MISTAKES,
        },
    ]
}

/// Files of a package.
const PER_PACKAGE: usize = 10;

/// So many files as one text, each named by a line before it. They import one another, and every tenth has a service.
fn tree(files: usize) -> String {
    let mut text = String::new();
    for number in 0..files {
        let package = number / PER_PACKAGE;
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            "=== shop/p{package}/f{number}.rpc\nedition 2026;\npackage shop.p{package};\n\n"
        );
        let mut others: Vec<usize> = [number.checked_sub(1), Some(number / 2)]
            .into_iter()
            .flatten()
            .filter(|other| *other < number)
            .collect();
        others.dedup();
        for other in &others {
            let package = other / PER_PACKAGE;
            let _ = writeln!(text, "import \"shop/p{package}/f{other}.rpc\";");
        }
        let _ = write!(
            text,
            "\n/// The first of file {number}.\nmessage Order{number} {{\n    id: uint64 = 1;\n    \
             note: string? = 2 @len(1..=64);\n    kind: Kind{number} = 3;\n"
        );
        for (field, other) in others.iter().enumerate() {
            let package = other / PER_PACKAGE;
            let _ = writeln!(
                text,
                "    of{other}: shop.p{package}.Order{other} = {};",
                field + 4
            );
        }
        let _ = write!(text, "}}\n\nenum Kind{number} {{ NONE = 0; ONE = 1; }}\n");
        if number % PER_PACKAGE == PER_PACKAGE - 1 {
            let _ = write!(
                text,
                "\nerror Gone{number}(not_found) {{ id: uint64 = 1; }}\n\nservice Orders{number} {{\n    \
                 @idempotent @retry(2)\n    rpc find(id: uint64 = 1) -> Order{number} throws Gone{number};\n}}\n"
            );
        }
    }
    text
}

/// One file of so many declarations.
fn file(declarations: usize) -> String {
    let mut text = "edition 2026;\npackage shop.orders;\n".to_owned();
    for number in 0..declarations {
        let before = number.saturating_sub(1) / 4 * 4;
        let _ = match number % 4 {
            0 | 1 => write!(
                text,
                "\n/// Number {number}.\nmessage Order{number} {{\n    id: uint64 = 1;\n    tags: [string] = 2 @unique;\n    \
                 of: Order{before}? = 3;\n}}\n"
            ),
            2 => write!(
                text,
                "\nenum Kind{number} {{ NONE = 0; ONE = 1; TWO = 2; }}\n"
            ),
            _ => write!(text, "\nconst LIMIT{number}: uint32 = {number};\n"),
        };
    }
    text
}

/// The tree with a mistake in each file, of a kind that its number decides.
fn wrong(files: usize) -> String {
    const MISTAKES: [(&str, &str); 8] = [
        ("id: uint64 = 1;", "id: uint64 = 1"),
        ("\nmessage ", "\nmesage "),
        ("id: uint64", "id: unit64"),
        ("note: string? = 2", "note: string? = 1"),
        ("id: uint64 = 1;", "id uint64 = 1;"),
        ("id: uint64 = 1;", "uint64 id = 1;"),
        ("@len(1..=64)", "@lenn(1..=64)"),
        ("\n}\n", "\n\n"),
    ];
    let right = tree(files);
    let mut text = String::with_capacity(right.len());
    for (number, file) in right.split("=== ").skip(1).enumerate() {
        let (from, to) = MISTAKES[number % MISTAKES.len()];
        text.push_str("=== ");
        text.push_str(&file.replacen(from, to, 1));
    }
    text
}

/// So many lines of a message, each with what cannot stand there.
fn broken(lines: usize) -> String {
    let mut text = "edition 2026;\npackage shop.orders;\n\nmessage Order {\n".to_owned();
    for number in 0..lines {
        let _ = writeln!(text, "    field{number} string = = {number} @;");
    }
    text.push_str("}\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_file_of_the_wrong_tree_has_its_mistake() {
        let (right, wrong) = (tree(40), wrong(40));
        let files = right.split("=== ").zip(wrong.split("=== ")).skip(1);
        assert_eq!(files.clone().count(), 40);
        for (right, wrong) in files {
            assert_ne!(right, wrong);
        }
    }

    #[test]
    fn an_input_of_ten_times_the_size_has_ten_times_the_bytes() {
        for case in cases().iter().filter(|case| case.most < MOST_OF_MISTAKES) {
            let [first, second] = case.inputs.each_ref().map(String::len);
            // Longer numbers make longer names.
            assert!(
                (first * 9..first * 12).contains(&second),
                "{}: {first}, {second}",
                case.name
            );
        }
    }
}
