//! pest's notation of grammars as Rust: rules become functions on pest's combinators where they stand, as its derive would write
//! them.
//!
//! A build script waits for whatever reads the grammar. pest's derive is a parser of grammars with its own dependencies, as
//! long to build as the rest of the compiler; this is a macro. It knows what the grammar of `.rpc` files needs: rules that
//! are plain, silent (`_`), atomic (`@`) or compound (`$`), blanks between their parts, `~ | ! & ? * +`, strings and
//! the built-in rules below. It knows no language.

use pest::{ParseResult, ParserState, RuleType};

/// A text on its way through the rules.
pub(super) type State<'i, R> = Box<ParserState<'i, R>>;

/// What a rule leaves: the state behind what matched, or where it was.
pub(super) type Matched<'i, R> = ParseResult<State<'i, R>>;

/// What takes the state further. All are pointers, so that pest's combinators are built once and not for each part of a rule.
pub(super) type Part<'i, R> = fn(State<'i, R>) -> Matched<'i, R>;

/// A grammar: the enum `Rule`, a function for each rule, and a parser called `Grammar`. It has a rule `WHITESPACE`.
macro_rules! grammar {
    ($($name:ident = $kind:tt $({ $($body:tt)* })?)*) => {
        /// The parser.
        pub(super) struct Grammar;

        /// What a pair was matched by.
        #[cfg_attr(not(test), expect(dead_code, reason = "silent rules make no pairs"))]
        #[expect(non_camel_case_types, clippy::upper_case_acronyms, reason = "spelled as in the grammar")]
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub(super) enum Rule { EOI, $($name),* }

        #[cfg(test)]
        impl Rule {
            /// All of the grammar's own.
            pub(super) const ALL: &'static [Self] = &[$(Self::$name),*];
        }

        impl pest::Parser<Rule> for Grammar {
            fn parse(rule: Rule, text: &str) -> Result<pest::iterators::Pairs<'_, Rule>, pest::error::Error<Rule>> {
                pest::state(text, |state| match rule {
                    Rule::EOI => rules::EOI(state),
                    $(Rule::$name => rules::$name(state),)*
                })
            }
        }

        #[expect(non_snake_case, reason = "spelled as in the grammar")]
        mod rules {
            use super::Rule;
            use crate::syntax::notation::{
                ANY, ASCII_ALPHA, ASCII_ALPHANUMERIC, ASCII_DIGIT, Matched, Part, SOI, State, choice, first_of, in_order, many,
                part, rule, sequence,
            };

            pub(super) fn EOI(state: State<'_, Rule>) -> Matched<'_, Rule> {
                state.rule(Rule::EOI, |state| state.end_of_input())
            }

            /// Blanks, where the rule is not atomic.
            fn skip(state: State<'_, Rule>) -> Matched<'_, Rule> {
                if state.atomicity() == pest::Atomicity::NonAtomic {
                    state.repeat(WHITESPACE as Part<'_, Rule>)
                } else {
                    Ok(state)
                }
            }

            $(pub(super) fn $name(state: State<'_, Rule>) -> Matched<'_, Rule> {
                rule!(state $name $kind $({ $($body)* })?)
            })*
        }
    };
}

/// The body of a rule, by its kind.
macro_rules! rule {
    ($s:ident $name:ident { $($body:tt)* }) => {
        $s.rule(Rule::$name, (|$s| choice!(spaced $s [] [] $($body)*)) as Part<'_, Rule>)
    };
    ($s:ident $name:ident _ { $($body:tt)* }) => {
        choice!(spaced $s [] [] $($body)*)
    };
    ($s:ident $name:ident @ { $($body:tt)* }) => {
        $s.rule(Rule::$name, (|$s| {
            $s.atomic(pest::Atomicity::Atomic, (|$s| choice!(solid $s [] [] $($body)*)) as Part<'_, Rule>)
        }) as Part<'_, Rule>)
    };
    ($s:ident $name:ident $dollar:tt { $($body:tt)* }) => {
        $s.atomic(pest::Atomicity::CompoundAtomic, (|$s| {
            $s.rule(Rule::$name, (|$s| choice!(solid $s [] [] $($body)*)) as Part<'_, Rule>)
        }) as Part<'_, Rule>)
    };
}

/// `a ~ b | c`, which is taken apart into `[alternatives]` of `[parts]`; `spaced` or `solid` says what is between parts.
macro_rules! choice {
    ($m:ident $s:ident [$($done:tt)*] $parts:tt | $($rest:tt)*) => {
        choice!($m $s [$($done)* $parts] [] $($rest)*)
    };
    ($m:ident $s:ident $done:tt $parts:tt ~ $($rest:tt)*) => {
        choice!($m $s $done $parts $($rest)*)
    };
    ($m:ident $s:ident $done:tt [$($part:tt)*] ! $a:tt $($rest:tt)*) => {
        choice!($m $s $done [$($part)* (! $a)] $($rest)*)
    };
    ($m:ident $s:ident $done:tt [$($part:tt)*] & $a:tt $($rest:tt)*) => {
        choice!($m $s $done [$($part)* (& $a)] $($rest)*)
    };
    ($m:ident $s:ident $done:tt [$($part:tt)*] $a:tt ? $($rest:tt)*) => {
        choice!($m $s $done [$($part)* ($a ?)] $($rest)*)
    };
    ($m:ident $s:ident $done:tt [$($part:tt)*] $a:tt * $($rest:tt)*) => {
        choice!($m $s $done [$($part)* ($a *)] $($rest)*)
    };
    // At least one: one, and as many more as there are.
    ($m:ident $s:ident $done:tt [$($part:tt)*] $a:tt + $($rest:tt)*) => {
        choice!($m $s $done [$($part)* ($a) ($a *)] $($rest)*)
    };
    ($m:ident $s:ident $done:tt [$($part:tt)*] $a:tt $($rest:tt)*) => {
        choice!($m $s $done [$($part)* ($a)] $($rest)*)
    };
    ($m:ident $s:ident [] $parts:tt) => {
        sequence!($m $s $parts)
    };
    ($m:ident $s:ident [$($first:tt)*] $last:tt) => {
        first_of($s, &[$(|$s| sequence!($m $s $first),)* |$s| sequence!($m $s $last)])
    };
}

/// One part behind the other.
macro_rules! sequence {
    ($m:ident $s:ident [$only:tt]) => {
        part!($m $s $only)
    };
    (spaced $s:ident [$first:tt $($other:tt)*]) => {
        in_order($s, &[|$s| part!(spaced $s $first) $(, |$s| skip($s), |$s| part!(spaced $s $other))*])
    };
    (solid $s:ident [$first:tt $($other:tt)*]) => {
        in_order($s, &[|$s| part!(solid $s $first) $(, |$s| part!(solid $s $other))*])
    };
}

/// A name, a string or what stands in parentheses, as often as it says.
macro_rules! part {
    ($m:ident $s:ident (! $a:tt)) => {
        $s.lookahead(false, (|$s| part!($m $s ($a))) as Part<'_, Rule>)
    };
    ($m:ident $s:ident (& $a:tt)) => {
        $s.lookahead(true, (|$s| part!($m $s ($a))) as Part<'_, Rule>)
    };
    ($m:ident $s:ident ($a:tt ?)) => {
        $s.optional((|$s| part!($m $s ($a))) as Part<'_, Rule>)
    };
    (spaced $s:ident ($a:tt *)) => {
        many($s, |$s| skip($s), |$s| part!(spaced $s ($a)))
    };
    (solid $s:ident ($a:tt *)) => {
        $s.repeat((|$s| part!(solid $s ($a))) as Part<'_, Rule>)
    };
    ($m:ident $s:ident (($($inner:tt)*))) => {
        choice!($m $s [] [] $($inner)*)
    };
    ($m:ident $s:ident ($text:literal)) => {
        $s.match_string($text)
    };
    ($m:ident $s:ident ($name:ident)) => {
        $name($s)
    };
}

pub(super) use {choice, grammar, part, rule, sequence};

/// One part behind the other, or none of them.
#[inline]
pub(super) fn in_order<'i, R: RuleType>(
    state: State<'i, R>,
    parts: &[Part<'i, R>],
) -> Matched<'i, R> {
    state.sequence(|state| parts.iter().try_fold(state, |state, part| part(state)))
}

/// The first that matches.
#[inline]
pub(super) fn first_of<'i, R: RuleType>(
    mut state: State<'i, R>,
    parts: &[Part<'i, R>],
) -> Matched<'i, R> {
    for part in parts {
        match part(state) {
            Ok(state) => return Ok(state),
            Err(unmatched) => state = unmatched,
        }
    }
    Err(state)
}

/// As many as there are, with what `skip` passes between them.
#[inline]
pub(super) fn many<'i, R: RuleType>(
    state: State<'i, R>,
    skip: Part<'i, R>,
    one: Part<'i, R>,
) -> Matched<'i, R> {
    state.optional(|state| {
        one(state).and_then(|state| state.repeat(|state| in_order(state, &[skip, one])))
    })
}

/// The start of the text.
#[expect(non_snake_case, reason = "pest's name")]
pub(super) fn SOI<R: RuleType>(state: State<'_, R>) -> Matched<'_, R> {
    state.start_of_input()
}

/// Any character.
#[expect(non_snake_case, reason = "pest's name")]
pub(super) fn ANY<R: RuleType>(state: State<'_, R>) -> Matched<'_, R> {
    state.skip(1)
}

/// `a` to `z` and `A` to `Z`.
#[expect(non_snake_case, reason = "pest's name")]
pub(super) fn ASCII_ALPHA<R: RuleType>(state: State<'_, R>) -> Matched<'_, R> {
    state.match_char_by(|c| c.is_ascii_alphabetic())
}

/// `0` to `9`.
#[expect(non_snake_case, reason = "pest's name")]
pub(super) fn ASCII_DIGIT<R: RuleType>(state: State<'_, R>) -> Matched<'_, R> {
    state.match_char_by(|c| c.is_ascii_digit())
}

/// Both.
#[expect(non_snake_case, reason = "pest's name")]
pub(super) fn ASCII_ALPHANUMERIC<R: RuleType>(state: State<'_, R>) -> Matched<'_, R> {
    state.match_char_by(|c| c.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fmt::Write as _;

    use pest::iterators::Pairs;
    use pest::{Parser as _, RuleType, error::Error, error::ErrorVariant};
    use pest_meta::ast::RuleType as Kind;
    use pest_vm::Vm;

    use crate::syntax::grammar::{Grammar, Rule};

    /// Statements as `lean` leaves them, right and wrong, which every rule that makes a pair matches something of.
    const STATEMENTS: [&str; 26] = [
        "edition 2026;;",
        "package shop.orders;;;",
        "import\"a/b.rpc\"",
        "@a@b(1)const A:int32=-1.5e+3;",
        "const B:string=\"a\\\"b\"const C:T=r\"\\\",",
        "@a(x:1,\"s\",[1,2,],.a.b,c.d(1..=2,..3,4..),)message M{}",
        "message M{a:\u{1}=\u{1}\u{1}}",
        "message M{a:int32=1;b:[.a.B]?@x=0x1f@y;c:map<string,[T]>,d:T;reserved 1,2..=3,\"a\",4 to 5}",
        "message M{oneof o{a:A=1;@b b:B=2}enum E{A=0;@x B=-1;C reserved 2;reserved=3}message N{};;}",
        "message M{repeated a:int32=1;optional string b=2[deprecated=true,a=[1]]@x;int32 c=3",
        "message M{1:required list<i32>d;2:string e a b c;{x{}y;}f(;g}}",
        "message M{a:repeated int32=1;b:optional[.x]=2;c:optional.x=3;d:\u{5}=4;\u{1}=5;e:required m<a,b>?=6\u{2}",
        "error E(not_found){a:A=1}error F\u{3}message a{b:c=1}}",
        "enum E{UNKNOWN=0,B;C}enum F{reserved 1..=2,4,\"x\";}",
        "service S{versions 1.0,1.1,2.0;groups a,b,..;@x rpc a(B)->C throws d.E,f,@since(1.1);rpc b()",
        "service S{rpc a(a:int32=1,b:[C]@x=2,)->stream D;rpc b(stream A)returns(stream B){}rpc c(B)returns C;}",
        "service S{rpc stream(stream)->throws;rpc a(repeated A)->B;rpc b(a:A@b)@c;}",
        "a:A=1;message;rpc a();#%",
        "A=1;B=2}",
        "oneof o{a:A=1}",
        "rpc a()->b;versions 1;groups a}",
        "} x",
        "a b c;d{e{f}\u{2}",
        "M{a:A=1;}",
        "a(b:c)->d",
        "",
    ];

    /// The grammar as pest would have it in a file.
    fn notation() -> &'static str {
        let (_, behind) = include_str!("grammar.rs")
            .split_once("\ngrammar! {\n")
            .unwrap();
        behind.split_once("\n}\n").unwrap().0
    }

    fn tree<R: RuleType>(pairs: Pairs<'_, R>, seen: &mut BTreeSet<String>) -> String {
        let mut text = String::new();
        for pair in pairs {
            let (rule, span) = (name(&pair.as_rule()), pair.as_span());
            let _ = write!(text, "{rule} {}..{} (", span.start(), span.end());
            text += &tree(pair.into_inner(), seen);
            text.push(')');
            seen.insert(rule);
        }
        text
    }

    /// pest's machine has strings for rules.
    fn name(rule: &impl RuleType) -> String {
        format!("{rule:?}").trim_matches('"').to_owned()
    }

    /// The pairs, or where it stopped and what it expected there.
    fn said<R: RuleType>(
        result: Result<Pairs<'_, R>, Error<R>>,
        seen: &mut BTreeSet<String>,
    ) -> String {
        let error = match result {
            Ok(pairs) => return tree(pairs, seen),
            Err(error) => error,
        };
        let ErrorVariant::ParsingError {
            positives,
            negatives,
        } = error.variant
        else {
            panic!("{error:?}")
        };
        let [positives, negatives] =
            [positives, negatives].map(|rules| rules.iter().map(name).collect::<BTreeSet<_>>());
        format!("{:?} {positives:?} {negatives:?}", error.location)
    }

    /// `text` with one piece of it left out, doubled or moved to another place.
    fn altered(text: &str, seed: &mut u64) -> String {
        let mut below = |end: usize| {
            *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            usize::try_from(*seed >> 33).unwrap() % end.max(1)
        };
        let mut letters: Vec<char> = text.chars().collect();
        let from = below(letters.len());
        let to = (from + 1 + below(4)).min(letters.len());
        let piece: Vec<char> = letters[from..to].to_vec();
        let kind = below(3);
        if kind != 0 {
            letters.drain(from..to);
        }
        if kind != 1 {
            let at = below(letters.len() + 1);
            letters.splice(at..at, piece);
        }
        letters.into_iter().collect()
    }

    #[test]
    fn pests_own_reading_of_the_grammar_gives_the_same_pairs_and_errors() {
        let (_, rules) = pest_meta::parse_and_optimize(notation()).unwrap();
        let makes_pairs = |kind| kind != Kind::Silent;
        // What nothing can match is there to be asked what could have stood in its place.
        let expected: BTreeSet<_> = rules
            .iter()
            .filter(|rule| makes_pairs(rule.ty) && rule.name != "never")
            .map(|rule| rule.name.clone())
            .chain(["EOI".to_owned()])
            .collect();
        let machine = Vm::new(rules);
        let (mut seen, mut seed) = (BTreeSet::new(), 7);
        for statement in STATEMENTS {
            let mut text = statement.to_owned();
            for round in 0..6 {
                for rule in Rule::ALL {
                    let own = said(Grammar::parse(*rule, &text), &mut seen);
                    let pests = said(machine.parse(&name(rule), &text), &mut BTreeSet::new());
                    assert_eq!(own, pests, "{rule:?} of {text:?}");
                }
                // Alterations of alterations, and from the start again.
                let before = if round % 4 == 0 { statement } else { &text };
                text = altered(before, &mut seed);
            }
        }
        assert_eq!(seen, expected, "every rule has its part in a statement");
    }
}
