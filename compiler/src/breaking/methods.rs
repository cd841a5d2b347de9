//! One method, before and now.

use super::types::Relation;
use super::{Category, Compare, Draft, Party, Verdict};
use crate::diagnostic::Code;
use crate::model::{Balance, FieldType, FullName, Method, Request};

/// What a message may have where the contract does not say: the runtime's own limit.
const DEFAULT_MAX_SIZE: u64 = 4 << 20;

impl Compare<'_> {
    pub(super) fn method(&mut self, old: &Method, new: &Method) -> Vec<Verdict> {
        let mut verdicts = Vec::new();
        let both = (&old.request.message, &new.request.message);
        // An argument list that became a message, or the other way round, is told as that.
        if old.request.arguments == new.request.arguments {
            verdicts.extend(self.payload("request", old, new, both));
        }
        verdicts.extend(self.arguments(old, new));
        verdicts.extend(self.payload("reply", old, new, (&old.reply, &new.reply)));
        verdicts.extend(streams(old, new));
        verdicts.extend(oneway(old, new));
        verdicts.extend(throws(old, new));
        verdicts.extend(policies(old, new));
        verdicts.extend(hash_path(old, new));
        verdicts
    }

    /// Another request or reply.
    fn payload(
        &mut self,
        role: &str,
        old: &Method,
        new: &Method,
        (was, is): (&FullName, &FullName),
    ) -> Option<Verdict> {
        if was == is {
            return None;
        }
        let types = (
            FieldType::Message(was.clone()),
            FieldType::Message(is.clone()),
        );
        let (relation, json) = self.types(&types.0, &types.1);
        let mut draft = Draft::new(
            Code::MethodTypeChanged,
            format!("the {role} of `{}` is another message", new.name),
        )
        .source()
        .old(old.span, format!("it was `{was}`"))
        .new_at(new.span, format!("it is `{is}`"))
        .help(format!(
            "take `{was}` again; what takes another message is another method, or the same one at a new major"
        ));
        let misread = self.reach.misread(was, true, true);
        if relation == Relation::Other {
            let pair = self.pair(was, is);
            draft = draft.wire(misread.clone(), pair.witness);
        }
        if json {
            draft = draft.breaks(Category::Json, misread);
        }
        Some(draft.verdict())
    }

    /// What the generated method takes, argument by argument.
    fn arguments(&mut self, old: &Method, new: &Method) -> Option<Verdict> {
        let list = |surface: &crate::surface::Surface<'_>, request: &Request| {
            let message = request
                .arguments
                .then(|| surface.message(&request.message))??;
            let names = message.fields.iter().map(|field| field.name.clone());
            Some(names.collect::<Vec<_>>())
        };
        let was = list(self.old, &old.request);
        let is = list(self.new, &new.request);
        if was == is {
            return None;
        }
        // A name that changes in its place is told with the field.
        if let (Some(was), Some(is)) = (&was, &is)
            && was.len() == is.len()
            && was
                .iter()
                .all(|name| !is.contains(name) || place(was, name) == place(is, name))
        {
            return None;
        }
        let said = |list: Option<Vec<String>>| match list {
            Some(names) => format!("its arguments: {}", names.join(", ")),
            None => "it takes a message".to_owned(),
        };
        let mut draft = Draft::new(
            Code::ArgumentsChanged,
            format!("`{}` takes other arguments", new.name),
        )
        .source();
        if was.is_some() != is.is_some() {
            let (old_name, new_name) = (&old.request.message, &new.request.message);
            let pair = self.pair(old_name, new_name);
            let misread = self.reach.misread(old_name, true, true);
            if pair.wire {
                draft = draft.wire(misread.clone(), pair.witness);
            }
            if pair.json {
                draft = draft.breaks(Category::Json, misread);
            }
        }
        Some(
            draft
                .old(old.span, said(was))
                .new_at(new.span, said(is))
                .help("leave the arguments as they were, or let another method take the new ones: callers pass each by its place")
                .verdict(),
        )
    }
}

fn place(list: &[String], name: &String) -> Option<usize> {
    list.iter().position(|other| other == name)
}

/// How requests and replies come: `stream` each way.
fn kind(method: &Method) -> &'static str {
    match (method.request.stream, method.reply_stream) {
        (false, false) => "one request, one reply",
        (true, false) => "a stream of requests, one reply",
        (false, true) => "one request, a stream of replies",
        (true, true) => "a stream each way",
    }
}

