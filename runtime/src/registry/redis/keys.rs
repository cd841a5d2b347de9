//! Where everything lies: the names of keys and channels.
//!
//! A **topic** is a service, or `config/` and the name of a document, which no service is called.

use super::super::override_key;

/// In front of the name of a document, in its topic and its key.
const CONFIG: &str = "config/";

/// The keys of one namespace.
#[derive(Clone, Debug)]
pub(super) struct Keys {
    namespace: String,
}

impl Keys {
    pub(super) fn new(namespace: &str) -> Self {
        Self {
            namespace: namespace.into(),
        }
    }

    /// The record of an instance, its tombstone, or its override: `key` is the last part.
    pub(super) fn entry(&self, service: &str, key: &str) -> String {
        format!("{}/services/{service}/{key}", self.namespace)
    }

    /// Instances by the time at which they run out.
    pub(super) fn index(&self, topic: &str) -> String {
        format!("{}/index/{topic}", self.namespace)
    }

    /// Tombstones and overrides by the time at which they run out.
    pub(super) fn marks(&self, topic: &str) -> String {
        format!("{}/marks/{topic}", self.namespace)
    }

    /// Changes with each change of the topic.
    pub(super) fn version(&self, topic: &str) -> String {
        format!("{}/version/{topic}", self.namespace)
    }

    /// The channel that tells of each change of the topic.
    pub(super) fn channel(&self, topic: &str) -> String {
        format!("{}/changes/{topic}", self.namespace)
    }

    /// The topic that a channel is about.
    pub(super) fn topic_of<'a>(&self, channel: &'a str) -> Option<&'a str> {
        let rest = channel.strip_prefix(self.namespace.as_str())?;
        rest.strip_prefix("/changes/")
    }

    /// Services by the time at which their last instance runs out.
    pub(super) fn services(&self) -> String {
        format!("{}/index", self.namespace)
    }

    /// The text of a document.
    pub(super) fn document(&self, name: &str) -> String {
        format!("{}/{CONFIG}{name}", self.namespace)
    }

    /// The names of the documents.
    pub(super) fn documents(&self) -> String {
        format!("{}/config", self.namespace)
    }

    /// What tells whether a topic has changed.
    pub(super) fn polled(&self, topic: &str) -> [String; 3] {
        [self.index(topic), self.marks(topic), self.version(topic)]
    }

    /// What a change of an instance touches.
    pub(super) fn of_instance(&self, service: &str, id: &str) -> Vec<String> {
        let mut keys = vec![
            self.entry(service, id),
            self.entry(service, &override_key(id)),
        ];
        keys.extend(self.polled(service));
        keys.push(self.services());
        keys
    }
}

/// The topic of a document.
pub(super) fn topic_of_document(name: &str) -> String {
    format!("{CONFIG}{name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_lies_below_the_namespace_and_channels_lead_back() {
        let keys = Keys::new("shop/eu");
        let mut all = keys.of_instance("a.B", "9f");
        all.push(keys.channel("a.B"));
        all.push(keys.document("x"));
        all.push(keys.documents());
        insta::assert_snapshot!(all.join("\n"), @"
        shop/eu/services/a.B/9f
        shop/eu/services/a.B/9f~
        shop/eu/index/a.B
        shop/eu/marks/a.B
        shop/eu/version/a.B
        shop/eu/index
        shop/eu/changes/a.B
        shop/eu/config/x
        shop/eu/config
        ");
        let topic = topic_of_document("x");
        assert_eq!(keys.topic_of(&keys.channel(&topic)), Some("config/x"));
        assert_eq!(keys.topic_of("shop/changes/a.B"), None);
    }
}
