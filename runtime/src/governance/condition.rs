//! Conditions that people type: of calls, and of instances.
//!
//! ```text
//!   method = get* and metadata.tenant in (acme, initech)
//!   not zone = west or release >= 1.2
//! ```
//!
//! | part | what |
//! |---|---|
//! | `a = text`, `a != text` | the whole text; `*` stands for anything |
//! | `a in (one, two)`, `a not in (one, two)` | any of these |
//! | `release >= 1.2` | `<`, `<=`, `>`, `>=`: releases only |
//! | `and`, `or`, `not`, `( )` | `not` binds most, `or` least |
//! | `any` | always |
//!
//! A text of letters, digits and `_ - . * : / @ +` needs no quotes; others stand in `'…'` or `"…"`.

use std::fmt;

use winnow::ascii::multispace0;
use winnow::combinator::{
    alt, cut_err, delimited, not, opt, preceded, repeat, separated, terminated,
};
use winnow::error::{ContextError, ParseError, StrContext, StrContextValue};
use winnow::stream::{LocatingSlice, Location, Stateful};
use winnow::token::{any, one_of, take_till, take_while};
use winnow::{ModalResult, Parser};

/// The longest condition, in bytes.
const MAX_TEXT: usize = 2_000;

/// How deep brackets may lie within each other.
const MAX_DEPTH: usize = 16;

/// What is wrong with a condition, and at which byte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wrong {
    pub(super) at: usize,
    pub(super) why: String,
}

/// A condition on subjects of one kind.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Condition<S> {
    /// All of these; always where there are none.
    All(Vec<Self>),
    /// Any of these.
    Any(Vec<Self>),
    Not(Box<Self>),
    /// What is asked of one subject.
    Test(S),
}

impl<S> Condition<S> {
    /// Whether it holds, where `test` may not know yet: `None` if that decides.
    pub(super) fn holds(&self, test: &mut dyn FnMut(&S) -> Option<bool>) -> Option<bool> {
        let join = |parts: &[Self], decisive: bool, test: &mut dyn FnMut(&S) -> Option<bool>| {
            let mut whole = Some(!decisive);
            for part in parts {
                match part.holds(test) {
                    Some(value) if value == decisive => return Some(decisive),
                    Some(_) => {}
                    None => whole = None,
                }
            }
            whole
        };
        match self {
            Self::All(parts) => join(parts, false, test),
            Self::Any(parts) => join(parts, true, test),
            Self::Not(part) => part.holds(test).map(|value| !value),
            Self::Test(subject) => test(subject),
        }
    }

    /// Every test in it.
    pub(super) fn tests(&self, visit: &mut dyn FnMut(&S)) {
        match self {
            Self::All(parts) | Self::Any(parts) => {
                for part in parts {
                    part.tests(visit);
                }
            }
            Self::Not(part) => part.tests(visit),
            Self::Test(subject) => visit(subject),
        }
    }

    fn typed<T>(&self, typed: &dyn Fn(&S) -> Result<T, Wrong>) -> Result<Condition<T>, Wrong> {
        let all = |parts: &[Self]| {
            let parts = parts.iter().map(|part| part.typed(typed));
            parts.collect::<Result<_, _>>()
        };
        Ok(match self {
            Self::All(parts) => Condition::All(all(parts)?),
            Self::Any(parts) => Condition::Any(all(parts)?),
            Self::Not(part) => Condition::Not(Box::new(part.typed(typed)?)),
            Self::Test(subject) => Condition::Test(typed(subject)?),
        })
    }
}

/// A test as it was written.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Written {
    /// `zone`, `tag.version`
    pub(super) subject: String,
    /// Where it stands.
    pub(super) at: usize,
    pub(super) relation: Relation,
    /// At least one; more behind `in`.
    pub(super) values: Vec<(usize, String)>,
}

impl Written {
    pub(super) fn wrong(&self, why: impl Into<String>) -> Wrong {
        Wrong {
            at: self.at,
            why: why.into(),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Relation {
    /// `=`, `in`
    Is,
    /// `!=`, `not in`
    IsNot,
    Less,
    AtMost,
    More,
    AtLeast,
}

impl fmt::Display for Relation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Is => "=",
            Self::IsNot => "!=",
            Self::Less => "<",
            Self::AtMost => "<=",
            Self::More => ">",
            Self::AtLeast => ">=",
        })
    }
}

