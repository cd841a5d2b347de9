//! Types, values and annotations as tree.

use pest::iterators::Pair;

use super::ast::{Annotation, Argument, Ident, Path, Range, Type, TypeKind, Value, ValueKind};
use super::grammar::Rule;
use super::number::Number;
use super::parse::Parser;
use super::scan::shorten;
use crate::diagnostic::{Code, Diagnostic};

impl<'a> Parser<'a> {
    pub(super) fn ident(&mut self, pair: &Pair<'a, Rule>) -> Ident {
        let span = self.span(pair);
        let text = match pair.as_str() {
            // Like no other.
            "\u{5}" => format!("{}{}", Ident::MISSING, span.start).into(),
            text => self.word(text),
        };
        Ident { text, span }
    }

    pub(super) fn path(&mut self, pair: Pair<'a, Rule>) -> Path {
        Path {
            absolute: pair.as_str().starts_with('.'),
            span: self.span(&pair),
            parts: self.idents(pair),
        }
    }

    /// The tree holds more paths than anything else, and most have one part: none of it is room that stays empty.
    fn idents(&mut self, pair: Pair<'a, Rule>) -> Vec<Ident> {
        let dots = pair.as_str().bytes().filter(|byte| *byte == b'.').count();
        let leading = usize::from(pair.as_str().starts_with('.'));
        let mut idents = Vec::with_capacity(dots + 1 - leading);
        for part in pair.into_inner() {
            if part.as_rule() == Rule::ident {
                idents.push(self.ident(&part));
            }
        }
        idents
    }

