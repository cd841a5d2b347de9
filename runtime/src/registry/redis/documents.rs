//! The documents: one key each, whose value is the text, so that people may read and write them by hand as well.
//!
//! What tells a text from others is its SHA-1, which the server makes: an edit by hand and one by command look alike.

use std::sync::Arc;

use redis::Value;

use super::super::document::{
    Document, DocumentWatch, Documents, Expected, MAX_DOCUMENT_BYTES, Revision, check_document,
    check_document_name, conflict,
};
use super::super::{BoxFuture, Error, ErrorKind};
use super::conn::Call;
use super::fault::Fault;
use super::keys::topic_of_document;
use super::reader::MAX_NAME;
use super::reply::Reply as _;
use super::{Redis, Shared, poll, script};

/// The most documents that are named: more are not ours.
const MAX_DOCUMENTS: usize = 10_000;

impl Shared {
    /// What the script is called with that reads a document.
    pub(super) fn document_call(&self, name: &str) -> Call {
        Call::new(vec![self.keys.document(name)]).with_number(&MAX_DOCUMENT_BYTES)
    }

    async fn document(&self, name: &str) -> Result<Option<Document>, Error> {
        check_document_name(self.dialer.address(), name)?;
        let reply = self
            .ask(&script::DOCUMENT, self.document_call(name))
            .await?;
        document(self.dialer.address(), name, &reply)
    }

    /// Writes a document, or removes it.
    async fn write_document(
        &self,
        name: &str,
        text: Option<&str>,
        expected: &Expected,
    ) -> Result<Revision, Error> {
        check_document(self.dialer.address(), name, text.unwrap_or_default())?;
        let topic = topic_of_document(name);
        let (how, revision) = match expected {
            Expected::Any => ("any", ""),
            Expected::Absent => ("only", ""),
            Expected::Revision(revision) => ("only", revision.token()),
        };
        let keys = vec![
            self.keys.document(name),
            self.keys.documents(),
            self.keys.version(&topic),
        ];
        let call = Call::new(keys)
            .with(if text.is_some() { "put" } else { "remove" })
            .with(text.unwrap_or_default())
            .with(how)
            .with(revision)
            .with(name)
            .with(self.keys.channel(&topic));
        let reply = self.ask(&script::WRITE, call).await?;
        match reply.text() {
            Some(token) => Ok(Revision::new(token)),
            None => Err(conflict(self.dialer.address(), name)),
        }
    }

    async fn document_names(&self) -> Result<Vec<String>, Error> {
        let call = Call::new(vec![self.keys.documents()])
            .with_number(&MAX_DOCUMENTS)
            .with_number(&MAX_NAME);
        let reply = self.ask(&script::DOCUMENTS, call).await?;
        let listed = reply
            .list()
            .unwrap_or_default()
            .iter()
            .filter_map(Value::text);
        let mut names: Vec<String> = listed
            .filter(|name| check_document_name(self.dialer.address(), name).is_ok())
            .map(str::to_owned)
            .collect();
        names.sort();
        let keys: Vec<String> = names.iter().map(|name| self.keys.document(name)).collect();
        let there = self.are_there(&keys).await?;
        let mut there = there.into_iter();
        names.retain(|_| there.next() == Some(true));
        Ok(names)
    }
}

/// The document that a script has read; one that is there and cannot be one is an error.
pub(super) fn document(
    address: &str,
    name: &str,
    reply: &Value,
) -> Result<Option<Document>, Error> {
    let bad = |reason: &str| {
        let message = format!("document `{name}`: {reason}");
        Err(Error::new(ErrorKind::Record, address, message))
    };
    match reply {
        Value::Array(parts) => match parts.as_slice() {
            [Value::BulkString(text), Value::BulkString(token)] => {
                let token = String::from_utf8_lossy(token).into_owned();
                match String::from_utf8(text.clone()) {
                    Ok(text) => Ok(Some(Document {
                        text,
                        revision: Revision::new(token),
                    })),
                    Err(error) => bad(&error.to_string()),
                }
            }
            [reason] => bad(reason.text().unwrap_or("it cannot be read")),
            _ => Err(Fault::Malformed("a document that is none").at(address, name)),
        },
        _ => Ok(None),
    }
}

impl Documents for Redis {
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
        Box::pin(async move { self.0.write_document(&name, Some(&text), &expected).await })
    }

    fn remove(&self, name: &str, expected: Expected) -> BoxFuture<'_, Result<(), Error>> {
        let name = name.to_owned();
        Box::pin(async move {
            let removed = self.0.write_document(&name, None, &expected).await;
            removed.map(drop)
        })
    }

    fn names(&self) -> BoxFuture<'_, Result<Vec<String>, Error>> {
        Box::pin(self.0.document_names())
    }

    fn watch(&self, name: &str) -> DocumentWatch {
        if let Err(error) = check_document_name(self.0.dialer.address(), name) {
            // Nothing can be kept under such a name.
            let feed = super::super::DocumentFeed::new(name);
            let watch = feed.watch();
            feed.fail(error);
            return watch;
        }
        let poll = || poll::poll(Arc::clone(&self.0));
        self.0.poller.watch_document(name, poll)
    }
}
