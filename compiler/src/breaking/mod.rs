//! Time: what a change of a contract breaks, and for whom.
//!
//! Two surfaces go in, an older and a newer one; out come verdicts, each with the places in both, and for those about the
//! wire a message that the two read differently.
//!
//! What counts as a difference on the wire: a message that was written by the old contract is read by the new one with other
//! values in the fields that it wrote, unless the new contract reserves what it gave up. The other way round, values that
//! the old contract could not hold do not count: an `int32` may become an `int64`.

mod enums;
mod fields;
mod frozen;
mod locks;
mod methods;
mod oneofs;
mod reach;
mod report;
mod rules;
mod services;
mod types;
mod witness;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::diagnostic::Code;
use crate::model::{FullName, Message};
use crate::source::Span;
use crate::surface::Surface;

pub use frozen::{changes_of_frozen, frozen_part};
pub use locks::{Frozen, Locks, locks};
pub use witness::{Reading, Side, Witness, read};

use reach::Reach;
use types::PairReading;

/// What breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Category {
    /// Code that was written against the generated Rust does not compile any more.
    Source,
    /// Bytes are read as something else.
    Wire,
    /// JSON is read as something else, or refused.
    Json,
    /// A call does not arrive, is refused, or is treated as its caller does not expect.
    Routing,
}

impl Category {
    /// Every category.
    pub const ALL: [Self; 4] = [Self::Source, Self::Wire, Self::Json, Self::Routing];
}

impl fmt::Display for Category {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Source => "source",
            Self::Wire => "wire",
            Self::Json => "JSON",
            Self::Routing => "routing",
        })
    }
}

/// Who notices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Party {
    /// A client of the old contract that calls a server of the new one.
    OldClient,
    /// A server of the old contract that a client of the new one calls.
    OldServer,
    /// What was written by the old contract and is read by the new one.
    StoredData,
    /// Code that is compiled against the generated Rust.
    Code,
}

impl fmt::Display for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OldClient => "old clients",
            Self::OldServer => "old servers",
            Self::StoredData => "stored data",
            Self::Code => "code that uses the generated Rust",
        })
    }
}

/// One change that breaks something.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// The rule that found it.
    pub code: Code,
    /// What breaks, and who notices; at least one.
    pub breaks: BTreeMap<Category, BTreeSet<Party>>,
    /// What changed, in one short sentence.
    pub message: String,
    /// How it was, and where.
    pub old: (Span, String),
    /// How it is, or where it would be, and where.
    pub new: (Span, String),
    /// What to do instead.
    pub help: String,
    /// A message that the two contracts read differently, where [`Category::Wire`] breaks.
    pub witness: Option<Witness>,
}

impl Verdict {
    /// Accepts what breaks in a category; whether anything is left.
    pub fn accept(&mut self, category: Category) -> bool {
        self.breaks.remove(&category);
        if category == Category::Wire {
            self.witness = None;
        }
        !self.breaks.is_empty()
    }
}

/// All that breaks between an old surface and a new one, in the order of the names of declarations.
pub fn compare(old: &Surface<'_>, new: &Surface<'_>) -> Vec<Verdict> {
    let mut compare = Compare {
        old,
        new,
        reach: Reach::of(old, new),
        pairs: BTreeMap::new(),
    };
    let mut verdicts = compare.declarations();
    verdicts.extend(compare.services());
    verdicts
}

/// The same where the older surface holds all that its services need: the newer one may be much larger.
fn compare_within(old: &Surface<'_>, new: &Surface<'_>) -> Vec<Verdict> {
    let mut compare = Compare {
        old,
        new,
        reach: Reach::of(old, &Surface::default()),
        pairs: BTreeMap::new(),
    };
    let mut verdicts = compare.declarations();
    verdicts.extend(compare.services());
    verdicts
}

/// The two surfaces, and what is known of them.
struct Compare<'a> {
    old: &'a Surface<'a>,
    new: &'a Surface<'a>,
    reach: Reach,
    /// What is known of pairs of messages or enums with different names.
    pairs: BTreeMap<(FullName, FullName), PairReading>,
}

impl<'a> Compare<'a> {
    /// Messages, enums, errors and constants that both have, and those that are gone.
    fn declarations(&mut self) -> Vec<Verdict> {
        let mut verdicts = Vec::new();
        for (name, old) in &self.old.messages {
            match self.new.messages.get(name) {
                Some(new) => {
                    let found = self.message(old, new);
                    verdicts.extend(found);
                    verdicts.extend(self.error_code(name, old, new));
                }
                None => verdicts.extend(self.message_removed(old)),
            }
        }
        for (name, old) in &self.old.enums {
            match self.new.enums.get(name) {
                Some(new) => verdicts.extend(self.enumeration(old, new)),
                None => verdicts.extend(self.removed("enum", name, old.span)),
            }
        }
        for (name, old) in &self.old.constants {
            match self.new.constants.get(name) {
                Some(new) => verdicts.extend(constant(old, new)),
                None => verdicts.extend(self.removed("constant", name, old.span)),
            }
        }
        verdicts
    }

    fn message(&mut self, old: &'a Message, new: &'a Message) -> Vec<Verdict> {
        let mut verdicts = self.fields(old, new);
        verdicts.extend(self.oneofs(old, new));
        verdicts.extend(self.rules(old, new));
        verdicts
    }

