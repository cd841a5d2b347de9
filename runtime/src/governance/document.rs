//! A governance document: what an operator says of a service, or of all of them, while they run.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use serde_json::Value;

use crate::codec::Shape;
use crate::contract::{Balance, MethodDescriptor, ServiceDescriptor};
use crate::printable::printable;
use crate::registry::{Instance, MAX_DOCUMENT_BYTES, MAX_WEIGHT};

use super::checks::{Objection, check};
use super::fault::{Fault, Severity};
use super::field;
use super::matching::{CallCondition, InstanceCondition, InvalidCondition, metadata_key};
use super::reader::{Reader, below, place};
use super::rule::{MAX_RULES, Otherwise, Rule, Weighing, Weight};
use super::settings::Settings;
use super::treatment::{Layer, Place};
use super::tree::{self, Entry, Tree};
use super::words::Share;

/// The name of the document that speaks of all services.
pub const GLOBAL: &str = "@global";

/// The most entries about weights.
pub(super) const MAX_WEIGHINGS: usize = 256;

/// The longest comment, in bytes.
pub(super) const MAX_COMMENT: usize = 2_000;

/// The keys of a document besides those of settings.
pub(super) const KEYS: [&str; 6] = ["enabled", "comment", "author", "method", "weight", "rule"];

/// The key by which editors are told of the schema. It says nothing.
pub(super) const SCHEMA_KEY: &str = "$schema";

/// The keys of a rule.
pub(super) const RULE_KEYS: [&str; 6] = ["name", "when", "to", "share", "by", "otherwise"];

/// The keys of an entry about weights.
pub(super) const WEIGHT_KEYS: [&str; 2] = ["of", "weight"];

/// A document, understood and checked.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Document {
    /// Its name: the full name of a service, or [`GLOBAL`].
    pub name: Arc<str>,
    /// Whether it is in force. One that is not is checked all the same.
    pub enabled: bool,
    /// What people say of it.
    pub comment: Option<Box<str>>,
    /// Who wrote it.
    pub author: Option<Box<str>>,
    /// What it says of all methods.
    pub settings: Arc<Settings>,
    /// What it says of single methods, by name.
    pub methods: BTreeMap<Box<str>, Arc<Settings>>,
    /// What it says of the weights of instances.
    pub weights: Vec<Arc<Weighing>>,
    /// Where it sends calls.
    pub rules: Vec<Arc<Rule>>,
    /// Line and column of methods, weights and rules, by key.
    places: BTreeMap<String, (usize, usize)>,
}

impl Document {
    /// Reads TOML, or JSON where the text begins with `{`. A key `$schema`, by which editors find the schema, says nothing.
    ///
    /// # Errors
    /// Everything that is wrong with it. A document with a fault is no document: none of it counts.
    pub fn parse(name: &str, text: &str) -> Result<Self, Vec<Fault>> {
        let whole =
            |at, message: &str| vec![Fault::new(Severity::Error, place(text, at), "", message)];
        if text.len() > MAX_DOCUMENT_BYTES {
            let message = format!(
                "it has {} bytes: the limit is {MAX_DOCUMENT_BYTES}",
                text.len()
            );
            return Err(whole(0, &message));
        }
        let entries = tree::read(text).map_err(|all| {
            let faults = all.into_iter().take(20);
            faults
                .flat_map(|broken| whole(broken.at, &broken.why))
                .collect::<Vec<_>>()
        })?;
        let mut reader = Reader::new(text);
        let document = Self::of(name, entries, &mut reader);
        let faults = reader.finish();
        if faults.is_empty() {
            Ok(document)
        } else {
            Err(faults)
        }
    }

    fn of(name: &str, entries: Vec<Entry>, reader: &mut Reader<'_>) -> Self {
        let mut settings = Settings::default();
        let mut document = Self {
            name: name.into(),
            enabled: true,
            comment: None,
            author: None,
            settings: Arc::default(),
            methods: BTreeMap::new(),
            weights: Vec::new(),
            rules: Vec::new(),
            places: BTreeMap::new(),
        };
        for entry in entries {
            let key = below("", &entry.key);
            match entry.key.as_str() {
                "enabled" => document.enabled = reader.leaf(&key, entry).unwrap_or(true),
                "comment" => document.comment = remark(&key, entry, reader),
                "author" => document.author = remark(&key, entry, reader),
                SCHEMA_KEY => drop(reader.leaf::<String>(&key, entry)),
                "method" => document.take_methods(entry, reader),
                "weight" => {
                    for (key, entries) in reader.tables(&key, entry, MAX_WEIGHINGS) {
                        document
                            .weights
                            .extend(weighing(&key, entries, reader).map(Arc::new));
                        document.note(&key, reader);
                    }
                }
                "rule" => {
                    for (key, entries) in reader.tables(&key, entry, MAX_RULES) {
                        let place = format!("{} {key}", document.name);
                        let rule = rule(&key, entries, place.into(), reader);
                        document.rules.extend(rule.map(Arc::new));
                        document.note(&key, reader);
                    }
                }
                _ => {
                    if key == "balance" || key == "fallback" {
                        document
                            .places
                            .insert(key.clone(), reader.place_at(entry.at));
                    }
                    if let Some(entry) = settings.take("", entry, reader) {
                        let known: Vec<_> = Settings::KEYS.iter().chain(&KEYS).copied().collect();
                        reader.unknown(&key, &entry, &known);
                    }
                }
            }
        }
        for objection in check(&settings) {
            object("", &objection, reader);
        }
        document.settings = Arc::new(settings);
        document.check_methods(reader);
        document.check_names(reader);
        document
    }

