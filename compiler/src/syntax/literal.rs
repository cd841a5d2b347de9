//! What literals mean: numbers and strings as values, with a report for each that means nothing.

use std::fmt::Write as _;

use super::ast::{Release, Spanned};
use super::number::{self, Bad, Number};
use super::parse::Parser;
use super::scan::{LOST, shorten};
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;

impl Parser<'_> {
    /// The number at `span`; a bad one is reported and gives the value nearest to what was meant, if any is.
    pub(super) fn number(&mut self, span: Span) -> Option<Number> {
        let text = self.masked(span);
        let bad = match number::read(text) {
            Ok(number) => return Some(number),
            Err(bad) => bad,
        };
        let shown = shorten(text);
        let sign = if text.starts_with('-') { "-" } else { "" };
        let negative = !sign.is_empty();
        let (report, value) = match bad {
            Bad::LeadingZero(kept) => (
                {
                    let report = Diagnostic::new(Code::LeadingZero, span, format!("number with a leading zero: `{shown}`"))
                        .help(format!("write the digits alone, as in `{sign}{}`; hexadecimal is `0x…`", shorten(&kept)));
                    // `010` is ten here and eight elsewhere: only who wrote it knows.
                    if kept.len() == 1 || kept.contains(['8', '9']) {
                        // With its unit or fraction, which the digits are told without.
                        let digits = text[sign.len()..].trim_start_matches(['0', '_']);
                        let zero = if digits.starts_with(|c: char| c.is_ascii_digit()) { "" } else { "0" };
                        report.fix(span, format!("{sign}{zero}{digits}"))
                    } else {
                        report
                    }
                },
                kept.parse::<i128>().ok().map(|value| if negative { -value } else { value }),
            ),
            Bad::TooLarge(limit) => (
                Diagnostic::new(Code::NumberTooLarge, span, format!("number too large: `{shown}`"))
                    .label(format!("exceeds {limit}"))
                    .help("write a smaller number"),
                None,
            ),
            Bad::Unit(unit, near) => {
                let end = span.end as usize;
                let at = self.place_of(end - unit.len(), end);
                let report = Diagnostic::new(Code::UnknownUnit, at, format!("unknown unit `{}`", shorten(&unit)));
                let report = match near[..] {
                    [one] => report.help(format!("write `{one}`")).fix(at, one),
                    _ => report.help("durations are in `us ms s m h d`, sizes in `B KiB MiB GiB`"),
                };
                (report, None)
            }
            Bad::Malformed(why) => (
                Diagnostic::new(Code::MalformedNumber, span, format!("malformed number `{shown}`"))
                    .label(why)
                    .help("numbers are written like `500`, `1_000`, `0x1F`, `0b101`, `-2.5e9`, `800ms`, `4MiB`"),
                None,
            ),
        };
        self.reports.push(report);
        value.map(Number::Integer)
    }

    /// The integer at `span`; anything else is reported.
    pub(super) fn integer(&mut self, span: Span) -> Option<i128> {
        let number = self.number(span)?;
        if let Number::Integer(value) = number {
            return Some(value);
        }
        let shown = shorten(self.masked(span));
        self.reports.push(
            Diagnostic::new(
                Code::UnexpectedToken,
                span,
                format!("expected an integer, found `{shown}`"),
            )
            .help("write a whole number without a unit"),
        );
        None
    }

    /// The release at `span`; anything else is reported.
    pub(super) fn release(&mut self, span: Span) -> Option<Spanned<Release>> {
        let text = self.masked(span);
        let part = |digits: &str| {
            let plain = digits.bytes().all(|byte| byte.is_ascii_digit())
                && (digits == "0" || !digits.starts_with('0'));
            digits.parse::<u32>().ok().filter(|_| plain)
        };
        let release = text.split_once('.').and_then(|(major, minor)| {
            Some(Release {
                major: part(major)?,
                minor: part(minor)?,
            })
        });
        if let Some(value) = release {
            return Some(Spanned { value, span });
        }
        let report = Diagnostic::new(
            Code::MalformedRelease,
            span,
            format!("`{}` is no release", shorten(text)),
        );
        self.reports.push(match part(text) {
            Some(major) => report
                .help(format!("a release is `major.minor`: write `{major}.0`"))
                .fix(span.behind(), ".0"),
            None => report.help("a release is `major.minor`, both without leading zeros: `1.10`"),
        });
        None
    }

    /// The text between the quotes at `span`, escapes resolved; a bad escape is reported and left out. An unterminated
    /// string, reported before, gives what stands on its line.
    pub(super) fn string(&mut self, span: Span) -> String {
        let written = self.original(span);
        if self.masked(span).as_bytes().first() == Some(&LOST) {
            return written
                .trim_start_matches('r')
                .trim_matches(['"', '\''])
                .to_owned();
        }
        if let Some(raw) = written.strip_prefix("r\"") {
            return raw.strip_suffix('"').unwrap_or(raw).to_owned();
        }
        let inner = written
            .get(1..written.len().saturating_sub(1))
            .unwrap_or("");
        if !inner.contains('\\') {
            return inner.to_owned();
        }
        self.unescape(inner, span)
    }

    fn unescape(&mut self, inner: &str, span: Span) -> String {
        let mut value = String::with_capacity(inner.len());
        let mut rest = inner;
        while let Some(at) = rest.find('\\') {
            value.push_str(&rest[..at]);
            let offset = inner.len() - rest.len() + at;
            rest = &rest[at + 1..];
            let Some(letter) = rest.chars().next() else {
                break;
            };
            let plain = match letter {
                'n' => Some('\n'),
                'r' => Some('\r'),
                't' => Some('\t'),
                '0' => Some('\0'),
                '\\' | '"' | '\'' => Some(letter),
                _ => None,
            };
            let (length, result) = match (plain, letter) {
                (Some(c), _) => (1, Ok(c)),
                (None, 'x') => hexadecimal(rest),
                (None, 'u') => unicode(rest),
                (None, _) => (
                    letter.len_utf8(),
                    Err(format!(
                        "unknown escape `\\{}`",
                        shorten(&letter.to_string())
                    )),
                ),
            };
            match result {
                Ok(c) => value.push(c),
                Err(message) => {
                    // One for the opening quote, one for the backslash.
                    let start = span.start + u32::try_from(offset + 1).unwrap_or(0);
                    let end = start + u32::try_from(length + 1).unwrap_or(0);
                    self.reports.push(
                        Diagnostic::new(Code::BadEscape, Span::new(span.file, start, end), message)
                            .help("escapes are `\\n \\r \\t \\0 \\\\ \\\" \\' \\xNN \\u{…}`; write `\\\\` for a backslash"),
                    );
                }
            }
            rest = &rest[length..];
        }
        value.push_str(rest);
        value
    }
}

