//! What the poller of a registry does in one round: listen, poll, read what has changed, tell the watchers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use redis::Value;
use tokio::time::Instant;

use super::super::document::DocumentFeed;
use super::super::instance::{MAX_INSTANCES, MAX_RECORD_BYTES};
use super::super::poller::Watched;
use super::super::watch::{Feed, Publisher, View};
use super::super::{Error, Freshness};
use super::Shared;
use super::book::{Book, Found, Names, Polled, Version, Want};
use super::conn::{Call, Conn, Message};
use super::documents::document;
use super::fault::Fault;
use super::keys::topic_of_document;
use super::reply::Reply as _;
use super::{dial, script};

/// How many topics one script polls: it takes some microseconds each, in which the server does nothing else.
const POLLED_AT_ONCE: usize = 100;

/// How many entries one script reads, and how many bytes of them: a millisecond of the server's time.
const READ_AT_ONCE: usize = 500;
const BYTES_AT_ONCE: usize = 1024 * 1024;

/// The most that is read of one service in one go: 10 000 records of usual length are 3 MB.
const MAX_BYTES: usize = 64 * 1024 * 1024;

/// The most names of one list: the instances, and as many that are spoilt.
const MAX_NAMES: usize = 2 * MAX_INSTANCES;

/// The longest name on a list: that of an id, with the `~` of an override.
pub(super) const MAX_NAME: usize = 201;

/// How often one round looks again for what has changed while it read.
const PASSES: usize = 4;

/// Tells all watchers that the registry does not answer.
pub(super) fn fail(watched: &Watched, error: &Error) {
    for (_, feed) in &watched.services {
        feed.fail(error.clone());
    }
    for (_, feed) in &watched.documents {
        feed.fail(error.clone());
    }
}

/// What there is to listen for.
fn topics(watched: &Watched) -> BTreeSet<String> {
    let services = watched.services.iter().map(|(name, _)| name.clone());
    let documents = watched.documents.iter();
    let documents = documents.map(|(name, _)| topic_of_document(name));
    services.chain(documents).collect()
}

/// What is known of a document besides its text.
#[derive(Debug)]
struct Page {
    version: Option<Version>,
    due: bool,
}

impl Default for Page {
    fn default() -> Self {
        Self {
            version: None,
            due: true,
        }
    }
}

/// When a round does more than read what it was told of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Duties {
    /// Ask for the versions of all topics.
    pub(super) poll: bool,
    /// Read everything anew.
    pub(super) resync: bool,
}

/// A reader: one connection, and what it knows.
pub(super) struct Reader {
    shared: Arc<Shared>,
    conn: Option<Conn>,
    listening: BTreeSet<String>,
    books: BTreeMap<String, Book>,
    pages: BTreeMap<String, Page>,
    /// The services that the server refuses to read, until the next poll.
    refused: BTreeSet<String>,
}

