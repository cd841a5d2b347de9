//! What a method takes and gives, as the pieces of text that trait, client, server and mock are made of.

use crate::codegen::lints::MethodLints;
use crate::model::{Field, FieldShape, FieldType, Method};

use super::names::field as field_name;
use super::services::{Catalogue, error_name};
use super::types::Scope;

/// What goes in.
pub(super) struct Request {
    pub(super) parameters: String,
    pub(super) client_parameters: String,
    pub(super) types: String,
    pub(super) arguments: Vec<String>,
    pub(super) payload: String,
    pub(super) handler_parameter: String,
    pub(super) handler_arguments: Vec<String>,
    /// The statement that refuses requests which break rules, where they have any.
    pub(super) accept: Option<String>,
}

impl Request {
    pub(super) fn new(
        declared: &Method,
        scope: Scope<'_>,
        catalogue: &Catalogue<'_>,
        lints: &mut MethodLints,
    ) -> Self {
        let path = scope.path(&declared.request.message);
        let ruled = catalogue.rules.hold(&declared.request.message);
        let accept = ruled.then(|| {
            if declared.request.stream {
                "let requests = ::callsheet::codegen::accept_each(requests);".to_owned()
            } else {
                "::callsheet::codegen::accept(&request)?;".to_owned()
            }
        });
        if declared.request.stream {
            return Self {
                parameters: format!(", requests: ::callsheet::codegen::Streaming<{path}>"),
                client_parameters: format!(
                    ", requests: impl ::core::convert::Into<::callsheet::codegen::Streaming<{path}>>"
                ),
                types: format!("::callsheet::codegen::Streaming<{path}>"),
                arguments: vec!["requests".to_owned()],
                payload: ", ::core::convert::Into::into(requests)".to_owned(),
                handler_parameter: "requests".to_owned(),
                handler_arguments: vec!["requests".to_owned()],
                accept,
            };
        }
        let message = catalogue
            .message(&declared.request.message)
            .filter(|_| declared.request.arguments);
        if let Some(message) = message {
            lints.arguments(message);
            let names: Vec<String> = message.fields.iter().map(field_name).collect();
            let types: Vec<String> = message
                .fields
                .iter()
                .map(|f| scope.field(&f.shape))
                .collect();
            let parameters: Vec<String> = names
                .iter()
                .zip(&types)
                .map(|(name, r#type)| format!("{name}: {type}"))
                .collect();
            let is_enum = |f: &&Field| matches!(f.shape, FieldShape::Singular(FieldType::Enum(_)));
            let (mut clients, mut payload) = (parameters.clone(), names.clone());
            for (position, field) in message.fields.iter().enumerate() {
                if is_enum(&field) {
                    let name = &names[position];
                    // The enum itself as well as a number that it may not know.
                    clients[position] = format!("{name}: impl ::core::convert::Into<i32>");
                    payload[position] = format!("{name}: ::core::convert::Into::into({name})");
                }
            }
            return Self {
                client_parameters: behind_comma(&clients),
                parameters: behind_comma(&parameters),
                types: types.join(", "),
                payload: format!(", &{path} {{ {} }}", payload.join(", ")),
                handler_parameter: format!("request: {path}"),
                handler_arguments: names.iter().map(|name| format!("request.{name}")).collect(),
                arguments: names,
                accept,
            };
        }
        if path == "()" {
            return Self {
                parameters: String::new(),
                client_parameters: String::new(),
                types: String::new(),
                arguments: Vec::new(),
                payload: ", &()".to_owned(),
                handler_parameter: "(): ()".to_owned(),
                handler_arguments: Vec::new(),
                accept,
            };
        }
        Self {
            parameters: format!(", request: {path}"),
            client_parameters: format!(", request: {path}"),
            types: path.clone(),
            arguments: vec!["request".to_owned()],
            payload: ", &request".to_owned(),
            handler_parameter: format!("request: {path}"),
            handler_arguments: vec!["request".to_owned()],
            accept,
        }
    }
}

/// What comes out.
pub(super) struct Reply {
    pub(super) result: String,
    pub(super) call: String,
}

impl Reply {
    pub(super) fn new(declared: &Method, service: &str, scope: Scope<'_>) -> Self {
        let error = (!declared.throws.is_empty()).then(|| error_name(service, declared));
        let behind = error
            .as_ref()
            .map(|error| format!(", {error}"))
            .unwrap_or_default();
        let only = error
            .as_ref()
            .map(|error| format!("<{error}>"))
            .unwrap_or_default();
        let mut reply = scope.path(&declared.reply);
        if declared.reply_stream {
            reply = format!("::callsheet::codegen::Streaming<{reply}{behind}>");
        }
        Self {
            result: format!("::core::result::Result<{reply}, ::callsheet::codegen::Error{only}>"),
            call: format!("::callsheet::codegen::Call<{reply}{behind}>"),
        }
    }
}

/// `, a, b`: what stands behind another argument.
pub(super) fn behind_comma(arguments: &[String]) -> String {
    let mut out = String::new();
    for argument in arguments {
        out.push_str(", ");
        out.push_str(argument);
    }
    out
}
