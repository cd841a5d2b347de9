//! Messages that require themselves: no finite value satisfies them.

use std::collections::{HashMap, HashSet};

use crate::diagnostic::{Code, Diagnostic};
use crate::model::{Field, FieldShape, FieldType, Message, Model, Rule};

use super::whole::Whole;

/// What must be there before a message can be: all of `every`, and one of each of `some`.
#[derive(Default)]
struct Needs {
    every: Vec<usize>,
    some: Vec<Vec<usize>>,
}

impl Whole<'_> {
    /// Reports each cycle of required fields once.
    pub(super) fn required_cycles(&mut self, model: &Model) {
        let mut messages: Vec<&Message> = Vec::new();
        for file in &model.files {
            let errors = file.errors.iter().map(|error| &error.message);
            let mut open: Vec<&Message> = file.messages.iter().chain(errors).collect();
            while let Some(message) = open.pop() {
                open.extend(&message.messages);
                messages.push(message);
            }
        }
        if messages.iter().all(|message| needs_nothing(message)) {
            return;
        }
        messages.sort_by_key(|message| message.span);
        let index: HashMap<&str, usize> = messages
            .iter()
            .enumerate()
            .map(|(at, it)| (&*it.name.0, at))
            .collect();
        let needs: Vec<Needs> = messages
            .iter()
            .map(|message| needs(message, &index))
            .collect();
        let finite = finite(&needs);

        let mut done: HashSet<usize> = HashSet::new();
        for start in 0..messages.len() {
            let mut trail: Vec<(usize, &Field)> = Vec::new();
            let mut places: HashMap<usize, usize> = HashMap::new();
            let mut at = start;
            while !finite[at] && !done.contains(&at) {
                if let Some(&from) = places.get(&at) {
                    self.required_cycle(&messages, &trail[from..]);
                    break;
                }
                let Some((field, next)) = unmet(messages[at], &index, &finite) else {
                    break;
                };
                places.insert(at, trail.len());
                trail.push((at, field));
                at = next;
            }
            done.extend(trail.iter().map(|(at, _)| *at));
        }
    }

    fn required_cycle(&mut self, messages: &[&Message], trail: &[(usize, &Field)]) {
        let Some(((first, field), rest)) = trail.split_first() else {
            return;
        };
        let mut names: Vec<&str> = trail
            .iter()
            .map(|(at, _)| messages[*at].name.simple())
            .collect();
        names.push(messages[*first].name.simple());
        let mut report = Diagnostic::new(
            Code::RequiredCycle,
            field.span,
            format!("required fields form a cycle: {}", names.join(" → ")),
        )
        .label(format!("every `{}` needs this", messages[*first].name.simple()))
        .help("remove `@required` (or the least length) from one of them: no finite value has them all");
        for (at, field) in rest {
            report = report.also(
                field.span,
                format!("every `{}` needs this", messages[*at].name.simple()),
            );
        }
        self.out.push(report);
    }
}

/// Whether nothing must be there for a message to be.
fn needs_nothing(message: &Message) -> bool {
    message.fields.iter().all(|field| field.rules.is_empty())
        && message.oneofs.iter().all(|oneof| !oneof.required)
}

/// The message that a field must hold, if it must hold one.
fn needed(field: &Field, index: &HashMap<&str, usize>) -> Option<usize> {
    let must = field.rules.iter().any(|rule| match rule {
        Rule::Required => true,
        Rule::Len { min, .. } => *min > 0,
        _ => false,
    });
    if must && field.oneof.is_none() {
        message(field, index)
    } else {
        None
    }
}

fn message(field: &Field, index: &HashMap<&str, usize>) -> Option<usize> {
    let (FieldShape::Singular(ty)
    | FieldShape::Optional(ty)
    | FieldShape::List(ty)
    | FieldShape::Map(_, ty)) = &field.shape;
    match ty {
        FieldType::Message(name) => index.get(&*name.0).copied(),
        FieldType::Scalar(_) | FieldType::Enum(_) => None,
    }
}

fn needs(message_of: &Message, index: &HashMap<&str, usize>) -> Needs {
    let mut needs = Needs {
        every: message_of
            .fields
            .iter()
            .filter_map(|field| needed(field, index))
            .collect(),
        some: Vec::new(),
    };
    for (oneof, members) in message_of.oneofs.iter().zip(message_of.members()) {
        let held: Vec<Option<usize>> = members
            .into_iter()
            .map(|field| message(field, index))
            .collect();
        if oneof.required && !held.is_empty() && held.iter().all(Option::is_some) {
            needs.some.push(held.into_iter().flatten().collect());
        }
    }
    needs
}

/// Which messages have a finite value: the least set that is closed under the needs. Linear in their number.
fn finite(needs: &[Needs]) -> Vec<bool> {
    let mut waits: Vec<usize> = needs
        .iter()
        .map(|needs| needs.every.len() + needs.some.len())
        .collect();
    // Who waits for whom, and for which oneof.
    let mut waiting: Vec<Vec<(usize, Option<usize>)>> = vec![Vec::new(); needs.len()];
    for (at, needs) in needs.iter().enumerate() {
        for &other in &needs.every {
            waiting[other].push((at, None));
        }
        for (oneof, members) in needs.some.iter().enumerate() {
            for &other in members {
                waiting[other].push((at, Some(oneof)));
            }
        }
    }
    let mut met: HashSet<(usize, usize)> = HashSet::new();
    let mut finite = vec![false; needs.len()];
    let mut ready: Vec<usize> = (0..needs.len()).filter(|&at| waits[at] == 0).collect();
    while let Some(at) = ready.pop() {
        finite[at] = true;
        for &(other, oneof) in &waiting[at] {
            if oneof.is_none_or(|oneof| met.insert((other, oneof))) {
                waits[other] -= 1;
                if waits[other] == 0 {
                    ready.push(other);
                }
            }
        }
    }
    finite
}

/// A field of a message without finite value that keeps it from having one.
fn unmet<'m>(
    of: &'m Message,
    index: &HashMap<&str, usize>,
    finite: &[bool],
) -> Option<(&'m Field, usize)> {
    let every = of.fields.iter().find_map(|field| {
        needed(field, index)
            .filter(|&at| !finite[at])
            .map(|at| (field, at))
    });
    every.or_else(|| {
        of.oneofs
            .iter()
            .zip(of.members())
            .filter(|(oneof, _)| oneof.required)
            .find_map(|(_, members)| {
                let first = *members.first()?;
                let stuck = members
                    .iter()
                    .all(|field| message(field, index).is_some_and(|at| !finite[at]));
                if stuck {
                    message(first, index).map(|at| (first, at))
                } else {
                    None
                }
            })
    })
}
