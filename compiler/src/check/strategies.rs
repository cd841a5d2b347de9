//! The strategies of `@balance` and `@cluster`: a word, some with an argument.

use crate::diagnostic::{Code, Diagnostic};
use crate::model::{Balance, Cluster};
use crate::syntax::ast::{self, Value, ValueKind};

use super::{Check, Place};

const BALANCERS: [&str; 5] = [
    "p2c",
    "random",
    "round_robin",
    "least_active",
    "consistent_hash",
];
const CLUSTERS: [&str; 7] = [
    "failover",
    "failfast",
    "failsafe",
    "failback",
    "forking",
    "broadcast",
    "available",
];

impl Check<'_> {
    /// The word of a strategy, with its arguments.
    fn strategy<'t>(
        &mut self,
        value: &'t Value,
        words: &'static [&'static str],
    ) -> Option<(&'static str, &'t [ast::Argument])> {
        match &value.kind {
            ValueKind::Call(name, arguments) => {
                let found = words.iter().copied().find(|word| *word == &*name.text);
                if found.is_none() {
                    self.unknown_choice(name.span, &name.text, words);
                }
                Some((found?, arguments))
            }
            _ => self.word(value, words).map(|word| (word, &[][..])),
        }
    }

    /// `@balance`
    pub(super) fn balance(&mut self, value: &Value) -> Option<Balance> {
        let (word, arguments) = self.strategy(value, &BALANCERS)?;
        if word == "consistent_hash" {
            let argument = self.only_argument(value, word, arguments, "consistent_hash(.field)")?;
            let ValueKind::FieldPath(path) = &argument.kind else {
                let found = super::values::written(&argument.kind);
                self.wrong_type(argument, found, "a field path, such as `.customer`");
                return None;
            };
            return Some(Balance::ConsistentHash(
                path.iter().map(|part| part.text.to_string()).collect(),
            ));
        }
        self.no_arguments(word, arguments);
        Some(match word {
            "random" => Balance::Random,
            "round_robin" => Balance::RoundRobin,
            "least_active" => Balance::LeastActive,
            _ => Balance::P2c,
        })
    }

    /// `@cluster`
    pub(super) fn cluster(&mut self, place: Place<'_>, value: &Value) -> Option<Cluster> {
        let (word, arguments) = self.strategy(value, &CLUSTERS)?;
        if word == "forking" {
            let argument = self.only_argument(value, word, arguments, "forking(2)")?;
            return self.count(place, argument).map(Cluster::Forking);
        }
        self.no_arguments(word, arguments);
        Some(match word {
            "failfast" => Cluster::Failfast,
            "failsafe" => Cluster::Failsafe,
            "failback" => Cluster::Failback,
            "broadcast" => Cluster::Broadcast,
            "available" => Cluster::Available,
            _ => Cluster::Failover,
        })
    }

    fn only_argument<'t>(
        &mut self,
        value: &Value,
        word: &str,
        arguments: &'t [ast::Argument],
        example: &str,
    ) -> Option<&'t Value> {
        match arguments {
            [only] if only.name.is_none() => Some(&only.value),
            [] => {
                self.report(
                    Diagnostic::new(
                        Code::MissingArgument,
                        value.span,
                        format!("`{word}` needs an argument"),
                    )
                    .label("nothing in parentheses behind it")
                    .help(format!("write it like `{example}`")),
                );
                None
            }
            [first, ..] => {
                let surplus = if first.name.is_some() {
                    first
                } else {
                    &arguments[1]
                };
                let span = surplus
                    .name
                    .as_ref()
                    .map_or(surplus.value.span, |name| name.span);
                self.report(
                    Diagnostic::new(
                        Code::ExtraArgument,
                        span,
                        format!("`{word}` takes one argument by position"),
                    )
                    .label("unexpected")
                    .help(format!("write it like `{example}`")),
                );
                None
            }
        }
    }

    fn no_arguments(&mut self, word: &str, arguments: &[ast::Argument]) {
        if let Some(first) = arguments.first() {
            self.report(
                Diagnostic::new(
                    Code::ExtraArgument,
                    first.value.span,
                    format!("`{word}` takes no argument"),
                )
                .label("one too many")
                .help(format!("write `{word}`")),
            );
        }
    }
}
