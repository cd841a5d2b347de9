//! Instances as rows of a table and as JSON. What a registry says is anybody's text: nothing of it acts on a terminal.

use std::fmt::Write as _;
use std::sync::Arc;

use callsheet::registry::{Instance, Override, Snapshot, Tombstone};
use callsheet_build::diagnostic::render;
use serde_json::{Map, Value, json};

use super::arguments::Format;
use crate::clock;

/// The columns. Ages are told by the clock of the machine that the instance runs on, and by ours: they may disagree.
const HEADS: [&str; 10] = [
    "SERVICE",
    "ID",
    "STATE",
    "GROUP",
    "RELEASES",
    "WEIGHT",
    "ZONE",
    "TAGS",
    "AGE (its clock)",
    "ADDRESSES",
];

/// Whether an instance of this id is there, taking calls or drained.
pub(super) fn is_listed(view: &Snapshot, id: &str) -> bool {
    listed(view).any(|(instance, _)| instance.id == id)
}

/// The ids of the instances that are there.
pub(super) fn ids(view: &Snapshot) -> Vec<&str> {
    listed(view)
        .map(|(instance, _)| instance.id.as_str())
        .collect()
}

/// `2 records`
pub(super) fn count(count: usize, what: &str) -> String {
    match count {
        1 => format!("1 {what}"),
        _ => format!("{count} {what}s"),
    }
}

/// The instances that are there, and whether they take calls.
fn listed(view: &Snapshot) -> impl Iterator<Item = (&Arc<Instance>, bool)> {
    let live = view.instances().iter().map(|instance| (instance, true));
    live.chain(view.drained().iter().map(|instance| (instance, false)))
}

/// What operators say of the instance.
fn order<'v>(view: &'v Snapshot, id: &str) -> Option<&'v Override> {
    view.overrides().iter().find(|order| order.id == id)
}

/// What is to be shown.
#[derive(Default)]
pub(super) struct Rows(Vec<Row>);

struct Row {
    service: String,
    id: String,
    cells: [String; HEADS.len()],
    json: Value,
}

impl Rows {
    /// Adds the instances that are there.
    pub(super) fn live(&mut self, view: &Snapshot) {
        let now = clock::now();
        self.0.extend(
            listed(view)
                .map(|(instance, live)| Row::of(instance, live, order(view, &instance.id), now)),
        );
        self.0
            .sort_by(|a, b| (&a.service, &a.id).cmp(&(&b.service, &b.id)));
    }

    /// Adds the instances that left a short while ago.
    pub(super) fn left(&mut self, view: &Snapshot) {
        let now = clock::now();
        self.0
            .extend(view.left().iter().map(|left| Row::gone(left, now)));
    }

    /// Leaves those of one id.
    pub(super) fn keep(&mut self, id: &str) {
        self.0.retain(|row| row.id == id);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// `2 services, 5 instances`
    pub(super) fn summary(&self) -> String {
        let mut services: Vec<&str> = self.0.iter().map(|row| row.service.as_str()).collect();
        services.dedup();
        format!(
            "{}, {}",
            count(services.len(), "service"),
            count(self.0.len(), "instance")
        )
    }

    /// All of it, to be printed.
    pub(super) fn text(&self, format: Format) -> String {
        match format {
            Format::Json => self.0.iter().map(|row| line(&row.json)).collect(),
            Format::Table if self.0.is_empty() => String::new(),
            Format::Table => {
                let cells = self.0.iter().map(|row| &row.cells);
                table(&cells.collect::<Vec<_>>())
            }
        }
    }
}

/// A JSON object on a line of its own, with nothing in it that acts on a terminal.
pub(super) fn line(value: &Value) -> String {
    let mut text = String::new();
    // JSON leaves what formats text as it is; escaped it says the same.
    for c in value.to_string().chars() {
        if c.is_ascii() || render::shown(c.encode_utf8(&mut [0; 4])) == c.to_string() {
            text.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(text, "\\u{unit:04x}");
            }
        }
    }
    text.push('\n');
    text
}

