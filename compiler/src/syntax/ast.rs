//! What was written: the tree of one file, with spans.
//!
//! Holds everything that the later forms need and nothing that they derive. A part that could not be parsed is
//! missing here and reported beside; every node that is present is whole.

use std::collections::BTreeSet;
use std::ops;
use std::sync::Arc;

use crate::model;
use crate::source::{FileId, Span};

/// A value and where it stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Its place.
    pub span: Span,
}

/// An identifier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ident {
    /// Its text: ASCII letters, digits, `_`; no digit in front.
    pub text: Arc<str>,
    /// Its place.
    pub span: Span,
}

impl Ident {
    /// What the name of something nameless starts with: reported, and kept so that the rest of it is checked.
    pub const MISSING: &str = "Missing__";

    /// Whether it stands for a name that is not there.
    pub fn is_missing(&self) -> bool {
        self.text.starts_with(Self::MISSING)
    }
}

/// A dotted name: `Order`, `shop.common.Invoice`, `.shop.common.Invoice`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    /// Whether a dot leads, so that the name is looked up from the top.
    pub absolute: bool,
    /// One or more parts.
    pub parts: Vec<Ident>,
    /// The whole, leading dot included.
    pub span: Span,
}

/// Documentation: the comments `///`, `//!`, `/** */` before something, as a range of [`File::comments`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Docs {
    from: u32,
    to: u32,
}

impl Docs {
    pub(super) fn of(range: ops::Range<usize>) -> Self {
        // A comment has three characters, and a file fewer than 2^32.
        let at = |index: usize| u32::try_from(index).unwrap_or(u32::MAX);
        Self {
            from: at(range.start),
            to: at(range.end),
        }
    }

    /// Whether there is no documentation.
    pub fn is_empty(self) -> bool {
        self.from == self.to
    }

    /// Which of the file's comments.
    pub(crate) fn range(self) -> ops::Range<u32> {
        self.from..self.to
    }
}

/// One `.rpc` file.
#[derive(Clone, Debug)]
pub struct File {
    /// Which file.
    pub id: FileId,
    /// `//!` at the head.
    pub docs: Docs,
    /// `edition 2026;`
    pub edition: Option<Spanned<u64>>,
    /// `package shop.orders;`
    pub package: Option<Path>,
    /// `import "…";`, in order.
    pub imports: Vec<Import>,
    /// The declarations, in order.
    pub items: Vec<Item>,
    /// The comments that document something, those of one thing side by side and in order.
    pub comments: Arc<[Span]>,
    /// What was reported by the parser and is missing here.
    pub lost: Lost,
}

impl File {
    /// The lines of documentation in this file, without markers and common indentation; `text` is that of the file.
    pub fn lines(&self, docs: Docs, text: &str) -> Vec<String> {
        let range = docs.from as usize..docs.to as usize;
        super::comment::read(self.comments.get(range).unwrap_or_default(), text)
    }

    /// All documentation of the file, read when somebody looks; `text` is that of the file.
    pub(crate) fn documentation(&self, text: &Arc<str>) -> model::Documentation {
        model::Documentation::new(text, &self.comments, super::comment::read)
    }
}

/// The words of what could not be parsed. A later pass that misses a name found here says nothing, so that one mistake
/// gives one report.
#[derive(Clone, Debug, Default)]
pub struct Lost {
    /// Every identifier in the lost parts.
    pub words: BTreeSet<Arc<str>>,
    /// Those that may be the name of a type or constant.
    pub declared: BTreeSet<Arc<str>>,
    /// How many declarations have no name.
    pub nameless: usize,
    /// Whether the package is lost or missing, so that the one of the tree is guessed.
    pub package: bool,
    /// Where the lost parts stood, in the order in which they were lost.
    pub spans: Vec<Span>,
    /// Whether reading stopped early, so that anything may be missing.
    pub rest: bool,
}

impl Lost {
    /// Whether a declaration, field, value or method called `name` may have been lost.
    pub fn covers(&self, name: &str) -> bool {
        self.rest || self.words.contains(name)
    }

    /// Whether a type or constant called `name` may have been lost.
    pub fn may_declare(&self, name: &str) -> bool {
        self.rest || self.declared.contains(name)
    }

    /// Whether something that stood within `span` was lost.
    pub fn within(&self, span: Span) -> bool {
        let meets = |lost: &Span| lost.start < span.end && span.start < lost.end;
        self.rest || self.spans.iter().any(meets)
    }
}

/// `import "shop/common.rpc";`
#[derive(Clone, Debug)]
pub struct Import {
    /// The path between the quotes, escapes resolved.
    pub path: Spanned<String>,
    /// The statement.
    pub span: Span,
}

