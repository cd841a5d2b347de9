//! Declarations in the tree, by the full name of what they declare.

use crate::model::FullName;
use crate::source::Span;
use crate::syntax::ast::{self, Item, Member};

use super::Check;

impl<'a> Check<'a> {
    /// The enum of this name, wherever it is declared.
    pub(super) fn enum_called(&self, name: &FullName) -> Option<&'a ast::Enum> {
        let (items, at) = self.declaration(name)?;
        items.iter().find_map(|item| match item {
            Item::Enum(item) => (item.name.span == at).then_some(item),
            Item::Message(item) => nested_enum(&item.members, at),
            Item::Error(item) => nested_enum(&item.members, at),
            Item::Const(_) | Item::Service(_) => None,
        })
    }

    /// What the message or error of this name holds.
    pub(super) fn members_of(&self, name: &FullName) -> Option<&'a [Member]> {
        let (items, at) = self.declaration(name)?;
        items.iter().find_map(|item| match item {
            Item::Message(item) => nested_members(item.name.span, &item.members, at),
            Item::Error(item) => nested_members(item.name.span, &item.members, at),
            Item::Const(_) | Item::Enum(_) | Item::Service(_) => None,
        })
    }

    /// The file that declares this name, and where in it.
    fn declaration(&self, name: &FullName) -> Option<(&'a [Item], Span)> {
        let decl = self.names.decl(*self.names.named(&name.0).first()?);
        Some((&self.loaded.files[decl.file?].ast.items, decl.span?))
    }
}

fn nested_enum(members: &[Member], at: Span) -> Option<&ast::Enum> {
    members.iter().find_map(|member| match member {
        Member::Enum(item) => (item.name.span == at).then_some(item),
        Member::Message(item) => nested_enum(&item.members, at),
        Member::Field(_) | Member::Oneof(_) | Member::Reserved(_) => None,
    })
}

fn nested_members(name: Span, members: &[Member], at: Span) -> Option<&[Member]> {
    if name == at {
        return Some(members);
    }
    members.iter().find_map(|member| match member {
        Member::Message(item) => nested_members(item.name.span, &item.members, at),
        Member::Field(_) | Member::Oneof(_) | Member::Reserved(_) | Member::Enum(_) => None,
    })
}
