//! Spans and lines as a subscriber gets them.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

/// All that was recorded.
#[derive(Clone, Default)]
pub(crate) struct Recorded(Arc<Mutex<Vec<One>>>);

/// A span or line.
#[derive(Clone, Debug)]
pub(crate) struct One {
    id: Option<u64>,
    pub(crate) target: String,
    pub(crate) fields: BTreeMap<String, String>,
}

impl One {
    pub(crate) fn field(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", String::as_str)
    }
}

impl Recorded {
    /// Those of one target, in the order in which they began.
    pub(crate) fn of(&self, target: &str) -> Vec<One> {
        let all = self.0.lock().unwrap();
        all.iter()
            .filter(|one| one.target == target)
            .cloned()
            .collect()
    }

    /// The spans of a target, and not what was told within them.
    pub(crate) fn spans(&self, target: &str) -> Vec<One> {
        let mut spans = self.of(target);
        spans.retain(|one| one.id.is_some());
        spans
    }

    /// Everything as text.
    pub(crate) fn text(&self) -> String {
        format!("{:?}", self.0.lock().unwrap())
    }
}

struct Fields<'a>(&'a mut BTreeMap<String, String>);

impl Visit for Fields<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().into(), value.into());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name().into(), format!("{value:?}"));
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Recorded {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, _: Context<'_, S>) {
        let mut fields = BTreeMap::new();
        attributes.record(&mut Fields(&mut fields));
        self.0.lock().unwrap().push(One {
            id: Some(id.into_u64()),
            target: attributes.metadata().target().into(),
            fields,
        });
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, _: Context<'_, S>) {
        let mut all = self.0.lock().unwrap();
        let id = Some(id.into_u64());
        // Ids are used again when spans have ended: the last one is meant.
        if let Some(one) = all.iter_mut().rev().find(|one| one.id == id) {
            values.record(&mut Fields(&mut one.fields));
        }
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut fields = BTreeMap::new();
        event.record(&mut Fields(&mut fields));
        self.0.lock().unwrap().push(One {
            id: None,
            target: event.metadata().target().into(),
            fields,
        });
    }
}
