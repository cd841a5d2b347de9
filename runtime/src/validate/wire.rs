//! Violations as `google.rpc.BadRequest`, which peers of other make read too.

use std::borrow::Cow;
use std::sync::Arc;

use prost::Message;

use super::{MOST_LISTED, Violation, Violations};
use crate::status::Detail;

const TYPE_NAME: &str = "google.rpc.BadRequest";

/// The reason of the entry that stands for those left out.
const OMITTED: &str = "OMITTED";

/// `google.rpc.BadRequest`
#[derive(Clone, PartialEq, Message)]
struct BadRequest {
    #[prost(message, repeated, tag = "1")]
    field_violations: Vec<FieldViolation>,
}

/// `google.rpc.BadRequest.FieldViolation`
#[derive(Clone, PartialEq, Message)]
struct FieldViolation {
    #[prost(string, tag = "1")]
    field: String,
    #[prost(string, tag = "2")]
    description: String,
    #[prost(string, tag = "3")]
    reason: String,
}

pub(super) fn detail(violations: &Violations) -> Detail {
    let listed = violations.iter().map(|violation| FieldViolation {
        field: violation.field.clone(),
        description: violation.text.clone(),
        reason: violation.rule.to_ascii_uppercase(),
    });
    let omitted = (violations.omitted > 0).then(|| FieldViolation {
        field: String::new(),
        description: format!("{} more rules are broken", violations.omitted),
        reason: OMITTED.to_owned(),
    });
    let message = BadRequest {
        field_violations: listed.chain(omitted).collect(),
    };
    Detail {
        type_name: Arc::from(TYPE_NAME),
        value: message.encode_to_vec().into(),
    }
}

/// What a server says, which may be of another make: no more is kept than this side would tell.
pub(super) fn violations(detail: &Detail) -> Option<Violations> {
    if &*detail.type_name != TYPE_NAME {
        return None;
    }
    let message = BadRequest::decode(detail.value.clone()).ok()?;
    let mut violations = Violations::default();
    for one in message.field_violations {
        if one.reason == OMITTED && one.field.is_empty() {
            let number = one.description.split(' ').next();
            violations.omitted += number.and_then(|it| it.parse::<u64>().ok()).unwrap_or(1);
        } else if violations.listed.len() == MOST_LISTED {
            violations.omitted = violations.omitted.saturating_add(1);
        } else {
            violations.listed.push(Violation {
                field: one.field,
                rule: Cow::Owned(one.reason.to_ascii_lowercase()),
                text: one.description,
            });
        }
    }
    Some(violations)
}
