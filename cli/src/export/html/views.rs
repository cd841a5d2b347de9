//! What the pages print. Every `docs` is HTML already; everything else is text, which the templates escape.

use askama::Template;

/// The list of packages.
#[derive(Template)]
#[template(path = "index.html")]
pub(super) struct Index {
    pub(super) packages: Vec<IndexEntry>,
}

pub(super) struct IndexEntry {
    pub(super) name: String,
    pub(super) page: String,
    pub(super) summary: String,
    pub(super) services: Vec<Piece>,
}

/// A package.
#[derive(Template)]
#[template(path = "package.html")]
pub(super) struct Package {
    pub(super) name: String,
    pub(super) docs: String,
    pub(super) sources: Vec<String>,
    pub(super) services: Vec<ServiceView>,
    pub(super) messages: Vec<MessageView>,
    pub(super) enums: Vec<EnumView>,
    pub(super) constants: Vec<ConstantView>,
}

/// Words, and where they lead; nowhere where `href` is empty.
pub(super) struct Piece {
    pub(super) text: String,
    pub(super) href: String,
}

impl Piece {
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            href: String::new(),
        }
    }
}

pub(super) struct ServiceView {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) docs: String,
    pub(super) deprecated: Option<String>,
    pub(super) releases: Vec<String>,
    pub(super) groups: Vec<String>,
    pub(super) methods: Vec<MethodView>,
}

pub(super) struct MethodView {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) docs: String,
    /// For each release of the service, what it has of the method.
    pub(super) states: Vec<String>,
    pub(super) request: Vec<Piece>,
    pub(super) reply: Vec<Piece>,
    pub(super) throws: Vec<Piece>,
    pub(super) tags: Vec<String>,
}

pub(super) struct MessageView {
    pub(super) id: String,
    pub(super) kind: &'static str,
    pub(super) name: String,
    pub(super) code: Option<String>,
    pub(super) docs: String,
    pub(super) deprecated: Option<String>,
    pub(super) fields: Vec<FieldView>,
    pub(super) reserved: Option<String>,
}

pub(super) struct FieldView {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) number: i32,
    pub(super) ty: Vec<Piece>,
    pub(super) docs: String,
    pub(super) deprecated: Option<String>,
    pub(super) oneof: Option<String>,
    pub(super) tags: Vec<String>,
}

pub(super) struct EnumView {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) docs: String,
    pub(super) deprecated: Option<String>,
    pub(super) values: Vec<ValueView>,
}

pub(super) struct ValueView {
    pub(super) name: String,
    pub(super) json: String,
    pub(super) number: i32,
    pub(super) docs: String,
    pub(super) deprecated: Option<String>,
}

pub(super) struct ConstantView {
    pub(super) id: String,
    pub(super) text: String,
    pub(super) docs: String,
}
