//! Verdicts as findings.

use super::{Party, Side, Verdict};
use crate::diagnostic::Diagnostic;
use crate::source::Span;

impl Verdict {
    /// The finding that tells it: at the newer place, with the older one beside it.
    pub fn report(&self) -> Diagnostic {
        let (primary, other) = if self.new.0 == Span::NOWHERE {
            (&self.old, None)
        } else {
            (&self.new, Some(&self.old))
        };
        let mut report = Diagnostic::new(self.code, primary.0, self.message.clone())
            .label(primary.1.clone())
            .help(self.help.clone());
        if let Some((span, text)) = other.filter(|other| other.0 != Span::NOWHERE) {
            report = report.also(*span, text.clone());
        }
        for note in self.notes() {
            report = report.note(note);
        }
        report
    }

    /// What breaks and who notices; the witness, where there is one.
    pub(super) fn notes(&self) -> Vec<String> {
        let breaks: Vec<String> = self
            .breaks
            .iter()
            .map(|(category, parties)| {
                let parties: Vec<String> = parties.iter().map(Party::to_string).collect();
                format!("{category} for {}", list(&parties))
            })
            .collect();
        let mut notes = vec![format!("this breaks {}", breaks.join("; "))];
        if let Some(witness) = &self.witness {
            let (name, writer) = match witness.writer {
                Side::Old => (&witness.old_message, "old"),
                Side::New => (&witness.new_message, "new"),
            };
            notes.push(format!(
                "for example the `{name}` of the {writer} contract that is `{}` on the wire: the old contract reads {}, the new one {}",
                witness.hex(),
                witness.old,
                witness.new
            ));
        }
        notes
    }
}

/// `a, b and c`
fn list(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}
