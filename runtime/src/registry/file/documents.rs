//! The documents: one file each, which people may edit by hand as well.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use super::super::document::{
    Document, DocumentWatch, Documents, Expected, MAX_DOCUMENT_BYTES, Revision, check_document,
    check_document_name, conflict,
};
use super::super::{BoxFuture, Error, ErrorKind, Freshness};
use super::store::{Stamp, Store, read_plain};
use super::{File, blocking, poll};

/// Held while a document is compared and changed, so that two who change it do not both succeed.
const LOCK: &str = ".lock";

impl Documents for File {
    fn get(&self, name: &str) -> BoxFuture<'_, Result<Option<Document>, Error>> {
        let name = name.to_owned();
        Box::pin(blocking(&self.0.store, move |store| read(store, &name)))
    }

    fn put(
        &self,
        name: &str,
        text: &str,
        expected: Expected,
    ) -> BoxFuture<'_, Result<Revision, Error>> {
        let (name, text) = (name.to_owned(), text.to_owned());
        Box::pin(blocking(&self.0.store, move |store| {
            check_document(store.address(), &name, &text)?;
            let _lock = lock(store)?;
            expect(store, &name, &expected)?;
            store.replace(&place(store, &name), text.as_bytes())?;
            Ok(revision(&text))
        }))
    }

    fn remove(&self, name: &str, expected: Expected) -> BoxFuture<'_, Result<(), Error>> {
        let name = name.to_owned();
        Box::pin(blocking(&self.0.store, move |store| {
            check_document_name(store.address(), &name)?;
            let _lock = lock(store)?;
            expect(store, &name, &expected)?;
            store.remove(&place(store, &name))
        }))
    }

    fn names(&self) -> BoxFuture<'_, Result<Vec<String>, Error>> {
        Box::pin(blocking(&self.0.store, names))
    }

    fn watch(&self, name: &str) -> DocumentWatch {
        let poll = || poll::poll(Arc::clone(&self.0));
        self.0.poller.watch_document(name, poll)
    }
}

fn place(store: &Store, name: &str) -> PathBuf {
    store.documents().join(name)
}

/// A text is told by what it says: an edit by hand and one by command look alike.
fn revision(text: &str) -> Revision {
    // FNV-1a of 64 bits, and the length.
    let hash = text.bytes().fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3)
    });
    Revision::new(format!("{hash:016x}-{:x}", text.len()))
}

fn read(store: &Store, name: &str) -> Result<Option<Document>, Error> {
    check_document_name(store.address(), name)?;
    let bad = |reason: String| {
        Error::new(
            ErrorKind::Record,
            store.address(),
            format!("document `{name}`: {reason}"),
        )
    };
    let bytes = match read_plain(&place(store, name), MAX_DOCUMENT_BYTES) {
        Ok(Ok(bytes)) => bytes,
        Ok(Err(reason)) => return Err(bad(reason)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return store.check().map(|()| None);
        }
        Err(error) => return Err(store.unreadable(error)),
    };
    let text = String::from_utf8(bytes).map_err(|error| bad(error.to_string()))?;
    let revision = revision(&text);
    Ok(Some(Document { text, revision }))
}

fn expect(store: &Store, name: &str, expected: &Expected) -> Result<(), Error> {
    let found = read(store, name)?;
    if expected.admits(found.as_ref().map(|document| &document.revision)) {
        Ok(())
    } else {
        Err(conflict(store.address(), name))
    }
}

fn names(store: &Store) -> Result<Vec<String>, Error> {
    let files = match fs::read_dir(store.documents()) {
        Ok(files) => files,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return store.check().map(|()| Vec::new());
        }
        Err(error) => return Err(store.unreadable(error)),
    };
    let mut names: Vec<String> = files
        .flatten()
        .filter(|file| file.file_type().is_ok_and(|kind| kind.is_file()))
        .filter_map(|file| file.file_name().into_string().ok())
        .filter(|name| check_document_name(store.address(), name).is_ok())
        .collect();
    names.sort();
    Ok(names)
}

/// Gone, it lets the next one change documents.
struct Lock(PathBuf);

impl Drop for Lock {
    fn drop(&mut self) {
        // Who finds it left behind is told what to do.
        drop(fs::remove_file(&self.0));
    }
}

fn lock(store: &Store) -> Result<Lock, Error> {
    let place = place(store, LOCK);
    let taken = fs::create_dir_all(store.documents()).and_then(|()| {
        fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&place)
    });
    match taken {
        Ok(_) => Ok(Lock(place)),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(store.error(
            ErrorKind::Conflict,
            format!(
                "somebody else changes a document at this moment: try again; if nobody does, a process died \
                 over it: remove {}",
                place.display()
            ),
            error,
        )),
        Err(error) => Err(store.unwritable(error)),
    }
}

/// What the poller remembers of a watched document.
#[derive(Debug, Default)]
pub(super) struct Seen {
    stamp: Option<Stamp>,
    looked: bool,
}

impl Seen {
    /// Tells the watchers if the file has changed since the last look. Blocks.
    pub(super) fn look(&mut self, store: &Store, name: &str, feed: &super::super::DocumentFeed) {
        let stamp = Stamp::of(&place(store, name));
        let current = matches!(feed.watch().borrow().freshness(), Freshness::Current);
        if self.looked && current && stamp == self.stamp {
            return;
        }
        (self.stamp, self.looked) = (stamp, true);
        match read(store, name) {
            Ok(document) => feed.publish(document),
            Err(error) => feed.fail(error),
        }
    }
}
