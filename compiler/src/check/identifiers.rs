//! Names by themselves: built-in types, keywords of Rust, names that are none.

use crate::case;
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;
use crate::syntax::ast::{self, Ident, Item, Member};

use super::Check;
use super::lookup::is_built_in;

/// Keywords of Rust 2024, those that it only keeps included.
const KEYWORDS: [&str; 52] = [
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate",
    "do", "dyn", "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl",
    "in", "let", "loop", "macro", "match", "mod", "move", "mut", "override", "priv", "pub", "ref",
    "return", "self", "Self", "static", "struct", "super", "trait", "true", "try", "type",
    "typeof", "unsafe", "unsized", "use", "virtual", "where", "while", "yield",
];

/// Letters of the longest of them.
const LONGEST: usize = 8;

/// Characters of the longest name: what file systems take for one, and more than people read.
const LONGEST_NAME: usize = 255;

/// Characters of the longest package, dots included: files are called after it, with an ending.
const LONGEST_PACKAGE: usize = 240;

/// Keywords that cannot be raw identifiers, and `extern`, which prost-build takes for one of them.
const NEVER_RAW: [&str; 5] = ["self", "Self", "super", "crate", "extern"];

/// How a name is spelt in Rust.
#[derive(Clone, Copy)]
pub(super) enum Spelling {
    /// Fields, oneofs, methods, packages.
    Snake,
    /// Types and enum values.
    Camel,
}

impl Check<'_> {
    /// Everything that is wrong with declared names one by one.
    pub(super) fn declarations(&mut self, file: &ast::File) {
        if let Some(path) = &file.package {
            let dots = path.parts.len().saturating_sub(1);
            let length = path.parts.iter().map(|part| part.text.len()).sum::<usize>() + dots;
            if length > LONGEST_PACKAGE {
                self.too_long("package", length, LONGEST_PACKAGE, path.span);
            } else {
                for part in &path.parts {
                    self.spelling(part, Spelling::Snake);
                }
            }
        }
        for item in &file.items {
            self.item_names(item);
        }
    }

    fn item_names(&mut self, item: &Item) {
        let name = match item {
            Item::Const(item) => &item.name,
            Item::Message(item) => {
                self.nested_names(&item.members);
                &item.name
            }
            Item::Enum(item) => {
                self.enum_names(item);
                &item.name
            }
            Item::Error(item) => {
                self.nested_names(&item.members);
                &item.name
            }
            Item::Service(item) => {
                for method in &item.methods {
                    self.method_name(&method.name);
                    if let ast::Request::Arguments(fields, _) = &method.request {
                        for field in fields {
                            self.spelling(&field.name, Spelling::Snake);
                        }
                    }
                }
                for group in item.groups.iter().flat_map(|groups| &groups.names) {
                    self.spelling(group, Spelling::Camel);
                }
                &item.name
            }
        };
        self.declared(name);
    }

    fn nested_names(&mut self, members: &[Member]) {
        for member in members {
            match member {
                Member::Field(_) | Member::Oneof(_) | Member::Reserved(_) => {}
                Member::Message(item) => {
                    self.declared(&item.name);
                    self.nested_names(&item.members);
                }
                Member::Enum(item) => {
                    self.declared(&item.name);
                    self.enum_names(item);
                }
            }
        }
    }

    /// The names of fields and oneofs.
    pub(super) fn member_names(&mut self, members: &[Member]) {
        for member in members {
            match member {
                Member::Field(field) => self.spelling(&field.name, Spelling::Snake),
                Member::Oneof(oneof) => {
                    self.spelling(&oneof.name, Spelling::Snake);
                    for field in &oneof.fields {
                        self.spelling(&field.name, Spelling::Snake);
                    }
                }
                Member::Reserved(_) | Member::Message(_) | Member::Enum(_) => {}
            }
        }
    }

    fn enum_names(&mut self, item: &ast::Enum) {
        for value in &item.values {
            self.spelling(&value.name, Spelling::Camel);
        }
    }

    fn declared(&mut self, name: &Ident) {
        if is_built_in(&name.text) {
            self.report(
                Diagnostic::new(
                    Code::BuiltinName,
                    name.span,
                    format!("`{}` is the name of a built-in type", name.text),
                )
                .label("cannot be declared")
                .help("choose another name; types begin with a capital letter by custom"),
            );
        }
        self.spelling(name, Spelling::Camel);
    }

    fn too_long(&mut self, what: &str, length: usize, most: usize, span: Span) {
        self.report(
            Diagnostic::new(
                Code::NameTooLong,
                span,
                format!("a {what} of {length} characters, more than the {most} that one may have"),
            )
            .label("too long")
            .help(format!("choose a {what} of at most {most} characters")),
        );
    }

    fn spelling(&mut self, name: &Ident, spelling: Spelling) {
        if name.text.len() > LONGEST_NAME {
            self.too_long("name", name.text.len(), LONGEST_NAME, name.span);
            return;
        }
        let rust = match spelling {
            Spelling::Snake => case::snake(&name.text),
            Spelling::Camel => case::upper_camel(&name.text).into(),
        };
        if rust.is_empty() {
            self.report(
                Diagnostic::new(
                    Code::NamelessName,
                    name.span,
                    format!(
                        "`{}` has no letter or digit, so no name in Rust can be made of it",
                        name.text
                    ),
                )
                .label("nothing but underscores")
                .help("choose a name with a letter"),
            );
        } else if rust.len() <= LONGEST && KEYWORDS.contains(&&*rust) {
            let spelt = if NEVER_RAW.contains(&&*rust) {
                format!("{rust}_")
            } else {
                format!("r#{rust}")
            };
            self.report(
                Diagnostic::new(
                    Code::RustKeyword,
                    name.span,
                    format!("`{rust}` is a keyword of Rust"),
                )
                .label(format!("`{spelt}` in Rust"))
                .help(format!(
                    "choose another name, or write `{spelt}` wherever Rust code uses it"
                )),
            );
        }
    }

    fn method_name(&mut self, name: &Ident) {
        self.spelling(name, Spelling::Snake);
        let rust = case::snake(&name.text);
        if rust == "new" || rust == "blocking" || rust.starts_with("with_") {
            self.report(
                Diagnostic::new(
                    Code::ClientMethodClash,
                    name.span,
                    format!("every generated client has a function `{rust}` of its own"),
                )
                .label(format!("`{rust}_` in Rust"))
                .help(format!(
                    "choose another name, or write `{rust}_` wherever Rust code calls it"
                )),
            );
        }
    }
}
