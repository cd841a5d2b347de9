//! The import graph: every file that the entries reach, each read and parsed once.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use crate::diagnostic::Diagnostic;
use crate::parallel;
use crate::source::{FileId, Source, SourceMap, Span};
use crate::syntax::ast;

use super::{Near, import, order::order};

/// Where files come from: a disk, an editor's buffers, a map.
pub trait Loader {
    /// The file that `import_path` names, as written from an import root.
    ///
    /// # Errors
    /// Why there is no such file, or why it is not read.
    fn load(&mut self, import_path: &str) -> Result<Source, LoadError>;

    /// What [`Self::load`] gives for each path, in their order. Who can read several files at once does so here.
    fn load_all(&mut self, import_paths: &[&str]) -> Vec<Result<Source, LoadError>> {
        import_paths.iter().map(|path| self.load(path)).collect()
    }

    /// The releases that were frozen of the file that `import_path` names, as text; `None` where none was.
    ///
    /// # Errors
    /// Why what is there is not read.
    fn lock(&mut self, import_path: &str) -> Result<Option<Source>, LoadError> {
        let _ = import_path;
        Ok(None)
    }

    /// What [`Self::lock`] gives for each path, in their order.
    fn lock_all(&mut self, import_paths: &[&str]) -> Vec<Result<Option<Source>, LoadError>> {
        import_paths.iter().map(|path| self.lock(path)).collect()
    }

    /// What the user calls the file that `import_path` names, even if it cannot be loaded.
    fn shown(&self, import_path: &str) -> String {
        import_path.to_owned()
    }

    /// Import paths of files that could be imported, for suggestions. May be incomplete or empty.
    fn list(&mut self) -> Vec<String> {
        Vec::new()
    }
}

/// Why a file was not loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoadError {
    /// No import root has it.
    NotFound {
        /// The roots that were searched, as the user knows them.
        searched: Vec<String>,
    },
    /// The path, or a symbolic link on it, leads out of the import root.
    OutsideRoots {
        /// The root it leaves.
        root: String,
    },
    /// A folder, a pipe, a device, a socket.
    NotRegular {
        /// What it is: `a folder`, `a pipe`.
        what: String,
    },
    /// Not UTF-8.
    NotUtf8 {
        /// Offset of the first byte that is not.
        offset: usize,
    },
    /// Larger than [`Source::MAX_BYTES`].
    TooLarge {
        /// Its size in bytes.
        bytes: u64,
    },
    /// The system refused.
    Unreadable {
        /// Its words.
        reason: String,
    },
}

/// Files in memory, by import path: for tests, documentation and editors.
#[derive(Clone, Debug, Default)]
pub struct MemoryLoader {
    /// Path to text.
    pub files: BTreeMap<String, String>,
    /// How often each path was asked for.
    pub loads: BTreeMap<String, usize>,
}

impl MemoryLoader {
    /// A loader of `files`: pairs of import path and text.
    pub fn new<P: Into<String>, T: Into<String>>(files: impl IntoIterator<Item = (P, T)>) -> Self {
        Self {
            files: files
                .into_iter()
                .map(|(path, text)| (path.into(), text.into()))
                .collect(),
            loads: BTreeMap::new(),
        }
    }
}

impl Loader for MemoryLoader {
    fn load(&mut self, import_path: &str) -> Result<Source, LoadError> {
        *self.loads.entry(import_path.to_owned()).or_default() += 1;
        match self.files.get(import_path) {
            Some(text) => Ok(Source {
                path: import_path.into(),
                import_path: import_path.into(),
                text: text.strip_prefix('\u{feff}').unwrap_or(text).into(),
            }),
            None => Err(LoadError::NotFound {
                searched: vec!["memory".to_owned()],
            }),
        }
    }

    fn lock(&mut self, import_path: &str) -> Result<Option<Source>, LoadError> {
        let path = format!("{import_path}.lock");
        Ok(self.files.get(&path).map(|text| Source {
            path: path.as_str().into(),
            import_path: path.as_str().into(),
            text: text.as_str().into(),
        }))
    }

    fn list(&mut self) -> Vec<String> {
        let mut all: Vec<String> = self.files.keys().cloned().collect();
        all.retain(|path| std::path::Path::new(path).extension() == Some("rpc".as_ref()));
        all
    }
}

/// Turns the text of a file into its tree and what is wrong with it.
pub type Parse = fn(FileId, &str) -> (ast::File, Vec<Diagnostic>);

/// The files of one compilation.
#[derive(Clone, Debug, Default)]
pub struct Loaded {
    /// In dependency order: a file stands behind all that it imports; ties by import path. Files on an import cycle
    /// stand last.
    pub files: Vec<LoadedFile>,
}

/// One file with its tree.
#[derive(Clone, Debug)]
pub struct LoadedFile {
    /// The file.
    pub id: FileId,
    /// Its tree.
    pub ast: ast::File,
    /// What its imports lead to, in the order of [`ast::File::imports`].
    pub imports: Vec<Import>,
}

