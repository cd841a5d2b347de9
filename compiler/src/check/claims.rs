//! Who wants which name where: in one Rust module, or in one scope of the protobuf descriptor.

use std::collections::{HashMap, HashSet};
use std::hash::BuildHasher as _;

use rustc_hash::{FxBuildHasher, FxHashSet};

use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;

/// The name spaces in which a name is there once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Space {
    /// Full names of the descriptor.
    Protobuf,
    /// Types of a Rust module.
    Type,
    /// Constants of a Rust module.
    Value,
    /// Modules inside a Rust module.
    Module,
}

impl Space {
    /// The space that has the names of this one. Types and modules share theirs in Rust: types begin with a capital letter
    /// and modules with a small one, but for those that begin with a digit.
    fn shared(self) -> Self {
        match self {
            Self::Module => Self::Type,
            space => space,
        }
    }
}

/// Where a claim comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Claim {
    /// Where it is declared, or what it is made for.
    pub(super) span: Span,
    /// What it is, with its article: "the message `Order`".
    pub(super) what: String,
    /// Whether the compiler makes it.
    pub(super) generated: bool,
}

/// All names claimed so far.
///
/// Names hardly ever meet, so everything is claimed by its hash first. Where two hashes meet everything is claimed again,
/// and what has one of these hashes is looked at: only there a claim is put into words and kept.
#[derive(Default)]
pub(super) struct Claims {
    /// The hashes of all claims; `None` once they are known.
    hashes: Option<FxHashSet<u64>>,
    /// Those that came more than once.
    met: FxHashSet<u64>,
    taken: HashMap<(Space, String), Claim>,
    /// Pairs of places that were reported: what clashes in the descriptor mostly clashes in Rust too.
    reported: HashSet<(Span, Span)>,
    /// The same by words: all services of a package make one module `v1`.
    told: HashSet<(String, String, String)>,
    pub(super) out: Vec<Diagnostic>,
}

impl Claims {
    /// Claims that are looked at by their hashes, until [`Claims::look_closer`].
    pub(super) fn at_a_glance() -> Self {
        Self {
            hashes: Some(FxHashSet::default()),
            ..Self::default()
        }
    }

    /// Whether any two claims may have met: then all are to be made again.
    pub(super) fn look_closer(&mut self) -> bool {
        self.hashes = None;
        !self.met.is_empty()
    }

    /// Claims `name` in `scope`; reports where something else has it.
    pub(super) fn claim(
        &mut self,
        space: Space,
        scope: &str,
        name: &str,
        claim: impl FnOnce() -> Claim,
    ) {
        let hash = FxBuildHasher.hash_one((space.shared(), scope, name));
        if let Some(hashes) = &mut self.hashes {
            if !hashes.insert(hash) {
                self.met.insert(hash);
            }
        } else if self.met.contains(&hash) {
            self.settle(space, scope, name, claim());
        }
    }

    fn settle(&mut self, space: Space, scope: &str, name: &str, claim: Claim) {
        let key = (
            space.shared(),
            if scope.is_empty() {
                name.to_owned()
            } else {
                format!("{scope}.{name}")
            },
        );
        let Some(first) = self.taken.get(&key) else {
            self.taken.insert(key, claim);
            return;
        };
        let again = !self
            .told
            .insert((key.1.clone(), first.what.clone(), claim.what.clone()));
        if first.what == claim.what || !self.reported.insert((first.span, claim.span)) || again {
            return;
        }
        if first.span == claim.span && space == Space::Module {
            self.out.push(of_a_digit(first, name));
            return;
        }
        let (code, message) = match space {
            Space::Module => (
                Code::ModuleClash,
                format!(
                    "{} and {} are both the module `{name}` in Rust",
                    first.what, claim.what
                ),
            ),
            _ if first.generated || claim.generated => (
                Code::GeneratedClash,
                format!("{} and {} have one name, `{name}`", first.what, claim.what),
            ),
            Space::Protobuf => (
                Code::GeneratedClash,
                format!(
                    "{} and {} are both `{}` for protobuf",
                    first.what, claim.what, key.1
                ),
            ),
            Space::Type | Space::Value => (
                Code::CaseClash,
                format!(
                    "{} and {} are both `{name}` in Rust",
                    first.what, claim.what
                ),
            ),
        };
        // The place to mend is the one that the author named.
        let (primary, other) = if claim.generated && !first.generated {
            (first, &claim)
        } else {
            (&claim, first)
        };
        self.out.push(
            Diagnostic::new(code, primary.span, message)
                .label(primary.what.clone())
                .also(other.span, other.what.clone())
                .help("rename one of them"),
        );
    }

    /// Notes that two places are reported already.
    pub(super) fn known(&mut self, first: Span, second: Span) {
        self.reported.insert((first, second));
        self.reported.insert((second, first));
    }
}

/// Reports a type whose module is called as the type itself.
fn of_a_digit(of: &Claim, name: &str) -> Diagnostic {
    Diagnostic::new(
        Code::ModuleClash,
        of.span,
        format!(
            "{} and the module of what is inside it are both `_{name}` in Rust",
            of.what
        ),
    )
    .label("begins with a digit in Rust")
    .help("begin the name with a letter")
}
