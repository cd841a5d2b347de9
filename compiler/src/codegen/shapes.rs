//! What each message can derive: found once for all messages, in time linear in the fields.
//!
//! A message that holds itself, at any remove, does so in a box, which is neither `Copy` nor asked for `Eq`. Lists and maps are
//! on the heap anyway and close no cycle.

use std::collections::HashMap;
use std::sync::Arc;

use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{DescriptorProto, FileDescriptorProto};

use crate::model::{FieldShape, FieldType, Message, Model, Scalar};

/// What a type can derive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Traits {
    /// `Copy`
    pub(super) copy: bool,
    /// `Eq`, and `Hash` with it.
    pub(super) eq: bool,
}

impl Traits {
    pub(super) const ALL: Self = Self {
        copy: true,
        eq: true,
    };
    const NONE: Self = Self {
        copy: false,
        eq: false,
    };

    pub(super) fn and(self, other: Self) -> Self {
        Self {
            copy: self.copy && other.copy,
            eq: self.eq && other.eq,
        }
    }
}

/// What is known of every message of a model, and of Protobuf's own that it refers to.
#[derive(Debug, Default)]
pub(super) struct Shapes {
    index: HashMap<Arc<str>, usize>,
    /// What each message derives.
    traits: Vec<Traits>,
}

/// A message before its cycle is known.
struct Node {
    /// What its own fields leave of the traits.
    own: Traits,
    /// The messages that it holds.
    holds: Vec<usize>,
}

impl Shapes {
    pub(super) fn new(model: &Model, well_known: &[FileDescriptorProto]) -> Self {
        let mut messages = Vec::new();
        for file in &model.files {
            let errors = file.errors.iter().map(|error| &error.message);
            for message in file.messages.iter().chain(errors) {
                collect(message, &mut messages);
            }
        }
        let mut theirs = Vec::new();
        for file in well_known {
            collect_theirs(file.package(), &file.message_type, &mut theirs);
        }
        let names = messages.iter().map(|message| &message.name.0);
        let names = names.chain(theirs.iter().map(|(name, _)| name)).cloned();
        let index: HashMap<Arc<str>, usize> = names.zip(0..).collect();
        let ours = messages.iter().map(|message| {
            let fields = message.fields.iter();
            node(fields.map(|field| part(&field.shape)), &index)
        });
        let theirs = theirs.iter().map(|(_, message)| {
            let fields = message.field.iter();
            node(fields.map(their_part), &index)
        });
        let nodes: Vec<Node> = ours.chain(theirs).collect();
        Search::new(&nodes).run(index)
    }

    /// What the message of a full name derives: nothing where it is not known.
    pub(super) fn of(&self, name: &str) -> Traits {
        self.index
            .get(name)
            .map_or(Traits::NONE, |&at| self.traits[at])
    }
}

fn collect<'a>(message: &'a Message, out: &mut Vec<&'a Message>) {
    out.push(message);
    for nested in &message.messages {
        collect(nested, out);
    }
}

fn collect_theirs<'a>(
    scope: &str,
    messages: &'a [DescriptorProto],
    out: &mut Vec<(Arc<str>, &'a DescriptorProto)>,
) {
    for message in messages {
        let name: Arc<str> = format!("{scope}.{}", message.name()).into();
        collect_theirs(&name, &message.nested_type, out);
        out.push((name, message));
    }
}

/// What a field leaves of the traits, and the message that it holds within its own.
fn part(shape: &FieldShape) -> (Traits, Option<&str>) {
    let listed = |eq| Traits { copy: false, eq };
    match shape {
        FieldShape::Map(..) | FieldShape::List(FieldType::Message(_)) => (Traits::NONE, None),
        FieldShape::List(FieldType::Scalar(one)) => (listed(of_scalar(*one).eq), None),
        FieldShape::List(FieldType::Enum(_)) => (listed(true), None),
        FieldShape::Singular(one) | FieldShape::Optional(one) => match one {
            FieldType::Scalar(one) => (of_scalar(*one), None),
            FieldType::Enum(_) => (Traits::ALL, None),
            FieldType::Message(name) => (Traits::ALL, Some(&name.0)),
        },
    }
}

