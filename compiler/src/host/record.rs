//! Records of what a generation read and wrote, by which a later one on the same stops early.
//!
//! A record is believed only where the compiler, what it is asked, all that it read and all that it wrote are, by their
//! digests, what they were: all of that is read again. What does not fit costs a whole run and never a wrong answer. A run
//! that had something to report leaves no record, since the next one has to report it too.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write as _};
use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::SystemTime;

use crate::codegen::Files;
use crate::resolve::Loader;

use super::Output;
use super::replace::replace;
use super::trace::{Asked, Secret, Trace};

/// The first line of a record; another form gets another number.
const FORM: &str = "callsheet-record 1";

/// How a record is called.
const EXTENSION: &str = "record";

/// The compiler's own file is read for every look at a record, which costs about as much as compiling a part of it this
/// many times smaller.
const WORTH: u64 = 1024;

/// How many records a folder holds, a few hundred KB at most each: enough for whoever works on many projects.
const MOST: usize = 64;

/// Where the record of one output folder is, and what it must have been made for.
#[derive(Debug)]
pub struct Record {
    path: PathBuf,
    question: String,
    /// What compiles.
    compiler: fn() -> Option<Vec<u8>>,
}

/// What a record tells when all is as it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unchanged {
    /// How many files were read.
    pub sources: usize,
    /// The names of the files that stand in the output folder.
    pub outputs: Vec<String>,
}

/// What a record says.
#[derive(Debug, PartialEq, Eq)]
struct Body {
    key: u64,
    trace: Trace,
    outputs: BTreeMap<String, u64>,
}

impl Record {
    /// The record of `output` in a folder of records, for generations that are asked `question`: all that the result
    /// depends on beside the compiler and what the loader answers. `None` if the output folder is not there.
    pub fn new(folder: &Path, output: &Output, question: &dyn fmt::Debug) -> Option<Self> {
        let real = fs::canonicalize(output.folder()).ok()?;
        let name = Secret::default().digest(&[real.as_os_str().as_encoded_bytes()]);
        Some(Self {
            path: folder.join(format!("{name:016x}.{EXTENSION}")),
            question: format!("{question:?}"),
            compiler: running_program,
        })
    }

    /// What stands in the output folder, if a generation would read what the recorded one read, write what is there and
    /// have nothing to say. Where `exclusive`, no other Rust file may stand there.
    pub fn unchanged(
        &self,
        loader: &mut dyn Loader,
        output: &Output,
        exclusive: bool,
    ) -> Option<Unchanged> {
        let body = Body::parse(&fs::read_to_string(&self.path).ok()?)?;
        if self.key(&(self.compiler)()?) != body.key {
            return None;
        }
        let same = thread::scope(|scope| {
            let outputs = scope.spawn(|| body.outputs_hold(output, exclusive));
            body.trace.holds(loader) && outputs.join().unwrap_or(false)
        });
        let loaded = |(asked, _): &&(Asked, String)| *asked == Asked::Load;
        same.then(|| Unchanged {
            sources: body.trace.answers.keys().filter(loaded).count(),
            outputs: body.outputs.into_keys().collect(),
        })
    }

    /// Records a generation that had nothing to say and left `files` in the output folder. A record is of use only for
    /// speed: one that cannot be written is none.
    pub fn keep(&self, trace: Trace, files: &Files) {
        let worth = |compiler: &Vec<u8>| trace.bytes * WORTH >= compiler.len() as u64;
        let Some(compiler) = (self.compiler)().filter(worth) else {
            return;
        };
        let outputs = files.0.iter();
        let body = Body {
            key: self.key(&compiler),
            outputs: outputs
                .map(|(name, text)| (name.clone(), trace.secret.digest(&[text.as_bytes()])))
                .collect(),
            trace,
        };
        let (Some(text), Some(folder)) = (body.text(), self.path.parent()) else {
            return;
        };
        if fs::create_dir_all(folder).is_ok() && replace(&self.path, text.as_bytes(), None).is_ok()
        {
            tidy(folder);
        }
    }

    /// Names the compiler and the question.
    fn key(&self, compiler: &[u8]) -> u64 {
        Secret::default().digest(&[compiler, self.question.as_bytes()])
    }
}

impl Body {
    /// Whether the output folder holds what was recorded.
    fn outputs_hold(&self, output: &Output, exclusive: bool) -> bool {
        let secret = self.trace.secret;
        let mut bytes = Vec::new();
        let hold = self.outputs.iter().all(|(name, expected)| {
            matches!(output.read_into(name, &mut bytes), Ok(true))
                && secret.digest(&[&bytes]) == *expected
        });
        let others = || output.others(|name| self.outputs.contains_key(name));
        hold && (!exclusive || others().is_ok_and(|others| others.is_empty()))
    }