/// A declaration.
#[derive(Clone, Debug)]
pub enum Item {
    /// `const`
    Const(Const),
    /// `message`
    Message(Message),
    /// `enum`
    Enum(Enum),
    /// `error`
    Error(Error),
    /// `service`
    Service(Service),
}

/// `const MAX_ITEMS: uint32 = 500;`
#[derive(Clone, Debug)]
pub struct Const {
    /// Documentation before it.
    pub docs: Docs,
    /// Annotations before it.
    pub annotations: Vec<Annotation>,
    /// Its name.
    pub name: Ident,
    /// Its type.
    pub ty: Type,
    /// Its value.
    pub value: Value,
    /// The declaration.
    pub span: Span,
}

/// `message Order { … }`
#[derive(Clone, Debug)]
pub struct Message {
    /// Documentation before it.
    pub docs: Docs,
    /// Annotations before it.
    pub annotations: Vec<Annotation>,
    /// Its name.
    pub name: Ident,
    /// What the braces hold, in order.
    pub members: Vec<Member>,
    /// The declaration.
    pub span: Span,
}

/// `error OutOfStock(failed_precondition) { … }`
#[derive(Clone, Debug)]
pub struct Error {
    /// Documentation before it.
    pub docs: Docs,
    /// Annotations before it.
    pub annotations: Vec<Annotation>,
    /// Its name.
    pub name: Ident,
    /// The status code between the parentheses.
    pub code: Ident,
    /// What the braces hold, in order.
    pub members: Vec<Member>,
    /// The declaration.
    pub span: Span,
}

/// What stands in the braces of a message or error.
#[derive(Clone, Debug)]
pub enum Member {
    /// `id: uint64 = 1;`
    Field(Field),
    /// `oneof payment { … }`
    Oneof(Oneof),
    /// `reserved 12, 20..=29, "legacy_id";`
    Reserved(Reserved),
    /// A nested message.
    Message(Message),
    /// A nested enum.
    Enum(Enum),
}

/// `items: [Item] = 4 @len(1..=MAX_ITEMS);`, or one entry of an argument list.
#[derive(Clone, Debug)]
pub struct Field {
    /// Documentation before it.
    pub docs: Docs,
    /// Its name.
    pub name: Ident,
    /// Its type.
    pub ty: Type,
    /// Its number.
    pub number: Spanned<u64>,
    /// Annotations behind it.
    pub annotations: Vec<Annotation>,
    /// The field.
    pub span: Span,
}

/// `oneof payment { … }`
#[derive(Clone, Debug)]
pub struct Oneof {
    /// Documentation before it.
    pub docs: Docs,
    /// Annotations before it.
    pub annotations: Vec<Annotation>,
    /// Its name.
    pub name: Ident,
    /// Its members.
    pub fields: Vec<Field>,
    /// The whole.
    pub span: Span,
}

/// `reserved 12, 20..=29, "legacy_id";`, in a message, error or enum.
#[derive(Clone, Debug)]
pub struct Reserved {
    /// Numbers, ranges, names.
    pub entries: Vec<Spanned<ReservedEntry>>,
    /// The statement.
    pub span: Span,
}

/// One entry of `reserved`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReservedEntry {
    /// `12` or `20..=29`, both ends included. Enum values may be negative.
    Numbers(i128, i128),
    /// `"legacy_id"`
    Name(String),
}

/// A type where a field, constant or argument names it.
#[derive(Clone, Debug)]
pub struct Type {
    /// Which shape.
    pub kind: TypeKind,
    /// The place.
    pub span: Span,
}

/// The shapes of [`Type`]. The parser accepts any nesting; `check` says what may hold what.
#[derive(Clone, Debug)]
pub enum TypeKind {
    /// A scalar, a well-known word, or a declared name: `uint64`, `timestamp`, `shop.common.Invoice`.
    Name(Path),
    /// `[Item]`
    List(Box<Type>),
    /// `map<string, string>`
    Map(Box<Type>, Box<Type>),
    /// `string?`
    Optional(Box<Type>),
}

/// `enum Status { … }`
#[derive(Clone, Debug)]
pub struct Enum {
    /// Documentation before it.
    pub docs: Docs,
    /// Annotations before it.
    pub annotations: Vec<Annotation>,
    /// Its name.
    pub name: Ident,
    /// Its values, in order.
    pub values: Vec<EnumValue>,
    /// Its `reserved` statements.
    pub reserved: Vec<Reserved>,
    /// The declaration.
    pub span: Span,
}

/// `PLACED = 1;`
#[derive(Clone, Debug)]
pub struct EnumValue {
    /// Documentation before it.
    pub docs: Docs,
    /// Its name.
    pub name: Ident,
    /// Its number; may be negative.
    pub number: Spanned<i128>,
    /// Annotations behind it.
    pub annotations: Vec<Annotation>,
    /// The value.
    pub span: Span,
}

