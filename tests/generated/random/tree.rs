//! A contract as a tree of statements, each of which can be taken away with all that it holds.

use std::collections::HashSet;

use callsheet_build::driver::{Analysis, analyse};
use callsheet_build::resolve::MemoryLoader;

/// A place in a [`Tree`].
pub(crate) type Node = usize;

/// A statement: its documentation, its text up to its `;` or `{`, and what stands in its block.
struct Statement {
    docs: Vec<String>,
    text: String,
    block: Option<Vec<Node>>,
    gone: bool,
}

/// The statements of all files.
#[derive(Default)]
pub(crate) struct Tree {
    statements: Vec<Statement>,
    files: Vec<(String, Node)>,
}

/// A text, and the statement of each of its lines.
struct Printed {
    text: String,
    lines: Vec<Node>,
}

impl Tree {
    /// A file at this path.
    pub(crate) fn file(&mut self, path: String) -> Node {
        let root = self.statement(None, String::new(), true);
        self.files.push((path, root));
        root
    }

    /// A statement in the block of `parent`.
    pub(crate) fn line(&mut self, parent: Node, text: String) -> Node {
        self.statement(Some(parent), text, false)
    }

    /// A statement with a block of its own in that of `parent`.
    pub(crate) fn block(&mut self, parent: Node, text: String) -> Node {
        self.statement(Some(parent), text, true)
    }

    /// Documents a statement.
    pub(crate) fn document(&mut self, node: Node, lines: impl IntoIterator<Item = String>) {
        self.statements[node].docs.extend(lines);
    }

    fn statement(&mut self, parent: Option<Node>, text: String, block: bool) -> Node {
        let node = self.statements.len();
        self.statements.push(Statement {
            docs: Vec::new(),
            text,
            block: block.then(Vec::new),
            gone: false,
        });
        if let Some(held) = parent.and_then(|parent| self.statements[parent].block.as_mut()) {
            held.push(node);
        }
        node
    }

    /// Every file by path.
    pub(crate) fn files(&self) -> Vec<(String, String)> {
        self.files
            .iter()
            .map(|(path, root)| (path.clone(), self.print(*root).text))
            .collect()
    }

    /// What the compiler says of it.
    pub(crate) fn analyse(&self) -> Analysis {
        let entries: Vec<String> = self.files.iter().map(|(path, _)| path.clone()).collect();
        analyse(&mut MemoryLoader::new(self.files()), &entries)
    }

    fn print(&self, root: Node) -> Printed {
        let mut printed = Printed {
            text: String::new(),
            lines: Vec::new(),
        };
        self.print_block(root, 0, &mut printed);
        printed
    }

    fn print_block(&self, node: Node, depth: usize, out: &mut Printed) {
        for &held in self.statements[node].block.iter().flatten() {
            let statement = &self.statements[held];
            if statement.gone {
                continue;
            }
            let mut push = |line: &str| {
                out.text.push_str(&"    ".repeat(depth));
                out.text.push_str(line);
                out.text.push('\n');
                out.lines.push(held);
            };
            statement.docs.iter().for_each(|line| push(line));
            if statement.block.is_some() {
                push(&format!("{} {{", statement.text));
                self.print_block(held, depth + 1, out);
                out.text.push_str(&"    ".repeat(depth));
                out.text.push_str("}\n");
                out.lines.push(held);
            } else {
                push(&format!("{};", statement.text));
            }
        }
    }

    /// Takes away every statement with an error in it, and then those that need what is gone, until none is left.
    /// `false` where a file lost its head.
    pub(crate) fn shave(&mut self) -> bool {
        for _ in 0..64 {
            let analysis = self.analyse();
            if analysis.model.is_some() {
                return true;
            }
            let gone = self.guilty(&analysis);
            if gone.is_empty() {
                return false;
            }
            for node in gone {
                if self.statements[node].text.starts_with("package ") {
                    return false;
                }
                self.statements[node].gone = true;
            }
        }
        false
    }

    fn guilty(&self, analysis: &Analysis) -> HashSet<Node> {
        let mut guilty = HashSet::new();
        let errors = analysis.diagnostics.iter().filter(|one| one.is_error());
        for error in errors {
            let span = error.primary.span;
            let source = analysis.sources.file(span.file);
            let line = source.text[..span.start as usize].matches('\n').count();
            let file = self
                .files
                .iter()
                .find(|(path, _)| **path == *source.import_path);
            if let Some((_, root)) = file {
                guilty.extend(self.print(*root).lines.get(line));
            }
        }
        guilty
    }
}