/// A text with `*` for anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern(String);

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Pattern {
    pub(super) fn new(text: &str) -> Self {
        Self(text.to_owned())
    }

    pub(super) fn fits(&self, text: &str) -> bool {
        let Some((first, rest)) = self.0.split_once('*') else {
            return self.0 == text;
        };
        let Some(mut text) = text.strip_prefix(first) else {
            return false;
        };
        let (middle, last) = rest.rsplit_once('*').unwrap_or(("", rest));
        // What is found first leaves the most for what follows.
        for part in middle.split('*') {
            let Some(at) = text.find(part) else {
                return false;
            };
            text = &text[at + part.len()..];
        }
        text.ends_with(last)
    }
}

/// Reads a condition; `typed` says what each test asks.
pub(super) fn parse<T>(
    text: &str,
    typed: &dyn Fn(&Written) -> Result<T, Wrong>,
) -> Result<Condition<T>, Wrong> {
    if text.len() > MAX_TEXT {
        return Err(Wrong {
            at: 0,
            why: format!(
                "a condition of {} bytes: the limit is {MAX_TEXT}",
                text.len()
            ),
        });
    }
    let input = Input {
        input: LocatingSlice::new(text),
        state: 0,
    };
    let written = terminated(either, space).parse(input);
    written.map_err(|error| wrong(&error))?.typed(typed)
}

type Input<'a> = Stateful<LocatingSlice<&'a str>, usize>;

fn wrong(error: &ParseError<Input<'_>, ContextError>) -> Wrong {
    // What is innermost was looked for last.
    let expected = error.inner().context().find_map(|context| match context {
        StrContext::Expected(value) => Some(value.to_string()),
        _ => None,
    });
    let rest = &error.input().input[error.offset()..];
    let found = match rest.split_whitespace().next() {
        Some(word) => format!("`{}`", word.chars().take(30).collect::<String>()),
        None => "the end".to_owned(),
    };
    let expected = expected.as_deref().unwrap_or("`and`, `or` or the end");
    Wrong {
        at: error.offset(),
        why: format!("{expected} should stand where {found} does"),
    }
}

fn expected(what: &'static str) -> StrContext {
    StrContext::Expected(StrContextValue::Description(what))
}

fn space(input: &mut Input<'_>) -> ModalResult<()> {
    multispace0.void().parse_next(input)
}

fn is_bare(char: char) -> bool {
    char.is_alphanumeric() || "_-.*:/@+".contains(char)
}

/// This word, and not the beginning of a longer one.
fn word<'a>(
    word: &'static str,
) -> impl Parser<Input<'a>, (), winnow::error::ErrMode<ContextError>> {
    (space, word, not(one_of(is_bare))).void()
}

fn sign<'a>(
    sign: &'static str,
) -> impl Parser<Input<'a>, (), winnow::error::ErrMode<ContextError>> {
    (space, sign).void()
}

fn either(input: &mut Input<'_>) -> ModalResult<Condition<Written>> {
    let parts: Vec<_> = separated(1.., both, word("or")).parse_next(input)?;
    Ok(joined(parts, Condition::Any))
}

fn both(input: &mut Input<'_>) -> ModalResult<Condition<Written>> {
    let parts: Vec<_> = separated(1.., one, word("and")).parse_next(input)?;
    Ok(joined(parts, Condition::All))
}

fn joined(
    mut parts: Vec<Condition<Written>>,
    join: fn(Vec<Condition<Written>>) -> Condition<Written>,
) -> Condition<Written> {
    match parts.len() {
        1 => parts.remove(0),
        _ => join(parts),
    }
}

fn one(input: &mut Input<'_>) -> ModalResult<Condition<Written>> {
    let nots: usize = repeat(0.., word("not"))
        .fold(|| 0, |count, ()| count + 1)
        .parse_next(input)?;
    let condition = alt((
        bracketed,
        word("any").map(|()| Condition::All(Vec::new())),
        test.map(Condition::Test),
    ))
    .context(expected("a condition such as `zone = west`"));
    let condition = cut_err(condition).parse_next(input)?;
    Ok(if nots % 2 == 1 {
        Condition::Not(Box::new(condition))
    } else {
        condition
    })
}