/// `service Orders { … }`
#[derive(Clone, Debug)]
pub struct Service {
    /// Documentation before it.
    pub docs: Docs,
    /// Annotations before it.
    pub annotations: Vec<Annotation>,
    /// Its name.
    pub name: Ident,
    /// Every `versions` line; more than one is an error for `check`.
    pub versions: Vec<Versions>,
    /// Every `groups` line; more than one is an error for `check`.
    pub groups: Vec<Groups>,
    /// Its methods, in order.
    pub methods: Vec<Method>,
    /// The declaration.
    pub span: Span,
}

/// `versions 1.0, 1.1, 2.0;`
#[derive(Clone, Debug)]
pub struct Versions {
    /// The releases as written.
    pub releases: Vec<Spanned<Release>>,
    /// The line.
    pub span: Span,
}

/// `1.1`
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Release {
    /// Before the dot.
    pub major: u32,
    /// Behind the dot.
    pub minor: u32,
}

/// `groups default, wholesale, ..;`
#[derive(Clone, Debug)]
pub struct Groups {
    /// The names, in order.
    pub names: Vec<Ident>,
    /// Every `..` and where it stands; more than one, or one not at the end, is an error for `check`.
    pub open: Vec<Span>,
    /// The line.
    pub span: Span,
}

/// `rpc place(PlaceOrder) -> Order throws OutOfStock;`
#[derive(Clone, Debug)]
pub struct Method {
    /// Documentation before it.
    pub docs: Docs,
    /// Annotations before it.
    pub annotations: Vec<Annotation>,
    /// Its name.
    pub name: Ident,
    /// What the parentheses hold.
    pub request: Request,
    /// What follows `->`, if anything does.
    pub reply: Option<Payload>,
    /// What follows `throws`.
    pub throws: Vec<Path>,
    /// The declaration.
    pub span: Span,
}

/// What stands between the parentheses of a method.
#[derive(Clone, Debug)]
pub enum Request {
    /// `()`
    Nothing(Span),
    /// `(PlaceOrder)` or `(stream Order)`
    Message(Payload),
    /// `(id: uint64 = 1)`: one or more.
    Arguments(Vec<Field>, Span),
}

/// A message, or a stream of them.
#[derive(Clone, Debug)]
pub struct Payload {
    /// The word `stream`, if it stands there.
    pub stream: Option<Span>,
    /// The message.
    pub ty: Type,
    /// The whole.
    pub span: Span,
}

/// `@retry(2, on: [unavailable], backoff: 20ms..1s)`
#[derive(Clone, Debug)]
pub struct Annotation {
    /// The name, without `@`.
    pub name: Ident,
    /// What the parentheses hold; `None` where there are none.
    pub arguments: Option<Vec<Argument>>,
    /// The whole, `@` included.
    pub span: Span,
}

/// One argument of an annotation, or of a call inside one.
#[derive(Clone, Debug)]
pub struct Argument {
    /// `on:`
    pub name: Option<Ident>,
    /// The value.
    pub value: Value,
}

/// A literal, a name, or a composition of them.
#[derive(Clone, Debug)]
pub struct Value {
    /// Which.
    pub kind: ValueKind,
    /// The place.
    pub span: Span,
}

/// The shapes of [`Value`].
#[derive(Clone, Debug)]
pub enum ValueKind {
    /// `500`, `-1`, `0x1F`, `1_000`. One beyond 128 bits is reported by the parser and saturates.
    Integer(i128),
    /// `1.5`, `-2e9`. Also how a release looks: the text between the span tells `1.10` from `1.1`.
    Float(f64),
    /// `true`, `false`
    Bool(bool),
    /// `"…"` or `r"…"`, escapes resolved.
    String(String),
    /// `800ms`, in microseconds.
    Duration(u64),
    /// `4MiB`, in bytes.
    Size(u64),
    /// `MAX_ITEMS`, `round_robin`, `Status.PLACED`
    Name(Path),
    /// `.customer`, `.card.holder`: a field path of the request.
    FieldPath(Vec<Ident>),
    /// `[unavailable, aborted]`
    List(Vec<Value>),
    /// `1..=64`, `20ms..1s`, `1..`, `..=9`
    Range(Box<Range>),
    /// `forking(2)`, `consistent_hash(.customer)`
    Call(Ident, Vec<Argument>),
}

/// `1..=64`
#[derive(Clone, Debug)]
pub struct Range {
    /// The lower end, included.
    pub from: Option<Value>,
    /// The upper end.
    pub to: Option<Value>,
    /// Whether the upper end is included.
    pub inclusive: bool,
}
