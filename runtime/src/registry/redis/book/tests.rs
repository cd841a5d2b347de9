//! A reader's book against what a server says, step by step.

use super::*;

const SERVICE: &str = "S";

fn version(text: &str) -> Option<Version> {
    Version::parse(text)
}

fn list(names: &[&str]) -> Names {
    Names {
        believed: names.iter().map(|name| (*name).to_owned()).collect(),
        listed: i64::try_from(names.len()).unwrap(),
        skipped: 0,
    }
}

fn polled(text: &str, index: i64, marks: i64) -> Polled {
    Polled {
        version: version(text),
        listed: [index, marks],
    }
}

fn json(entry: &Entry) -> Found {
    Found::Bytes(entry.to_json().unwrap())
}

fn instance(id: &str) -> Found {
    let mut instance = Instance::new(id, SERVICE);
    instance.addresses = vec!["memory:x".into()];
    json(&Entry::Listed(instance))
}

fn tombstone(id: &str) -> Found {
    json(&Entry::Left(Tombstone::new(id, SERVICE, 1)))
}

fn order(id: &str) -> Found {
    let mut order = Override::new(id, SERVICE);
    order.weight = Some(7);
    json(&Entry::Override(order))
}

fn ids(book: &Book) -> Vec<String> {
    let listing = book.listing();
    let mut ids: Vec<_> = listing.instances.iter().map(|one| one.id.clone()).collect();
    ids.sort();
    ids
}

fn entries(keys: &[&str]) -> Want {
    Want::Entries(keys.iter().map(|key| (*key).to_owned()).collect())
}

/// A book that has seen `a` and `b` at version `1-2`.
fn book(now: Instant) -> Book {
    let mut book = Book::new(SERVICE);
    assert_eq!(book.want(), Want::Lists { all: true });
    let unread = book.listed(version("1-2"), [list(&["a", "b"]), list(&[])], true, now);
    assert_eq!(unread, ["a", "b"]);
    book.read("a", instance("a"));
    book.read("b", instance("b"));
    book.polled(&polled("1-2", 2, 0));
    assert_eq!(
        (book.want(), ids(&book)),
        (Want::Nothing, vec!["a".to_owned(), "b".to_owned()])
    );
    book
}

#[tokio::test(start_paused = true)]
async fn a_notice_in_its_turn_costs_one_entry() {
    let mut book = book(Instant::now());
    book.heard(&version("1-3").unwrap(), "c");
    book.heard(&version("1-4").unwrap(), "a~");
    assert_eq!(book.want(), entries(&["a~", "c"]));
    book.read("c", instance("c"));
    book.read("a~", order("a"));
    book.polled(&polled("1-4", 3, 1));
    assert_eq!(
        (book.want(), book.listing().overrides.len()),
        (Want::Nothing, 1)
    );
    book.heard(&version("1-5").unwrap(), "c");
    book.read("c", tombstone("c"));
    book.heard(&version("1-6").unwrap(), "a~");
    book.read("a~", Found::Nothing);
    book.polled(&polled("1-6", 2, 1));
    assert_eq!(book.want(), Want::Nothing);
    let listing = book.listing();
    assert_eq!(
        (
            ids(&book).len(),
            listing.left.len(),
            listing.overrides.len()
        ),
        (2, 1, 0)
    );
}

#[tokio::test(start_paused = true)]
async fn lost_notices_are_found_by_the_next_notice_or_poll() {
    let now = Instant::now();
    let mut late = book(now);
    late.heard(&version("1-2").unwrap(), "a");
    assert_eq!(late.want(), Want::Nothing, "an old one says nothing");
    late.heard(&version("1-4").unwrap(), "c");
    assert_eq!(late.want(), Want::Lists { all: true });
    let mut deaf = book(now);
    deaf.polled(&polled("1-3", 2, 0));
    assert_eq!(deaf.want(), Want::Lists { all: true });
    // Neither was a gap: who is missing is gone.
    deaf.listed(version("1-3"), [list(&["b"]), list(&[])], true, now);
    assert_eq!(ids(&deaf), ["b"]);
}

#[tokio::test(start_paused = true)]
async fn the_first_change_of_a_service_is_seen_by_its_notice() {
    let mut book = Book::new(SERVICE);
    book.listed(None, [list(&[]), list(&[])], true, Instant::now());
    book.polled(&Polled {
        version: None,
        listed: [0, 0],
    });
    assert_eq!(book.want(), Want::Nothing);
    book.heard(&version("9-1").unwrap(), "a");
    assert_eq!(book.want(), entries(&["a"]));
}

