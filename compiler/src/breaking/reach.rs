//! Which messages travel which way.

use std::collections::{BTreeMap, BTreeSet};

use super::Party;
use crate::model::{FieldShape, FieldType, FullName};
use crate::surface::Surface;

/// Who sends the messages and enums of two surfaces.
pub(super) struct Reach(BTreeMap<FullName, Ways>);

#[derive(Clone, Copy, Default)]
struct Ways {
    request: bool,
    reply: bool,
}

impl Reach {
    pub(super) fn of(old: &Surface<'_>, new: &Surface<'_>) -> Self {
        let mut ways: BTreeMap<FullName, Ways> = BTreeMap::new();
        for surface in [old, new] {
            let (mut requests, mut replies) = (Vec::new(), Vec::new());
            for method in surface.services.values().flat_map(|it| &it.methods) {
                requests.push(method.request.message.clone());
                replies.push(method.reply.clone());
                replies.extend(method.throws.iter().cloned());
            }
            for name in closure(surface, requests) {
                ways.entry(name).or_default().request = true;
            }
            for name in closure(surface, replies) {
                ways.entry(name).or_default().reply = true;
            }
        }
        Self(ways)
    }

    /// Whose messages are misread when the new contract misreads what the old one wrote (`old`), or the other way round.
    pub(super) fn misread(&self, name: &FullName, old: bool, new: bool) -> BTreeSet<Party> {
        let Some(ways) = self.0.get(name) else {
            let mut parties = BTreeSet::new();
            if old {
                parties.insert(Party::StoredData);
            }
            if new {
                parties.extend([Party::OldClient, Party::OldServer]);
            }
            return parties;
        };
        let mut parties = BTreeSet::new();
        if (old && ways.request) || (new && ways.reply) {
            parties.insert(Party::OldClient);
        }
        if (old && ways.reply) || (new && ways.request) {
            parties.insert(Party::OldServer);
        }
        if old {
            parties.insert(Party::StoredData);
        }
        parties
    }

    /// Whether a server may check it: it is in some request, or nobody knows where it goes.
    pub(super) fn is_checked(&self, name: &FullName) -> bool {
        self.0.get(name).is_none_or(|ways| ways.request)
    }
}

/// The messages and enums that these lead to, themselves included.
fn closure(surface: &Surface<'_>, mut open: Vec<FullName>) -> BTreeSet<FullName> {
    let mut seen = BTreeSet::new();
    while let Some(name) = open.pop() {
        if seen.contains(&name) {
            continue;
        }
        if let Some(message) = surface.messages.get(&name) {
            for field in &message.fields {
                let (FieldShape::Singular(ty)
                | FieldShape::Optional(ty)
                | FieldShape::List(ty)
                | FieldShape::Map(_, ty)) = &field.shape;
                if let FieldType::Message(name) | FieldType::Enum(name) = ty {
                    open.push(name.clone());
                }
            }
        }
        seen.insert(name);
    }
    seen
}