/// What one import leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Import {
    /// A file of [`Loaded::files`], by position.
    File(usize),
    /// The same file as an earlier import, or the file itself: reported, and of no further use.
    Idle,
    /// Nothing: reported; names that it would have brought are not reported again.
    Missing,
}

/// Reads and parses the files of `entries` (import paths) and all that they import, each once.
pub fn load(
    loader: &mut dyn Loader,
    entries: &[String],
    sources: &mut SourceMap,
    parse: Parse,
) -> (Loaded, Vec<Diagnostic>) {
    let read = gather(loader, entries, sources, parse);
    let mut graph = Graph {
        loader,
        sources,
        read,
        nodes: Vec::new(),
        known: HashMap::new(),
        failed: HashMap::new(),
        seen: HashMap::new(),
        listing: None,
        near: Near::default(),
        out: Vec::new(),
    };
    for entry in entries {
        graph.enter(entry);
    }
    let Graph {
        nodes,
        sources,
        out,
        ..
    } = graph;
    let files = nodes.into_iter().map(|node| node.file).collect();
    (order(files, sources), out)
}

/// What became of a path: its tree and what is wrong in it, or why it was not loaded.
type Read = Result<(ast::File, Vec<Diagnostic>), LoadError>;

/// Reads and parses every file that the entries reach, each once: first the entries, then what these import, and so on.
/// A whole wave is read and parsed at once, on all cores.
fn gather(
    loader: &mut dyn Loader,
    entries: &[String],
    sources: &mut SourceMap,
    parse: Parse,
) -> HashMap<String, Read> {
    let mut known: HashMap<String, Read> = HashMap::new();
    let mut asked: HashSet<String> = HashSet::new();
    let mut wave: Vec<String> = Vec::new();
    for entry in entries {
        if asked.insert(entry.clone()) {
            wave.push(entry.clone());
        }
    }
    while !wave.is_empty() {
        let paths: Vec<&str> = wave.iter().map(String::as_str).collect();
        let found = loader.load_all(&paths);
        let mut texts = Vec::new();
        for (path, source) in wave.drain(..).zip(found) {
            match source.and_then(|source| add(sources, &path, source)) {
                Ok((id, text)) => texts.push((path, id, text)),
                Err(error) => {
                    known.insert(path, Err(error));
                }
            }
        }
        let parsed = parallel::map(&texts, |(_, id, text)| parse(*id, text));
        for ((path, _, _), (file, found)) in texts.into_iter().zip(parsed) {
            for import in &file.imports {
                let next = &import.path.value;
                if import::path_fault(next).is_none() && asked.insert(next.clone()) {
                    wave.push(next.clone());
                }
            }
            known.insert(path, Ok((file, found)));
        }
    }
    known
}

/// Adds what was loaded to the sources.
fn add(
    sources: &mut SourceMap,
    path: &str,
    source: Source,
) -> Result<(FileId, Arc<str>), LoadError> {
    if source.text.len() > Source::MAX_BYTES {
        return Err(LoadError::TooLarge {
            bytes: source.text.len() as u64,
        });
    }
    let text = source.text.clone();
    let id = sources.add(Source {
        import_path: path.into(),
        ..source
    });
    Ok((id, text))
}

/// The trail of the search: which file is being walked, and which of its imports is next.
struct Step {
    node: usize,
    next: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Read, not walked.
    New,
    /// On the trail: meeting it again closes a cycle.
    Open,
    /// All that it imports has been walked.
    Done,
}

struct Node {
    file: LoadedFile,
    state: State,
}

struct Graph<'a> {
    loader: &'a mut dyn Loader,
    sources: &'a mut SourceMap,
    /// What has been read and has no node yet.
    read: HashMap<String, Read>,
    nodes: Vec<Node>,
    known: HashMap<Arc<str>, usize>,
    /// Paths that did not load, with the position of their report in `out`.
    failed: HashMap<String, usize>,
    /// Which file imports which path, and by which of its imports.
    seen: HashMap<(usize, String), usize>,
    listing: Option<Arc<[String]>>,
    near: Near,
    out: Vec<Diagnostic>,
}

