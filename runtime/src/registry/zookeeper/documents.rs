//! The documents: one node each.
//!
//! A document's revision is the change that wrote it last, which no other text has. A change names the version of the node
//! that it read, so that of two who change the same text one is refused; only a node that was deleted and made anew, with as
//! many writes, between these two requests would be taken for the old one.

use tokio::time::sleep_until;

use super::super::document::{
    Document, DocumentFeed, DocumentView, DocumentWatch, Documents, Expected, MAX_DOCUMENT_BYTES,
    Revision, check_document, check_document_name, conflict,
};
use super::super::{BoxFuture, Error, ErrorKind};
use super::follow::{self, Subject, next_resync};
use super::line::{Depth, Fault, Line};
use super::proto::{Change, Lasts, Stat, code};
use super::{Shared, TRIES, ZooKeeper};
use crate::random::Random;

impl Documents for ZooKeeper {
    fn get(&self, name: &str) -> BoxFuture<'_, Result<Option<Document>, Error>> {
        let name = name.to_owned();
        Box::pin(async move {
            check_document_name(&self.0.party.address, &name)?;
            let line = self.0.session.line().await?;
            let path = self.0.layout.document(&name);
            let synced = line.sync(&path).await;
            synced.map_err(|fault| self.0.party.error("read", &path, fault))?;
            self.0.document(&line, &name).await
        })
    }

    fn put(
        &self,
        name: &str,
        text: &str,
        expected: Expected,
    ) -> BoxFuture<'_, Result<Revision, Error>> {
        let (name, text) = (name.to_owned(), text.to_owned());
        Box::pin(async move {
            check_document(&self.0.party.address, &name, &text)?;
            self.0.put(&name, text.as_bytes(), &expected).await
        })
    }

    fn remove(&self, name: &str, expected: Expected) -> BoxFuture<'_, Result<(), Error>> {
        let name = name.to_owned();
        Box::pin(async move {
            check_document_name(&self.0.party.address, &name)?;
            self.0.remove(&name, &expected).await
        })
    }

    fn names(&self) -> BoxFuture<'_, Result<Vec<String>, Error>> {
        Box::pin(async move {
            let line = self.0.session.line().await?;
            let path = self.0.layout.documents();
            let names = async {
                line.sync(&path).await?;
                line.children(&path).await
            };
            let names = names.await;
            let names = names.map_err(|fault| self.0.party.error("list", &path, fault))?;
            let mut names = names.unwrap_or_default();
            names.retain(|name| check_document_name("", name).is_ok());
            names.sort_unstable();
            Ok(names)
        })
    }

    fn watch(&self, name: &str) -> DocumentWatch {
        if let Err(error) = check_document_name(&self.0.party.address, name) {
            let feed = DocumentFeed::new(name);
            let watch = feed.watch();
            feed.fail(error);
            return watch;
        }
        let view = || {
            let watch = self.0.documents.watch(name);
            (watch, self.0.documents.of(name))
        };
        follow::watch(&self.0, self.0.layout.document(name), view, |path| Text {
            name: name.into(),
            path,
            random: Random::new(self.0.seed),
        })
    }
}

fn revision(status: &Stat) -> Revision {
    Revision::new(format!("{:x}", status.written))
}

impl Shared {
    async fn document(&self, line: &Line, name: &str) -> Result<Option<Document>, Error> {
        let path = self.layout.document(name);
        let found = line.read(&path, MAX_DOCUMENT_BYTES).await;
        let found = found.map_err(|fault| self.party.error("read", &path, fault))?;
        let Some((text, status)) = found else {
            return Ok(None);
        };
        let text = String::from_utf8(text).map_err(|error| {
            let message = format!("document `{name}`: {error}");
            Error::new(ErrorKind::Record, &self.party.address, message)
        })?;
        let revision = revision(&status);
        Ok(Some(Document { text, revision }))
    }

    /// What stands in the place of a document, if that is as expected.
    async fn expect(
        &self,
        line: &Line,
        path: &str,
        expected: &Expected,
    ) -> Result<Option<Option<Stat>>, Fault> {
        let found = line.status(path).await?;
        let admitted = expected.admits(found.as_ref().map(revision).as_ref());
        Ok(admitted.then_some(found))
    }

    async fn put(&self, name: &str, text: &[u8], expected: &Expected) -> Result<Revision, Error> {
        let line = self.session.line().await?;
        let path = self.layout.document(name);
        for _ in 0..TRIES {
            let written = async {
                match self.expect(&line, &path, expected).await? {
                    None => Ok(None),
                    Some(Some(found)) => line.write(&path, text, found.version).await.map(Some),
                    Some(None) => line
                        .create(&path, text, Lasts::Forever, self.access)
                        .await
                        .map(Some),
                }
            };
            match written.await {
                Ok(Some(status)) => return Ok(revision(&status)),
                Ok(None) => return Err(conflict(&self.party.address, name)),
                // Somebody else was faster, or nothing is there at all: look again.
                Err(Fault::Refused(code::BAD_VERSION | code::NODE_EXISTS)) => {}
                Err(Fault::Refused(code::NO_NODE)) => {
                    self.make(&line, &self.layout.documents(), Lasts::Forever)
                        .await?;
                }
                Err(fault) => return Err(self.party.error("write", &path, fault)),
            }
        }
        Err(conflict(&self.party.address, name))
    }

    async fn remove(&self, name: &str, expected: &Expected) -> Result<(), Error> {
        let line = self.session.line().await?;
        let path = self.layout.document(name);
        for _ in 0..TRIES {
            let removed = async {
                match self.expect(&line, &path, expected).await? {
                    None => Ok(false),
                    Some(None) => Ok(true),
                    Some(Some(found)) => {
                        let change = Change::Delete(&path, found.version);
                        line.change(change).await.map(|()| true)
                    }
                }
            };
            match removed.await {
                Ok(true) => return Ok(()),
                Ok(false) => break,
                Err(Fault::Refused(code::BAD_VERSION | code::NO_NODE)) => {}
                Err(fault) => return Err(self.party.error("delete", &path, fault)),
            }
        }
        Err(conflict(&self.party.address, name))
    }
}

/// The text of one document.
struct Text {
    name: String,
    path: String,
    random: Random,
}

impl Text {
    async fn run(
        &mut self,
        shared: &Shared,
        line: &Line,
        feed: &DocumentFeed,
    ) -> Result<(), Fault> {
        let mut events = line.watch(&self.path, Depth::Node).await?;
        line.sync(&self.path).await?;
        loop {
            match shared.document(line, &self.name).await {
                Ok(document) => feed.publish(document),
                Err(error) => feed.fail(error),
            }
            tokio::select! {
                event = events.recv() => if event.is_none() {
                    return Ok(());
                },
                () = sleep_until(next_resync(&self.random)) => {}
            }
        }
    }
}

impl Subject for Text {
    type View = DocumentView;

    fn path(&self) -> &str {
        &self.path
    }

    async fn follow(&mut self, shared: &Shared, line: &Line, feed: &DocumentFeed) -> Fault {
        match self.run(shared, line, feed).await {
            Ok(()) => Fault::Lost(shared.session.ended()),
            Err(fault) => fault,
        }
    }
}
