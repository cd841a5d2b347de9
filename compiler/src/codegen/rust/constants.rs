//! Constants as Rust items.

use callsheet_templates as views;

use crate::codegen::{docs, lints};
use crate::model::{Constant, ConstantValue, Scalar};

use super::names::{literal, shouty};
use super::types::scalar;

/// The constant as an item.
pub(in crate::codegen) fn constant(constant: &Constant) -> views::Constant {
    let (r#type, value) = match &constant.value {
        ConstantValue::Bool(value) => ("bool", value.to_string()),
        ConstantValue::Integer(kind, value) => (scalar(*kind), value.to_string()),
        ConstantValue::Float(kind, value) => (scalar(*kind), float(*kind, *value)),
        ConstantValue::String(value) => ("&str", literal(value)),
        ConstantValue::Bytes(value) => ("&[u8]", format!("b\"{}\"", value.escape_ascii())),
        ConstantValue::Duration(micros) => (
            "::core::time::Duration",
            format!("::core::time::Duration::from_micros({micros})"),
        ),
    };
    views::Constant {
        docs: docs::comment_or(
            &constant.docs,
            &format!("`{}`", constant.name.simple()),
            None,
        ),
        attributes: lints::constant(matches!(constant.value, ConstantValue::Float(..))),
        name: shouty(constant.name.simple()),
        r#type: r#type.to_owned(),
        value,
    }
}

/// The shortest literal that reads as the value, in the type's own precision.
pub(super) fn float(kind: Scalar, value: f64) -> String {
    if !value.is_finite() {
        let name = if value.is_nan() {
            "NAN"
        } else if value > 0.0 {
            "INFINITY"
        } else {
            "NEG_INFINITY"
        };
        return format!("{}::{name}", scalar(kind));
    }
    if kind == Scalar::Float {
        #[expect(clippy::cast_possible_truncation, reason = "a constant fits its type")]
        let value = value as f32;
        format!("{value:?}")
    } else {
        format!("{value:?}")
    }
}
