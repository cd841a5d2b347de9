//! Every code has a manual page, and the examples on it behave as it says.
//!
//! A page has a `## Bad` and a `## Good` section of fenced files. A fence is ```` ```rpc path ````; without a path the
//! file lies where its package says. The first file is the one that is checked. ```` ```text path fault ```` stands for a
//! file that cannot be shown: the loader answers with that fault. A character that cannot be shown is written `<U+202E>`.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use callsheet_build::diagnostic::{Code, Levels, Severity};
use callsheet_build::driver::{Analysis, analyse};
use callsheet_build::resolve::{LoadError, Loader, MemoryLoader};
use callsheet_build::source::Source;

use crate::transcript;

/// Files of an example, some of which do not load.
#[derive(Default)]
pub(crate) struct Example {
    first: Option<String>,
    pub(crate) files: MemoryLoader,
    faults: BTreeMap<String, LoadError>,
}

impl Loader for Example {
    fn load(&mut self, import_path: &str) -> Result<Source, LoadError> {
        match self.faults.get(import_path) {
            Some(fault) => Err(fault.clone()),
            None => self.files.load(import_path),
        }
    }

    fn list(&mut self) -> Vec<String> {
        self.files.list()
    }
}

impl Example {
    /// The file that is checked.
    pub(crate) fn entry(&self) -> &str {
        self.first.as_deref().expect("an example has a file")
    }

    pub(crate) fn analyse(&mut self) -> Analysis {
        let first = self.entry().to_owned();
        let mut analysis = analyse(self, &[first]);
        analysis.judge(&Levels::default());
        analysis
    }
}

fn fault(word: &str) -> LoadError {
    match word {
        "unreadable" => LoadError::Unreadable {
            reason: "permission denied".to_owned(),
        },
        "not-utf8" => LoadError::NotUtf8 { offset: 6 },
        "too-large" => LoadError::TooLarge { bytes: 100 << 20 },
        "not-regular" => LoadError::NotRegular {
            what: "a pipe".to_owned(),
        },
        "outside-roots" => LoadError::OutsideRoots {
            root: "idl".to_owned(),
        },
        other => panic!("no such fault: {other}"),
    }
}

/// Where a file lies by its package.
pub(crate) fn path_of(text: &str) -> String {
    let package = text
        .lines()
        .find_map(|line| line.trim().strip_prefix("package "));
    match package {
        Some(package) => format!(
            "{}.rpc",
            package.trim_end_matches(';').trim().replace('.', "/")
        ),
        None => "example.rpc".to_owned(),
    }
}

/// The text with the characters that `<U+…>` stands for.
fn with_characters(text: &str) -> String {
    let mut pieces = text.split("<U+");
    let mut shown = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (number, rest) = piece.split_once('>').expect("`>` behind the number");
        let number = u32::from_str_radix(number, 16).expect("a hexadecimal number");
        shown.push(char::from_u32(number).expect("a character"));
        shown.push_str(rest);
    }
    shown
}

pub(crate) fn example(page: &str, section: &str) -> Option<Example> {
    let (_, rest) = page.split_once(&format!("\n## {section}\n"))?;
    let rest = rest.split("\n## ").next()?;
    let mut example = Example::default();
    let mut fence: Option<(String, String)> = None;
    for line in rest.lines() {
        match (&mut fence, line.strip_prefix("```")) {
            (None, Some(info)) => fence = Some((info.to_owned(), String::new())),
            (Some(_), Some(_)) => {
                let (info, text) = fence.take()?;
                let words: Vec<&str> = info.split_whitespace().collect();
                match words[..] {
                    ["rpc"] => example.add(&path_of(&text), &with_characters(&text)),
                    ["rpc", path] => example.add(path, &with_characters(&text)),
                    ["text", path, word] => {
                        example.faults.insert(path.to_owned(), fault(word));
                    }
                    _ => panic!("unknown fence: {info}"),
                }
            }
            (Some((_, text)), None) => {
                text.push_str(line);
                text.push('\n');
            }
            (None, None) => {}
        }
    }
    example.first.is_some().then_some(example)
}

impl Example {
    fn add(&mut self, path: &str, text: &str) {
        self.first.get_or_insert_with(|| path.to_owned());
        self.files.files.insert(path.to_owned(), text.to_owned());
    }
}

/// What is wrong with the page of a code.
fn faults(code: Code) -> Vec<String> {
    let page = code.page();
    let mut faults = Vec::new();
    if !page.starts_with(&format!("# {}: ", code.as_str())) {
        faults.push("does not begin with the code and a title".to_owned());
    }
    match example(page, "Bad") {
        None => faults.push("has no bad example".to_owned()),
        Some(mut example) => {
            let analysis = example.analyse();
            let text = transcript::of(&analysis);
            let found = analysis
                .diagnostics
                .iter()
                .any(|report| report.code == code);
            let others = analysis
                .diagnostics
                .iter()
                .any(|report| report.code != code && report.code.severity() == Severity::Error);
            // The limit of errors shows itself behind that many others.
            let others = others && !matches!(code, Code::TooManyErrors | Code::TooManyLints);
            if !found || others {
                faults.push(format!("bad example reports\n{text}"));
            }
        }
    }
    match example(page, "Good") {
        None => faults.push("has no good example".to_owned()),
        Some(mut example) => {
            let analysis = example.analyse();
            if !analysis.diagnostics.is_empty() || analysis.model.is_none() {
                faults.push(format!(
                    "good example reports\n{}",
                    transcript::of(&analysis)
                ));
            }
        }
    }
    faults
}

#[test]
fn every_code_has_a_page_whose_examples_behave() {
    let mut report = String::new();
    for &code in Code::ALL {
        for fault in faults(code) {
            let _ = writeln!(report, "{} {fault}", code.as_str());
        }
    }
    assert!(report.is_empty(), "{report}");
}

#[test]
fn every_finding_on_a_page_says_what_to_type() {
    for &code in Code::ALL {
        let Some(mut example) = example(code.page(), "Bad") else {
            continue;
        };
        for report in example.analyse().diagnostics {
            let code = report.code.as_str();
            assert!(report.help.is_some(), "{code} has no help");
            assert!(
                !report.message.ends_with('.'),
                "{code} ends with a full stop"
            );
        }
    }
}