impl Row {
    fn of(instance: &Instance, live: bool, order: Option<&Override>, now: u64) -> Self {
        let state = match (live, order.and_then(|order| order.weight)) {
            (true, None) => "live",
            (true, Some(_)) => "live, weight set",
            (false, None) => "drained",
            (false, Some(_)) => "drained, weight set",
        };
        let releases: Vec<String> = instance.releases.iter().map(ToString::to_string).collect();
        let tags: Vec<String> = instance
            .tags
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let cells = [
            instance.service.clone(),
            instance.id.clone(),
            state.to_owned(),
            instance.group.clone(),
            or_dash(releases.join(",")),
            instance.weight.to_string(),
            or_dash(instance.zone.clone().unwrap_or_default()),
            or_dash(tags.join(",")),
            age(instance.started_unix_ms, now),
            instance.addresses.join(","),
        ];
        Self {
            service: instance.service.clone(),
            id: instance.id.clone(),
            cells,
            json: value(instance, if live { "live" } else { "drained" }, order),
        }
    }

    fn gone(left: &Tombstone, now: u64) -> Self {
        let mut cells = HEADS.map(|_| "-".to_owned());
        cells[0].clone_from(&left.service);
        cells[1].clone_from(&left.id);
        cells[2] = match age(left.left_unix_ms, now).as_str() {
            "-" => "left".to_owned(),
            age => format!("left {age} ago"),
        };
        Self {
            service: left.service.clone(),
            id: left.id.clone(),
            cells,
            json: json!({
                "service": left.service, "id": left.id, "state": "left", "left_unix_ms": left.left_unix_ms,
            }),
        }
    }
}

/// The record, with its state and what operators say of it.
pub(super) fn value(instance: &Instance, state: &str, order: Option<&Override>) -> Value {
    let mut fields = match serde_json::to_value(instance) {
        Ok(Value::Object(fields)) => fields,
        _ => Map::new(),
    };
    fields.insert("state".to_owned(), state.into());
    if let Some(order) = order {
        fields.insert(
            "override".to_owned(),
            json!({ "weight": order.weight, "drain": order.drain, "set_unix_ms": order.set_unix_ms }),
        );
    }
    Value::Object(fields)
}

/// One line about an instance that joined, changed or is gone.
pub(super) fn brief(instance: &Instance) -> String {
    let releases: Vec<String> = instance.releases.iter().map(ToString::to_string).collect();
    let zone = instance.zone.as_ref().map(|zone| format!(" zone {zone}"));
    format!(
        "{} {} {} {} weight {}{} {}",
        instance.service,
        instance.id,
        instance.group,
        or_dash(releases.join(",")),
        instance.weight,
        zone.unwrap_or_default(),
        instance.addresses.join(",")
    )
}

fn or_dash(text: String) -> String {
    if text.is_empty() {
        "-".to_owned()
    } else {
        text
    }
}

/// How long ago; nothing where it is unknown, or yet to come by our clock.
fn age(then: u64, now: u64) -> String {
    match now.checked_sub(then) {
        Some(age) if then > 0 => clock::span(age),
        _ => "-".to_owned(),
    }
}

/// Cells in columns as wide as their widest.
fn table(rows: &[&[String; HEADS.len()]]) -> String {
    let heads = HEADS.map(str::to_owned);
    let all: Vec<[String; HEADS.len()]> = std::iter::once(&heads)
        .chain(rows.iter().copied())
        .map(|cells| cells.each_ref().map(|cell| one_line(cell)))
        .collect();
    let mut text = String::new();
    for cells in &all {
        let mut line = String::new();
        for (column, cell) in cells.iter().enumerate() {
            let width = all.iter().map(|cells| cells[column].chars().count()).max();
            let blanks = width.unwrap_or(0) - cell.chars().count() + 2;
            line.push_str(cell);
            line.push_str(&" ".repeat(blanks));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// The text with nothing in it that acts on a terminal, line ends and tabs included.
pub(super) fn one_line(text: &str) -> String {
    render::shown(text).replace(['\n', '\t'], " ")
}
