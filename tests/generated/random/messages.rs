//! Messages, enums and fields.

use super::tree::Node;
use super::words::Scope;
use super::{Author, File};

/// What a declared type is.
#[derive(Clone, Debug)]
pub(super) enum Kind {
    Message,
    Error,
    /// With the names of its values.
    Enum(Vec<String>),
}

/// A declared type.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) full: String,
    pub(super) file: usize,
    pub(super) kind: Kind,
    pub(super) node: Node,
    /// What a hash path may lead to, once it has fields.
    pub(super) scalars: Vec<String>,
    /// Oneofs and nested types, whose names fields share.
    pub(super) inner: Vec<String>,
}

impl Known {
    pub(super) fn new(full: String, file: &File, kind: Kind, node: Node) -> Self {
        Self {
            full,
            file: file.position,
            kind,
            node,
            scalars: Vec::new(),
            inner: Vec::new(),
        }
    }
}

/// The type of one value.
#[derive(Clone, Debug)]
pub(super) enum Type {
    Scalar(&'static str),
    /// A built-in word or a well-known message.
    WellKnown(&'static str),
    Message(String),
    Enum(String, Vec<String>),
}

impl Type {
    pub(super) fn text(&self) -> &str {
        match self {
            Self::Scalar(name) | Self::WellKnown(name) => name,
            Self::Message(name) | Self::Enum(name, _) => name,
        }
    }
}

/// How many values a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    One,
    Optional,
    List,
    Map,
    Member,
}

const SCALARS: [&str; 15] = [
    "bool", "int32", "int64", "uint32", "uint64", "sint32", "sint64", "fixed32", "fixed64",
    "sfixed32", "sfixed64", "float", "double", "string", "bytes",
];

const KEYS: [&str; 12] = [
    "bool", "int32", "int64", "uint32", "uint64", "sint32", "sint64", "fixed32", "fixed64",
    "sfixed32", "sfixed64", "string",
];

const WELL_KNOWN: [&str; 20] = [
    "timestamp",
    "duration",
    "duration",
    "empty",
    "any",
    "struct",
    "value",
    "google.protobuf.FieldMask",
    "google.protobuf.ListValue",
    "google.protobuf.NullValue",
    "google.protobuf.Api",
    "google.protobuf.Type",
    "google.protobuf.StringValue",
    "google.protobuf.BytesValue",
    "google.protobuf.DoubleValue",
    "google.protobuf.BoolValue",
    "google.protobuf.UInt64Value",
    "google.protobuf.Timestamp",
    "google.protobuf.Duration",
    ".google.protobuf.Empty",
];

impl Author {
    /// A message without its fields, with what is nested in it.
    pub(super) fn message(
        &mut self,
        file: &File,
        parent: Node,
        outer: &str,
        scope: &mut Scope,
        depth: usize,
    ) {
        let name = scope.declared(&mut self.chance);
        let node = self.declare(parent, format!("message {name}"), true);
        let full = format!("{outer}.{name}");
        let mut known = Known::new(full.clone(), file, Kind::Message, node);
        known.inner = self.nested(file, node, &full, depth + 1);
        self.known.push(known);
    }

    /// What is nested in a message, by name.
    pub(super) fn nested(
        &mut self,
        file: &File,
        node: Node,
        full: &str,
        depth: usize,
    ) -> Vec<String> {
        let mut scope = Scope::new(self.reckless);
        let chain = depth < 9 && self.chance.percent(if depth == 1 { 25 } else { 45 });
        let before = self.known.len();
        if chain {
            for _ in 0..self.chance.pick(&[1, 1, 1, 2]) {
                if self.chance.percent(25) {
                    self.enumeration(file, node, full, &mut scope);
                } else {
                    self.message(file, node, full, &mut scope, depth);
                }
            }
        }
        let direct = format!("{full}.");
        self.known[before..]
            .iter()
            .filter_map(|known| known.full.strip_prefix(&direct))
            .filter(|rest| !rest.contains('.'))
            .map(str::to_owned)
            .collect()
    }

    pub(super) fn enumeration(
        &mut self,
        file: &File,
        parent: Node,
        outer: &str,
        scope: &mut Scope,
    ) {
        let name = scope.declared(&mut self.chance);
        let mut values = Scope::new(self.reckless);
        let count = self.chance.between(1, 7);
        let alias = count > 1 && self.chance.percent(15);
        let mut head = String::new();
        if alias {
            head.push_str("@allow_alias ");
        }
        if self.chance.percent(15) {
            head.push_str("@bare_names ");
        }
        let node = self.declare(parent, format!("{head}enum {name}"), true);
        let mut names = Vec::new();
        for position in 0..count {
            let own = values.name(&mut self.chance);
            let value = match self.chance.below(8) {
                0 => format!("{}_{own}", name.to_uppercase()),
                1 => format!("{}_{position}", name.to_uppercase()),
                2 => format!("{name}_{own}"),
                3 => format!("{name}{own}"),
                _ => own,
            };
            let number = match position {
                0 => 0,
                1 if alias => 0,
                1 => self.chance.pick(&[1, -1, i32::MAX]),
                2 => self.chance.pick(&[2, -2, i32::MIN]),
                _ => i32::try_from(position).expect("a few values"),
            };
            let deprecated = if self.chance.percent(10) {
                format!(" @deprecated(\"{}\")", self.reason())
            } else {
                String::new()
            };
            self.declare(node, format!("{value} = {number}{deprecated}"), false);
            names.push(value);
        }
        if self.chance.percent(20) {
            let gone = values.name(&mut self.chance);
            let text = format!("reserved 1000, -20..=-10, \"{gone}\"");
            self.tree.line(node, text);
        }
        let full = format!("{outer}.{name}");
        self.known
            .push(Known::new(full, file, Kind::Enum(names), node));
    }

