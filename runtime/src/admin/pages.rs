//! What each page says, as JSON and as plain text.

use std::fmt::Write;
use std::sync::{Arc, Weak};

use http::StatusCode;
use serde_json::{Value, json};

use super::Seen;
use crate::observe::{Observer, Sample, Source};
use crate::printable::printable;

/// The most characters of one value in plain text.
const VALUE: usize = 512;

const TEXT: &str = "text/plain; charset=utf-8";
const JSON: &str = "application/json";
/// As Prometheus has it.
const EXPOSITION: &str = "text/plain; version=0.0.4; charset=utf-8";

/// All there are, for those who look around.
const PAGES: [&str; 9] = [
    "/metrics",
    "/healthz",
    "/readyz",
    "/services",
    "/instances",
    "/connections",
    "/breakers",
    "/config",
    "/calls",
];

/// What is shown.
#[derive(Default)]
pub(super) struct Pages {
    pub(super) sources: Vec<Seen>,
    /// They are shown also when nobody else holds them.
    pub(super) servers: Vec<Arc<dyn Source>>,
    /// Each once.
    pub(super) observers: Vec<Observer>,
}

/// An answer.
pub(super) struct Page {
    pub(super) status: StatusCode,
    pub(super) kind: &'static str,
    pub(super) body: String,
}

impl Page {
    pub(super) fn text(status: StatusCode, body: String) -> Self {
        Self {
            status,
            kind: TEXT,
            body,
        }
    }
}

impl Pages {
    /// The page at `path`.
    pub(super) fn page(&self, path: &str, query: Option<&str>, accepted: Option<&str>) -> Page {
        let value = match path {
            "/" => return Page::text(StatusCode::OK, format!("{}\n", PAGES.join("\n"))),
            "/metrics" => return self.metrics(),
            "/healthz" => return Page::text(StatusCode::OK, "ok\n".into()),
            "/readyz" => return self.readiness(),
            "/services" => self.services(),
            "/instances" => self.instances(),
            "/connections" => self.connections(),
            "/breakers" => self.breakers(),
            "/config" => self.config(),
            "/calls" => self.calls(),
            _ => {
                let there = PAGES.join(" ");
                let body = format!("no such page; there is {there}\n");
                return Page::text(StatusCode::NOT_FOUND, body);
            }
        };
        match wants_text(query, accepted) {
            Err(why) => Page::text(StatusCode::BAD_REQUEST, why),
            Ok(true) => Page::text(StatusCode::OK, plain(&value)),
            Ok(false) => Page {
                status: StatusCode::OK,
                kind: JSON,
                body: format!("{value:#}\n"),
            },
        }
    }

    fn samples(&self) -> Vec<Sample> {
        let there = self.sources.iter().filter_map(Weak::upgrade);
        there.map(|source| source.sample()).collect()
    }

    fn metrics(&self) -> Page {
        let texts: Vec<_> = self.observers.iter().filter_map(Observer::render).collect();
        if texts.is_empty() {
            let why = "no observer has metrics: give the client and the server Observer::new().prometheus()\n";
            return Page::text(StatusCode::NOT_FOUND, why.into());
        }
        Page {
            status: StatusCode::OK,
            kind: EXPOSITION,
            body: texts.concat(),
        }
    }

    fn readiness(&self) -> Page {
        let mut why = String::new();
        for server in self.samples().into_iter().filter_map(|it| it.server) {
            let addresses = server.addresses.join(", ");
            let listed = if server.listed { "" } else { ", not listed" };
            if server.state != "serving" || !server.listed {
                // Writing to a string cannot fail.
                let _ = writeln!(why, "{addresses}: {}{listed}", server.state);
            }
        }
        if why.is_empty() {
            Page::text(StatusCode::OK, "ready\n".into())
        } else {
            Page::text(StatusCode::SERVICE_UNAVAILABLE, format!("not ready\n{why}"))
        }
    }