fn bracketed(input: &mut Input<'_>) -> ModalResult<Condition<Written>> {
    sign("(").parse_next(input)?;
    input.state += 1;
    if input.state > MAX_DEPTH {
        return cut_err(winnow::combinator::fail)
            .context(expected("fewer brackets within each other (16 at most)"))
            .parse_next(input);
    }
    let condition = either(input)?;
    cut_err(sign(")"))
        .context(expected("`)`"))
        .parse_next(input)?;
    input.state -= 1;
    Ok(condition)
}

fn test(input: &mut Input<'_>) -> ModalResult<Written> {
    space(input)?;
    let at = input.current_token_start();
    let subject = subject(input)?;
    let in_list = (opt(word("not")), word("in")).map(|(not, ())| {
        if not.is_some() {
            Relation::IsNot
        } else {
            Relation::Is
        }
    });
    if let Some(relation) = opt(in_list).parse_next(input)? {
        return cut_err(list)
            .map(|values| Written {
                subject: subject.clone(),
                at,
                relation,
                values,
            })
            .parse_next(input);
    }
    let relation = cut_err(relation)
        .context(expected("`=`, `!=`, `in` or `not in`"))
        .parse_next(input)?;
    let value = cut_err(value)
        .context(expected("a text, in quotes if it has spaces"))
        .parse_next(input)?;
    Ok(Written {
        subject,
        at,
        relation,
        values: vec![value],
    })
}

fn relation(input: &mut Input<'_>) -> ModalResult<Relation> {
    preceded(
        space,
        alt((
            "!=".value(Relation::IsNot),
            "==".value(Relation::Is),
            "=".value(Relation::Is),
            "<=".value(Relation::AtMost),
            "<".value(Relation::Less),
            ">=".value(Relation::AtLeast),
            ">".value(Relation::More),
        )),
    )
    .parse_next(input)
}

/// A name, and behind a dot what may stand in quotes: `tag."my version"`.
fn subject(input: &mut Input<'_>) -> ModalResult<String> {
    let name = take_while(1.., |char: char| {
        char.is_ascii_alphanumeric() || char == '_'
    });
    let key = preceded(
        '.',
        alt((quoted, take_while(1.., is_bare).map(str::to_owned))),
    );
    (name, opt(key))
        .map(|(name, key): (&str, Option<String>)| match key {
            Some(key) => format!("{name}.{key}"),
            None => name.to_owned(),
        })
        .parse_next(input)
}

fn list(input: &mut Input<'_>) -> ModalResult<Vec<(usize, String)>> {
    let values = |close: &'static str| {
        terminated(
            separated(
                1..,
                cut_err(value).context(expected("a text, in quotes if it has spaces")),
                sign(","),
            ),
            cut_err(sign(close)).context(expected("`,` or the end of the list")),
        )
    };
    alt((
        preceded(sign("("), values(")")),
        preceded(sign("["), values("]")),
    ))
    .context(expected("a list such as `(one, two)`"))
    .parse_next(input)
}

fn value(input: &mut Input<'_>) -> ModalResult<(usize, String)> {
    space(input)?;
    let at = input.current_token_start();
    let bare = take_while(1.., is_bare).map(str::to_owned);
    let text = alt((quoted, bare)).parse_next(input)?;
    Ok((at, text))
}

