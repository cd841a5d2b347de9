//! Which files there are, what each declares, and what it imports.

use std::collections::{BTreeMap, BTreeSet};

use crate::contract::{Enum, Field, Item, Member, Message, Method, Service, Shape, Text, Type};
use crate::random::Random;
use crate::words;

/// A file in both languages.
pub(crate) struct File {
    /// Its path below the root, without its ending.
    pub(crate) path: String,
    pub(crate) rpc: String,
    pub(crate) proto: String,
}

/// What other files may name.
struct Grown {
    path: String,
    package: String,
    messages: Vec<String>,
    enums: Vec<String>,
}

/// Files of a package, which share its names.
const PER_PACKAGE: usize = 10;
/// Every so many files there is one of this size.
const LARGE_EVERY: usize = 1000;
const LARGE: usize = 1_000_000;

/// Grows a tree file by file; a file names only what stands in earlier ones.
pub(crate) struct Tree {
    random: Random,
    files: Vec<Grown>,
    /// The names of each package that are taken.
    taken: BTreeMap<String, BTreeSet<String>>,
}

/// The file that is growing.
struct Growing {
    package: String,
    imports: BTreeSet<String>,
    /// Files that its types are taken from.
    sources: Vec<usize>,
    messages: Vec<String>,
    enums: Vec<String>,
    errors: Vec<String>,
}

