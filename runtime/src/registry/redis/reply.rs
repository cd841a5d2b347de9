//! What a reply of the server holds, as far as ours hold anything.

use redis::Value;

/// A reply, read as what it should be; `None` where it is something else.
pub(super) trait Reply {
    /// The text, if it is one of UTF-8.
    fn text(&self) -> Option<&str>;

    fn number(&self) -> Option<i64>;

    /// The values of a list.
    fn list(&self) -> Option<&[Value]>;

    /// The value behind this key of a map.
    fn field(&self, key: &str) -> Option<&Value>;
}

impl Reply for Value {
    fn text(&self) -> Option<&str> {
        match self {
            Self::BulkString(bytes) => std::str::from_utf8(bytes).ok(),
            Self::SimpleString(text) => Some(text),
            _ => None,
        }
    }

    fn number(&self) -> Option<i64> {
        match self {
            Self::Int(number) => Some(*number),
            _ => None,
        }
    }

    fn list(&self) -> Option<&[Value]> {
        match self {
            Self::Array(list) => Some(list),
            _ => None,
        }
    }

    fn field(&self, key: &str) -> Option<&Value> {
        let mut pairs = self.as_map_iter()?;
        pairs.find_map(|(name, value)| (name.text() == Some(key)).then_some(value))
    }
}
