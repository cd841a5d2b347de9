//! The documents: one key each, told by the revision of its last change.

use super::super::document::{
    Document, DocumentWatch, Documents, Expected, Revision, check_document, check_document_name,
    conflict,
};
use super::super::{BoxFuture, DocumentFeed, Error, ErrorKind};
use super::api::{Step, Txn, TxnAnswer, Unchanged};
use super::follow::Table as _;
use super::list::{Part, list};
use super::table::{DocumentTable, KeySet};
use super::{Etcd, Shared};

impl Documents for Etcd {
    fn get(&self, name: &str) -> BoxFuture<'_, Result<Option<Document>, Error>> {
        let name = name.to_owned();
        Box::pin(async move { self.0.document(&name).await })
    }

    fn put(
        &self,
        name: &str,
        text: &str,
        expected: Expected,
    ) -> BoxFuture<'_, Result<Revision, Error>> {
        let (name, text) = (name.to_owned(), text.to_owned());
        Box::pin(async move { self.0.change(&name, Some(&text), &expected).await })
    }

    fn remove(&self, name: &str, expected: Expected) -> BoxFuture<'_, Result<(), Error>> {
        let name = name.to_owned();
        Box::pin(async move { self.0.change(&name, None, &expected).await.map(drop) })
    }

    fn names(&self) -> BoxFuture<'_, Result<Vec<String>, Error>> {
        Box::pin(async move { self.0.document_names().await })
    }

    fn watch(&self, name: &str) -> DocumentWatch {
        let shared = &self.0;
        if let Err(error) = check_document_name(shared.cluster.address(), name) {
            // There will never be one.
            let feed = DocumentFeed::new(name);
            let watch = feed.watch();
            feed.fail(error);
            return watch;
        }
        let source = (shared.keys.document(name), DocumentTable::new(name));
        let follows = &shared.documents;
        follows.watch(&shared.cluster, &shared.runtime, name, source)
    }
}

impl Shared {
    async fn document(&self, name: &str) -> Result<Option<Document>, Error> {
        check_document_name(self.cluster.address(), name)?;
        let mut table = DocumentTable::new(name);
        let span = self.keys.document(name);
        let listed = list(&self.cluster, &span, Part::Whole, &mut table);
        listed.await.map_err(|fault| self.cluster.error(fault))?;
        table
            .news()
            .map_err(|reason| Error::new(ErrorKind::Record, self.cluster.address(), reason))
    }

    async fn document_names(&self) -> Result<Vec<String>, Error> {
        let mut found = KeySet::default();
        let span = self.keys.documents();
        let listed = list(&self.cluster, &span, Part::Keys, &mut found);
        listed.await.map_err(|fault| self.cluster.error(fault))?;
        let address = self.cluster.address();
        let names = found
            .0
            .iter()
            .filter_map(|key| self.keys.document_name(key));
        Ok(names
            .filter(|name| check_document_name(address, name).is_ok())
            .map(str::to_owned)
            .collect())
    }

    async fn change(
        &self,
        name: &str,
        text: Option<&str>,
        expected: &Expected,
    ) -> Result<Revision, Error> {
        let address = self.cluster.address();
        check_document(address, name, text.unwrap_or_default())?;
        let key = self.keys.document(name).start;
        let compare = match expected {
            Expected::Any => Vec::new(),
            Expected::Absent => vec![Unchanged::since(0, key.clone())],
            Expected::Revision(revision) => match revision.token().parse() {
                // 0 would ask for no document.
                Ok(revision) if revision > 0 => vec![Unchanged::since(revision, key.clone())],
                _ => return Err(conflict(address, name)),
            },
        };
        let step = match text {
            Some(text) => Step::put(key, text.to_owned(), 0),
            None => Step::delete(key),
        };
        let change = Txn {
            compare,
            success: vec![step],
        };
        let told = |fault| self.cluster.error(fault);
        let (answer, twice) = match self.cluster.call_once(&change).await {
            Err(fault) if fault.may_pass() => {
                (self.cluster.call_once(&change).await.map_err(told)?, true)
            }
            result => (result.map_err(told)?, false),
        };
        if answer.succeeded {
            return Ok(revision(&answer));
        }
        if twice {
            // The first try may have been done, and only its answer lost.
            let found = self.document(name).await?;
            match (found, text) {
                (Some(found), Some(text)) if found.text == text => return Ok(found.revision),
                (None, None) => return Ok(revision(&answer)),
                _ => {}
            }
        }
        Err(conflict(address, name))
    }
}

fn revision(answer: &TxnAnswer) -> Revision {
    let header = answer.header.unwrap_or_default();
    Revision::new(header.revision.to_string())
}
