//! Contracts of a commit, read by the `git` command.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use callsheet_build::host::ImportRoots;
use callsheet_build::resolve::{LoadError, Loader};
use callsheet_build::source::Source;
use callsheet_build::surface::Lock;

use crate::report::Failure;

/// Reads the files of a commit from where the import roots are in it.
pub(crate) struct GitLoader {
    /// What the user calls the commit.
    name: String,
    /// The roots, from the top of the repository, with `/` behind each that is not the top itself.
    roots: Vec<String>,
    /// Contracts and lock files by their path from the top.
    files: BTreeMap<String, Vec<u8>>,
}

impl GitLoader {
    /// The contracts of the commit that `name` leads to.
    pub(crate) fn new(name: &str, roots: &ImportRoots) -> Result<Self, Failure> {
        let folders: Vec<&Path> = roots.folders().collect();
        let here = folders
            .first()
            .ok_or_else(|| Failure("there is no import root".to_owned()))?;
        let fault = || {
            Failure(format!(
                "`{}` is no folder, no file, and no commit of the repository that the contracts lie in",
                name.escape_debug()
            ))
        };
        // What starts with a dash would be an option.
        if name.is_empty() || name.starts_with('-') {
            return Err(fault());
        }
        let commit = format!("{name}^{{commit}}");
        let commit = git(
            here,
            &[
                "rev-parse",
                "--verify",
                "--quiet",
                "--end-of-options",
                &commit,
            ],
        )
        .map_err(|_| fault())?;
        let commit = text(commit)?;
        let top = text(git(here, &["rev-parse", "--show-toplevel"])?)?;
        let top = fs::canonicalize(&top).unwrap_or_else(|_| PathBuf::from(&top));
        let roots = folders
            .iter()
            .filter_map(|root| {
                let parts = root.strip_prefix(&top).ok()?.iter();
                let parts: Option<Vec<&str>> = parts.map(|part| part.to_str()).collect();
                let mut path = parts?.join("/");
                if !path.is_empty() {
                    path.push('/');
                }
                Some(path)
            })
            .collect();
        let mut loader = Self {
            name: name.to_owned(),
            roots,
            files: BTreeMap::new(),
        };
        loader.read(here, commit.trim())?;
        Ok(loader)
    }

    /// Reads all that may be asked for by two commands.
    fn read(&mut self, here: &Path, commit: &str) -> Result<(), Failure> {
        let listing = git(here, &["ls-tree", "-r", "-z", "--full-tree", commit])?;
        let mut wanted: Vec<(String, String)> = Vec::new();
        for entry in listing.split(|byte| *byte == 0) {
            // `100644 blob ID\tPATH`; links and submodules are not read.
            let Ok(entry) = str::from_utf8(entry) else {
                continue;
            };
            let Some((head, path)) = entry.split_once('\t') else {
                continue;
            };
            let mut head = head.split(' ');
            let (mode, _, id) = (head.next(), head.next(), head.next());
            let is_contract = is_contract(path.strip_suffix(Lock::EXTENSION).unwrap_or(path));
            let in_root = self
                .roots
                .iter()
                .any(|root| path.starts_with(root.as_str()));
            if let (Some(id), true) = (id, is_contract && in_root)
                && mode.is_some_and(|mode| mode.starts_with("100"))
            {
                wanted.push((id.to_owned(), path.to_owned()));
            }
        }
        let mut ids = String::new();
        for (id, _) in &wanted {
            ids.push_str(id);
            ids.push('\n');
        }
        let found = answer(here, &["cat-file", "--batch"], ids)?;
        let mut rest = &found[..];
        for (_, path) in wanted {
            // `ID blob SIZE\n…\n`
            let blob = next(&mut rest)
                .ok_or_else(|| Failure("git answered something that is no file".to_owned()))?;
            self.files.insert(path, blob.to_vec());
        }
        Ok(())
    }

    fn find(&self, import_path: &str) -> Option<(String, &[u8])> {
        self.roots.iter().find_map(|root| {
            let path = format!("{root}{import_path}");
            let bytes = self.files.get(&path)?;
            Some((path, &bytes[..]))
        })
    }

