//! Random contracts, and random changes of them.

use std::fmt::Write as _;

use proptest::prelude::*;

/// A type of one value, as it is written.
pub(crate) const TYPES: [&str; 20] = [
    "bool", "int32", "int64", "uint32", "uint64", "sint32", "sint64", "fixed32", "fixed64",
    "sfixed32", "sfixed64", "float", "double", "string", "bytes", "Kind", "Sort", "Inner", "Twin",
    "Root",
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    One,
    Optional,
    List,
    Map(&'static str),
}

#[derive(Clone, Debug)]
pub(crate) struct Field {
    name: String,
    number: i32,
    ty: &'static str,
    shape: Shape,
    /// In the oneof; then its shape counts for nothing.
    oneof: bool,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Message {
    fields: Vec<Field>,
    numbers: Vec<i32>,
    names: Vec<String>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Enum {
    values: Vec<(String, i32)>,
    numbers: Vec<i32>,
    names: Vec<String>,
}

/// A contract of three messages and two enums. `Twin` is like `Inner`, `Sort` like `Kind`, so that some types of another
/// name read the same.
#[derive(Clone, Debug)]
pub(crate) struct Schema {
    root: Message,
    inner: Message,
    twin: Message,
    kind: Enum,
    sort: Enum,
}

/// A change. Numbers choose among what is there.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    Remove(usize, bool, bool),
    Renumber(usize),
    Swap(usize, usize),
    Rename(usize),
    Retype(usize, &'static str),
    Reshape(usize, Shape),
    Oneof(usize),
    Add(&'static str, Shape),
    Reuse(&'static str),
    Unreserve,
    RemoveInner(usize, bool),
    RetypeInner(usize, &'static str),
    RemoveValue(usize, bool),
    RenameValue(usize),
    SwapValues(usize, usize),
    AddValue,
}

/// The number that the root reserves from the start.
const RESERVED: i32 = 100;

pub(crate) fn schema() -> impl Strategy<Value = Schema> {
    let field = (any_type(), shape(), any::<bool>());
    let inner = prop::collection::vec((scalar(), Just(Shape::One), Just(false)), 1..4);
    let root = prop::collection::vec(field, 1..7);
    (root, inner, any::<bool>(), 1..4usize).prop_map(|(root, inner, same, values)| {
        let inner = message("i", &inner);
        let mut twin = inner.clone();
        if !same {
            twin.fields[0].ty = if twin.fields[0].ty == "string" {
                "uint64"
            } else {
                "string"
            };
        }
        let values = |prefix: &str| Enum {
            values: (0..=values)
                .map(|at| (format!("{prefix}{at}"), i32::try_from(at).unwrap()))
                .collect(),
            ..Enum::default()
        };
        let mut root = message("f", &root);
        root.numbers.push(RESERVED);
        Schema {
            root,
            inner,
            twin,
            kind: values("K"),
            sort: values("S"),
        }
    })
}

fn message(prefix: &str, fields: &[(&'static str, Shape, bool)]) -> Message {
    Message {
        fields: fields
            .iter()
            .zip(1..)
            .map(|(&(ty, shape, oneof), number)| Field {
                name: format!("{prefix}{number}"),
                number,
                ty,
                shape,
                oneof,
            })
            .collect(),
        ..Message::default()
    }
}

fn any_type() -> impl Strategy<Value = &'static str> {
    prop::sample::select(&TYPES[..])
}

fn scalar() -> impl Strategy<Value = &'static str> {
    prop::sample::select(&TYPES[..15])
}

fn shape() -> impl Strategy<Value = Shape> {
    prop_oneof![
        4 => Just(Shape::One),
        2 => Just(Shape::Optional),
        2 => Just(Shape::List),
        1 => prop::sample::select(&["string", "int32", "bool", "uint64"][..]).prop_map(Shape::Map),
    ]
}

pub(crate) fn change() -> impl Strategy<Value = Change> {
    let at = || any::<usize>();
    prop_oneof![
        1 => (at(), any::<bool>(), any::<bool>()).prop_map(|(at, a, b)| Change::Remove(at, a, b)),
        1 => at().prop_map(Change::Renumber),
        1 => (at(), at()).prop_map(|(a, b)| Change::Swap(a, b)),
        1 => at().prop_map(Change::Rename),
        6 => (at(), any_type()).prop_map(|(at, ty)| Change::Retype(at, ty)),
        4 => (at(), shape()).prop_map(|(at, shape)| Change::Reshape(at, shape)),
        2 => at().prop_map(Change::Oneof),
        1 => (any_type(), shape()).prop_map(|(ty, shape)| Change::Add(ty, shape)),
        1 => any_type().prop_map(Change::Reuse),
        1 => Just(Change::Unreserve),
        1 => (at(), any::<bool>()).prop_map(|(at, reserve)| Change::RemoveInner(at, reserve)),
        1 => (at(), scalar()).prop_map(|(at, ty)| Change::RetypeInner(at, ty)),
        1 => (at(), any::<bool>()).prop_map(|(at, reserve)| Change::RemoveValue(at, reserve)),
        1 => at().prop_map(Change::RenameValue),
        1 => (at(), at()).prop_map(|(a, b)| Change::SwapValues(a, b)),
        1 => Just(Change::AddValue),
    ]
}

impl Schema {
    pub(crate) fn apply(&mut self, change: &Change) {
        let root = &mut self.root;
        let count = root.fields.len();
        match *change {
            Change::Remove(at, number, name) if count > 1 => remove(root, at % count, number, name),
            Change::RemoveInner(at, reserve) if self.inner.fields.len() > 1 => {
                let at = at % self.inner.fields.len();
                remove(&mut self.inner, at, reserve, reserve);
            }
            Change::Renumber(at) => root.fields[at % count].number += 30,
            Change::Swap(a, b) => {
                let (a, b) = (a % count, b % count);
                let number = root.fields[a].number;
                root.fields[a].number = root.fields[b].number;
                root.fields[b].number = number;
            }
            Change::Rename(at) => root.fields[at % count].name.push('x'),
            Change::Retype(at, ty) => root.fields[at % count].ty = ty,
            Change::Reshape(at, shape) => root.fields[at % count].shape = shape,
            Change::Oneof(at) => root.fields[at % count].oneof ^= true,
            Change::Add(ty, shape) => root.fields.push(new(60, ty, shape)),
            Change::Reuse(ty) => {
                root.numbers.retain(|number| *number != RESERVED);
                root.fields.push(new(RESERVED, ty, Shape::One));
            }
            Change::Unreserve => root.numbers.retain(|number| *number != RESERVED),
            Change::RetypeInner(at, ty) => {
                let at = at % self.inner.fields.len();
                self.inner.fields[at].ty = ty;
            }
            Change::RemoveValue(at, reserve) if self.kind.values.len() > 1 => {
                let at = 1 + at % (self.kind.values.len() - 1);
                let (name, number) = self.kind.values.remove(at);
                if reserve {
                    self.kind.names.push(name);
                    self.kind.numbers.push(number);
                }
            }
            Change::RenameValue(at) => {
                let at = at % self.kind.values.len();
                self.kind.values[at].0.push('X');
            }
            Change::SwapValues(a, b) => {
                let count = self.kind.values.len();
                let (a, b) = (a % count, b % count);
                let name = self.kind.values[a].0.clone();
                self.kind.values[a].0 = std::mem::replace(&mut self.kind.values[b].0, name);
            }
            Change::AddValue => self.kind.values.push(("NEW".to_owned(), 50)),
            _ => {}
        }
    }

    /// The contract, with a service that sends the root both ways.
    pub(crate) fn text(&self) -> String {
        let mut text = "edition 2026;\npackage shop.orders;\n\n".to_owned();
        for (name, message) in [
            ("Root", &self.root),
            ("Inner", &self.inner),
            ("Twin", &self.twin),
        ] {
            write_message(&mut text, name, message);
        }
        for (name, declared) in [("Kind", &self.kind), ("Sort", &self.sort)] {
            let _ = writeln!(text, "enum {name} {{");
            for (value, number) in &declared.values {
                let _ = writeln!(text, "    {value} = {number};");
            }
            reserved(&mut text, &declared.numbers, &declared.names);
            text.push_str("}\n");
        }
        text.push_str("service Orders { rpc place(Root) -> Root; }\n");
        text
    }
}

fn new(number: i32, ty: &'static str, shape: Shape) -> Field {
    Field {
        name: format!("n{number}"),
        number,
        ty,
        shape,
        oneof: false,
    }
}

fn remove(message: &mut Message, at: usize, number: bool, name: bool) {
    let gone = message.fields.remove(at);
    if number {
        message.numbers.push(gone.number);
    }
    if name {
        message.names.push(gone.name);
    }
}

fn write_message(text: &mut String, name: &str, message: &Message) {
    let _ = writeln!(text, "message {name} {{");
    for field in message.fields.iter().filter(|field| !field.oneof) {
        let ty = match field.shape {
            Shape::One => field.ty.to_owned(),
            Shape::Optional => format!("{}?", field.ty),
            Shape::List => format!("[{}]", field.ty),
            Shape::Map(key) => format!("map<{key}, {}>", field.ty),
        };
        let _ = writeln!(text, "    {}: {ty} = {};", field.name, field.number);
    }
    let members: Vec<&Field> = message.fields.iter().filter(|field| field.oneof).collect();
    if !members.is_empty() {
        text.push_str("    oneof choice {\n");
        for field in members {
            let _ = writeln!(
                text,
                "        {}: {} = {};",
                field.name, field.ty, field.number
            );
        }
        text.push_str("    }\n");
    }
    reserved(text, &message.numbers, &message.names);
    text.push_str("}\n");
}

fn reserved(text: &mut String, numbers: &[i32], names: &[String]) {
    for number in numbers {
        let _ = writeln!(text, "    reserved {number};");
    }
    for name in names {
        let _ = writeln!(text, "    reserved {name:?};");
    }
}
