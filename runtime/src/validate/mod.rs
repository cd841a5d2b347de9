//! The field rules of a contract: whether a message keeps them, and what is told of those that it breaks.
//!
//! Generated code says which rule stands where; here is what each of them means. Knows no descriptor, no codec and no call.

mod fingerprint;
mod pattern;
mod place;
pub mod rules;
mod wire;

use std::borrow::Cow;
use std::error;
use std::fmt;

pub use pattern::Pattern;
pub use place::{MapKey, Place};

use crate::error::Error;
use crate::status::{Code, Status};

/// The most violations that are told of one message: more than anybody mends at once.
const MOST_LISTED: usize = 32;

/// The most bytes of them: the text and the detail of a status then fit into the 8 KiB that HTTP/2 peers take as headers.
const MOST_BYTES: usize = 3 * 1024;

/// A message whose contract has rules for it, or for what it holds: implemented by generated messages.
///
/// Servers validate every request before its handler sees it. A client may do so before it sends one.
///
/// ```
/// # use callsheet::{Error, Validate};
/// # async fn send<M>(_: M) -> Result<(), Error> { Ok(()) }
/// async fn checked<M: Validate>(request: M) -> Result<(), Error> {
///     request.validate()?;
///     send(request).await
/// }
/// ```
pub trait Validate {
    /// Whether the message, and all that it holds, keeps the rules of the contract.
    ///
    /// # Errors
    /// Every rule that is broken.
    fn validate(&self) -> Result<(), Violations> {
        let mut found = Violations::default();
        self.check(&Place::root(), &mut found);
        if found.is_empty() { Ok(()) } else { Err(found) }
    }

    /// Adds what is wrong with the message, which stands at `at`.
    #[doc(hidden)]
    fn check(&self, at: &Place<'_>, found: &mut Violations);
}

impl<M: Validate> Validate for Box<M> {
    fn check(&self, at: &Place<'_>, found: &mut Violations) {
        (**self).check(at, found);
    }
}

/// The rules that a message breaks: the first 32 of them in the order of its fields, or as many as have room in 3 KiB, and
/// the number of the others.
///
/// As a [`Status`] it is `invalid_argument` with a `google.rpc.BadRequest` as detail.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Violations {
    listed: Vec<Violation>,
    bytes: usize,
    omitted: u64,
}

/// One broken rule. It quotes no value that the contract redacts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    field: String,
    rule: Cow<'static, str>,
    text: String,
}

impl Violation {
    /// The path of the field: `items[3].sku`, `labels["colour"].value`.
    pub fn field(&self) -> &str {
        &self.field
    }

    /// The rule as the contract spells it: `len`, `range`, `pattern`, `one_of`, `unique`, `required`.
    pub fn rule(&self) -> &str {
        &self.rule
    }

    /// What the rule asks for, and what is there instead.
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.text)
    }
}

impl Violations {
    /// Those that are told.
    pub fn iter(&self) -> std::slice::Iter<'_, Violation> {
        self.listed.iter()
    }

    /// How many more there are.
    pub fn omitted(&self) -> u64 {
        self.omitted
    }

    fn is_empty(&self) -> bool {
        self.listed.is_empty()
    }

    /// Takes down a broken rule. `text` makes the sentence, and is not asked where there is no room.
    fn add(&mut self, at: &Place<'_>, rule: &'static str, text: impl FnOnce() -> String) {
        // Behind the first that is left out all are, so that what is told is the beginning.
        if self.omitted > 0 || self.listed.len() == MOST_LISTED {
            self.omitted += 1;
            return;
        }
        let violation = Violation {
            field: at.to_string(),
            rule: Cow::Borrowed(rule),
            text: text(),
        };
        let bytes = self.bytes + violation.field.len() + violation.text.len();
        if bytes > MOST_BYTES && !self.listed.is_empty() {
            self.omitted += 1;
            return;
        }
        self.bytes = bytes;
        self.listed.push(violation);
    }
}

impl<'a> IntoIterator for &'a Violations {
    type Item = &'a Violation;
    type IntoIter = std::slice::Iter<'a, Violation>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for Violations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, violation) in self.listed.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}{violation}")?;
        }
        match self.omitted {
            0 => Ok(()),
            more => write!(
                f,
                "; and {more} more (at most {MOST_LISTED} in {MOST_BYTES} bytes are told)"
            ),
        }
    }
}

impl error::Error for Violations {}

impl From<Violations> for Status {
    fn from(violations: Violations) -> Self {
        let text = format!("the request breaks rules of its contract: {violations}");
        Self::invalid_argument(text).with_detail(wire::detail(&violations))
    }
}

impl<E> From<Violations> for Error<E> {
    fn from(violations: Violations) -> Self {
        Status::from(violations).into()
    }
}

impl Status {
    /// The rules that the request broke, if that is why the call failed (`google.rpc.BadRequest`).
    pub fn violations(&self) -> Option<Violations> {
        let detail = self.detail()?;
        (self.code() == Code::InvalidArgument).then(|| wire::violations(detail))?
    }
}

impl<E> Error<E> {
    /// The rules that the request broke, if that is why the call failed (`google.rpc.BadRequest`).
    pub fn violations(&self) -> Option<Violations> {
        self.status().violations()
    }
}

#[cfg(test)]
mod tests;