    fn source(&self, import_path: &str) -> Result<Source, LoadError> {
        let (path, bytes) = self.find(import_path).ok_or_else(|| LoadError::NotFound {
            searched: vec![self.name.clone()],
        })?;
        if bytes.len() > Source::MAX_BYTES {
            return Err(LoadError::TooLarge {
                bytes: bytes.len() as u64,
            });
        }
        let text = str::from_utf8(bytes).map_err(|error| LoadError::NotUtf8 {
            offset: error.valid_up_to(),
        })?;
        Ok(Source {
            path: format!("{}:{path}", self.name).into(),
            import_path: import_path.into(),
            text: text.strip_prefix('\u{feff}').unwrap_or(text).into(),
        })
    }
}

impl Loader for GitLoader {
    fn load(&mut self, import_path: &str) -> Result<Source, LoadError> {
        self.source(import_path)
    }

    fn lock(&mut self, import_path: &str) -> Result<Option<Source>, LoadError> {
        let path = format!("{import_path}{}", Lock::EXTENSION);
        self.find(&path).map(|_| self.source(&path)).transpose()
    }

    fn list(&mut self) -> Vec<String> {
        let files = self.files.keys().filter(|path| is_contract(path));
        let mut all: Vec<String> = files
            .flat_map(|path| {
                let roots = self.roots.iter();
                roots.filter_map(|root| path.strip_prefix(root.as_str()).map(str::to_owned))
            })
            .collect();
        // Where roots lie in one another, the inner one names the file.
        all.retain(|path| {
            self.find(path).is_some_and(|(full, _)| {
                let shortest = self
                    .roots
                    .iter()
                    .filter_map(|root| full.strip_prefix(root.as_str()))
                    .min_by_key(|rest| rest.len());
                shortest == Some(path)
            })
        });
        all.sort();
        all.dedup();
        all
    }
}

fn is_contract(path: &str) -> bool {
    Path::new(path).extension() == Some("rpc".as_ref())
}

/// The next file of what `cat-file --batch` answers.
fn next<'b>(rest: &mut &'b [u8]) -> Option<&'b [u8]> {
    let end = rest.iter().position(|byte| *byte == b'\n')?;
    let head = str::from_utf8(&rest[..end]).ok()?;
    let size: usize = head.rsplit(' ').next()?.parse().ok()?;
    let body = rest.get(end + 1..end + 1 + size)?;
    *rest = rest.get(end + 2 + size..)?;
    Some(body)
}

fn text(bytes: Vec<u8>) -> Result<String, Failure> {
    let text = String::from_utf8(bytes);
    let text = text.map_err(|_| Failure("git answered something that is no text".to_owned()))?;
    Ok(text.trim_end_matches(['\n', '\r']).to_owned())
}

fn git(folder: &Path, arguments: &[&str]) -> Result<Vec<u8>, Failure> {
    answer(folder, arguments, String::new())
}

/// What `git` answers to the arguments and this input.
fn answer(folder: &Path, arguments: &[&str], input: String) -> Result<Vec<u8>, Failure> {
    let fault = |what: &dyn std::fmt::Display| {
        Failure(format!("git {}: {what}", arguments.first().unwrap_or(&"")))
    };
    let mut child = Command::new("git")
        .arg("-C")
        .arg(folder)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| fault(&error))?;
    let stdin = child.stdin.take();
    // It answers while it reads: who only writes first would wait for ever.
    let writer = std::thread::spawn(move || {
        stdin.map_or(Ok(()), |mut stdin| stdin.write_all(input.as_bytes()))
    });
    let mut stdout = Vec::new();
    if let Some(mut out) = child.stdout.take() {
        out.read_to_end(&mut stdout)
            .map_err(|error| fault(&error))?;
    }
    // A git that ends early closes its input: its own words say why.
    let _ = writer.join();
    let ended = child.wait_with_output().map_err(|error| fault(&error))?;
    if !ended.status.success() {
        let words = String::from_utf8_lossy(&ended.stderr);
        return Err(fault(&words.trim().escape_debug()));
    }
    Ok(stdout)
}