    /// `None` if a name holds a line end, which no contract's does.
    fn text(&self) -> Option<String> {
        let mut text = format!("{FORM}\n");
        let Secret([one, two]) = self.trace.secret;
        let _ = writeln!(text, "{:016x} {one:016x} {two:016x}", self.key);
        for ((asked, import_path), digest) in &self.trace.answers {
            let asked = match asked {
                Asked::Load => "load",
                Asked::Lock => "lock",
            };
            let _ = writeln!(text, "{asked} {digest:016x} {import_path}");
        }
        for (name, digest) in &self.outputs {
            let _ = writeln!(text, "file {digest:016x} {name}");
        }
        let lines = self.trace.answers.len() + self.outputs.len() + 2;
        let sum = self.trace.secret.digest(&[text.as_bytes()]);
        let whole = text.lines().count() == lines && !text.contains('\r');
        let _ = writeln!(text, "end {sum:016x}");
        whole.then_some(text)
    }

    /// `None` for what is no record, or not whole.
    fn parse(text: &str) -> Option<Self> {
        let number = |text: &str| u64::from_str_radix(text, 16).ok();
        let (said, sum) = text.strip_suffix('\n')?.rsplit_once("end ")?;
        let mut lines = said.lines();
        if lines.next()? != FORM {
            return None;
        }
        let mut head = lines.next()?.split(' ').map(number);
        let (key, one, two) = (head.next()??, head.next()??, head.next()??);
        let secret = Secret([one, two]);
        if secret.digest(&[said.as_bytes()]) != number(sum)? {
            return None;
        }
        let mut body = Self {
            key,
            trace: Trace {
                secret,
                answers: BTreeMap::new(),
                bytes: 0,
            },
            outputs: BTreeMap::new(),
        };
        for line in lines {
            let (what, rest) = line.split_once(' ')?;
            let (digest, name) = rest.split_once(' ')?;
            let (digest, name) = (number(digest)?, name.to_owned());
            match what {
                "load" => body.trace.answers.insert((Asked::Load, name), digest),
                "lock" => body.trace.answers.insert((Asked::Lock, name), digest),
                "file" => body.outputs.insert(name, digest),
                _ => return None,
            };
        }
        Some(body)
    }
}