    /// `None` where a part of it is lost.
    pub(super) fn ty(&mut self, pair: Pair<'a, Rule>) -> Option<Type> {
        let span = self.span(&pair);
        let mut base = None;
        let mut arguments = None;
        let mut question = None;
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::type_args => arguments = Some(part),
                Rule::question => question = Some(self.span(&part)),
                _ => base = Some(part),
            }
        }
        let base = base?;
        let mut base_span = self.span(&base);
        let kind = match (base.as_rule(), arguments) {
            (Rule::path, None) => TypeKind::Name(self.path(base)),
            (Rule::path, Some(arguments)) => {
                base_span = base_span.to(self.span(&arguments));
                let name = self.path(base);
                self.generic(&name, arguments)?
            }
            (Rule::labelled_type, _) => return self.labelled_type(base),
            (Rule::list_type, _) => {
                let element = base
                    .into_inner()
                    .find(|part| part.as_rule() == Rule::type_ref)?;
                TypeKind::List(Box::new(self.ty(element)?))
            }
            _ => return None,
        };
        if question.is_none() {
            return Some(Type { kind, span });
        }
        let inner = Type {
            kind,
            span: base_span,
        };
        let kind = TypeKind::Optional(Box::new(inner));
        Some(Type { kind, span })
    }

    /// `map<K, V>`, or `list<T>` and its like, as other languages write lists.
    fn generic(&mut self, name: &Path, arguments: Pair<'a, Rule>) -> Option<TypeKind> {
        let span = name.span.to(self.span(&arguments));
        let arguments: Vec<_> = arguments
            .into_inner()
            .filter(|part| part.as_rule() == Rule::type_ref)
            .collect();
        let written: Vec<&str> = arguments
            .iter()
            .map(|part| self.original(self.span(part)))
            .collect();
        let word = self.masked(name.span).to_ascii_lowercase();
        let meant = match (word.as_str(), &written[..]) {
            ("map" | "hashmap" | "btreemap" | "dict" | "record", [key, value]) => {
                Some(format!("map<{key}, {value}>"))
            }
            ("option" | "optional" | "nullable" | "maybe", [one]) => Some(format!("{one}?")),
            ("list" | "vec" | "vector" | "array" | "sequence" | "set" | "repeated", [one]) => {
                Some(format!("[{one}]"))
            }
            _ => None,
        };
        let mut types = arguments
            .into_iter()
            .map(|part| self.ty(part))
            .collect::<Option<Vec<Type>>>();
        if meant.as_deref() != Some(self.original(span)) && self.masked(name.span) != "map"
            || meant.is_none()
        {
            let shown = shorten(self.masked(name.span));
            let message = match word.as_str() {
                "map" => "a map has one type of keys and one of values".to_owned(),
                _ => format!("there is no type `{shown}<…>`"),
            };
            let report = Diagnostic::new(Code::ForeignKeyword, span, message)
                .help("lists are `[T]`, maps `map<K, V>`, optional fields `T?`");
            self.reports.push(match &meant {
                Some(meant) => report
                    .help(format!("write `{meant}`"))
                    .fix(span, meant.clone()),
                None => report,
            });
        }
        let last = Box::new(types.as_mut()?.pop()?);
        Some(match meant?.as_bytes() {
            [b'[', ..] => TypeKind::List(last),
            [.., b'?'] => TypeKind::Optional(last),
            _ => TypeKind::Map(Box::new(types?.pop()?), last),
        })
    }

    /// `None` where a part of it is lost.
    pub(super) fn annotation(&mut self, pair: Pair<'a, Rule>) -> Option<Annotation> {
        let span = self.span(&pair);
        let mut name = None;
        let mut arguments = None;
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::ident => name = Some(self.ident(&part)),
                Rule::arguments => arguments = Some(self.arguments(part)?),
                _ => {}
            }
        }
        Some(Annotation {
            name: name?,
            arguments,
            span,
        })
    }

    fn arguments(&mut self, pair: Pair<'a, Rule>) -> Option<Vec<Argument>> {
        let mut arguments = Some(Vec::new());
        for part in pair
            .into_inner()
            .filter(|part| part.as_rule() == Rule::argument)
        {
            let mut name = None;
            let mut value = None;
            for part in part.into_inner() {
                match part.as_rule() {
                    Rule::ident => name = Some(self.ident(&part)),
                    Rule::value => value = self.value(part),
                    _ => {}
                }
            }
            match (value, &mut arguments) {
                (Some(value), Some(arguments)) => arguments.push(Argument { name, value }),
                _ => arguments = None,
            }
        }
        if let Some(arguments) = &mut arguments {
            arguments.shrink_to_fit();
        }
        arguments
    }

    /// `None` where a part of it is lost; what is wrong with it has been reported.
    pub(super) fn value(&mut self, pair: Pair<'a, Rule>) -> Option<Value> {
        let span = self.span(&pair);
        let mut from = None;
        let mut tail = None;
        let mut whole = true;
        for part in pair.into_inner() {
            if part.as_rule() == Rule::range_tail {
                tail = Some(part);
            } else {
                from = self.operand(part);
                whole = from.is_some();
            }
        }
        let Some(tail) = tail else {
            return from;
        };
        let tail_span = self.span(&tail);
        let mut inclusive = false;
        let mut to = None;
        for part in tail.into_inner() {
            if part.as_rule() == Rule::range_op {
                inclusive = part.as_str() == "..=";
            } else {
                to = self.operand(part);
                whole &= to.is_some();
            }
        }
        if !whole {
            return None;
        }
        if to.is_none() && (inclusive || from.is_none()) {
            self.reports.push(
                Diagnostic::new(Code::UnexpectedToken, tail_span, "range without its end")
                    .help("write the end behind it, or `a..` for a range that is open at its end"),
            );
            return None;
        }
        let kind = ValueKind::Range(Box::new(Range {
            from,
            to,
            inclusive,
        }));
        Some(Value { kind, span })
    }

    fn operand(&mut self, pair: Pair<'a, Rule>) -> Option<Value> {
        let span = self.span(&pair);
        let kind = match pair.as_rule() {
            Rule::string => ValueKind::String(self.string(span)),
            Rule::number => match self.number(span)? {
                Number::Integer(value) => ValueKind::Integer(value),
                Number::Float(value) => ValueKind::Float(value),
                Number::Duration(value) => ValueKind::Duration(value),
                Number::Size(value) => ValueKind::Size(value),
            },
            Rule::field_path => ValueKind::FieldPath(self.idents(pair)),
            Rule::list => {
                let parts: Vec<_> = pair
                    .into_inner()
                    .filter(|part| part.as_rule() == Rule::value)
                    .collect();
                let length = parts.len();
                let values: Vec<Value> = parts
                    .into_iter()
                    .filter_map(|part| self.value(part))
                    .collect();
                if values.len() < length {
                    return None;
                }
                ValueKind::List(values)
            }
            Rule::call => self.call(pair)?,
            _ => return None,
        };
        Some(Value { kind, span })
    }

    fn call(&mut self, pair: Pair<'a, Rule>) -> Option<ValueKind> {
        let mut parts = pair.into_inner();
        let path = self.path(parts.next()?);
        let Some(arguments) = parts.next() else {
            let word = match &path.parts[..] {
                [one] if !path.absolute => &*one.text,
                _ => "",
            };
            return Some(match word {
                "true" => ValueKind::Bool(true),
                "false" => ValueKind::Bool(false),
                _ => ValueKind::Name(path),
            });
        };
        let span = path.span;
        let mut names = path.parts;
        if names.len() > 1 {
            let shown = self.masked(span);
            self.reports.push(
                Diagnostic::new(
                    Code::UnexpectedToken,
                    span,
                    format!("expected a plain name before `(`, found `{shown}`"),
                )
                .help("only a plain name takes arguments, as in `forking(2)`"),
            );
            return None;
        }
        let arguments = self.arguments(arguments)?;
        Some(ValueKind::Call(names.pop()?, arguments))
    }
}