    fn note(&mut self, key: &str, reader: &Reader<'_>) {
        let place = reader.place_of(key).unwrap_or((1, 1));
        self.places.insert(key.to_owned(), place);
    }

    fn take_methods(&mut self, entry: Entry, reader: &mut Reader<'_>) {
        for entry in reader.table("method", entry).unwrap_or_default() {
            let name = entry.key.clone();
            let key = below("method", &name);
            let mut settings = Settings::default();
            for entry in reader.table(&key, entry).unwrap_or_default() {
                if let Some(entry) = settings.take(&key, entry, reader) {
                    reader.unknown(&below(&key, &entry.key), &entry, Settings::KEYS);
                }
            }
            self.note(&key, reader);
            self.methods.insert(name.into(), Arc::new(settings));
        }
    }

    fn check_methods(&self, reader: &mut Reader<'_>) {
        if &*self.name == GLOBAL && !self.methods.is_empty() {
            let why = "methods are a service's: say this in the document of the service";
            reader.fault_of("method", why);
        }
        if &*self.name == GLOBAL && tied(&self.settings) {
            let why = "fields are a service's: say this in the document of the service";
            reader.fault_of("balance", why);
        }
        for (name, settings) in &self.methods {
            let prefix = below("method", name);
            let mut whole = (*self.settings).clone();
            whole.overlay(settings);
            for objection in check(&whole) {
                object(&prefix, &objection, reader);
            }
        }
    }

    fn check_names(&self, reader: &mut Reader<'_>) {
        let mut met = BTreeMap::new();
        for (index, rule) in self.rules.iter().enumerate() {
            let Some(name) = &rule.name else { continue };
            if let Some(first) = met.insert(name.clone(), index) {
                let why = format!("rule[{first}] has this name already");
                reader.fault_of(&format!("rule[{index}].name"), &why);
            }
        }
    }

    /// The layers that this document adds to the settings of a method, the last word last. None if it is not in force.
    pub fn layers(&self, method: &str) -> Vec<Layer> {
        let mut layers = Vec::new();
        if !self.enabled {
            return layers;
        }
        if *self.settings != Settings::default() {
            let place = Place::Document(Arc::clone(&self.name));
            layers.push(Layer::new(place, Arc::clone(&self.settings)));
        }
        if let Some(settings) = self.methods.get(method) {
            let part = format!("{} [{}]", self.name, below("method", method));
            layers.push(Layer::new(
                Place::Document(part.into()),
                Arc::clone(settings),
            ));
        }
        layers
    }

    /// What does not fit a contract: methods are tied to instances by fields that their requests do not have, or get replies
    /// that are none of theirs, which `reply` reads. A method that the contract does not have may be one of a later release.
    pub fn check_contract(&self, service: &ServiceDescriptor, reply: ReadReply<'_>) -> Vec<Fault> {
        let mut faults = Vec::new();
        for (name, settings) in &self.methods {
            let mut methods = service.methods.iter();
            if let Some(method) = methods.find(|method| *method.name == **name) {
                let key = below("method", name);
                for (value, why) in misfits(settings, service, method, reply) {
                    let place = self.place(&key);
                    let whole = format!("{key}.{value}");
                    faults.push(Fault::new(Severity::Error, place, &whole, &why));
                }
            }
        }
        // What is said of all methods goes for those that it fits.
        let all = service.methods.iter();
        let mut all = all.map(|method| misfits(&self.settings, service, method, reply));
        let least = all.by_ref().min_by_key(Vec::len).unwrap_or_default();
        for (value, why) in least {
            faults.push(Fault::new(Severity::Error, self.place(value), value, &why));
        }
        faults
    }

    fn place(&self, key: &str) -> (usize, usize) {
        self.places.get(key).copied().unwrap_or((1, 1))
    }