impl Tree {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            random: Random::new(seed),
            files: Vec::new(),
            taken: BTreeMap::new(),
        }
    }

    pub(crate) fn file(&mut self) -> File {
        let at = self.files.len();
        let package = package(at / PER_PACKAGE);
        let stem = match at % PER_PACKAGE {
            0 => "common".to_owned(),
            9 => "service".to_owned(),
            other => format!("{}_{other}", words::field(&mut self.random)),
        };
        let path = format!("{}/{stem}", package.replace('.', "/"));
        let mut growing = Growing {
            sources: self.sources(at),
            package,
            imports: BTreeSet::new(),
            messages: Vec::new(),
            enums: Vec::new(),
            errors: Vec::new(),
        };
        let size = self.size(at);
        let mut body = Text::default();
        while body.rpc.len() < size {
            let item = if self.random.percent(25) {
                Item::Enum(self.enumeration(&mut growing, false))
            } else {
                Item::Message(self.message(&mut growing, None, 0))
            };
            body.item(&item);
        }
        if at % PER_PACKAGE == 9 {
            self.service(&mut growing, &mut body);
        }
        let mut text = Text::default();
        for line in words::LICENCE {
            let blank = if line.is_empty() { "" } else { " " };
            text.line(&format!("//{blank}{line}"));
        }
        text.line("");
        text.lines("edition 2026;", "syntax = \"proto3\";");
        text.line("");
        text.line(&format!("package {};", growing.package));
        text.line("");
        for import in &growing.imports {
            if import.starts_with("google/") {
                text.proto.extend(["import \"", import, "\";\n"]);
            } else {
                text.lines(
                    &format!("import \"{import}.rpc\";"),
                    &format!("import \"{import}.proto\";"),
                );
            }
        }
        self.files.push(Grown {
            path: path.clone(),
            package: growing.package,
            messages: growing.messages,
            enums: growing.enums,
        });
        File {
            path,
            rpc: text.rpc + &body.rpc,
            proto: text.proto + &body.proto,
        }
    }

    /// Many small ones, few of middling size, now and then a large one: in bytes, of the declarations.
    fn size(&mut self, at: usize) -> usize {
        if at % LARGE_EVERY == LARGE_EVERY / 2 + 3 {
            return LARGE;
        }
        let random = &mut self.random;
        match random.below(20) {
            0..8 => random.between(300, 1200),
            8..15 => random.between(1200, 3500),
            15..19 => random.between(3500, 8000),
            _ => random.between(8000, 25_000),
        }
    }

    /// Earlier files of the package, of the package before it, and of the first ones, which all share.
    fn sources(&mut self, at: usize) -> Vec<usize> {
        let mut sources = BTreeSet::new();
        let first = at - at % PER_PACKAGE;
        for near in first.saturating_sub(PER_PACKAGE)..at {
            if self.random.percent(30) {
                sources.insert(near);
            }
        }
        for shared in 0..at.min(PER_PACKAGE) {
            if self.random.percent(25) {
                sources.insert(shared);
            }
        }
        if at > PER_PACKAGE && self.random.percent(20) {
            sources.insert(self.random.below(at));
        }
        sources.into_iter().collect()
    }

    /// A name that nothing has in the scope. `taken` is of the scope within the package.
    fn unique(&mut self, scope: &str, mut make: impl FnMut(&mut Random) -> String) -> String {
        let taken = self.taken.entry(scope.to_owned()).or_default();
        loop {
            let name = make(&mut self.random);
            if taken.insert(name.to_lowercase().replace('_', "")) {
                return name;
            }
            // Common names run out in large packages.
            let name = format!(
                "{name}{}",
                self.random.pick(&["Alpha", "Beta", "Gamma", "Delta"])
            );
            let longer = format!("{name}{}", make(&mut self.random));
            if !longer.contains('_') && taken.insert(longer.to_lowercase()) {
                return longer;
            }
        }
    }

    fn docs(&mut self, about: &str) -> Vec<String> {
        let words = match self.random.below(20) {
            0..4 => return Vec::new(),
            4..12 => self.random.between(4, 11),
            12..19 => self.random.between(11, 26),
            _ => self.random.between(26, 90),
        };
        words::documentation(&mut self.random, words, about)
    }

    fn enumeration(&mut self, growing: &mut Growing, inside: bool) -> Enum {
        let name = if inside {
            let kinds = ["State", "Kind", "Mode", "Level"];
            self.random.pick(&kinds).to_owned()
        } else {
            let package = growing.package.clone();
            let name = self.unique(&package, |random| words::message(random) + "Enum");
            growing.enums.push(name.clone());
            name
        };
        let mut names = BTreeSet::from(["UNSPECIFIED".to_owned()]);
        let mut values = vec![(vec!["Not specified.".to_owned()], "UNSPECIFIED".to_owned())];
        for _ in 0..self.random.between(2, 14) {
            let value = words::value(&mut self.random);
            if names.insert(value.clone()) {
                values.push((self.docs(&value), value));
            }
        }
        let docs = self.docs(&name);
        Enum { docs, name, values }
    }

    fn message(&mut self, growing: &mut Growing, name: Option<String>, depth: usize) -> Message {
        let may_be_error = name.is_none();
        let name = name.unwrap_or_else(|| self.unique(&growing.package.clone(), words::message));
        let mut members = Vec::new();
        // Nested types come first, and their names with them.
        let mut nested = Vec::new();
        if depth < 2 && self.random.percent(18) {
            let inner = format!(
                "{}Entry{depth}",
                self.random.pick(&["Part", "Item", "Group"])
            );
            members.push(Member::Message(self.message(
                growing,
                Some(inner.clone()),
                depth + 1,
            )));
            nested.push(inner);
        }
        if self.random.percent(12) {
            let inner = self.enumeration(growing, true);
            nested.push(inner.name.clone());
            members.push(Member::Enum(inner));
        }
        let count = match self.random.below(10) {
            0..5 => self.random.between(1, 6),
            5..9 => self.random.between(6, 16),
            _ => self.random.between(16, 45),
        };
        let mut names = BTreeSet::new();
        let mut number = 1;
        let mut left = count;
        while left > 0 {
            if self.random.percent(4) && names.insert(format!("choice{number}")) {
                let mut fields = Vec::new();
                let start = number;
                for _ in 0..self.random.between(2, 5) {
                    if let Some(field) = self.field(growing, &nested, &mut names, &mut number, true)
                    {
                        fields.push(field);
                    }
                }
                if !fields.is_empty() {
                    let name = format!("choice_{start}");
                    members.push(Member::Oneof {
                        docs: self.docs(&name),
                        name,
                        fields,
                    });
                }
            } else if let Some(field) = self.field(growing, &nested, &mut names, &mut number, false)
            {
                members.push(Member::Field(field));
            }
            left -= 1;
        }
        if self.random.percent(6) {
            members.push(Member::Reserved(number, number + self.random.below(5)));
        }
        let error = (may_be_error && self.random.percent(4)).then(|| {
            self.random
                .pick(&["not_found", "failed_precondition", "resource_exhausted"])
        });
        match error {
            Some(_) => growing.errors.push(name.clone()),
            None if depth == 0 => growing.messages.push(name.clone()),
            None => {}
        }
        Message {
            docs: self.docs(&name),
            name,
            error,
            members,
        }
    }

    /// Nothing where chance picks a name that is taken.
    fn field(
        &mut self,
        growing: &mut Growing,
        nested: &[String],
        names: &mut BTreeSet<String>,
        number: &mut usize,
        choice: bool,
    ) -> Option<Field> {
        let name = words::field(&mut self.random);
        if !names.insert(name.replace('_', "")) {
            return None;
        }
        let (ty, scalar) = self.ty(growing, nested);
        if let Some(import) = ty.import {
            growing.imports.insert(import.to_owned());
        }
        let shape = match self.random.below(20) {
            _ if choice => Shape::One(ty),
            0..3 => Shape::List(ty),
            3 => Shape::Map(ty),
            4 | 5 if scalar => Shape::Optional(ty),
            _ => Shape::One(ty),
        };
        let field = Field {
            docs: self.docs(&name),
            name,
            number: *number,
            shape,
            deprecated: self.random.percent(2),
        };
        *number += if self.random.percent(3) { 7 } else { 1 };
        Some(field)
    }

    /// A type, and whether it is a scalar.
    fn ty(&mut self, growing: &mut Growing, nested: &[String]) -> (Type, bool) {
        const SCALARS: [&str; 14] = [
            "string", "string", "string", "string", "string", "int32", "int64", "int64", "bool",
            "bool", "double", "bytes", "uint32", "fixed64",
        ];
        const KNOWN: [(&str, &str, &str); 3] = [
            (
                "timestamp",
                "google.protobuf.Timestamp",
                "google/protobuf/timestamp.proto",
            ),
            (
                "duration",
                "google.protobuf.Duration",
                "google/protobuf/duration.proto",
            ),
            (
                "struct",
                "google.protobuf.Struct",
                "google/protobuf/struct.proto",
            ),
        ];
        match self.random.below(20) {
            0..11 => {}
            11 => {
                let (rpc, proto, import) = KNOWN[self.random.below(KNOWN.len())];
                let ty = Type {
                    rpc: rpc.to_owned(),
                    proto: proto.to_owned(),
                    import: Some(import),
                };
                return (ty, false);
            }
            12 if !nested.is_empty() => {
                return (Type::same(&nested[self.random.below(nested.len())]), false);
            }
            other => {
                if let Some(name) = self.named(growing, other % 3 == 0) {
                    return (Type::same(&name), false);
                }
            }
        }
        (Type::same(self.random.pick(&SCALARS)), true)
    }

    /// An earlier type, of this file or another one, as it is written here.
    fn named(&mut self, growing: &mut Growing, enumeration: bool) -> Option<String> {
        let own = if enumeration {
            &growing.enums
        } else {
            &growing.messages
        };
        if growing.sources.is_empty() || self.random.percent(35) {
            return (!own.is_empty()).then(|| own[self.random.below(own.len())].clone());
        }
        let source = growing.sources[self.random.below(growing.sources.len())];
        let file = &self.files[source];
        let theirs = if enumeration {
            &file.enums
        } else {
            &file.messages
        };
        if theirs.is_empty() {
            return None;
        }
        let name = &theirs[self.random.below(theirs.len())];
        growing.imports.insert(file.path.clone());
        Some(if file.package == growing.package {
            name.clone()
        } else {
            format!("{}.{name}", file.package)
        })
    }

    /// A service, with requests and replies of its own.
    fn service(&mut self, growing: &mut Growing, body: &mut Text) {
        let last = growing.package.rsplit('.').nth(1).unwrap_or("product");
        let name = format!("{}{}Service", last[..1].to_uppercase(), &last[1..]);
        let mut methods = Vec::new();
        let mut names = BTreeSet::new();
        for _ in 0..self.random.between(2, 8) {
            let verb = words::verb(&mut self.random);
            let object = words::field(&mut self.random);
            let method = format!("{verb}_{object}");
            if !names.insert(method.clone()) {
                continue;
            }
            let base: String = method
                .split('_')
                .map(|word| word[..1].to_uppercase() + &word[1..])
                .collect();
            let mut ends = Vec::new();
            for suffix in ["Call", "Answer"] {
                let name = format!("{base}{suffix}");
                let taken = self.taken.entry(growing.package.clone()).or_default();
                if taken.insert(name.to_lowercase()) {
                    let message = self.message(growing, Some(name.clone()), 0);
                    body.item(&Item::Message(message));
                }
                ends.push(name);
            }
            methods.push(Method {
                docs: self.docs(&method),
                reply_stream: verb == "watch",
                added_later: self.random.percent(15),
                idempotent: ["get", "list", "fetch", "search"].contains(&verb),
                reply: ends.pop().unwrap_or_default(),
                request: ends.pop().unwrap_or_default(),
                throws: match growing.errors.as_slice() {
                    [] => None,
                    errors => Some(errors[self.random.below(errors.len())].clone()),
                },
                name: method,
            });
        }
        let docs = self.docs(&name);
        body.item(&Item::Service(Service {
            docs,
            name,
            methods,
        }));
    }
}

/// The package of this number: `acme.ads.campaigns.resources`.
fn package(number: usize) -> String {
    let area = words::AREAS[number % words::AREAS.len()];
    let rest = number / words::AREAS.len();
    let product = words::PRODUCTS[rest % words::PRODUCTS.len()];
    let rest = rest / words::PRODUCTS.len();
    let part = words::PARTS[rest % words::PARTS.len()];
    format!("acme.{area}.{product}.{part}")
}
