//! What things are called, and what is said about them.

use crate::random::Random;

/// Kinds of business: the second part of a package.
pub(crate) const AREAS: [&str; 20] = [
    "ads",
    "analytics",
    "assets",
    "banking",
    "billing",
    "catalog",
    "commerce",
    "compute",
    "dialog",
    "fleet",
    "health",
    "identity",
    "logistics",
    "maps",
    "media",
    "monitoring",
    "network",
    "security",
    "storage",
    "workspace",
];

/// Products of an area: the third part.
pub(crate) const PRODUCTS: [&str; 40] = [
    "accounts",
    "agents",
    "alerts",
    "archives",
    "auctions",
    "backups",
    "budgets",
    "campaigns",
    "channels",
    "clusters",
    "connectors",
    "datasets",
    "deployments",
    "devices",
    "directories",
    "documents",
    "endpoints",
    "experiments",
    "gateways",
    "images",
    "instances",
    "invoices",
    "journals",
    "keys",
    "ledgers",
    "listings",
    "locations",
    "models",
    "orders",
    "pipelines",
    "policies",
    "profiles",
    "projects",
    "quotas",
    "regions",
    "reports",
    "routes",
    "schedules",
    "sensors",
    "tickets",
];

/// Parts of a product: the last part.
pub(crate) const PARTS: [&str; 4] = ["resources", "events", "settings", "reporting"];

/// What a message is about; two of these and a suffix make its name.
const NOUNS: [&str; 60] = [
    "Access",
    "Account",
    "Action",
    "Address",
    "Agent",
    "Asset",
    "Audience",
    "Backup",
    "Batch",
    "Bid",
    "Bucket",
    "Budget",
    "Campaign",
    "Cell",
    "Channel",
    "Cluster",
    "Column",
    "Contact",
    "Content",
    "Currency",
    "Customer",
    "Device",
    "Disk",
    "Domain",
    "Event",
    "Export",
    "Feed",
    "Filter",
    "Folder",
    "Frame",
    "Goal",
    "Image",
    "Index",
    "Instance",
    "Interval",
    "Job",
    "Keyword",
    "Label",
    "Layer",
    "Listing",
    "Location",
    "Metric",
    "Network",
    "Notice",
    "Order",
    "Partition",
    "Payload",
    "Payment",
    "Quota",
    "Record",
    "Region",
    "Report",
    "Rule",
    "Schema",
    "Segment",
    "Session",
    "Snapshot",
    "Table",
    "Token",
    "Volume",
];

const SUFFIXES: [&str; 12] = [
    "", "Config", "Criteria", "Details", "Info", "Metadata", "Options", "Policy", "Result", "Spec",
    "Summary", "View",
];

const FIELDS: [&str; 70] = [
    "active",
    "address",
    "amount",
    "annotation",
    "attempt",
    "balance",
    "body",
    "budget",
    "capacity",
    "category",
    "checksum",
    "city",
    "code",
    "color",
    "comment",
    "content",
    "cost",
    "country",
    "currency",
    "deadline",
    "depth",
    "description",
    "digest",
    "display",
    "domain",
    "duration",
    "email",
    "encoding",
    "end",
    "error",
    "expiry",
    "filter",
    "format",
    "fraction",
    "group",
    "hash",
    "height",
    "host",
    "image",
    "index",
    "interval",
    "kind",
    "label",
    "language",
    "latency",
    "limit",
    "location",
    "mask",
    "name",
    "offset",
    "owner",
    "parent",
    "path",
    "percent",
    "period",
    "priority",
    "range",
    "rate",
    "reason",
    "region",
    "resource",
    "revision",
    "score",
    "size",
    "source",
    "start",
    "state",
    "target",
    "unit",
    "width",
];

const BEFORE: [&str; 24] = [
    "base",
    "billing",
    "client",
    "current",
    "default",
    "effective",
    "external",
    "final",
    "first",
    "initial",
    "internal",
    "last",
    "local",
    "max",
    "min",
    "network",
    "original",
    "parent",
    "primary",
    "remote",
    "request",
    "secondary",
    "target",
    "total",
];

const BEHIND: [&str; 12] = [
    "", "", "", "", "", "count", "id", "level", "list", "number", "text", "value",
];

const VERBS: [&str; 16] = [
    "approve", "archive", "cancel", "check", "create", "delete", "export", "fetch", "get",
    "import", "list", "move", "patch", "search", "update", "watch",
];