fn of_scalar(scalar: Scalar) -> Traits {
    Traits {
        copy: !matches!(scalar, Scalar::String | Scalar::Bytes),
        eq: !matches!(scalar, Scalar::Float | Scalar::Double),
    }
}

/// The same of a field of one of Protobuf's own messages.
fn their_part(field: &prost_types::FieldDescriptorProto) -> (Traits, Option<&str>) {
    let repeated = field.label() == Label::Repeated;
    let kind = field.r#type();
    if kind == Type::Message && !repeated {
        return (Traits::ALL, field.type_name().strip_prefix('.'));
    }
    let own = Traits {
        copy: !repeated && !matches!(kind, Type::String | Type::Bytes),
        eq: !matches!(kind, Type::Float | Type::Double | Type::Message),
    };
    (own, None)
}

fn node<'a>(
    parts: impl Iterator<Item = (Traits, Option<&'a str>)>,
    index: &HashMap<Arc<str>, usize>,
) -> Node {
    let mut node = Node {
        own: Traits::ALL,
        holds: Vec::new(),
    };
    for (own, held) in parts {
        node.own = node.own.and(own);
        node.holds
            .extend(held.and_then(|name| index.get(name)).copied());
    }
    node
}

/// Tarjan's search for cycles, without recursion: a chain of messages may be as long as a contract is.
struct Search<'a> {
    nodes: &'a [Node],
    /// When each was met first; 0 for never.
    met: Vec<usize>,
    /// The earliest that each reaches among those whose cycle is open.
    earliest: Vec<usize>,
    /// Those whose cycle is open, in the order in which they were met.
    open: Vec<usize>,
    cycles: Vec<usize>,
    traits: Vec<Traits>,
}

/// Of a message whose cycle is not found.
const UNKNOWN: usize = usize::MAX;

impl<'a> Search<'a> {
    fn new(nodes: &'a [Node]) -> Self {
        Self {
            nodes,
            met: vec![0; nodes.len()],
            earliest: vec![0; nodes.len()],
            open: Vec::new(),
            cycles: vec![UNKNOWN; nodes.len()],
            traits: vec![Traits::NONE; nodes.len()],
        }
    }

    fn run(mut self, index: HashMap<Arc<str>, usize>) -> Shapes {
        let mut clock = 0;
        // Each with how many of those that it holds have been looked at.
        let mut path: Vec<(usize, usize)> = Vec::new();
        for start in 0..self.nodes.len() {
            if self.met[start] == 0 {
                path.push((start, 0));
            }
            while let Some((at, seen)) = path.pop() {
                if seen == 0 {
                    clock += 1;
                    self.met[at] = clock;
                    self.earliest[at] = clock;
                    self.open.push(at);
                }
                match self.nodes[at].holds.get(seen) {
                    Some(&held) => {
                        path.push((at, seen + 1));
                        if self.met[held] == 0 {
                            path.push((held, 0));
                        }
                    }
                    None => self.leave(at),
                }
            }
        }
        Shapes {
            index,
            traits: self.traits,
        }
    }

    /// All that it holds have been left, or are on the way to it.
    fn leave(&mut self, at: usize) {
        let nodes = self.nodes;
        for &held in &nodes[at].holds {
            if self.cycles[held] == UNKNOWN {
                self.earliest[at] = self.earliest[at].min(self.earliest[held]);
            }
        }
        if self.earliest[at] < self.met[at] {
            return;
        }
        let members = self.open.iter().rposition(|&open| open == at);
        let members = self.open.split_off(members.unwrap_or_default());
        for &member in &members {
            self.cycles[member] = at;
        }
        let holds = &nodes[at].holds;
        if members.len() == 1 && !holds.contains(&at) {
            let held = holds.iter().map(|&held| self.traits[held]);
            self.traits[at] = held.fold(nodes[at].own, Traits::and);
        }
    }
}