    fn services(&self) -> Value {
        let (mut called, mut served) = (Vec::new(), Vec::new());
        for sample in self.samples() {
            called.extend(sample.services.iter().map(|service| {
                let mut value = json!(service);
                value["instances"] = json!(service.instances.len());
                value
            }));
            if let Some(server) = sample.server {
                for offer in &server.services {
                    let mut value = json!(offer);
                    value["state"] = json!(server.state);
                    value["listed"] = json!(server.listed);
                    value["addresses"] = json!(server.addresses);
                    served.push(value);
                }
            }
        }
        json!({ "called": called, "served": served })
    }

    fn instances(&self) -> Value {
        let samples = self.samples();
        let services = samples.iter().flat_map(|sample| &sample.services);
        let all = services.flat_map(|service| &service.instances);
        Value::Array(all.map(|instance| json!(instance)).collect())
    }

    fn connections(&self) -> Value {
        let (mut client, mut server) = (Vec::new(), Vec::new());
        for sample in self.samples() {
            client.extend(sample.endpoints);
            server.extend(sample.server.into_iter().flat_map(|it| it.connections));
        }
        json!({ "client": client, "server": server })
    }

    fn breakers(&self) -> Value {
        let all = self.samples().into_iter().flat_map(|it| it.breakers);
        Value::Array(all.map(|breaker| json!(breaker)).collect())
    }

    fn config(&self) -> Value {
        let there = self.sources.iter().filter_map(Weak::upgrade);
        let told = there.flat_map(|source| source.settings());
        Value::Array(told.map(|one| json!(one)).collect())
    }

    fn calls(&self) -> Value {
        let mut calls: Vec<_> = self.observers.iter().flat_map(Observer::recent).collect();
        calls.sort_by_key(|call| std::cmp::Reverse(call.began_unix_ms));
        json!(calls)
    }
}

/// Whether plain text is wanted.
fn wants_text(query: Option<&str>, accepted: Option<&str>) -> Result<bool, String> {
    for part in query.unwrap_or_default().split('&') {
        match part.split_once('=') {
            Some(("format", "text")) => return Ok(true),
            Some(("format", "json")) => return Ok(false),
            Some(("format", _)) => return Err("?format is text or json\n".into()),
            _ => {}
        }
    }
    Ok(accepted.is_some_and(|kinds| kinds.trim_start().starts_with("text/plain")))
}

/// A line for every thing, and a heading for every list of them.
fn plain(value: &Value) -> String {
    let mut text = String::new();
    match value {
        Value::Object(lists) => {
            for (name, list) in lists {
                let _ = writeln!(text, "{name}:");
                for line in plain(list).lines() {
                    let _ = writeln!(text, "  {line}");
                }
            }
        }
        Value::Array(things) => {
            for thing in things {
                let _ = writeln!(text, "{}", line(thing));
            }
        }
        other => {
            let _ = writeln!(text, "{}", line(other));
        }
    }
    text
}

fn line(value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            let fields = fields.iter().filter(|(_, value)| !value.is_null());
            let fields = fields.map(|(key, value)| match value {
                Value::Array(_) | Value::Object(_) => format!("{key}=[{}]", line(value)),
                _ => format!("{key}={}", line(value)),
            });
            fields.collect::<Vec<_>>().join(" ")
        }
        Value::Array(things) => things.iter().map(line).collect::<Vec<_>>().join("; "),
        Value::String(text) => printable(text, VALUE).into_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_has_a_line_for_each_thing() {
        let value = json!({ "called": [{ "service": "a\nb", "age": 1.5, "none": null, "of": ["x", "y"] }], "served": [] });
        assert_eq!(
            plain(&value),
            "called:\n  age=1.5 of=[x; y] service=a\\nb\nserved:\n"
        );
    }

    #[test]
    fn the_query_comes_before_what_is_accepted() {
        assert_eq!(wants_text(None, None), Ok(false));
        assert_eq!(wants_text(None, Some("text/plain")), Ok(true));
        assert_eq!(
            wants_text(Some("format=json"), Some("text/plain")),
            Ok(false)
        );
        assert_eq!(wants_text(Some("a=b&format=text"), None), Ok(true));
        assert!(wants_text(Some("format=xml"), None).is_err());
    }
}