impl Graph<'_> {
    fn enter(&mut self, entry: &str) {
        if self.known.contains_key(entry) || self.failed.contains_key(entry) {
            return;
        }
        match self.read(entry) {
            Ok(node) => self.walk(node),
            Err(error) => {
                let id = self.sources.add(Source {
                    path: self.loader.shown(entry).into(),
                    import_path: entry.into(),
                    text: "".into(),
                });
                let listing = self.listing();
                let report =
                    import::failure(entry, &error, Span::new(id, 0, 0), &listing, &self.near);
                self.fail(entry, report);
            }
        }
    }

    /// Depth first, on a trail of its own: a chain of imports may be longer than the stack is deep.
    fn walk(&mut self, start: usize) {
        let mut trail = vec![Step {
            node: start,
            next: 0,
        }];
        self.nodes[start].state = State::Open;
        while let Some(step) = trail.last_mut() {
            let node = step.node;
            let position = step.next;
            step.next += 1;
            let Some(written) = self.nodes[node].file.ast.imports.get(position).cloned() else {
                self.nodes[node].state = State::Done;
                trail.pop();
                continue;
            };
            let import = self.follow(node, position, &written, &trail);
            self.nodes[node].file.imports.push(import);
            if let Import::File(target) = import
                && self.nodes[target].state == State::New
            {
                self.nodes[target].state = State::Open;
                trail.push(Step {
                    node: target,
                    next: 0,
                });
            }
        }
    }

    fn follow(
        &mut self,
        node: usize,
        position: usize,
        written: &ast::Import,
        trail: &[Step],
    ) -> Import {
        let path = written.path.value.as_str();
        let own = self
            .sources
            .file(self.nodes[node].file.id)
            .import_path
            .clone();
        if let Some(fault) = import::path_fault(path) {
            let listing = self.listing();
            self.out
                .push(import::bad_path(written, &own, fault, &listing));
            return Import::Missing;
        }
        if path == &*own {
            self.out.push(import::of_itself(self.sources, written));
            return Import::Idle;
        }
        if let Some(&first) = self.seen.get(&(node, path.to_owned())) {
            let first = &self.nodes[node].file.ast.imports[first];
            self.out.push(import::twice(self.sources, written, first));
            return Import::Idle;
        }
        self.seen.insert((node, path.to_owned()), position);
        if let Some(&target) = self.known.get(path) {
            if self.nodes[target].state == State::Open
                && let Some(from) = trail.iter().position(|step| step.node == target)
            {
                self.cycle(&trail[from..], written);
            }
            return Import::File(target);
        }
        if let Some(&report) = self.failed.get(path) {
            let label = "imported here too";
            let report = &mut self.out[report];
            report.labels.push(crate::diagnostic::Label {
                span: written.path.span,
                text: label.to_owned(),
            });
            return Import::Missing;
        }
        match self.read(path) {
            Ok(target) => Import::File(target),
            Err(error) => {
                let listing = self.listing();
                let report = import::failure(path, &error, written.path.span, &listing, &self.near);
                self.fail(path, report);
                Import::Missing
            }
        }
    }

    fn cycle(&mut self, trail: &[Step], closing: &ast::Import) {
        let mut steps = Vec::new();
        for step in &trail[..trail.len() - 1] {
            let file = &self.nodes[step.node].file;
            let import = &file.ast.imports[step.next - 1];
            steps.push((self.sources.file(file.id).import_path.clone(), import));
        }
        let last = &self.nodes[trail[trail.len() - 1].node].file;
        let last = self.sources.file(last.id).import_path.clone();
        let report = import::cycle(&steps, &last, closing);
        self.out.push(report);
    }

    fn read(&mut self, path: &str) -> Result<usize, LoadError> {
        // Everything that is reached has been read; what is asked for again is known by then.
        let (mut ast, found) = self.read.remove(path).unwrap_or_else(|| {
            Err(LoadError::NotFound {
                searched: Vec::new(),
            })
        })?;
        self.out.extend(found);
        if ast.package.is_none() {
            ast.package = package_of(ast.id, path, &ast.lost);
            ast.lost.package = true;
        }
        let node = self.nodes.len();
        self.nodes.push(Node {
            file: LoadedFile {
                id: ast.id,
                ast,
                imports: Vec::new(),
            },
            state: State::New,
        });
        self.known.insert(path.into(), node);
        Ok(node)
    }

    fn fail(&mut self, path: &str, report: Diagnostic) {
        self.failed.insert(path.to_owned(), self.out.len());
        self.out.push(report);
    }

    /// What could have been meant by a path that leads nowhere.
    fn listing(&mut self) -> Arc<[String]> {
        // Each search walks the whole list: whoever lacks this many files has another problem.
        const MOST: usize = 200;
        if self.failed.len() > MOST {
            return Arc::default();
        }
        let loader = &mut *self.loader;
        self.listing
            .get_or_insert_with(|| loader.list().into())
            .clone()
    }
}

/// The package that a file has by its path, where none could be read: `shop/orders.rpc` holds `shop.orders`, or `shop` if
/// the lost parts speak of no `orders`.
fn package_of(id: FileId, import_path: &str, lost: &ast::Lost) -> Option<ast::Path> {
    let stem = import_path.strip_suffix(".rpc").unwrap_or(import_path);
    let mut parts: Vec<&str> = stem.split('/').collect();
    let spoken = |part: Option<&&str>| part.is_some_and(|part| lost.words.contains(*part));
    if parts.len() > 1 && !spoken(parts.last()) && spoken(parts.get(parts.len() - 2)) {
        parts.pop();
    }
    let span = Span::new(id, 0, 0);
    let part = |part: &&str| ast::Ident {
        text: (*part).into(),
        span,
    };
    parts
        .iter()
        .all(|part| is_identifier(part))
        .then(|| ast::Path {
            absolute: false,
            parts: parts.iter().map(part).collect(),
            span,
        })
}

/// Whether a part of a path can be a part of a package.
pub(crate) fn is_identifier(part: &str) -> bool {
    part.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && part
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