impl Reader {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            conn: None,
            listening: BTreeSet::new(),
            books: BTreeMap::new(),
            pages: BTreeMap::new(),
            refused: BTreeSet::new(),
        }
    }

    /// Whether all is read that is known to have changed. What the server refuses waits for the next poll.
    pub(super) fn is_settled(&self) -> bool {
        let settled = |(name, book): (&String, &Book)| {
            book.want() == Want::Nothing || self.refused.contains(name)
        };
        self.books.iter().all(settled) && self.pages.values().all(|page| !page.due)
    }

    /// Waits until the server says something; for ever where there is no connection. A connection that ends is forgotten.
    pub(super) async fn heard(&mut self) -> Result<(), ()> {
        let Some(conn) = &mut self.conn else {
            return std::future::pending().await;
        };
        conn.heard().await.map_err(|_| self.conn = None)
    }

    /// One round. After an error the connection is gone, and watchers are to be told.
    pub(super) async fn round(&mut self, watched: &Watched, duties: Duties) -> Result<(), Error> {
        let mut conn = if let Some(conn) = self.conn.take() {
            conn
        } else {
            let conn = self.shared.dialer.dial().await?;
            self.listening.clear();
            self.books.values_mut().for_each(Book::gap);
            self.pages.values_mut().for_each(|page| page.due = true);
            conn
        };
        let done = self.read(&mut conn, watched, duties).await;
        done.map_err(|fault| self.shared.dialer.error(fault))?;
        self.conn = Some(conn);
        Ok(())
    }

    async fn read(
        &mut self,
        conn: &mut Conn,
        watched: &Watched,
        duties: Duties,
    ) -> Result<(), Fault> {
        let news = self.take_up(watched);
        self.listen(conn, topics(watched)).await?;
        if duties.poll {
            dial::still_fits(conn).await?;
        }
        if duties.resync {
            self.books.values_mut().for_each(Book::doubt);
            self.pages.values_mut().for_each(|page| page.due = true);
        }
        self.hear(conn);
        if duties.poll || news {
            self.refused.clear();
            self.poll(conn).await?;
        }
        for (service, feed) in &watched.services {
            self.follow(conn, service, feed).await?;
        }
        for (name, feed) in &watched.documents {
            self.turn(conn, name, feed).await?;
        }
        Ok(())
    }

    /// Forgets what nobody watches, begins with what is new; says whether anything is.
    fn take_up(&mut self, watched: &Watched) -> bool {
        let services: BTreeSet<&String> = watched.services.iter().map(|(name, _)| name).collect();
        let documents: BTreeSet<&String> = watched.documents.iter().map(|(name, _)| name).collect();
        self.books.retain(|name, _| services.contains(name));
        self.pages.retain(|name, _| documents.contains(name));
        let before = self.books.len() + self.pages.len();
        for name in services {
            self.books
                .entry(name.clone())
                .or_insert_with(|| Book::new(name));
        }
        for name in documents {
            self.pages.entry(name.clone()).or_default();
        }
        before < self.books.len() + self.pages.len()
    }

    async fn listen(&mut self, conn: &mut Conn, topics: BTreeSet<String>) -> Result<(), Fault> {
        let channels = |of: std::collections::btree_set::Difference<'_, String>| {
            of.map(|topic| self.shared.keys.channel(topic))
                .collect::<Vec<_>>()
        };
        let begun = channels(topics.difference(&self.listening));
        let ended = channels(self.listening.difference(&topics));
        conn.unsubscribe(&ended).await?;
        conn.subscribe(&begun).await?;
        self.listening = topics;
        Ok(())
    }

    /// Notes what the server has said.
    fn hear(&mut self, conn: &mut Conn) {
        for Message { channel, text } in conn.messages() {
            let Some(topic) = self.shared.keys.topic_of(&channel) else {
                continue;
            };
            if let Some(book) = self.books.get_mut(topic) {
                // Whatever else is said there is not ours; the next poll finds what it may have meant.
                let said = text.split_once(' ');
                let said = said.and_then(|(version, key)| Some((Version::parse(version)?, key)));
                if let Some((version, key)) = said.filter(|(_, key)| is_key(key)) {
                    book.heard(&version, key);
                }
            } else if let Some(page) = self
                .pages
                .iter_mut()
                .find(|(name, _)| topic_of_document(name) == topic)
            {
                page.1.due = true;
            }
        }
    }

    async fn poll(&mut self, conn: &mut Conn) -> Result<(), Fault> {
        let topics: Vec<String> = self.listening.iter().cloned().collect();
        let keys = &self.shared.keys;
        let calls: Vec<Call> = topics
            .chunks(POLLED_AT_ONCE)
            .map(|topics| Call::new(topics.iter().flat_map(|topic| keys.polled(topic)).collect()))
            .collect();
        let replies = conn.run(&script::POLL, &calls).await?;
        // What was said before the answer is known before it is judged.
        self.hear(conn);
        let fields = replies.iter().filter_map(Value::list).flatten();
        let fields: Vec<&Value> = fields.collect();
        if fields.len() != 3 * topics.len() {
            return Err(Fault::Malformed("too few versions"));
        }
        for (topic, said) in topics.iter().zip(fields.chunks_exact(3)) {
            let version = said[0].text().and_then(Version::parse);
            let listed = [1, 2].map(|list: usize| said[list].number().unwrap_or(-1));
            if let Some(book) = self.books.get_mut(topic) {
                book.polled(&Polled { version, listed });
            } else if let Some(page) = topic
                .split_once('/')
                .and_then(|(_, name)| self.pages.get_mut(name))
            {
                page.due |= page.version != version;
                page.version = version;
            }
        }
        Ok(())
    }

    /// Reads what is to be read of a service, and tells its watchers. What the server refuses is this service's alone.
    async fn follow(&mut self, conn: &mut Conn, service: &str, feed: &Feed) -> Result<(), Fault> {
        if self.refused.contains(service) {
            return Ok(());
        }
        let mut news = is_behind(feed);
        for _ in 0..PASSES {
            let Some(book) = self.books.get_mut(service) else {
                return Ok(());
            };
            let done = match book.want() {
                Want::Nothing => break,
                Want::Entries(keys) => self.entries(conn, service, keys).await,
                Want::Lists { all } => self.lists(conn, service, all).await,
            };
            self.hear(conn);
            match done {
                Ok(()) => news = true,
                Err(Fault::Refused(said)) => {
                    if let Some(book) = self.books.get_mut(service) {
                        book.gap();
                    }
                    self.refused.insert(service.to_owned());
                    feed.fail(self.shared.dialer.error(Fault::Refused(said)));
                    return Ok(());
                }
                Err(fault) => return Err(fault),
            }
        }
        if let Some(book) = self.books.get_mut(service) {
            news |= book.graced(Instant::now());
            if news {
                feed.publish(book.listing());
            }
        }
        Ok(())
    }

    async fn lists(&mut self, conn: &mut Conn, service: &str, all: bool) -> Result<(), Fault> {
        let keys = self.shared.keys.polled(service).into();
        let call = Call::new(keys)
            .with_number(&MAX_NAMES)
            .with_number(&MAX_NAME);
        let reply = conn.run_one(&script::NAMES, call).await?;
        let parts = reply.list().unwrap_or_default();
        let [version, index, marks] = parts else {
            return Err(Fault::Malformed("lists that are none"));
        };
        let version = version.text().and_then(Version::parse);
        let lists = [names(index)?, names(marks)?];
        // What was said before is in the lists already.
        self.hear(conn);
        let Some(book) = self.books.get_mut(service) else {
            return Ok(());
        };
        let unread = book.listed(version, lists, all, Instant::now());
        self.entries(conn, service, unread).await
    }

    /// Reads entries, in as many steps as it takes.
    async fn entries(
        &mut self,
        conn: &mut Conn,
        service: &str,
        names: Vec<String>,
    ) -> Result<(), Fault> {
        let mut rest = names.as_slice();
        let mut room = MAX_BYTES;
        while !rest.is_empty() {
            let step = &rest[..rest.len().min(READ_AT_ONCE)];
            let keys = step
                .iter()
                .map(|name| self.shared.keys.entry(service, name));
            let call = Call::new(keys.collect())
                .with_number(&MAX_RECORD_BYTES)
                .with_number(&BYTES_AT_ONCE);
            let reply = conn.run_one(&script::READ, call).await?;
            let values = reply.list().unwrap_or_default();
            if values.is_empty() || values.len() > step.len() {
                return Err(Fault::Malformed("entries that are none"));
            }
            let Some(book) = self.books.get_mut(service) else {
                return Ok(());
            };
            for (name, value) in step.iter().zip(values) {
                let mut found = found(value);
                if let Found::Bytes(bytes) = &found {
                    room = room.saturating_sub(bytes.len());
                    if room == 0 {
                        found = Found::Unread(format!(
                            "beyond the {MAX_BYTES} bytes that are read of a service"
                        ));
                    }
                }
                book.read(name, found);
            }
            rest = &rest[values.len()..];
        }
        Ok(())
    }

    /// Reads a document if it is due, and tells its watchers.
    async fn turn(
        &mut self,
        conn: &mut Conn,
        name: &str,
        feed: &DocumentFeed,
    ) -> Result<(), Fault> {
        let Some(page) = self.pages.get_mut(name) else {
            return Ok(());
        };
        if !std::mem::take(&mut page.due) && !is_behind(feed) {
            return Ok(());
        }
        let call = self.shared.document_call(name);
        let found = match conn.run_one(&script::DOCUMENT, call).await {
            Ok(reply) => document(self.shared.dialer.address(), name, &reply),
            Err(Fault::Refused(said)) => Err(self.shared.dialer.error(Fault::Refused(said))),
            Err(fault) => return Err(fault),
        };
        match found {
            Ok(found) => feed.publish(found),
            Err(error) => feed.fail(error),
        }
        Ok(())
    }
}