const PROSE: [&str; 122] = [
    "a",
    "a",
    "a",
    "an",
    "and",
    "and",
    "any",
    "are",
    "as",
    "at",
    "be",
    "be",
    "by",
    "can",
    "each",
    "field",
    "for",
    "for",
    "from",
    "has",
    "if",
    "if",
    "in",
    "in",
    "is",
    "is",
    "is",
    "it",
    "it",
    "may",
    "must",
    "not",
    "of",
    "of",
    "of",
    "of",
    "on",
    "on",
    "only",
    "or",
    "or",
    "that",
    "that",
    "the",
    "the",
    "the",
    "the",
    "the",
    "the",
    "the",
    "the",
    "this",
    "this",
    "to",
    "to",
    "to",
    "to",
    "when",
    "which",
    "will",
    "with",
    "with",
    "account",
    "allowed",
    "applied",
    "associated",
    "available",
    "behavior",
    "between",
    "caller",
    "client",
    "configuration",
    "contains",
    "created",
    "customer",
    "default",
    "deleted",
    "described",
    "display",
    "duration",
    "each",
    "empty",
    "enabled",
    "format",
    "identifier",
    "ignored",
    "immutable",
    "instance",
    "limit",
    "list",
    "location",
    "maximum",
    "message",
    "multiple",
    "name",
    "optional",
    "output",
    "parent",
    "permission",
    "policy",
    "project",
    "provided",
    "region",
    "request",
    "required",
    "resource",
    "response",
    "returned",
    "server",
    "service",
    "setting",
    "should",
    "specified",
    "state",
    "string",
    "system",
    "timestamp",
    "unique",
    "user",
    "value",
    "values",
    "version",
];

/// A message's simple name, not unique.
pub(crate) fn message(random: &mut Random) -> String {
    let mut name = random.pick(&NOUNS).to_owned();
    if random.percent(70) {
        let second = random.pick(&NOUNS);
        if second != name {
            name.push_str(second);
        }
    }
    name + random.pick(&SUFFIXES)
}

/// A field's name, not unique.
pub(crate) fn field(random: &mut Random) -> String {
    let mut parts = Vec::new();
    if random.percent(55) {
        parts.push(random.pick(&BEFORE));
    }
    parts.push(random.pick(&FIELDS));
    let behind = random.pick(&BEHIND);
    if !behind.is_empty() {
        parts.push(behind);
    }
    parts.join("_")
}

/// An enum value's name, not unique.
pub(crate) fn value(random: &mut Random) -> String {
    field(random).to_uppercase()
}

pub(crate) fn verb(random: &mut Random) -> &'static str {
    random.pick(&VERBS)
}

/// Lines of at most 76 characters: sentences, now and then code, a list or a second paragraph.
pub(crate) fn documentation(random: &mut Random, words: usize, about: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = match random.below(5) {
        0 => format!("The {}", about.replace('_', " ")),
        1 => "Required. The".to_owned(),
        2 => "Output only. This".to_owned(),
        3 => "Optional. If set, the".to_owned(),
        _ => format!("`{about}` is the"),
    };
    for at in 0..words {
        let mut word = random.pick(&PROSE).to_owned();
        match random.below(60) {
            0 => word = format!("`{word}`"),
            1 => word = format!("`{}`", field(random)),
            2 | 3 => word.push(','),
            4 | 5 if at + 1 < words => {
                word.push_str(". The");
            }
            _ => {}
        }
        if line.len() + word.len() > 75 {
            lines.push(std::mem::replace(&mut line, word));
        } else {
            line.push(' ');
            line.push_str(&word);
        }
        if at + 8 < words && random.below(90) == 0 {
            line.push('.');
            lines.push(std::mem::take(&mut line));
            lines.push(String::new());
            match random.below(3) {
                0 => lines.push(format!("* `{}`: as {}", value(random), random.pick(&PROSE))),
                1 => lines.push(format!(
                    "    {} = \"{}\"",
                    field(random),
                    random.pick(&PROSE)
                )),
                _ => {}
            }
            lines.push(String::new());
            line.push_str("Note that the");
        }
    }
    line.push('.');
    lines.push(line);
    lines
}

/// What stands at the head of each file, in plain comments.
pub(crate) const LICENCE: [&str; 13] = [
    "Copyright the authors of this contract",
    "",
    "Licensed under the Apache License, Version 2.0 (the \"License\");",
    "you may not use this file except in compliance with the License.",
    "You may obtain a copy of the License at",
    "",
    "    http://www.apache.org/licenses/LICENSE-2.0",
    "",
    "Unless required by applicable law or agreed to in writing, software",
    "distributed under the License is distributed on an \"AS IS\" BASIS,",
    "WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.",
    "See the License for the specific language governing permissions and",
    "limitations under the License.",
];