fn streams(old: &Method, new: &Method) -> Option<Verdict> {
    (kind(old) != kind(new)).then(|| {
        Draft::new(
            Code::StreamChanged,
            format!("`{}` has other streams", new.name),
        )
        .source()
        .routing([Party::OldClient, Party::OldServer])
        .old(old.span, kind(old))
        .new_at(new.span, kind(new))
        .help("leave the streams as they were; another method, or the same one at a new major, may have others")
        .verdict()
    })
}

fn oneway(old: &Method, new: &Method) -> Option<Verdict> {
    let said = |method: &Method| {
        if method.policy.oneway {
            "nobody waits for an answer"
        } else {
            "callers wait for an answer"
        }
    };
    (old.policy.oneway != new.policy.oneway).then(|| {
        Draft::new(
            Code::OnewayChanged,
            if new.policy.oneway {
                format!("`{}` is one-way now", new.name)
            } else {
                format!("`{}` is not one-way any more", new.name)
            },
        )
        .source()
        .routing([Party::OldClient, Party::OldServer])
        .old(old.span, said(old))
        .new_at(new.span, said(new))
        .help(
            "leave `@oneway` as it was; another method, or the same one at a new major, may differ",
        )
        .verdict()
    })
}

fn throws(old: &Method, new: &Method) -> Vec<Verdict> {
    let mut verdicts = Vec::new();
    for error in old.throws.iter().filter(|it| !new.throws.contains(it)) {
        verdicts.push(
            Draft::new(
                Code::ThrowsRemoved,
                format!("`{}` throws `{}` no more", new.name, error.simple()),
            )
            .source()
            .old(old.span, format!("it threw `{error}`"))
            .new_at(new.span, "its `throws` are without it")
            .help(format!(
                "name `{}` again: callers match on it",
                error.simple()
            ))
            .verdict(),
        );
    }
    for error in new.throws.iter().filter(|it| !old.throws.contains(it)) {
        verdicts.push(
            Draft::new(
                Code::ThrowsAdded,
                format!("`{}` throws `{}` now", new.name, error.simple()),
            )
            .source()
            .old(old.span, "it did not")
            .new_at(new.span, format!("it throws `{error}`"))
            .help("answer with a plain status, or throw it from a new method or at a new major: callers match on every error, and old ones see its status only")
            .verdict(),
        );
    }
    verdicts
}

fn policies(old: &Method, new: &Method) -> Vec<Verdict> {
    let mut verdicts = Vec::new();
    if old.policy.idempotent && !new.policy.idempotent {
        verdicts.push(
            Draft::new(
                Code::IdempotentRemoved,
                format!("`{}` is not idempotent any more", new.name),
            )
            .routing([Party::OldClient])
            .old(old.span, "it could be run twice")
            .new_at(new.span, "it cannot")
            .help("write `@idempotent` again, and keep to it: old clients repeat the call when its fate is unknown")
            .verdict(),
        );
    }
    let was = old.policy.max_size.unwrap_or(DEFAULT_MAX_SIZE);
    let is = new.policy.max_size.unwrap_or(DEFAULT_MAX_SIZE);
    if is < was {
        let said = |bytes: u64, given: bool| {
            let by = if given { "" } else { ", the default" };
            format!("{bytes} bytes{by}")
        };
        verdicts.push(
            Draft::new(
                Code::MaxSizeLowered,
                format!("`{}` takes smaller messages only", new.name),
            )
            .routing([Party::OldClient, Party::OldServer])
            .old(old.span, said(was, old.policy.max_size.is_some()))
            .new_at(new.span, said(is, new.policy.max_size.is_some()))
            .help("leave `@max_size` as it was: peers may send as much")
            .verdict(),
        );
    }
    verdicts
}

fn hash_path(old: &Method, new: &Method) -> Option<Verdict> {
    let Some(Balance::ConsistentHash(was)) = &old.policy.balance else {
        return None;
    };
    let is = match &new.policy.balance {
        Some(Balance::ConsistentHash(is)) if is == was => return None,
        Some(Balance::ConsistentHash(is)) => format!("by `.{}`", is.join(".")),
        _ => "by no field".to_owned(),
    };
    Some(
        Draft::new(
            Code::HashPathChanged,
            format!("calls of `{}` go to other instances", new.name),
        )
        .routing([Party::OldClient])
        .old(old.span, format!("by `.{}`", was.join(".")))
        .new_at(new.span, is)
        .help("leave the path as it was: while old and new clients call, one key has two homes")
        .verdict(),
    )
}
