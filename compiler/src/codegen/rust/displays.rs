//! Enums that print themselves by the names of their values.

use crate::codegen::options::Options;
use crate::model::{Enum, Message};

use super::types::Scope;

/// The paths of the enums in a message, at any depth.
pub(in crate::codegen) fn of_message(
    scope: Scope<'_>,
    message: &Message,
    options: &Options,
    out: &mut Vec<String>,
) {
    let enums = message.enums.iter();
    out.extend(enums.filter_map(|nested| of_enum(scope, nested, options)));
    for nested in &message.messages {
        of_message(scope, nested, options, out);
    }
}

/// The path of an enum, unless it has a `Display` by the options.
pub(in crate::codegen) fn of_enum(
    scope: Scope<'_>,
    declared: &Enum,
    options: &Options,
) -> Option<String> {
    let derived = options
        .derives_of(&declared.name.0)
        .any(|path| path.rsplit(':').next() == Some("Display"));
    (!derived).then(|| scope.path(&declared.name))
}
