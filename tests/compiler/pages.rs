//! Every code has a manual page, and the examples on it behave as it says.
//!
//! A page has a `## Bad` and a `## Good` section of fenced files and, where exactly one edit is certain, a `## Fixed` one
//! between them: what the edit makes of the bad example. `cargo xtask bless` writes that one. A fence is ```` ```rpc path ````; without a path the
//! file lies where its package says. The first file is the one that is checked. ```` ```text path fault ```` stands for a
//! file that cannot be shown: the loader answers with that fault. ```` ```rpc old ```` is the file as it was, for what is
//! found by comparing; ```` ```lock path ```` is the lock file beside a file. A character that cannot be shown is written
//! `<U+202E>`.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use callsheet_build::breaking::{Verdict, compare};
use callsheet_build::diagnostic::{Code, Levels};
use callsheet_build::driver::{Analysis, analyse, analyse_beside};
use callsheet_build::fix::apply;
use callsheet_build::resolve::{LoadError, Loader, MemoryLoader};
use callsheet_build::source::Source;
use callsheet_build::surface::Surface;

use crate::transcript;

/// Files of an example, some of which do not load.
#[derive(Default)]
pub(crate) struct Example {
    first: Option<String>,
    pub(crate) files: MemoryLoader,
    faults: BTreeMap<String, LoadError>,
    /// The first file as it was.
    old: Option<String>,
}

impl Loader for Example {
    fn load(&mut self, import_path: &str) -> Result<Source, LoadError> {
        match self.faults.get(import_path) {
            Some(fault) => Err(fault.clone()),
            None => self.files.load(import_path),
        }
    }

    fn lock(&mut self, import_path: &str) -> Result<Option<Source>, LoadError> {
        self.files.lock(import_path)
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
        let mut analysis = match self.old.clone() {
            Some(old) => self.compare(&first, old),
            None => analyse(self, &[first]),
        };
        analysis.judge(&Levels::default());
        analysis
    }

    /// The file as it is, and what it breaks of the file as it was.
    fn compare(&mut self, first: &str, old: String) -> Analysis {
        let mut loader = MemoryLoader::new([(first.to_owned(), old)]);
        let before = analyse(&mut loader, &[first.to_owned()]);
        let model = before.model.expect("the example was right before");
        let mut after = analyse_beside(before.sources, self, &[first.to_owned()]);
        if let Some(new) = &after.model {
            let verdicts = compare(&Surface::of_model(&model), &Surface::of_model(new));
            let reports = verdicts.iter().map(Verdict::report);
            after.diagnostics.extend(reports);
        }
        after
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
                    ["rpc", "old"] => example.old = Some(with_characters(&text)),
                    ["lock", path] => {
                        example.files.files.insert(format!("{path}.lock"), text);
                    }
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

/// The bad example with the fix of its one finding made, if that has one; else what it reports.
fn mended(bad: &mut Example, code: Code) -> Result<Option<BTreeMap<String, String>>, String> {
    let analysis = bad.analyse();
    let (found, others): (Vec<_>, Vec<_>) = analysis
        .diagnostics
        .iter()
        .partition(|report| report.code == code);
    // A limit shows itself behind that many others.
    let limit = matches!(code, Code::TooManyErrors | Code::TooManyLints);
    let [found] = found[..] else {
        return Err(transcript::of(&analysis));
    };
    if !others.is_empty() && !limit {
        return Err(transcript::of(&analysis));
    }
    if found.fix.is_none() {
        return Ok(None);
    }
    let edited = apply(&analysis.sources, std::slice::from_ref(found), &|_| true);
    let files = edited.into_iter().map(|(file, edited)| {
        let path = analysis.sources.file(file).import_path.to_string();
        (path, edited.text)
    });
    Ok(Some(files.collect()))
}

/// What is wrong with the `## Fixed` section of a page whose bad example is mended like this.
fn fixed_faults(
    code: Code,
    bad: &Example,
    files: Option<&BTreeMap<String, String>>,
) -> Vec<String> {
    let shown = example(code.page(), "Fixed");
    match (shown, files) {
        (None, None) => Vec::new(),
        (Some(_), None) => vec!["shows fixed text, but its finding has no fix".to_owned()],
        (None, Some(files)) => vec![format!("does not show what is fixed: {files:#?}")],
        (Some(shown), Some(files)) => {
            let mut faults = Vec::new();
            if shown.files.files != *files {
                faults.push(format!("the fix makes {files:#?}"));
            }
            let mut after = Example {
                first: bad.first.clone(),
                files: bad.files.clone(),
                faults: bad.faults.clone(),
                old: bad.old.clone(),
            };
            after.files.files.extend(files.clone());
            let analysis = after.analyse();
            if analysis
                .diagnostics
                .iter()
                .any(|report| report.code == code)
            {
                let text = transcript::of(&analysis);
                faults.push(format!("the fix does not mend it:\n{text}"));
            }
            faults
        }
    }
}

/// Writes what is fixed into the page of a code.
fn bless(code: Code, files: &BTreeMap<String, String>) {
    let path = format!(
        "{}/../compiler/src/diagnostic/pages/{}.md",
        env!("CARGO_MANIFEST_DIR"),
        code.as_str()
    );
    let page = std::fs::read_to_string(&path).expect("a page");
    let mut section = "## Fixed\n".to_owned();
    for (name, text) in files {
        let name = if *name == path_of(text) { "" } else { name };
        let fence = format!("```rpc {name}");
        let _ = write!(section, "\n{}\n{text}```\n", fence.trim_end());
    }
    let (head, rest) = page.split_once("\n## Good\n").expect("a good example");
    let head = head.split("\n## Fixed\n").next().unwrap_or(head);
    let page = format!("{}\n\n{section}\n## Good\n{rest}", head.trim_end());
    std::fs::write(path, page).expect("a page is written");
}

/// What is wrong with the page of a code.
fn faults(code: Code) -> Vec<String> {
    let page = code.page();
    let mut faults = Vec::new();
    if !page.starts_with(&format!("# {}: ", code.as_str())) {
        faults.push("does not begin with the code and a title".to_owned());
    }
    let Some(mut bad) = example(page, "Bad") else {
        faults.push("has no bad example".to_owned());
        return faults;
    };
    match mended(&mut bad, code) {
        Err(text) => faults.push(format!("bad example reports\n{text}")),
        Ok(files) => {
            let blessed = std::env::var("INSTA_UPDATE").is_ok_and(|mode| mode == "always");
            match &files {
                Some(files) if blessed => bless(code, files),
                _ => faults.extend(fixed_faults(code, &bad, files.as_ref())),
            }
        }
    }
    let Some(mut good) = example(page, "Good") else {
        faults.push("has no good example".to_owned());
        return faults;
    };
    let fixed = example(page, "Fixed").and_then(|fixed| fixed.files.files.values().next().cloned());
    if fixed.is_some_and(|fixed| good.files.files.values().any(|text| *text == fixed)) {
        faults.push("good example only repeats the fixed one".to_owned());
    }
    let analysis = good.analyse();
    if !analysis.diagnostics.is_empty() || analysis.model.is_none() {
        let text = transcript::of(&analysis);
        faults.push(format!("good example reports\n{text}"));
    }
    faults
}

#[test]
fn every_code_has_a_page_that_shows_what_is_bad_fixed_and_good() {
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