/// Whether watchers have not heard of the registry yet, or not since it was away.
fn is_behind<V: View>(feed: &Publisher<V>) -> bool {
    !matches!(feed.watch().borrow().freshness(), Freshness::Current)
}

fn names(list: &Value) -> Result<Names, Fault> {
    let malformed = || Fault::Malformed("a list that is none");
    let [names, listed, skipped] = list.list().ok_or_else(malformed)? else {
        return Err(malformed());
    };
    let names = names.list().ok_or_else(malformed)?;
    let mut kept = Names {
        believed: Vec::with_capacity(names.len()),
        listed: listed.number().ok_or_else(malformed)?,
        skipped: skipped
            .number()
            .and_then(|count| usize::try_from(count).ok())
            .unwrap_or(0),
    };
    for name in names {
        // A key is made of it, so it must not be able to lead elsewhere.
        match name.text().filter(|name| is_key(name)) {
            Some(name) => kept.believed.push(name.to_owned()),
            None => kept.skipped += 1,
        }
    }
    Ok(kept)
}

/// Whether this may be the last part of the key of an entry.
fn is_key(name: &str) -> bool {
    let id = name.strip_suffix('~').unwrap_or(name);
    super::super::instance::check_id(id).is_ok()
}

fn found(value: &Value) -> Found {
    match value {
        Value::BulkString(bytes) => Found::Bytes(bytes.clone()),
        Value::Array(reason) => {
            let reason = reason
                .first()
                .and_then(Value::text)
                .unwrap_or("it cannot be read");
            Found::Unread(reason.to_owned())
        }
        _ => Found::Nothing,
    }
}

/// How often everything is read anew, give or take a quarter: what was changed by hand, without a notice, is seen within
/// this.
pub(super) const RESYNC: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_lead_elsewhere_are_passed_over_and_counted() {
        let text = |text: &str| Value::BulkString(text.into());
        let list = vec![
            text("9f"),
            text("9f~"),
            text("../x"),
            text("a\u{1}"),
            Value::BulkString(vec![0xFF]),
            text("~"),
        ];
        let list = Value::Array(vec![Value::Array(list), Value::Int(9), Value::Int(3)]);
        let expect = Names {
            believed: vec!["9f".into(), "9f~".into()],
            listed: 9,
            skipped: 7,
        };
        assert_eq!(names(&list), Ok(expect));
        assert!(names(&Value::Nil).is_err());
    }
}
