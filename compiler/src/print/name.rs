//! How a name is written, so that look-up finds what was meant and nothing nearer.

use std::borrow::Cow;
use std::collections::HashSet;

use crate::model::{Message, Model};

/// The full names of everything that can hide something else: packages, messages and enums.
#[derive(Clone, Debug, Default)]
pub struct Symbols<'m> {
    known: HashSet<&'m str>,
}

impl<'m> Symbols<'m> {
    /// Those of a model.
    pub fn new(model: &'m Model) -> Self {
        let mut symbols = Self::default();
        for file in &model.files {
            symbols.add_package(&file.package.0);
            let errors = file.errors.iter().map(|error| &error.message);
            for message in file.messages.iter().chain(errors) {
                symbols.add_message(message);
            }
            for one in &file.enums {
                symbols.add(&one.name.0);
            }
        }
        symbols
    }

    /// Adds a package and all that it is in.
    pub fn add_package(&mut self, name: &'m str) {
        let mut rest = name;
        while self.known.insert(rest) {
            match rest.rsplit_once('.') {
                Some((outer, _)) => rest = outer,
                None => break,
            }
        }
    }

    /// Adds a message or enum.
    pub fn add(&mut self, name: &'m str) {
        self.known.insert(name);
    }

    fn add_message(&mut self, message: &'m Message) {
        self.add(&message.name.0);
        for one in &message.enums {
            self.add(&one.name.0);
        }
        for nested in &message.messages {
            self.add_message(nested);
        }
    }

    /// The shortest usual way to write `target` within `scope`, a message or package of `package`: without the package
    /// where that is the same, otherwise in full; with a leading dot where something nearer would be found.
    pub fn written<'n>(&self, package: &str, scope: &str, target: &'n str) -> Cow<'n, str> {
        let home = Self::home(package, scope, target);
        let name = if home.is_empty() {
            target
        } else {
            &target[home.len() + 1..]
        };
        let first = name.split('.').next().unwrap_or(name);
        let mut inner = scope;
        while inner.len() > home.len() {
            if self.has(inner, first) {
                return Cow::Owned(format!(".{target}"));
            }
            inner = inner.rsplit_once('.').map_or("", |(outer, _)| outer);
        }
        Cow::Borrowed(name)
    }

    /// The innermost scope that holds both `scope` and `target`, if it is within the package; nothing otherwise.
    fn home<'s>(package: &str, scope: &'s str, target: &str) -> &'s str {
        let mut home = scope;
        while home.len() >= package.len() && !home.is_empty() {
            if target
                .strip_prefix(home)
                .is_some_and(|rest| rest.starts_with('.'))
            {
                return home;
            }
            home = home.rsplit_once('.').map_or("", |(outer, _)| outer);
        }
        ""
    }

    fn has(&self, scope: &str, part: &str) -> bool {
        // A name is short: no allocation for the usual one.
        let mut name = String::with_capacity(scope.len() + 1 + part.len());
        name.push_str(scope);
        name.push('.');
        name.push_str(part);
        self.known.contains(&*name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(scope: &str, target: &str, expect: &str) {
        let mut symbols = Symbols::default();
        symbols.add_package("shop.orders");
        symbols.add_package("shop.common");
        symbols.add_package("a.b.a");
        for name in [
            "shop.orders.Order",
            "shop.orders.Order.Card",
            "shop.orders.Card",
            "shop.common.Card",
            "a.b.T",
            "a.c.T",
        ] {
            symbols.add(name);
        }
        let package = if scope.starts_with("shop") {
            "shop.orders"
        } else {
            "a.b"
        };
        assert_eq!(
            symbols.written(package, scope, target),
            expect,
            "{target} in {scope}"
        );
    }

    #[test]
    fn a_name_is_as_short_as_it_can_be() {
        check("shop.orders.Order", "shop.orders.Order.Card", "Card");
        check("shop.orders.Order", "shop.orders.Order", "Order");
        check("shop.orders.Other", "shop.orders.Order.Card", "Order.Card");
        check("shop.orders.Order", "shop.common.Card", "shop.common.Card");
        check("shop.orders", "shop.orders.Order", "Order");
    }

    #[test]
    fn a_hidden_name_leads_from_the_top() {
        check("shop.orders.Order", "shop.orders.Card", ".shop.orders.Card");
        check("a.b.X", "a.c.T", ".a.c.T");
    }
}
