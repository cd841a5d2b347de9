//! `@pattern` as a program that the runtime runs: states over characters, without anything of the dialect in it.
//!
//! The numbers are those of the runtime's `validate::pattern`, which says what they do.

use regex_syntax::hir::{Class, Hir, HirKind, Look, Repetition};

/// A step is its operation in the upper 8 bits and its argument in the lower 24.
const OPERATION: u32 = 24;

const MATCH: u32 = 0;
const CHARACTER: u32 = 1;
const CLASS: u32 = 2;
const SPLIT: u32 = 3;
const JUMP: u32 = 4;
const LOOK: u32 = 5;

type Ranges = Vec<(char, char)>;

/// A pattern that was checked, as an expression of the runtime's type.
pub(super) fn program(pattern: &str) -> String {
    let mut program = Program::default();
    // The check has parsed it already; what cannot be parsed matches nothing.
    if let Ok(hir) = regex_syntax::parse(pattern) {
        program.add(&hir);
        program.push(MATCH, 0);
    }
    let steps: Vec<String> = program.steps.iter().map(u32::to_string).collect();
    let classes: Vec<String> = program
        .classes
        .iter()
        .map(|ranges| {
            let ranges: Vec<String> = ranges.iter().copied().map(range).collect();
            format!("&[{}]", ranges.join(", "))
        })
        .collect();
    format!(
        "::callsheet::codegen::Pattern::new(&[{}], &[{}])",
        steps.join(", "),
        classes.join(", ")
    )
}

fn range((first, last): (char, char)) -> String {
    format!(
        "('{}', '{}')",
        first.escape_default(),
        last.escape_default()
    )
}

#[derive(Default)]
struct Program {
    steps: Vec<u32>,
    classes: Vec<Ranges>,
}

impl Program {
    fn push(&mut self, operation: u32, argument: u32) -> usize {
        self.steps.push(operation << OPERATION | argument);
        self.steps.len() - 1
    }

    /// The place of the next step, as an argument. The check keeps patterns far below what 24 bits count.
    fn here(&self) -> u32 {
        u32::try_from(self.steps.len()).unwrap_or(u32::MAX >> (32 - OPERATION))
    }

    /// Lets the step at `at` lead to the next one.
    fn land(&mut self, at: usize) {
        self.steps[at] |= self.here();
    }

    fn add(&mut self, hir: &Hir) {
        match hir.kind() {
            HirKind::Empty => {}
            HirKind::Literal(literal) => {
                for character in String::from_utf8_lossy(&literal.0).chars() {
                    self.push(CHARACTER, character.into());
                }
            }
            HirKind::Class(class) => {
                let class = self.class(ranges(class));
                self.push(CLASS, class);
            }
            HirKind::Look(look) => self.look(*look),
            HirKind::Repetition(repetition) => self.repetition(repetition),
            HirKind::Capture(capture) => self.add(&capture.sub),
            HirKind::Concat(parts) => parts.iter().for_each(|part| self.add(part)),
            HirKind::Alternation(parts) => self.alternation(parts),
        }
    }

    fn repetition(&mut self, repetition: &Repetition) {
        for _ in 0..repetition.min {
            self.add(&repetition.sub);
        }
        let Some(max) = repetition.max else {
            let again = self.here();
            let end = self.push(SPLIT, 0);
            self.add(&repetition.sub);
            self.push(JUMP, again);
            return self.land(end);
        };
        let mut ends = Vec::new();
        for _ in repetition.min..max {
            ends.push(self.push(SPLIT, 0));
            self.add(&repetition.sub);
        }
        for end in ends {
            self.land(end);
        }
    }

    fn alternation(&mut self, parts: &[Hir]) {
        let Some((last, others)) = parts.split_last() else {
            return;
        };
        let mut ends = Vec::new();
        for part in others {
            let other = self.push(SPLIT, 0);
            self.add(part);
            ends.push(self.push(JUMP, 0));
            self.land(other);
        }
        self.add(last);
        for end in ends {
            self.land(end);
        }
    }

    fn look(&mut self, look: Look) {
        let (kind, word) = match look {
            Look::Start => (0, None),
            Look::End => (1, None),
            Look::StartLF => (2, None),
            Look::EndLF => (3, None),
            Look::StartCRLF => (4, None),
            Look::EndCRLF => (5, None),
            Look::WordAscii => (6, Some(r"(?-u:\w)")),
            Look::WordUnicode => (6, Some(r"\w")),
            Look::WordAsciiNegate => (7, Some(r"(?-u:\w)")),
            Look::WordUnicodeNegate => (7, Some(r"\w")),
            Look::WordStartAscii => (8, Some(r"(?-u:\w)")),
            Look::WordStartUnicode => (8, Some(r"\w")),
            Look::WordEndAscii => (9, Some(r"(?-u:\w)")),
            Look::WordEndUnicode => (9, Some(r"\w")),
            Look::WordStartHalfAscii => (10, Some(r"(?-u:\w)")),
            Look::WordStartHalfUnicode => (10, Some(r"\w")),
            Look::WordEndHalfAscii => (11, Some(r"(?-u:\w)")),
            Look::WordEndHalfUnicode => (11, Some(r"\w")),
        };
        let class = word.map_or(0, |word| match regex_syntax::parse(word) {
            Ok(hir) => match hir.kind() {
                HirKind::Class(class) => self.class(ranges(class)),
                _ => 0,
            },
            Err(_) => 0,
        });
        self.push(LOOK, class << 8 | kind);
    }

    /// The number of a class; one for all that are the same.
    fn class(&mut self, ranges: Ranges) -> u32 {
        let known = self.classes.iter().position(|known| *known == ranges);
        let position = known.unwrap_or_else(|| {
            self.classes.push(ranges);
            self.classes.len() - 1
        });
        u32::try_from(position).unwrap_or_default()
    }
}

/// The ranges of a class, in ascending order. One of bytes holds ASCII only, since a pattern matches text.
fn ranges(class: &Class) -> Ranges {
    match class {
        Class::Unicode(class) => class
            .iter()
            .map(|range| (range.start(), range.end()))
            .collect(),
        Class::Bytes(class) => class
            .iter()
            .map(|range| (range.start().into(), range.end().into()))
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &str, expect: &str) {
        let shown = program(pattern);
        let shown = shown.strip_prefix("::callsheet::codegen::Pattern::new");
        assert_eq!(shown, Some(expect));
    }

    #[test]
    fn repetitions_are_written_out_and_classes_shared() {
        check("", "(&[0], &[])");
        // LOOK start; CLASS 0; CLASS 0; SPLIT 5; CLASS 0; LOOK end; MATCH
        check(
            "^[ac]{2,3}$",
            "(&[83886080, 33554432, 33554432, 50331653, 33554432, 83886081, 0], &[&[('a', 'a'), ('c', 'c')]])",
        );
    }

    #[test]
    fn an_alternative_leads_behind_the_others() {
        // SPLIT 3; CHARACTER b; JUMP 8; SPLIT 6; CLASS 0; JUMP 8; …
        check(
            "é(?:bb|[0-9]+|)z",
            "(&[16777449, 50331653, 16777314, 16777314, 67108875, 50331659, 33554432, 50331658, 33554432, 67108871, \
             67108875, 16777338, 0], &[&[('0', '9')]])",
        );
    }
}
