//! A document and its history in a registry: read together, changed one after the other, so that nothing is lost.

use callsheet::registry::{Document, Documents, ErrorKind, Expected, check_document_name};

use super::history::{self, Change, History};
use crate::clock;
use crate::reach::Reached;
use crate::report::Failure;

/// A document as it is now, and what became of it before.
pub(super) struct Stored<'a> {
    reached: &'a Reached,
    name: &'a str,
    document: Option<Document>,
    history: History,
    /// What stands in the place of the history.
    history_is: Expected,
}

/// The documents of a registry that keeps any.
pub(super) fn documents(reached: &Reached) -> Result<&dyn Documents, Failure> {
    reached.registry.documents().ok_or_else(|| {
        Failure(format!(
            "the registry `{}` keeps no documents: use file:, zookeeper:, etcd: or redis:",
            reached.registry.address()
        ))
    })
}

impl<'a> Stored<'a> {
    /// What the registry has of the document with this name.
    pub(super) async fn read(reached: &'a Reached, name: &'a str) -> Result<Self, Failure> {
        check_document_name(reached.registry.address(), name).map_err(Failure::of)?;
        if history::is_history(name) {
            return Err(Failure(format!(
                "`{name}` is a history, which is written beside its document: name the document"
            )));
        }
        let documents = documents(reached)?;
        let (own, beside) = (name, history::name_of(name));
        let document = reached.within(documents.get(own)).await?;
        let history = reached.within(documents.get(&beside)).await?;
        let history = history.map_err(Failure::of)?;
        let history_is = expected(history.as_ref());
        let history = history.map_or(Ok(History::default()), |found| History::read(&found.text));
        Ok(Self {
            reached,
            name,
            document: document.map_err(Failure::of)?,
            history: history.map_err(|error| {
                Failure(format!(
                    "the history `{beside}` cannot be read: {error}; take it away by the registry's own tools to go on"
                ))
            })?,
            history_is,
        })
    }

    /// The text that is there.
    pub(super) fn text(&self) -> Option<&str> {
        self.document.as_ref().map(|document| &*document.text)
    }

    /// What the registry tells the text by.
    pub(super) fn revision(&self) -> Option<&str> {
        self.document
            .as_ref()
            .map(|document| document.revision.token())
    }

    /// What became of it, with a last entry for a change that was made by other means.
    pub(super) fn history(&self) -> History {
        let mut history = self.history.clone();
        if let Some(stranger) = self.stranger() {
            history.add(stranger);
        }
        history
    }

    /// What is there and is not the last change of the history.
    fn stranger(&self) -> Option<Change> {
        let known = self.history.last().and_then(|last| last.text.as_deref());
        (known != self.text()).then(|| Change {
            number: 0,
            at_unix_ms: 0,
            by: String::new(),
            message: "changed by other means".into(),
            text: self.text().map(Into::into),
        })
    }

    /// Puts `text` in its place, or nothing, if it is still as it was read.
    ///
    /// The history is written before and after: before, so that what is there can be set again whatever happens; after,
    /// so that it tells of no change that was not made.
    pub(super) async fn change(
        &mut self,
        text: Option<&str>,
        message: &str,
    ) -> Result<u64, Failure> {
        if let Some(stranger) = self.stranger() {
            self.history.add(stranger);
            self.write_history().await?;
        }
        let documents = documents(self.reached)?;
        let expected = expected(self.document.as_ref());
        let changed = if let Some(text) = text {
            let put = documents.put(self.name, text, expected);
            self.reached.within(put).await?.map(drop)
        } else {
            let removed = documents.remove(self.name, expected);
            self.reached.within(removed).await?
        };
        changed.map_err(|error| match error.kind() {
            ErrorKind::Conflict => Failure(format!(
                "somebody has changed `{}` meanwhile, and nothing was done: look at it again",
                self.name
            )),
            _ => Failure::of(error),
        })?;
        self.history.add(Change {
            number: 0,
            at_unix_ms: clock::now(),
            by: user(),
            message: message.into(),
            text: text.map(Into::into),
        });
        self.write_history().await.map_err(|Failure(why)| {
            Failure(format!(
                "`{}` is changed, but its history does not say so: {why}",
                self.name
            ))
        })?;
        Ok(self.history.last().map_or(0, |last| last.number))
    }

    async fn write_history(&mut self) -> Result<(), Failure> {
        let text = self.history.write().map_err(Failure::of)?;
        let name = history::name_of(self.name);
        let put = documents(self.reached)?.put(&name, &text, self.history_is.clone());
        let revision = self.reached.within(put).await?.map_err(Failure::of)?;
        self.history_is = Expected::Revision(revision);
        Ok(())
    }
}

fn expected(document: Option<&Document>) -> Expected {
    document.map_or(Expected::Absent, |document| {
        Expected::Revision(document.revision.clone())
    })
}

/// Who runs the command, as the system says.
fn user() -> String {
    let variable = |name| std::env::var(name).ok().filter(|name| !name.is_empty());
    variable("USER")
        .or_else(|| variable("LOGNAME"))
        .unwrap_or_default()
}