    /// What does not fit what is there: methods that the service does not have are errors; rules and weights that no instance
    /// answers to, and groups and releases that nobody serves, are warnings. In the order of the text.
    pub fn check_against(&self, seen: &Seen<'_>) -> Vec<Fault> {
        let mut faults = Vec::new();
        let mut tell = |severity, key: &str, message: &str| {
            let place = self.places.get(key).copied().unwrap_or((1, 1));
            faults.push(Fault::new(severity, place, key, message));
        };
        if let Some(methods) = seen.methods {
            for name in self.methods.keys() {
                if !methods.contains(&&**name) {
                    let there = methods.join(", ");
                    let why = format!("the service has no such method: there is {there}");
                    tell(Severity::Error, &below("method", name), &why);
                }
            }
            for (index, rule) in self.rules.iter().enumerate() {
                let patterns = rule.when.as_ref().map(CallCondition::methods);
                for pattern in patterns.unwrap_or_default() {
                    if !methods.iter().any(|method| pattern.fits(method)) {
                        let why = format!("the service has no method `{pattern}` to ask for");
                        tell(Severity::Error, &format!("rule[{index}]"), &why);
                    }
                }
            }
        }
        if let Some(instances) = seen.instances {
            let mut nobody = |key: String, of: &InstanceCondition| {
                if !instances.iter().any(|instance| of.admits(instance)) {
                    let count = instances.len();
                    let why = format!("none of the {count} live instances is `{of}`");
                    tell(Severity::Warning, &key, &why);
                }
            };
            for (index, rule) in self.rules.iter().enumerate() {
                nobody(format!("rule[{index}]"), &rule.to);
            }
            for (index, weighing) in self.weights.iter().enumerate() {
                nobody(format!("weight[{index}]"), &weighing.of);
            }
        }
        faults.sort_by_key(|fault| (fault.line, fault.column));
        faults
    }
}

/// What is there for a document to speak of; what is not known is `None`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Seen<'a> {
    /// The names of the service's methods.
    pub methods: Option<&'a [&'a str]>,
    /// The instances that are listed.
    pub instances: Option<&'a [Arc<Instance>]>,
}

/// The layers that documents add to the settings of a method, the last word last: that of all services, then the service's.
pub fn document_layers(
    method: &str,
    global: Option<&Document>,
    service: Option<&Document>,
) -> Vec<Layer> {
    let documents = global.into_iter().chain(service);
    documents
        .flat_map(|document| document.layers(method))
        .collect()
}

/// Reads a reply that settings give as JSON; why it is none where it is none.
pub type ReadReply<'a> = &'a dyn Fn(Shape, &str) -> Result<Bytes, String>;

/// The values that do not fit a method, and why.
fn misfits(
    settings: &Settings,
    service: &ServiceDescriptor,
    method: &MethodDescriptor,
    read: ReadReply<'_>,
) -> Vec<(&'static str, String)> {
    let field = settings.balance.and_then(Balance::field);
    let field = field.map(|field| field::resolved(field, service.schema, method.request));
    let reply = settings
        .fallback
        .as_ref()
        .and_then(|one| one.reply.as_ref());
    let reply = reply.filter(|reply| !reply.is_empty()).map(|reply| {
        let shape = Shape {
            schema: service.schema,
            message: method.reply,
        };
        read(shape, reply)
    });
    let field = field.and_then(Result::err).map(|why| ("balance", why));
    let reply = reply.and_then(Result::err);
    field
        .into_iter()
        .chain(reply.map(|why| ("fallback.reply", why)))
        .collect()
}

/// The same settings with the numbers of the field that calls of `method` are tied to instances by; without the field if its
/// request has none of that name.
pub(crate) fn fitted(
    layer: Layer,
    service: &ServiceDescriptor,
    method: &MethodDescriptor,
) -> Layer {
    let Some(field) = layer.settings.balance.and_then(Balance::field) else {
        return layer;
    };
    let resolved = field::resolved(field, service.schema, method.request);
    let mut settings = (*layer.settings).clone();
    settings.balance = resolved.ok().map(Balance::ConsistentHash);
    Layer::new(layer.place, settings)
}

fn tied(settings: &Settings) -> bool {
    settings.balance.and_then(Balance::field).is_some()
}

fn object(prefix: &str, objection: &Objection, reader: &mut Reader<'_>) {
    let own = |key: &str| {
        if prefix.is_empty() {
            key.to_owned()
        } else {
            format!("{prefix}.{key}")
        }
    };
    // A method's contradiction may be with what is said of all methods; those that are not the method's are told there.
    let (key, against) = (own(objection.key), objection.against.map(own));
    let there = |key: &String| reader.place_of(key).is_some();
    match (there(&key), against.as_ref().is_some_and(there)) {
        (true, _) => reader.fault_of(&key, &objection.why),
        (false, true) => {
            let against = against.unwrap_or_default();
            let why = format!("does not go with {}: {}", objection.key, objection.why);
            reader.fault_of(&against, &why);
        }
        (false, false) => {}
    }
}