    /// The fields of every message and error of a file.
    pub(super) fn fields(&mut self, file: &File) {
        for at in 0..self.known.len() {
            let known = &self.known[at];
            if known.file != file.position || matches!(known.kind, Kind::Enum(_)) {
                continue;
            }
            let (node, inner) = (known.node, known.inner.clone());
            self.fields_of(file, at, node, &inner);
        }
    }

    fn fields_of(&mut self, file: &File, at: usize, node: Node, inner: &[String]) {
        let mut scope = Scope::new(self.reckless);
        let mut number = 1;
        // A oneof is a type beside those nested in the message.
        let mut beside = Scope::new(self.reckless);
        for name in inner {
            beside.take(name);
        }
        for _ in 0..self.chance.pick(&[0, 1, 1, 2, 3, 4, 7]) {
            if self.chance.percent(15) {
                let name = loop {
                    let name = beside.name(&mut self.chance);
                    if inner.is_empty() || !inner.contains(&name) {
                        break name;
                    }
                };
                scope.take(&name);
                let required = if self.chance.percent(25) {
                    "@required "
                } else {
                    ""
                };
                let oneof = self.declare_plain(node, format!("{required}oneof {name}"));
                for _ in 0..self.chance.between(1, 4) {
                    let name = scope.name(&mut self.chance);
                    self.field(file, oneof, &name, number, true);
                    number += 1;
                }
            } else {
                let name = scope.name(&mut self.chance);
                if inner.contains(&name) && !self.chance.percent(self.reckless) {
                    continue;
                }
                if let Some(scalar) = self.field(file, node, &name, number, false) {
                    self.known[at].scalars.push(scalar);
                }
                number += self.chance.pick(&[1, 1, 1, 3, 17, 2000]);
            }
        }
        if self.chance.percent(10) {
            let name = scope.name(&mut self.chance);
            self.tree.line(
                node,
                format!("reserved 500_000_000, 536870000..=536870911, \"{name}\""),
            );
        }
    }

    fn declare_plain(&mut self, parent: Node, text: String) -> Node {
        let node = self.tree.block(parent, text);
        if self.chance.percent(20) {
            let line = self.documentation();
            self.tree.document(node, [line]);
        }
        node
    }

    /// A field; its name where a hash path may lead to it.
    fn field(
        &mut self,
        file: &File,
        parent: Node,
        name: &str,
        number: usize,
        member: bool,
    ) -> Option<String> {
        let (text, hashable) = self.field_text(file, name, number, member);
        self.declare(parent, text, false);
        hashable.then(|| name.to_owned())
    }

    /// A field or argument, and whether it can be hashed.
    pub(super) fn field_text(
        &mut self,
        file: &File,
        name: &str,
        number: usize,
        member: bool,
    ) -> (String, bool) {
        let one = self.value_type(file);
        let shape = if member {
            Shape::Member
        } else {
            self.chance.pick(&[
                Shape::One,
                Shape::One,
                Shape::One,
                Shape::Optional,
                Shape::List,
                Shape::List,
                Shape::Map,
            ])
        };
        let text = one.text();
        let spelt = match shape {
            Shape::One | Shape::Member => text.to_owned(),
            Shape::Optional => format!("{text}?"),
            Shape::List => format!("[{text}]"),
            Shape::Map => format!("map<{}, {text}>", self.chance.pick(&KEYS)),
        };
        let hashable = matches!(one, Type::Scalar(_) | Type::Enum(..))
            && matches!(shape, Shape::One | Shape::Optional);
        let rules = self.rules(file, &one, shape, number);
        (format!("{name}: {spelt} = {number}{rules}"), hashable)
    }

    fn value_type(&mut self, file: &File) -> Type {
        match self.chance.below(10) {
            0..=4 => Type::Scalar(self.chance.pick(&SCALARS)),
            5 => Type::WellKnown(self.chance.pick(&WELL_KNOWN)),
            _ => self
                .declared_type(file)
                .unwrap_or_else(|| Type::Scalar(self.chance.pick(&SCALARS))),
        }
    }

    /// A message or enum that the file sees.
    fn declared_type(&mut self, file: &File) -> Option<Type> {
        for _ in 0..8 {
            if self.known.is_empty() {
                return None;
            }
            let known = self.chance.pick(&self.known);
            if known.file > file.position {
                continue;
            }
            let name = self.spelt(file, &known.full);
            match known.kind {
                Kind::Message => return Some(Type::Message(name)),
                Kind::Enum(values) => return Some(Type::Enum(name, values)),
                Kind::Error => {}
            }
        }
        None
    }

    /// A name as one may write it: from the top, or within the package.
    pub(super) fn spelt(&mut self, file: &File, full: &str) -> String {
        let within = full
            .strip_prefix(&file.package)
            .and_then(|rest| rest.strip_prefix('.'));
        match within {
            Some(rest) if rest.contains('.') && self.chance.percent(10) => rest.to_owned(),
            _ => format!(".{full}"),
        }
    }
}
