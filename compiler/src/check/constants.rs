//! Constants: their types, values, and no cycles among them.

use std::collections::HashMap;
use std::sync::Arc;

use crate::diagnostic::{Code, Diagnostic};
use crate::model::{Constant, ConstantValue, FullName};
use crate::resolve::{DeclId, Near, Want};
use crate::syntax::ast::{self, Item, TypeKind, ValueKind};

use super::lookup::{self, SCALARS};
use super::table::Target;
use super::values::{Literal, Misfit, Plain};
use super::{Check, Constants, Place, alternatives, package};

/// A constant as written, with the constant that it names, if it names one.
struct Written<'a> {
    file: usize,
    scope: String,
    item: &'a ast::Const,
    ty: Option<Plain>,
    /// `Err` where the name was reported.
    names: Result<Option<DeclId>, ()>,
}

/// Evaluates the constants of all files, and gives each file all values. Gives back what is left of `near`.
///
/// A chain of names may be long, so it is walked, not recursed.
pub(super) fn constants(checks: &mut [Check<'_>], mut near: Near) -> Near {
    let mut written: HashMap<DeclId, Written<'_>> = HashMap::new();
    let mut order = Vec::new();
    for (file, check) in checks.iter_mut().enumerate() {
        let tree = &check.loaded.files[file].ast;
        let scope = package(tree);
        std::mem::swap(&mut check.near, &mut near);
        for item in &tree.items {
            let Item::Const(item) = item else { continue };
            let Some(id) = check.names.at(item.name.span) else {
                continue;
            };
            let place = Place {
                file,
                scope: &scope,
            };
            let ty = check.constant_type(item);
            let names = match &item.value.kind {
                ValueKind::Name(path) => check
                    .resolve(place, path, Want::Constant)
                    .map(Some)
                    .ok_or(()),
                _ => Ok(None),
            };
            order.push(id);
            let scope = scope.clone();
            written.insert(
                id,
                Written {
                    file,
                    scope,
                    item,
                    ty,
                    names,
                },
            );
        }
        std::mem::swap(&mut check.near, &mut near);
    }
    let mut values = Constants::default();
    for id in order {
        let mut chain: Vec<DeclId> = Vec::new();
        let mut places: HashMap<DeclId, usize> = HashMap::new();
        let mut next = Some(id);
        while let Some(id) = next {
            if values.contains_key(&id) {
                break;
            }
            if let Some(&from) = places.get(&id) {
                let cycle: Vec<&Written<'_>> = chain[from..]
                    .iter()
                    .filter_map(|id| written.get(id))
                    .collect();
                if let Some(first) = cycle.first() {
                    checks[first.file].constant_cycle(&cycle);
                }
                values.extend(chain[from..].iter().map(|id| (*id, None)));
                break;
            }
            places.insert(id, chain.len());
            chain.push(id);
            next = written
                .get(&id)
                .and_then(|written| written.names.ok().flatten());
        }
        for id in chain.into_iter().rev() {
            if values.contains_key(&id) {
                continue;
            }
            let value = written
                .get(&id)
                .and_then(|written| checks[written.file].constant_value(written, &values));
            values.insert(id, value);
        }
    }
    let values = Arc::new(values);
    for check in checks {
        check.constants = values.clone();
    }
    near
}

impl Check<'_> {
    /// The constant, if it has a value.
    pub(super) fn constant(&mut self, place: Place<'_>, item: &ast::Const) -> Option<Constant> {
        self.annotations(place, Target::Constant, &item.annotations);
        let id = self.names.at(item.name.span)?;
        Some(Constant {
            name: FullName(super::join(place.scope, &item.name.text).into()),
            docs: self.docs(item.docs),
            value: self.constants.get(&id)?.clone()?,
            span: item.name.span,
        })
    }

    fn constant_type(&mut self, item: &ast::Const) -> Option<Plain> {
        if let TypeKind::Name(path) = &item.ty.kind
            && !path.absolute
            && let [only] = &path.parts[..]
        {
            if &*only.text == "duration" {
                return Some(Plain::Duration);
            }
            if let Some((_, scalar)) = SCALARS.iter().find(|(name, _)| *name == &*only.text) {
                return Some(Plain::Scalar(*scalar));
            }
        }
        let near = match &item.ty.kind {
            TypeKind::Name(path) => {
                let names = SCALARS.iter().map(|(name, _)| *name).chain(["duration"]);
                self.near.find(&super::dotted(path), names)
            }
            _ => None,
        };
        let report = Diagnostic::new(
            Code::ConstantType,
            item.ty.span,
            format!(
                "the constant `{}` has a type that constants cannot have",
                item.name.text
            ),
        )
        .label("neither a scalar nor `duration`")
        .help(match near {
            Some(near) => format!("write `{near}`: constants are scalars or durations"),
            None => "use a scalar type, such as `uint32` or `string`, or `duration`".to_owned(),
        });
        self.report(match lookup::exact(self.sources.text(item.ty.span)) {
            Some(ours) => report
                .help(format!("write `{ours}`"))
                .fix(item.ty.span, ours),
            None => report,
        });
        None
    }

    fn constant_value(
        &mut self,
        written: &Written<'_>,
        known: &Constants,
    ) -> Option<ConstantValue> {
        let place = Place {
            file: written.file,
            scope: &written.scope,
        };
        let (names, ty) = (written.names.ok()?, written.ty?);
        let value = &written.item.value;
        let literal = match &value.kind {
            ValueKind::FieldPath(_)
            | ValueKind::List(_)
            | ValueKind::Range(_)
            | ValueKind::Call(..) => {
                let found = super::values::written(&value.kind);
                self.constant_misfit(
                    written,
                    ty,
                    found,
                    &Misfit::Type("a single literal, or another constant"),
                );
                return None;
            }
            _ => match names {
                Some(id) => Literal::of(known.get(&id)?.as_ref()?),
                None => self.evaluate(place, value, "a literal")?.literal,
            },
        };
        match ty.fit(&literal) {
            Ok(value) => Some(value),
            Err(misfit) => {
                self.constant_misfit(written, ty, literal.described(), &misfit);
                None
            }
        }
    }

    fn constant_misfit(&mut self, written: &Written<'_>, ty: Plain, found: &str, misfit: &Misfit) {
        let item = written.item;
        let report = match misfit {
            Misfit::Type(expected) => Diagnostic::new(
                Code::ConstantValue,
                item.value.span,
                format!(
                    "the value of `{}` is not of type `{}`",
                    item.name.text,
                    ty.name()
                ),
            )
            .label(format!("this is {found}"))
            .help(format!("write {expected}")),
            Misfit::Range(range) => Diagnostic::new(
                Code::ConstantRange,
                item.value.span,
                format!(
                    "the value of `{}` does not fit into `{}`",
                    item.name.text,
                    ty.name()
                ),
            )
            .label("out of range")
            .help(format!("write a value from {range}, or use a wider type")),
        };
        self.report(report.also(item.ty.span, "its type"));
    }

    fn constant_cycle(&mut self, chain: &[&Written<'_>]) {
        let items: Vec<&ast::Const> = chain.iter().map(|written| written.item).collect();
        let Some((first, rest)) = items.split_first() else {
            return;
        };
        let names: Vec<&str> = items
            .iter()
            .map(|item| &*item.name.text)
            .chain([&*first.name.text])
            .collect();
        let mut report = Diagnostic::new(
            Code::ConstantCycle,
            first.value.span,
            format!(
                "constants are defined by one another: {}",
                names.join(" → ")
            ),
        )
        .label(if rest.is_empty() {
            "this is the constant itself"
        } else {
            "the cycle starts here"
        })
        .help(format!(
            "give one of {} a literal value",
            alternatives(names[..items.len()].iter().copied())
        ));
        for item in rest {
            report = report.also(
                item.value.span,
                format!("`{}` goes on with this", item.name.text),
            );
        }
        self.report(report);
    }
}
