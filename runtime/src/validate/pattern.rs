//! Matching a text against a pattern that the compiler made into a program.
//!
//! The program is a nondeterministic automaton over characters (Thompson 1968, in Pike's form): all its states go over the
//! text together, so the time is at most that of the text times that of the program, whatever both hold. Nothing of the
//! dialect is left in it: classes are ranges of characters, repetitions are written out.

/// A step is its operation in the upper 8 bits and its argument in the lower 24.
const OPERATION: u32 = 24;

/// The whole text is matched from somewhere.
const MATCH: u32 = 0;
/// One character: the argument.
const CHARACTER: u32 = 1;
/// One character of the class with the argument's number.
const CLASS: u32 = 2;
/// On with the next step, and with the one that the argument names.
const SPLIT: u32 = 3;
/// On with the step that the argument names.
const JUMP: u32 = 4;
/// On if the place fits: the kind of [`holds`](Pattern::holds) in the lower 8 bits, its class above them.
const LOOK: u32 = 5;

/// Looks that no class belongs to.
const START: u32 = 0;
const END: u32 = 1;
const START_OF_LINE: u32 = 2;
const END_OF_LINE: u32 = 3;
const START_OF_LINE_CRLF: u32 = 4;
const END_OF_LINE_CRLF: u32 = 5;
/// Looks at whether the characters around are of a word.
const BOUNDARY: u32 = 6;
const NO_BOUNDARY: u32 = 7;
const START_OF_WORD: u32 = 8;
const END_OF_WORD: u32 = 9;
const HALF_START_OF_WORD: u32 = 10;
const HALF_END_OF_WORD: u32 = 11;

/// A pattern as generated code holds it. What the numbers mean is a matter of the contract number.
#[derive(Debug)]
pub struct Pattern {
    steps: &'static [u32],
    classes: &'static [&'static [(char, char)]],
}

/// The states of the automaton at one place of the text.
struct States {
    list: Vec<usize>,
    /// For each step: the place at which it was last taken up.
    seen: Vec<usize>,
}

impl States {
    fn new(steps: usize) -> Self {
        Self {
            list: Vec::new(),
            seen: vec![usize::MAX; steps],
        }
    }
}

/// What is around a place of the text.
#[derive(Clone, Copy)]
struct Around {
    place: usize,
    before: Option<char>,
    after: Option<char>,
}

impl Pattern {
    /// A program of the compiler, with the ranges of its classes in ascending order.
    pub const fn new(steps: &'static [u32], classes: &'static [&'static [(char, char)]]) -> Self {
        Self { steps, classes }
    }

    /// Whether the pattern matches anywhere in `text`.
    pub fn matches(&self, text: &str) -> bool {
        let mut now = States::new(self.steps.len());
        let mut next = States::new(self.steps.len());
        let mut todo = Vec::new();
        let mut rest = text.chars();
        let mut around = Around {
            place: 0,
            before: None,
            after: rest.next(),
        };
        let anchored = self.steps.first() == Some(&(LOOK << OPERATION | START));
        loop {
            if self.enter(0, around, &mut now, &mut todo) {
                return true;
            }
            let Some(character) = around.after else {
                return false;
            };
            if anchored && now.list.is_empty() {
                return false;
            }
            around = Around {
                place: around.place + 1,
                before: Some(character),
                after: rest.next(),
            };
            for &state in &now.list {
                if self.takes(state, character)
                    && self.enter(state + 1, around, &mut next, &mut todo)
                {
                    return true;
                }
            }
            now.list.clear();
            std::mem::swap(&mut now, &mut next);
        }
    }

    /// Takes up a state, and all that follow from it without a character. Whether one of them is the end.
    fn enter(
        &self,
        state: usize,
        around: Around,
        states: &mut States,
        todo: &mut Vec<usize>,
    ) -> bool {
        todo.clear();
        todo.push(state);
        while let Some(state) = todo.pop() {
            let Some(step) = self.steps.get(state) else {
                continue;
            };
            if std::mem::replace(&mut states.seen[state], around.place) == around.place {
                continue;
            }
            let argument = step & ((1 << OPERATION) - 1);
            match step >> OPERATION {
                MATCH => return true,
                CHARACTER | CLASS => states.list.push(state),
                SPLIT => todo.extend([argument as usize, state + 1]),
                JUMP => todo.push(argument as usize),
                LOOK if self.holds(argument, around) => todo.push(state + 1),
                _ => {}
            }
        }
        false
    }

    fn takes(&self, state: usize, character: char) -> bool {
        let step = self.steps[state];
        let argument = step & ((1 << OPERATION) - 1);
        match step >> OPERATION {
            CHARACTER => argument == u32::from(character),
            _ => self.is_in(argument as usize, character),
        }
    }

    fn is_in(&self, class: usize, character: char) -> bool {
        let Some(ranges) = self.classes.get(class) else {
            return false;
        };
        let at = ranges.partition_point(|(_, last)| *last < character);
        ranges.get(at).is_some_and(|(first, _)| *first <= character)
    }

    fn holds(&self, argument: u32, around: Around) -> bool {
        let Around { before, after, .. } = around;
        let class = (argument >> 8) as usize;
        let word = |character: Option<char>| character.is_some_and(|it| self.is_in(class, it));
        match argument & 0xFF {
            START => before.is_none(),
            END => after.is_none(),
            START_OF_LINE => matches!(before, None | Some('\n')),
            END_OF_LINE => matches!(after, None | Some('\n')),
            START_OF_LINE_CRLF => {
                matches!(before, None | Some('\n')) || (before == Some('\r') && after != Some('\n'))
            }
            END_OF_LINE_CRLF => {
                matches!(after, None | Some('\r')) || (after == Some('\n') && before != Some('\r'))
            }
            BOUNDARY => word(before) != word(after),
            NO_BOUNDARY => word(before) == word(after),
            START_OF_WORD => !word(before) && word(after),
            END_OF_WORD => word(before) && !word(after),
            HALF_START_OF_WORD => !word(before),
            HALF_END_OF_WORD => !word(after),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn step(operation: u32, argument: u32) -> u32 {
        operation << OPERATION | argument
    }

    #[test]
    fn a_program_is_run_from_every_place_of_the_text() {
        // b[0-9]*c
        static STEPS: [u32; 6] = [
            step(CHARACTER, 'b' as u32),
            step(SPLIT, 4),
            step(CLASS, 0),
            step(JUMP, 1),
            step(CHARACTER, 'c' as u32),
            step(MATCH, 0),
        ];
        static CLASSES: [&[(char, char)]; 1] = [&[('0', '9')]];
        let pattern = Pattern::new(&STEPS, &CLASSES);
        for (text, expect) in [("ab42c", true), ("bc", true), ("b4", false), ("", false)] {
            assert_eq!(pattern.matches(text), expect, "{text}");
        }
    }

    #[test]
    fn a_loop_around_nothing_ends() {
        static STEPS: [u32; 3] = [step(SPLIT, 2), step(JUMP, 0), step(LOOK, END)];
        assert!(!Pattern::new(&STEPS, &[]).matches("abc"));
    }

    #[test]
    fn a_program_that_leads_nowhere_matches_nothing() {
        static STEPS: [u32; 2] = [step(JUMP, 7), step(CLASS, 3)];
        assert!(!Pattern::new(&[], &[]).matches("abc"));
        assert!(!Pattern::new(&STEPS, &[]).matches("abc"));
    }
}
