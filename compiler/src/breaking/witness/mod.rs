//! Messages that two contracts read differently.

mod decode;
mod encode;
mod json;
mod meaning;

use crate::model::{Field, FieldShape, FieldType, FullName, Message};
use crate::surface::Surface;

pub(super) use encode::{Given, is_packed, sample};

/// Which of the two contracts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The older one.
    Old,
    /// The newer one.
    New,
}

/// How bytes are read: as canonical JSON, or why not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reading {
    /// The JSON.
    Json(String),
    /// What a reader refuses.
    Refused(String),
}

impl std::fmt::Display for Reading {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Json(json) => f.write_str(json),
            Self::Refused(why) => write!(f, "nothing: {why}"),
        }
    }
}

/// A message that the old and the new contract read differently.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witness {
    /// The full name of the message in the old contract.
    pub old_message: FullName,
    /// Its name in the new one.
    pub new_message: FullName,
    /// Whose contract it is valid under.
    pub writer: Side,
    /// The message.
    pub bytes: Vec<u8>,
    /// How the old contract reads it.
    pub old: Reading,
    /// How the new contract reads it.
    pub new: Reading,
}

impl Witness {
    /// The bytes in hexadecimal, two digits each.
    pub fn hex(&self) -> String {
        let bytes: Vec<String> = self
            .bytes
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        bytes.join(" ")
    }
}

/// How a contract reads `bytes` as the message `name`.
pub fn read(surface: &Surface<'_>, name: &FullName, bytes: &[u8]) -> Reading {
    let Some(message) = surface.message(name) else {
        return Reading::Refused(format!("there is no message `{name}`"));
    };
    match decode::message(surface, message, bytes, 0) {
        Ok(decoded) => Reading::Json(json::message(surface, &decoded)),
        Err(why) => Reading::Refused(why),
    }
}

/// Two surfaces, and a message of each.
#[derive(Clone, Copy)]
pub(super) struct Pair<'a> {
    pub(super) old: (&'a Surface<'a>, &'a Message),
    pub(super) new: (&'a Surface<'a>, &'a Message),
}

impl<'a> Pair<'a> {
    /// The first of `bytes` that the two read differently: in what they show, or in what it means.
    fn first(
        &self,
        writer: Side,
        sight: Sight,
        all: impl IntoIterator<Item = Vec<u8>>,
    ) -> Option<Witness> {
        all.into_iter().find_map(|bytes| {
            let old = read(self.old.0, &self.old.1.name, &bytes);
            let new = read(self.new.0, &self.new.1.name, &bytes);
            let valid = match writer {
                Side::Old => &old,
                Side::New => &new,
            };
            let differs = match sight {
                Sight::Shown => old != new,
                Sight::Meant => [true, false].into_iter().all(|lone_zero| {
                    meaning(self.old, &bytes, lone_zero) != meaning(self.new, &bytes, lone_zero)
                }),
            };
            (differs && matches!(valid, Reading::Json(_))).then(|| Witness {
                old_message: self.old.1.name.clone(),
                new_message: self.new.1.name.clone(),
                writer,
                bytes,
                old,
                new,
            })
        })
    }

    fn surface(&self, writer: Side) -> &'a Surface<'a> {
        match writer {
            Side::Old => self.old.0,
            Side::New => self.new.0,
        }
    }

    /// One with this field alone, in any of its values.
    pub(super) fn field(&self, writer: Side, field: &Field) -> Option<Witness> {
        let values = values(self.surface(writer), field);
        self.first(writer, Sight::Shown, values)
    }

    /// One with this field alone, in a value that means something else.
    pub(super) fn misread(&self, writer: Side, field: &Field) -> Option<Witness> {
        let values = values(self.surface(writer), field);
        self.first(writer, Sight::Meant, values)
    }

    /// One with a value in each of the two fields.
    pub(super) fn both(&self, writer: Side, one: &Field, other: &Field) -> Option<Witness> {
        let mut bytes = Vec::new();
        for field in [one, other] {
            let value = sample(self.surface(writer), ty(&field.shape), 0);
            encode::field(&mut bytes, field, &[value]);
        }
        self.first(writer, Sight::Shown, [bytes])
    }

    /// One with exactly these values in the field.
    pub(super) fn given(&self, writer: Side, field: &Field, given: &[Given]) -> Option<Witness> {
        let mut bytes = Vec::new();
        encode::field(&mut bytes, field, given);
        self.first(writer, Sight::Shown, [bytes])
    }

    /// The same, in what the values mean.
    pub(super) fn given_misread(
        &self,
        writer: Side,
        field: &Field,
        given: &[Given],
    ) -> Option<Witness> {
        let mut bytes = Vec::new();
        encode::field(&mut bytes, field, given);
        self.first(writer, Sight::Meant, [bytes])
    }
}

/// What counts as read differently.
#[derive(Clone, Copy)]
enum Sight {
    /// Another JSON.
    Shown,
    /// Other values, whatever they are called.
    Meant,
}

/// What the bytes mean; nothing where they are refused.
fn meaning(
    (surface, message): (&Surface<'_>, &Message),
    bytes: &[u8],
    lone_zero: bool,
) -> Option<String> {
    let decoded = decode::message(surface, message, bytes, 0).ok()?;
    Some(meaning::message(&decoded, lone_zero))
}

/// Encodings of a message with one field, by its telling values: one each, and several where it is a list.
fn values(surface: &Surface<'_>, field: &Field) -> Vec<Vec<u8>> {
    let candidates = encode::written(surface, field, 0);
    let mut all: Vec<Vec<u8>> = candidates
        .iter()
        .map(|given| {
            let mut bytes = Vec::new();
            encode::field(&mut bytes, field, std::slice::from_ref(given));
            bytes
        })
        .collect();
    match &field.shape {
        FieldShape::List(_) => {
            let pairs = candidates.iter().map(|first| {
                let mut bytes = Vec::new();
                encode::field(&mut bytes, field, &[first.clone(), candidates[0].clone()]);
                bytes
            });
            // Several values show more than one does.
            all = pairs.chain(all).collect();
        }
        FieldShape::Map(key, _) => {
            let keys = encode::scalar_candidates(*key);
            let value = sample(surface, ty(&field.shape), 0);
            for key in keys {
                let mut bytes = Vec::new();
                encode::entry(&mut bytes, field, &key, &value);
                all.push(bytes);
            }
        }
        FieldShape::Singular(_) | FieldShape::Optional(_) => {}
    }
    all
}

/// The type of one value of a field.
pub(super) fn ty(shape: &FieldShape) -> &FieldType {
    let (FieldShape::Singular(ty)
    | FieldShape::Optional(ty)
    | FieldShape::List(ty)
    | FieldShape::Map(_, ty)) = shape;
    ty
}