fn quoted(input: &mut Input<'_>) -> ModalResult<String> {
    let in_quotes = |quote: char| {
        delimited(
            quote,
            take_till(0.., quote),
            cut_err(any.verify(move |char| *char == quote)).context(expected("the closing quote")),
        )
        .map(str::to_owned)
    };
    alt((in_quotes('\''), in_quotes('"'))).parse_next(input)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Condition<Written>, Wrong> {
        parse(text, &|written: &Written| Ok(written.clone()))
    }

    /// What was understood, or what is wrong and where.
    fn shown(text: &str) -> String {
        fn show(condition: &Condition<Written>) -> String {
            let join = |parts: &[Condition<Written>], by: &str| {
                let parts: Vec<_> = parts.iter().map(show).collect();
                format!("({})", parts.join(by))
            };
            match condition {
                Condition::All(parts) => join(parts, " & "),
                Condition::Any(parts) => join(parts, " | "),
                Condition::Not(part) => format!("!{}", show(part)),
                Condition::Test(test) => {
                    let values: Vec<_> = test.values.iter().map(|(_, value)| &**value).collect();
                    format!("{}{}{}", test.subject, test.relation, values.join(","))
                }
            }
        }
        match read(text) {
            Ok(condition) => show(&condition),
            Err(wrong) => format!("{}: {}", wrong.at, wrong.why),
        }
    }

    #[test]
    fn conditions_are_read_as_people_type_them() {
        for (text, expect) in [
            ("zone = west", "zone=west"),
            (
                r#"method = "get*" and metadata.tenant = "acme""#,
                "(method=get* & metadata.tenant=acme)",
            ),
            (
                "a=1 or b=2 and not (c=3 or d != 4)",
                "(a=1 | (b=2 & !(c=3 | d!=4)))",
            ),
            ("not not a = 1", "a=1"),
            ("tag.\"my version\" in ('x y', z)", "tag.my version=x y,z"),
            ("a not in [1,2]", "a!=1,2"),
            ("release>=1.2", "release>=1.2"),
            (
                "address = tcp://10.0.0.*:7000",
                "address=tcp://10.0.0.*:7000",
            ),
            ("any", "()"),
            (" anywhere = 1 ", "anywhere=1"),
            ("inside = notes", "inside=notes"),
            ("zone = größe", "zone=größe"),
        ] {
            assert_eq!(shown(text), expect, "{text}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_told_where_and_what_should_stand_there() {
        let faults = [
            "",
            "zone",
            "zone =",
            "zone = west east",
            "zone = west and",
            "(zone = west",
            "zone in west",
            "zone in (west",
            "zone = 'west",
            "= west",
            "zone = §1",
        ];
        let told: Vec<_> = faults
            .iter()
            .map(|text| format!("{text:20} {}", shown(text)))
            .collect();
        insta::assert_snapshot!(told.join("\n"), @r"
                             0: a condition such as `zone = west` should stand where the end does
        zone                 4: `=`, `!=`, `in` or `not in` should stand where the end does
        zone =               6: a text, in quotes if it has spaces should stand where the end does
        zone = west east     12: `and`, `or` or the end should stand where `east` does
        zone = west and      15: a condition such as `zone = west` should stand where the end does
        (zone = west         12: `)` should stand where the end does
        zone in west         8: a list such as `(one, two)` should stand where `west` does
        zone in (west        13: `,` or the end of the list should stand where the end does
        zone = 'west         12: the closing quote should stand where the end does
        = west               0: a condition such as `zone = west` should stand where `=` does
        zone = §1            7: a text, in quotes if it has spaces should stand where `§1` does
        ");
        assert!(shown(&"(".repeat(1999)).contains("fewer brackets"));
        assert!(shown(&"x".repeat(2001)).contains("the limit is 2000"));
        assert!(shown(&"not ".repeat(499)).contains("a condition"));
    }

    #[test]
    fn a_pattern_fits_a_whole_text() {
        let fits = |pattern: &str, text: &str| Pattern::new(pattern).fits(text);
        assert!(fits("get*", "get") && fits("get*", "get_all") && !fits("get*", "forget"));
        assert!(fits("*a*b*", "xaxbx") && !fits("*a*b*", "xbxax"));
        assert!(fits("a*a", "aa") && !fits("a*a", "a"));
        assert!(fits("*", "") && fits("", "") && !fits("", "x"));
        assert!(fits("**", "x") && fits("a**b", "ab"));
    }

    #[test]
    fn what_is_not_known_yet_is_left_open() {
        let condition = read("a = 1 and (b = 1 or c = 1)").unwrap();
        let holds = |a, b| {
            condition.holds(&mut |test: &Written| match test.subject.as_str() {
                "a" => a,
                "b" => b,
                _ => None,
            })
        };
        assert_eq!(holds(Some(false), None), Some(false));
        assert_eq!(holds(Some(true), Some(true)), Some(true));
        assert_eq!(holds(Some(true), Some(false)), None);
        assert_eq!(holds(None, Some(true)), None);
    }
}
