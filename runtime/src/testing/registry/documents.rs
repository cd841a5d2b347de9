//! What a registry that keeps documents must do. The facts are told as those of instances are.

use super::{fresh_service, until, within};
use crate::registry::{
    Document, DocumentView, Documents, ErrorKind, Expected, Freshness, Handle, MAX_DOCUMENT_BYTES,
    Revision,
};

/// Checks every fact of documents, one after another.
///
/// # Panics
/// Where a fact is none, and where the registry keeps no documents.
pub async fn every_fact(writer: &Handle, reader: &Handle) {
    a_document_reads_back_and_is_named_while_it_is_there(writer, reader).await;
    a_change_that_expects_another_text_is_refused(writer, reader).await;
    a_watcher_sees_every_change_and_the_end(writer, reader).await;
    bad_names_and_endless_texts_are_refused(writer).await;
}

/// Any text, to the last byte.
pub async fn a_document_reads_back_and_is_named_while_it_is_there(
    writer: &Handle,
    reader: &Handle,
) {
    let (writer, reader) = (keeper(writer), keeper(reader));
    let name = fresh_service();
    let read = async || {
        within("an answer", reader.get(&name))
            .await
            .expect("it reads")
    };
    assert_eq!(read().await, None);
    for text in ["", "timeout = \"1s\"\r\n# größer\n\n", "{\"a\":[1]}"] {
        let revision = put(writer, &name, text, Expected::Any).await;
        let document = Document {
            text: text.into(),
            revision: revision.expect("the document is taken"),
        };
        assert_eq!(read().await, Some(document));
    }
    let named = async || {
        let names = within("an answer", reader.names()).await;
        names.expect("it answers").contains(&name)
    };
    assert!(named().await);
    let removed = within("an answer", writer.remove(&name, Expected::Any)).await;
    removed.expect("the document goes");
    assert_eq!(read().await, None);
    assert!(!named().await);
}

/// Of two who change the same text one is told to look again.
pub async fn a_change_that_expects_another_text_is_refused(writer: &Handle, other: &Handle) {
    let (writer, other) = (keeper(writer), keeper(other));
    let name = fresh_service();
    let first = put(writer, &name, "one", Expected::Absent).await;
    let first = first.expect("nothing stood there");
    assert_eq!(put(other, &name, "two", Expected::Absent).await, CONFLICT);
    let at_first = Expected::Revision(first.clone());
    let second = put(other, &name, "two", at_first.clone()).await;
    assert_ne!(second, Ok(first));
    assert_eq!(
        put(writer, &name, "three", at_first.clone()).await,
        CONFLICT
    );
    let removed = within("an answer", writer.remove(&name, at_first)).await;
    assert_eq!(
        removed.map_err(|error| error.kind()),
        Err(ErrorKind::Conflict)
    );
    let still = within("an answer", writer.get(&name)).await;
    assert_eq!(still.expect("it reads").expect("it is there").text, "two");
    let removed = within(
        "an answer",
        writer.remove(&name, Expected::Revision(second.expect("it was taken"))),
    )
    .await;
    removed.expect("the document goes");
}

/// From nothing to nothing.
pub async fn a_watcher_sees_every_change_and_the_end(writer: &Handle, reader: &Handle) {
    let (writer, reader) = (keeper(writer), keeper(reader));
    let name = fresh_service();
    let mut watch = reader.watch(&name);
    let empty = within("an answer", watch.answered()).await;
    assert!(matches!(empty.freshness(), Freshness::Current));
    assert_eq!(empty.document(), None);
    let says = |text: &'static str| {
        move |now: &DocumentView| now.document().is_some_and(|document| document.text == text)
    };
    for text in ["one", "two", "one"] {
        put(writer, &name, text, Expected::Any)
            .await
            .expect("the document is taken");
        until("the text", &mut watch, says(text)).await;
    }
    let mut late = reader.watch(&name);
    let seen = within("an answer", late.answered()).await;
    assert!(says("one")(&seen), "a view starts with the truth");
    let removed = within("an answer", writer.remove(&name, Expected::Any)).await;
    removed.expect("the document goes");
    until("the end", &mut watch, |now| now.document().is_none()).await;
}

/// A mistake is the caller's to see.
pub async fn bad_names_and_endless_texts_are_refused(writer: &Handle) {
    let writer = keeper(writer);
    let refused = Err(ErrorKind::Record);
    for name in ["", "../x", "a/b", ".x", "a b"] {
        assert_eq!(put(writer, name, "x", Expected::Any).await, refused);
    }
    let endless = "x".repeat(MAX_DOCUMENT_BYTES + 1);
    assert_eq!(put(writer, "x", &endless, Expected::Any).await, refused);
}

const CONFLICT: Result<Revision, ErrorKind> = Err(ErrorKind::Conflict);

async fn put(
    keeper: &dyn Documents,
    name: &str,
    text: &str,
    expected: Expected,
) -> Result<Revision, ErrorKind> {
    let put = within("an answer", keeper.put(name, text, expected)).await;
    put.map_err(|error| error.kind())
}

fn keeper(registry: &Handle) -> &dyn Documents {
    registry.documents().expect("it keeps documents")
}