/// `xNN`: how long it is, and what it means.
fn hexadecimal(rest: &str) -> (usize, Result<char, String>) {
    let digits: String = rest[1..]
        .chars()
        .take(2)
        .take_while(char::is_ascii_hexdigit)
        .collect();
    let length = 1 + digits.len();
    if digits.len() < 2 {
        return (length, Err("`\\x` needs two hexadecimal digits".to_owned()));
    }
    match u8::from_str_radix(&digits, 16) {
        Ok(byte) if byte <= 0x7f => (length, Ok(char::from(byte))),
        _ => (length, Err(format!("`\\x{digits}` is beyond `\\x7F`"))),
    }
}

/// `u{…}`: how long it is, and what it means.
fn unicode(rest: &str) -> (usize, Result<char, String>) {
    let Some(inner) = rest[1..].strip_prefix('{') else {
        return (
            1,
            Err("`\\u` needs its digits in braces: `\\u{1F980}`".to_owned()),
        );
    };
    let digits: String = inner.chars().take_while(char::is_ascii_hexdigit).collect();
    let mut length = 2 + digits.len();
    if !inner[digits.len()..].starts_with('}') {
        return (length, Err("`\\u{` without its `}`".to_owned()));
    }
    length += 1;
    let value = u32::from_str_radix(&digits, 16)
        .ok()
        .filter(|_| digits.len() <= 6)
        .and_then(char::from_u32);
    let mut message = String::new();
    let _ = write!(message, "`\\u{{{}}}` is no character", shorten(&digits));
    (length, value.ok_or(message))
}