    /// The status code of an error.
    fn error_code(&self, name: &FullName, old: &Message, new: &Message) -> Option<Verdict> {
        let (was, is) = (self.old.codes.get(name), self.new.codes.get(name));
        // What was no error, as far as the older side knows, was thrown by nobody.
        if was.is_none() || was == is {
            return None;
        }
        let said = |code: Option<&_>| {
            code.map_or("a plain message".to_owned(), |code| {
                format!("`{}`", status(*code))
            })
        };
        Some(
            Draft::new(
                Code::ErrorCodeChanged,
                format!("the error `{}` has another status code", name.simple()),
            )
            .routing([Party::OldClient])
            .old(old.span, said(was))
            .new_at(new.span, said(is))
            .help(
                "leave the code as it was, or declare another error and throw that in a new major",
            )
            .verdict(),
        )
    }

    fn message_removed(&self, old: &Message) -> Option<Verdict> {
        // Whoever wrote an argument list is told about the method.
        let made = |surface: &Surface<'_>| {
            surface.services.values().any(|service| {
                let mut methods = service.methods.iter();
                methods.any(|method| method.request.arguments && method.request.message == old.name)
            })
        };
        if made(self.old) {
            return None;
        }
        let what = if self.old.codes.contains_key(&old.name) {
            "error"
        } else {
            "message"
        };
        self.removed(what, &old.name, old.span)
    }

    /// A declaration that is gone, unless what it was nested in is gone too.
    fn removed(&self, what: &str, name: &FullName, span: Span) -> Option<Verdict> {
        let (scope, simple) = name.0.rsplit_once('.').unwrap_or(("", &name.0));
        let scope = FullName(scope.into());
        if self.old.messages.contains_key(&scope) && !self.new.messages.contains_key(&scope) {
            return None;
        }
        let declared = |name: &FullName| {
            let message = self.new.messages.get(name).map(|it| it.span);
            message
                .or_else(|| self.new.enums.get(name).map(|it| it.span))
                .or_else(|| self.new.constants.get(name).map(|it| it.span))
        };
        let everything = self.new.messages.keys().chain(self.new.enums.keys());
        let moved = everything
            .chain(self.new.constants.keys())
            .copied()
            .find(|other| other.simple() == simple && declared_in(self.old, other).is_none());
        let (place, text) = if let Some(place) = declared(name) {
            (place, "something else has the name now".to_owned())
        } else if let Some(other) = moved {
            let place = declared(other).unwrap_or(Span::NOWHERE);
            (place, format!("this is called `{other}`"))
        } else {
            (Span::NOWHERE, String::new())
        };
        let help = "keep it, with `@deprecated(\"why\")`, for as long as anybody may use it";
        Some(
            Draft::new(
                Code::DeclarationRemoved,
                format!("the {what} `{name}` is gone"),
            )
            .source()
            .old(span, "it was declared here")
            .new_at(place, text)
            .help(help)
            .verdict(),
        )
    }
}

fn declared_in(surface: &Surface<'_>, name: &FullName) -> Option<Span> {
    let message = surface.messages.get(name).map(|it| it.span);
    message
        .or_else(|| surface.enums.get(name).map(|it| it.span))
        .or_else(|| surface.constants.get(name).map(|it| it.span))
}

fn constant(old: &crate::model::Constant, new: &crate::model::Constant) -> Option<Verdict> {
    let (was, is) = (types::constant(&old.value), types::constant(&new.value));
    (was != is).then(|| {
        Draft::new(
            Code::ConstantTypeChanged,
            format!("the constant `{}` has another type", new.name.simple()),
        )
        .source()
        .old(old.span, format!("it was `{was}`"))
        .new_at(new.span, format!("it is `{is}`"))
        .help("leave the type as it was, and give a constant of the other type another name")
        .verdict()
    })
}

fn status(code: crate::model::StatusCode) -> &'static str {
    let known = crate::model::StatusCode::ALL
        .iter()
        .find(|(known, _)| *known == code);
    known.map_or("", |(_, name)| name)
}

/// A verdict in the making.
struct Draft(Verdict);

impl Draft {
    fn new(code: Code, message: impl Into<String>) -> Self {
        Self(Verdict {
            code,
            breaks: BTreeMap::new(),
            message: message.into(),
            old: (Span::NOWHERE, String::new()),
            new: (Span::NOWHERE, String::new()),
            help: String::new(),
            witness: None,
        })
    }

    fn source(self) -> Self {
        self.breaks(Category::Source, [Party::Code])
    }

    fn routing(self, parties: impl IntoIterator<Item = Party>) -> Self {
        self.breaks(Category::Routing, parties)
    }

    fn breaks(mut self, category: Category, parties: impl IntoIterator<Item = Party>) -> Self {
        self.0.breaks.entry(category).or_default().extend(parties);
        self
    }

    fn old(mut self, span: Span, text: impl Into<String>) -> Self {
        self.0.old = (span, text.into());
        self
    }

    fn new_at(mut self, span: Span, text: impl Into<String>) -> Self {
        self.0.new = (span, text.into());
        self
    }

    fn help(mut self, text: impl Into<String>) -> Self {
        self.0.help = text.into();
        self
    }

    fn witness(mut self, witness: Option<Witness>) -> Self {
        self.0.witness = witness;
        self
    }

    fn verdict(self) -> Verdict {
        self.0
    }
}
