//! What a run asked of a loader and what it was told, so that a later run can ask again.

use std::collections::BTreeMap;
use std::hash::{BuildHasher as _, DefaultHasher, Hasher as _, RandomState};

use crate::parallel;
use crate::resolve::{LoadError, Loader};
use crate::source::Source;

/// What a digest starts from: nobody who writes a file knows it, so nobody can make two files of one digest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Secret(pub(super) [u64; 2]);

impl Secret {
    pub(super) fn new() -> Self {
        let random = RandomState::new();
        Self([random.hash_one(0), random.hash_one(1)])
    }

    /// 64 bits of the parts, by the standard library's `SipHash`.
    pub(super) fn digest(self, parts: &[&[u8]]) -> u64 {
        let mut hasher = DefaultHasher::new();
        for half in self.0 {
            hasher.write_u64(half);
        }
        for part in parts {
            hasher.write_usize(part.len());
            hasher.write(part);
        }
        hasher.finish()
    }
}

/// What a loader may be asked about an import path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Asked {
    /// The file.
    Load,
    /// Its frozen releases.
    Lock,
}

impl Asked {
    fn ask(self, loader: &mut dyn Loader, import_path: &str) -> Answer {
        match self {
            Self::Load => loader.load(import_path).map(Some),
            Self::Lock => loader.lock(import_path),
        }
    }
}

type Answer = Result<Option<Source>, LoadError>;

/// A loader that writes down the digest of each answer of another.
pub struct Tracing<'a> {
    loader: &'a mut dyn Loader,
    trace: Trace,
}

/// What a loader was asked and the digests of what it answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    pub(super) secret: Secret,
    pub(super) answers: BTreeMap<(Asked, String), u64>,
    /// How much text was read.
    pub(super) bytes: u64,
}

impl<'a> Tracing<'a> {
    /// Asks `loader`.
    pub fn new(loader: &'a mut dyn Loader) -> Self {
        Self {
            loader,
            trace: Trace {
                secret: Secret::new(),
                answers: BTreeMap::new(),
                bytes: 0,
            },
        }
    }

    /// What was asked so far and what was answered.
    pub fn into_trace(self) -> Trace {
        self.trace
    }

    fn ask(&mut self, asked: Asked, import_path: &str) -> Answer {
        let answer = asked.ask(self.loader, import_path);
        let digest = digest(self.trace.secret, &answer);
        self.note(asked, import_path, &answer, digest);
        answer
    }

    /// Notes what was answered to all of these at once.
    fn note_all(&mut self, asked: Asked, import_paths: &[&str], answers: &[Answer]) {
        let secret = self.trace.secret;
        let digests = parallel::map(answers, |answer| digest(secret, answer));
        for ((import_path, answer), digest) in import_paths.iter().zip(answers).zip(digests) {
            self.note(asked, import_path, answer, digest);
        }
    }

    fn note(&mut self, asked: Asked, import_path: &str, answer: &Answer, digest: u64) {
        if let Ok(Some(source)) = answer {
            self.trace.bytes += source.text.len() as u64;
        }
        let question = (asked, import_path.to_owned());
        self.trace.answers.insert(question, digest);
    }
}

/// The source that an answer to [`Asked::Load`] holds.
fn loaded(answer: Answer) -> Result<Source, LoadError> {
    answer?.ok_or(LoadError::NotFound {
        searched: Vec::new(),
    })
}

impl Loader for Tracing<'_> {
    fn load(&mut self, import_path: &str) -> Result<Source, LoadError> {
        loaded(self.ask(Asked::Load, import_path))
    }

    fn load_all(&mut self, import_paths: &[&str]) -> Vec<Result<Source, LoadError>> {
        let found = self.loader.load_all(import_paths);
        let answers: Vec<Answer> = found.into_iter().map(|one| one.map(Some)).collect();
        self.note_all(Asked::Load, import_paths, &answers);
        answers.into_iter().map(loaded).collect()
    }

    fn lock(&mut self, import_path: &str) -> Result<Option<Source>, LoadError> {
        self.ask(Asked::Lock, import_path)
    }

    fn lock_all(&mut self, import_paths: &[&str]) -> Vec<Result<Option<Source>, LoadError>> {
        let answers = self.loader.lock_all(import_paths);
        self.note_all(Asked::Lock, import_paths, &answers);
        answers
    }

    // Asked only for the sake of a report, and a run that reports is not recorded.
    fn shown(&self, import_path: &str) -> String {
        self.loader.shown(import_path)
    }

    fn list(&mut self) -> Vec<String> {
        self.loader.list()
    }
}

impl Trace {
    /// Whether the loader answers as it did.
    pub(super) fn holds(&self, loader: &mut dyn Loader) -> bool {
        self.answers.iter().all(|((asked, import_path), expected)| {
            digest(self.secret, &asked.ask(loader, import_path)) == *expected
        })
    }
}

fn digest(secret: Secret, answer: &Answer) -> u64 {
    match answer {
        Ok(Some(source)) => secret.digest(&[source.path.as_bytes(), source.text.as_bytes()]),
        Ok(None) => secret.digest(&[]),
        Err(error) => secret.digest(&[format!("{error:?}").as_bytes()]),
    }
}
