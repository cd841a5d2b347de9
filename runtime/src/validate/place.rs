//! Where in a message a rule is broken: a path that costs nothing until it is written down.

use std::fmt::{self, Display, Write};

/// The most characters of a map's key or of a value that are quoted.
pub(super) const QUOTED: usize = 40;

/// The most bytes of a path: what is deeper is cut off at the front, since the end tells the field.
const LONGEST: usize = 256;

/// A field, or an entry of one, and the places around it.
pub struct Place<'a> {
    around: Option<&'a Place<'a>>,
    step: Step<'a>,
    secret: bool,
}

enum Step<'a> {
    Root,
    Field(&'static str),
    Index(usize),
    Key(&'a dyn MapKey),
}

/// A key of a map.
pub trait MapKey {
    /// Writes it as in a path: texts in quotes, shortened.
    ///
    /// # Errors
    /// Those of the formatter.
    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result;
}

impl MapKey for String {
    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Quoted(self))
    }
}

macro_rules! plain_keys {
    ($($key:ty)*) => {
        $(impl MapKey for $key {
            fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                Display::fmt(self, f)
            }
        })*
    };
}

plain_keys!(bool i32 i64 u32 u64);

/// The beginning of a text, in quotes, without anything that could change a terminal or forge a line of a log.
pub(super) struct Quoted<'a>(pub(super) &'a str);

impl Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0.chars();
        f.write_char('"')?;
        for character in rest.by_ref().take(QUOTED) {
            write!(f, "{}", character.escape_debug())?;
        }
        f.write_char('"')?;
        if rest.next().is_some() {
            f.write_char('…')?;
        }
        Ok(())
    }
}

impl<'a> Place<'a> {
    /// The message itself.
    pub(super) fn root() -> Self {
        Self {
            around: None,
            step: Step::Root,
            secret: false,
        }
    }

    /// A field of it, by its name in the contract.
    pub fn field(&'a self, name: &'static str) -> Self {
        self.inside(Step::Field(name))
    }

    /// A field whose value, and all in it, is never quoted.
    pub fn secret(&'a self, name: &'static str) -> Self {
        Self {
            secret: true,
            ..self.inside(Step::Field(name))
        }
    }

    pub(super) fn index(&'a self, index: usize) -> Self {
        self.inside(Step::Index(index))
    }

    pub(super) fn key(&'a self, key: &'a dyn MapKey) -> Self {
        self.inside(Step::Key(key))
    }

    pub(super) fn is_secret(&self) -> bool {
        self.secret
    }

    fn inside(&'a self, step: Step<'a>) -> Self {
        Self {
            around: Some(self),
            step,
            secret: self.secret,
        }
    }

    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(around) = self.around {
            around.write(f)?;
        }
        match self.step {
            Step::Root => Ok(()),
            Step::Field(name) => {
                let inner = self.around.is_some_and(|it| it.around.is_some());
                write!(f, "{}{name}", if inner { "." } else { "" })
            }
            Step::Index(index) => write!(f, "[{index}]"),
            Step::Key(_) if self.secret => f.write_str("[redacted]"),
            Step::Key(key) => {
                f.write_char('[')?;
                key.write(f)?;
                f.write_char(']')
            }
        }
    }
}

impl Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        struct Whole<'a>(&'a Place<'a>);
        impl Display for Whole<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.write(f)
            }
        }
        let whole = Whole(self).to_string();
        let mut from = whole.len().saturating_sub(LONGEST);
        while !whole.is_char_boundary(from) {
            from += 1;
        }
        write!(f, "{}{}", if from > 0 { "…" } else { "" }, &whole[from..])
    }
}

impl fmt::Debug for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Place({self})")
    }
}