#[tokio::test(start_paused = true)]
async fn who_has_run_out_is_missed_by_the_numbers_even_if_another_joined() {
    let now = Instant::now();
    let mut book = book(now);
    book.heard(&version("1-3").unwrap(), "c");
    book.read("c", instance("c"));
    // `a` has run out, without a word.
    book.polled(&polled("1-3", 2, 0));
    assert_eq!(book.want(), Want::Lists { all: false });
    let unread = book.listed(version("1-3"), [list(&["b", "c"]), list(&[])], false, now);
    assert_eq!(
        unread,
        Vec::<String>::new(),
        "what is known is not read again"
    );
    assert_eq!(ids(&book), ["b", "c"]);
    book.polled(&polled("1-3", 2, 0));
    assert_eq!(book.want(), Want::Nothing);
}

#[tokio::test(start_paused = true)]
async fn who_is_missing_after_a_gap_is_kept_for_a_grace() {
    let now = Instant::now();
    let mut book = book(now);
    // The server has lost its data, and `b` is back already.
    book.heard(&version("5-1").unwrap(), "b");
    assert_eq!(book.want(), Want::Lists { all: true });
    let unread = book.listed(version("5-1"), [list(&["b"]), list(&[])], true, now);
    assert_eq!(unread, ["b"]);
    book.read("b", instance("b"));
    assert_eq!(ids(&book), ["a", "b"]);
    assert!(!book.graced(now + GRACE / 2));
    assert!(book.graced(now + GRACE));
    assert_eq!(ids(&book), ["b"]);
    assert!(!book.graced(now + GRACE));
}

#[tokio::test(start_paused = true)]
async fn grace_ends_with_a_tombstone_or_the_return() {
    let now = Instant::now();
    let mut book = book(now);
    book.gap();
    book.listed(version("5-2"), [list(&[]), list(&["a"])], true, now);
    book.read("a", tombstone("a"));
    assert_eq!(ids(&book), ["b"]);
    book.heard(&version("5-3").unwrap(), "b");
    book.read("b", instance("b"));
    assert_eq!(ids(&book), ["b"]);
    assert!(!book.graced(now + GRACE), "nobody was given up");
    assert_eq!(book.listing().left.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_version_that_vanishes_is_a_gap() {
    let now = Instant::now();
    let mut book = book(now);
    book.polled(&Polled {
        version: None,
        listed: [0, 0],
    });
    assert_eq!(book.want(), Want::Lists { all: true });
    book.listed(None, [list(&[]), list(&[])], true, now);
    assert_eq!(ids(&book), ["a", "b"]);
    book.heard(&version("7-1").unwrap(), "a");
    book.read("a", instance("a"));
    book.graced(now + GRACE);
    assert_eq!(ids(&book), ["a"]);
}

#[tokio::test(start_paused = true)]
async fn a_spoilt_entry_is_counted_and_what_was_known_of_it_kept_while_it_is_listed() {
    let now = Instant::now();
    let mut book = book(now);
    book.doubt();
    book.listed(
        version("1-2"),
        [list(&["a", "b", "x"]), list(&[])],
        true,
        now,
    );
    book.read(
        "a",
        Found::Unread("10000000 bytes: the limit is 65536".into()),
    );
    book.read("b", Found::Nothing);
    book.read("x", Found::Bytes(b"\xff".to_vec()));
    assert_eq!(ids(&book), ["a", "b"]);
    let listing = book.listing();
    assert_eq!(listing.skipped.count, 2);
    insta::assert_snapshot!(listing.skipped.example.unwrap(), @"a: 10000000 bytes: the limit is 65536");
    book.listed(version("1-2"), [list(&["b"]), list(&[])], false, now);
    assert_eq!(
        (ids(&book), book.listing().skipped.count),
        (vec!["b".to_owned()], 0)
    );
}

#[tokio::test(start_paused = true)]
async fn names_that_are_passed_over_are_counted_and_looked_for_only_once() {
    let now = Instant::now();
    let mut book = book(now);
    book.polled(&polled("1-2", 100_000, 0));
    assert_eq!(book.want(), Want::Lists { all: false });
    let mut flooded = list(&["a", "b"]);
    flooded.listed = 100_000;
    flooded.skipped = 99_998;
    book.listed(version("1-2"), [flooded, list(&[])], false, now);
    book.polled(&polled("1-2", 100_000, 0));
    assert_eq!((book.want(), ids(&book).len()), (Want::Nothing, 2));
    assert_eq!(book.listing().skipped.count, 99_998);
}
