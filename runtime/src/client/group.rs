//! The names of deployments, and how several answers become one.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash};

/// A group of a service: implemented by generated enums, so that a misspelt group does not compile.
pub trait Group {
    /// Its name as servers announce it.
    fn name(&self) -> &str;
}

/// How the answers of several groups become one: implemented by generated messages.
///
/// Lists are concatenated, maps united (an entry of a later answer wins), numbers added and kept within their type, flags
/// or-ed, texts and enums kept from the first that has one, messages merged field by field.
pub trait Merge {
    /// Takes `other` into this.
    fn merge(&mut self, other: Self);
}

impl Merge for () {
    fn merge(&mut self, (): Self) {}
}

impl Merge for bool {
    fn merge(&mut self, other: Self) {
        *self |= other;
    }
}

macro_rules! numbers {
    ($($number:ty: |$a:ident, $b:ident| $sum:expr;)*) => {
        $(impl Merge for $number {
            fn merge(&mut self, other: Self) {
                let ($a, $b) = (*self, other);
                *self = $sum;
            }
        })*
    };
}

numbers! {
    i32: |a, b| a.saturating_add(b);
    i64: |a, b| a.saturating_add(b);
    u32: |a, b| a.saturating_add(b);
    u64: |a, b| a.saturating_add(b);
    f32: |a, b| a + b;
    f64: |a, b| a + b;
}

impl Merge for String {
    fn merge(&mut self, other: Self) {
        if self.is_empty() {
            *self = other;
        }
    }
}

impl Merge for bytes::Bytes {
    fn merge(&mut self, other: Self) {
        if self.is_empty() {
            *self = other;
        }
    }
}

impl<T> Merge for Vec<T> {
    fn merge(&mut self, other: Self) {
        self.extend(other);
    }
}

impl<K: Eq + Hash, V, S: BuildHasher> Merge for HashMap<K, V, S> {
    fn merge(&mut self, other: Self) {
        self.extend(other);
    }
}

impl<T: Merge> Merge for Option<T> {
    fn merge(&mut self, other: Self) {
        match (self.as_mut(), other) {
            (Some(mine), Some(other)) => mine.merge(other),
            (None, other) => *self = other,
            (Some(_), None) => {}
        }
    }
}

impl<T: Merge> Merge for Box<T> {
    fn merge(&mut self, other: Self) {
        (**self).merge(*other);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stay_within_their_type() {
        let mut number = u32::MAX - 1;
        number.merge(7);
        assert_eq!(number, u32::MAX);
    }

    #[test]
    fn a_present_message_takes_in_the_other() {
        let mut list = Some(vec![1]);
        list.merge(Some(vec![2]));
        list.merge(None);
        assert_eq!(list, Some(vec![1, 2]));
        let mut text: Option<String> = None;
        text.merge(Some("first".into()));
        text.merge(Some("second".into()));
        assert_eq!(text.as_deref(), Some("first"));
    }
}