/// The program that runs. Templates, names and rules are in it: another one may print another text.
fn running_program() -> Option<Vec<u8>> {
    // There the link leads to what runs, even if another program has taken its place on the disk.
    let link = Path::new("/proc/self/exe");
    let mut file = match File::open(link) {
        Ok(file) if cfg!(target_os = "linux") => file,
        _ => File::open(std::env::current_exe().ok()?).ok()?,
    };
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

/// Removes the oldest records where there are too many.
fn tidy(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    let records: BTreeSet<(SystemTime, PathBuf)> = entries
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let is_record = path.extension().is_some_and(|end| end == EXTENSION);
            let modified = fs::metadata(&path).and_then(|metadata| metadata.modified());
            is_record.then_some((modified.ok()?, path))
        })
        .collect();
    let too_many = records.len().saturating_sub(MOST);
    for (_, path) in records.into_iter().take(too_many) {
        // Another run may have done it.
        let _ = fs::remove_file(path);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tempfile::TempDir;

    use super::*;
    use crate::host::Tracing;
    use crate::resolve::LoadError;
    use crate::source::Source;

    /// Files by import path, and whether they are large enough for a record.
    #[derive(Clone)]
    struct Memory(BTreeMap<&'static str, String>);

    impl Loader for Memory {
        fn load(&mut self, import_path: &str) -> Result<Source, LoadError> {
            let text = self.0.get(import_path).ok_or(LoadError::NotFound {
                searched: Vec::new(),
            })?;
            Ok(Source {
                path: import_path.into(),
                import_path: import_path.into(),
                text: Arc::from(text.as_str()),
            })
        }

        fn lock(&mut self, import_path: &str) -> Result<Option<Source>, LoadError> {
            let lock = format!("{import_path}.lock");
            Ok(self.load(&lock).ok())
        }
    }

    /// A generation that was recorded, of `a.rpc`, and of `b.rpc` that is not there.
    struct Recorded {
        folder: TempDir,
        loader: Memory,
        output: Output,
    }

    /// That of a small compiler.
    fn record(folder: &TempDir, output: &Output, question: &str) -> Option<Record> {
        Some(Record {
            compiler: || Some(b"compiler".to_vec()),
            ..Record::new(&folder.path().join("records"), output, &question)?
        })
    }

    fn recorded() -> Recorded {
        let folder = TempDir::new().unwrap();
        let mut loader = Memory([("a.rpc", "a".to_owned())].into());
        let output = Output::new(folder.path().join("out"));
        let text = |name: &str| format!("{} of {name}", Files::HEADER);
        let files = ["a.rs", "mod.rs"].map(|name| (name.to_owned(), text(name)));
        let files = Files(files.into());
        output.write(&files).unwrap();
        let mut tracing = Tracing::new(&mut loader);
        tracing.load("a.rpc").unwrap();
        tracing.lock("a.rpc").unwrap();
        tracing.load("b.rpc").unwrap_err();
        let record = record(&folder, &output, "question").unwrap();
        record.keep(tracing.into_trace(), &files);
        Recorded {
            folder,
            loader,
            output,
        }
    }

    impl Recorded {
        fn path(&self) -> PathBuf {
            let mut records = fs::read_dir(self.folder.path().join("records")).unwrap();
            records.next().unwrap().unwrap().path()
        }

        fn asked(&self, question: &str, exclusive: bool) -> Option<Unchanged> {
            let record = record(&self.folder, &self.output, question)?;
            record.unchanged(&mut self.loader.clone(), &self.output, exclusive)
        }

        fn is_unchanged(&self) -> bool {
            self.asked("question", true).is_some()
        }
    }

    #[test]
    fn what_is_unchanged_is_known() {
        let unchanged = recorded().asked("question", true).unwrap();
        assert_eq!(unchanged.sources, 2);
        assert_eq!(unchanged.outputs, ["a.rs", "mod.rs"]);
    }

    #[test]
    fn whatever_was_read_is_read_again() {
        let changes: [fn(&mut Memory); 4] = [
            |files| files.0.get_mut("a.rpc").unwrap().push('b'),
            |files| drop(files.0.remove("a.rpc")),
            |files| drop(files.0.insert("b.rpc", String::new())),
            |files| drop(files.0.insert("a.rpc.lock", String::new())),
        ];
        for change in changes {
            let mut recorded = recorded();
            change(&mut recorded.loader);
            assert!(!recorded.is_unchanged());
        }
    }

    #[test]
    fn whatever_was_written_is_read_again() {
        let edit = recorded();
        fs::write(edit.folder.path().join("out/a.rs"), Files::HEADER).unwrap();
        assert!(!edit.is_unchanged());

        let gone = recorded();
        fs::remove_file(gone.folder.path().join("out/mod.rs")).unwrap();
        assert!(!gone.is_unchanged());

        let other = recorded();
        fs::write(other.folder.path().join("out/other.rs"), "").unwrap();
        assert!(!other.is_unchanged());
        assert!(other.asked("question", false).is_some());
    }

    #[test]
    fn another_question_is_another_generation() {
        assert_eq!(recorded().asked("other question", true), None);
    }

    #[test]
    fn another_compiler_compiles_anew() {
        let recorded = recorded();
        let other = Record {
            compiler: || Some(b"compiles".to_vec()),
            ..record(&recorded.folder, &recorded.output, "question").unwrap()
        };
        let unchanged = other.unchanged(&mut recorded.loader.clone(), &recorded.output, true);
        assert_eq!(unchanged, None);
    }

    #[test]
    fn a_record_is_whole_or_none() {
        let recorded = recorded();
        let path = recorded.path();
        let text = fs::read_to_string(&path).unwrap();
        assert!(recorded.is_unchanged());
        for damaged in [
            text[..text.len() / 2].to_owned(),
            text.replacen("load", "lock", 1),
            text.replacen("mod.rs", "rod.rs", 1),
            text.replacen(FORM, "callsheet-record 2", 1),
            String::new(),
        ] {
            fs::write(&path, damaged).unwrap();
            assert!(!recorded.is_unchanged());
        }
        fs::write(&path, text).unwrap();
        assert!(recorded.is_unchanged());
    }

    #[test]
    fn little_text_is_not_worth_a_record() {
        let folder = TempDir::new().unwrap();
        let output = Output::new(folder.path());
        let mut loader = Memory([("a.rpc", String::new())].into());
        let mut tracing = Tracing::new(&mut loader);
        tracing.load("a.rpc").unwrap();
        let records = folder.path().join("records");
        let record = Record::new(&records, &output, &"question").unwrap();
        record.keep(tracing.into_trace(), &Files::default());
        assert!(!records.exists());
    }

    #[test]
    fn the_oldest_records_go_where_there_are_too_many() {
        let recorded = recorded();
        let folder = recorded.folder.path().join("records");
        let own = recorded.path();
        for number in 0..=MOST {
            let path = folder.join(format!("{number}.record"));
            fs::write(&path, "").unwrap();
            let file = File::options().write(true).open(&path).unwrap();
            file.set_modified(SystemTime::UNIX_EPOCH).unwrap();
        }
        tidy(&folder);
        assert_eq!(fs::read_dir(&folder).unwrap().count(), MOST);
        assert!(own.exists());
    }
}
