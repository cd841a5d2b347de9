//! Where what lies: the paths of a namespace.

use super::super::instance::check_id;

/// The paths below one namespace.
///
/// ```text
/// /{namespace}/services/{service}/{id}     an instance, or its tombstone
/// /{namespace}/services/{service}/{id}~    an override of it
/// /{namespace}/config/{name}               a document
/// ```
#[derive(Clone, Debug)]
pub(super) struct Layout {
    namespace: String,
}

impl Layout {
    pub(super) fn new(namespace: &str) -> Self {
        Self {
            namespace: namespace.into(),
        }
    }

    pub(super) fn services(&self) -> String {
        format!("/{}/services", self.namespace)
    }

    pub(super) fn service(&self, service: &str) -> String {
        format!("/{}/services/{service}", self.namespace)
    }

    pub(super) fn entry(&self, service: &str, key: &str) -> String {
        format!("/{}/services/{service}/{key}", self.namespace)
    }

    pub(super) fn documents(&self) -> String {
        format!("/{}/config", self.namespace)
    }

    pub(super) fn document(&self, name: &str) -> String {
        format!("/{}/config/{name}", self.namespace)
    }
}

/// The node right above; `None` of those at the top.
pub(super) fn above(path: &str) -> Option<&str> {
    match path.rsplit_once('/') {
        Some((above, _)) if !above.is_empty() => Some(above),
        _ => None,
    }
}

/// The name below `directory` that an event at `path` is of; `None` of the directory itself and of what lies deeper.
pub(super) fn name_in<'a>(directory: &str, path: &'a str) -> Option<&'a str> {
    let name = path.strip_prefix(directory)?.strip_prefix('/')?;
    (!name.is_empty() && !name.contains('/')).then_some(name)
}

/// The id that an entry with this name would be of; `None` of a name that no entry has.
pub(super) fn id_of(name: &str) -> Option<&str> {
    let id = name.strip_suffix('~').unwrap_or(name);
    check_id(id).is_ok().then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_lies_below_the_namespace() {
        let layout = Layout::new("shop/eu");
        assert_eq!(layout.entry("a.B", "x~"), "/shop/eu/services/a.B/x~");
        assert_eq!(layout.document("a.B@1"), "/shop/eu/config/a.B@1");
        let mut path = layout.service("a.B");
        let mut seen = Vec::new();
        while let Some(up) = above(&path) {
            seen.push(up.to_owned());
            path = up.to_owned();
        }
        assert_eq!(seen, ["/shop/eu/services", "/shop/eu", "/shop"]);
    }

    #[test]
    fn only_what_lies_right_below_is_an_entry() {
        assert_eq!(name_in("/s/a", "/s/a/x"), Some("x"));
        for path in ["/s/a", "/s/a/", "/s/ab", "/s/ab/x", "/s/a/x/y", "/s"] {
            assert_eq!(name_in("/s/a", path), None, "{path}");
        }
        assert_eq!(id_of("9f-1~"), Some("9f-1"));
        assert_eq!(id_of("9f-1"), Some("9f-1"));
        for name in ["~", "x~~", "a b", ".x", "\u{1}", "\u{fffd}"] {
            assert_eq!(id_of(name), None, "{name:?}");
        }
    }
}
