//! Where types are, as seen from a module.

use crate::codegen::options::Options;
use crate::model::{FieldShape, FieldType, FullName, PackageName, Scalar};

use super::names::{camel, snake};

/// A module from which types are named: that of a package, or that of a major in it.
#[derive(Clone, Copy, Debug)]
pub(in crate::codegen) struct Scope<'a> {
    package: &'a PackageName,
    in_major: bool,
    options: &'a Options,
}

impl<'a> Scope<'a> {
    pub(in crate::codegen) fn package(package: &'a PackageName, options: &'a Options) -> Self {
        Self {
            package,
            in_major: false,
            options,
        }
    }

    /// The module of a major in it.
    pub(in crate::codegen) fn major(self) -> Self {
        Self {
            in_major: true,
            ..self
        }
    }

    /// The path of a message or enum.
    pub(in crate::codegen) fn path(self, name: &FullName) -> String {
        if let Some(path) = well_known(&name.0).or_else(|| self.options.extern_path(&name.0)) {
            return path;
        }
        let mut here = self.package.parts().peekable();
        let (modules, last) = name.0.rsplit_once('.').unwrap_or_default();
        let mut there = modules.split('.').peekable();
        while here.peek().is_some() && here.peek() == there.peek() {
            here.next();
            there.next();
        }
        let mut path = String::new();
        if self.in_major {
            path.push_str("super::");
        }
        for _ in here {
            path.push_str("super::");
        }
        for part in there {
            path.push_str(&snake(part));
            path.push_str("::");
        }
        path.push_str(&camel(last));
        path
    }

    /// The path of the descriptors of another package.
    pub(in crate::codegen) fn schema(self, package: &PackageName) -> String {
        let mut here = self.package.parts().peekable();
        let mut there = package.parts().peekable();
        while here.peek().is_some() && here.peek() == there.peek() {
            here.next();
            there.next();
        }
        let up = here.map(|_| "super::".to_owned());
        let down = there.map(|part| snake(part) + "::");
        up.chain(down).collect::<String>() + "FILE_DESCRIPTOR_SET"
    }

    /// The package whose module it is, or lies in.
    pub(in crate::codegen) fn package_name(self) -> &'a PackageName {
        self.package
    }

    /// Whether a message is of another crate.
    pub(in crate::codegen) fn is_foreign(self, name: &FullName) -> bool {
        is_well_known(name) || self.options.extern_path(&name.0).is_some()
    }

    /// The type of a field as prost declares it; enums are their number.
    pub(in crate::codegen) fn field(self, shape: &FieldShape) -> String {
        match shape {
            FieldShape::Singular(one @ FieldType::Message(_)) | FieldShape::Optional(one) => {
                format!("::core::option::Option<{}>", self.value(one))
            }
            FieldShape::Singular(one) => self.value(one),
            FieldShape::List(one) => format!("::std::vec::Vec<{}>", self.value(one)),
            FieldShape::Map(key, value) => format!(
                "::std::collections::HashMap<{}, {}>",
                scalar(*key),
                self.value(value)
            ),
        }
    }

    fn value(self, one: &FieldType) -> String {
        match one {
            FieldType::Scalar(one) => scalar(*one).to_owned(),
            FieldType::Enum(_) => "i32".to_owned(),
            FieldType::Message(name) => self.path(name),
        }
    }
}

/// The path of a type by the parts of its name behind the package: `order::Card`.
pub(in crate::codegen) fn nested<'a>(parts: impl Iterator<Item = &'a str>) -> String {
    let mut parts: Vec<&str> = parts.collect();
    let last = parts.pop().unwrap_or_default();
    let mut path: String = parts.into_iter().map(|part| snake(part) + "::").collect();
    path.push_str(&camel(last));
    path
}

/// The scalar as prost declares it, `bytes` as the runtime's shared bytes.
pub(in crate::codegen) fn scalar(scalar: Scalar) -> &'static str {
    match scalar {
        Scalar::Bool => "bool",
        Scalar::Int32 | Scalar::Sint32 | Scalar::Sfixed32 => "i32",
        Scalar::Int64 | Scalar::Sint64 | Scalar::Sfixed64 => "i64",
        Scalar::Uint32 | Scalar::Fixed32 => "u32",
        Scalar::Uint64 | Scalar::Fixed64 => "u64",
        Scalar::Float => "f32",
        Scalar::Double => "f64",
        Scalar::String => "::std::string::String",
        Scalar::Bytes => "::callsheet::codegen::Bytes",
    }
}

/// Whether a message is one of Protobuf's own, so that nothing can be implemented for it here.
pub(in crate::codegen) fn is_well_known(name: &FullName) -> bool {
    name.0.starts_with("google.protobuf.")
}

/// The type that stands for one of Protobuf's own messages; prost maps the plain ones to Rust's own.
fn well_known(name: &str) -> Option<String> {
    let rest = name.strip_prefix("google.protobuf.")?;
    let path = match rest {
        "Empty" => "()",
        "BoolValue" => "bool",
        "BytesValue" => "::std::vec::Vec<u8>",
        "DoubleValue" => "f64",
        "FloatValue" => "f32",
        "Int32Value" => "i32",
        "Int64Value" => "i64",
        "StringValue" => "::std::string::String",
        "UInt32Value" => "u32",
        "UInt64Value" => "u64",
        _ => {
            return Some(format!(
                "::callsheet::codegen::prost_types::{}",
                nested(rest.split('.'))
            ));
        }
    };
    Some(path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_climbs_to_the_common_package_and_down_again() {
        let package = PackageName("shop.orders".into());
        let options = Options::default();
        let scope = Scope::package(&package, &options);
        let path = |name: &str| scope.path(&FullName(name.into()));
        assert_eq!(path("shop.orders.Order.Card"), "order::Card");
        assert_eq!(path("shop.common.Invoice"), "super::common::Invoice");
        assert_eq!(path("type.Self"), "super::super::r#type::Self_");
        assert_eq!(path("google.protobuf.Empty"), "()");
        assert_eq!(
            path("google.protobuf.Field.Kind"),
            "::callsheet::codegen::prost_types::field::Kind"
        );
        let name = FullName("shop.orders.Order".into());
        assert_eq!(scope.major().path(&name), "super::Order");
    }

    #[test]
    fn an_extern_path_covers_what_lies_below_it() {
        let package = PackageName("shop.orders".into());
        let options = Options {
            extern_paths: vec![(".shop.common".into(), "::other::shop::common".into())],
            ..Options::default()
        };
        let scope = Scope::package(&package, &options);
        assert_eq!(
            scope.path(&FullName("shop.common.Invoice.Line".into())),
            "::other::shop::common::invoice::Line"
        );
    }
}