fn remark(key: &str, entry: Entry, reader: &mut Reader<'_>) -> Option<Box<str>> {
    let at = entry.at;
    let text: String = reader.leaf(key, entry)?;
    if text.len() > MAX_COMMENT {
        let why = format!("{} bytes: the limit is {MAX_COMMENT}", text.len());
        reader.fault(at, key, &why);
        return None;
    }
    Some(printable(&text, MAX_COMMENT).into())
}

/// A condition, its fault told by its character.
fn condition<T: std::str::FromStr<Err = InvalidCondition>>(
    key: &str,
    entry: Entry,
    reader: &mut Reader<'_>,
) -> Option<T> {
    let at = entry.at;
    let text: String = reader.leaf(key, entry)?;
    match text.parse() {
        Ok(condition) => Some(condition),
        Err(error) => {
            reader.fault(at, key, &error.to_string());
            None
        }
    }
}

fn rule(
    prefix: &str,
    entries: Vec<Entry>,
    place: Arc<str>,
    reader: &mut Reader<'_>,
) -> Option<Rule> {
    let (mut name, mut when, mut to, mut share, mut by) = (None, None, None, None, None);
    let mut otherwise = Otherwise::default();
    let mut has_to = false;
    for entry in entries {
        let key = below(prefix, &entry.key);
        match entry.key.as_str() {
            "name" => name = remark(&key, entry, reader),
            "when" => when = condition(&key, entry, reader),
            "to" => {
                has_to = true;
                to = condition(&key, entry, reader);
            }
            "share" => share = reader.leaf::<Share>(&key, entry),
            "by" => by = draw_by(&key, entry, reader),
            "otherwise" => otherwise = reader.leaf(&key, entry).unwrap_or_default(),
            _ => reader.unknown(&key, &entry, &RULE_KEYS),
        }
    }
    if !has_to {
        reader.fault_of(
            prefix,
            "`to` is missing: the instances that the calls go to, such as `tag.version = canary`",
        );
    }
    if by.is_some() && share.is_none() {
        let why = "there is no `share` to draw";
        reader.fault_of(&below(prefix, "by"), why);
    }
    Some(Rule {
        name,
        when,
        to: to?,
        share: share.unwrap_or(Share::percent(100)),
        by,
        otherwise,
        place,
    })
}

fn draw_by(key: &str, entry: Entry, reader: &mut Reader<'_>) -> Option<Box<str>> {
    let at = entry.at;
    let text: String = reader.leaf(key, entry)?;
    let metadata = text
        .strip_prefix("metadata.")
        .ok_or_else(|| "this draws by metadata: write `metadata.NAME`".to_owned())
        .and_then(metadata_key);
    match metadata {
        Ok(name) => Some(name.into()),
        Err(why) => {
            reader.fault(at, key, &why);
            None
        }
    }
}

fn weighing(prefix: &str, entries: Vec<Entry>, reader: &mut Reader<'_>) -> Option<Weighing> {
    let (mut of, mut weight) = (None, None);
    let mut met = Vec::new();
    for entry in entries {
        let key = below(prefix, &entry.key);
        met.push(entry.key.clone());
        match entry.key.as_str() {
            "of" => of = condition(&key, entry, reader),
            "weight" => weight = read_weight(&key, &entry, reader),
            _ => reader.unknown(&key, &entry, &WEIGHT_KEYS),
        }
    }
    for key in WEIGHT_KEYS {
        if !met.iter().any(|one| one == key) {
            reader.fault_of(prefix, &format!("`{key}` is missing"));
        }
    }
    Some(Weighing {
        of: of?,
        weight: weight?,
    })
}

fn read_weight(key: &str, entry: &Entry, reader: &mut Reader<'_>) -> Option<Weight> {
    let at = entry.at;
    let value = match &entry.node.tree {
        Tree::Leaf(value) => value.clone(),
        Tree::List(_) | Tree::Table(_) => Value::Null,
    };
    let weight = match &value {
        Value::Number(number) => number
            .as_u64()
            .and_then(|number| u32::try_from(number).ok())
            .filter(|number| *number <= MAX_WEIGHT)
            .map(Weight::Fixed),
        Value::String(text) if text.ends_with('%') => text.parse().ok().map(Weight::Part),
        _ => None,
    };
    reader.note(key, at);
    if weight.is_none() {
        let why = format!(
            "this is no weight: write a number from 0 to {MAX_WEIGHT}, or a part of the instance's own weight such as \"10%\""
        );
        reader.fault(at, key, &why);
    }
    weight
}

#[cfg(test)]
mod tests;
