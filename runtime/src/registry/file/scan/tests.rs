//! A directory that anybody may write to, and what a reader makes of it.

use std::io::Write as _;
use std::path::Path;

use super::*;
use crate::random::{Random, scale};

const SERVICE: &str = "shop.orders.Orders";

struct Place {
    root: tempfile::TempDir,
    store: Store,
}

impl Place {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let store = Store::new(root.path()).unwrap();
        Self { root, store }
    }

    fn scan(&self) -> Scan {
        let directory = self.store.service(SERVICE).unwrap();
        Scan::new(self.store.clone(), directory, BEAT)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.store.service(SERVICE).unwrap().join(name)
    }

    /// Puts `bytes` at a name without any care, over what is there.
    fn put(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::create_dir_all(self.path("")).unwrap();
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create(true)
            // A file that is cut to nothing first is flushed by some file systems, which takes a test's time.
            .truncate(false)
            .open(self.path(name))
            .unwrap();
        file.write_all(bytes.as_ref()).unwrap();
        file.set_len(bytes.as_ref().len() as u64).unwrap();
    }

    fn list(&self, id: &str, weight: u32) -> Entry {
        let entry = listed(id, weight);
        self.store.write(&entry).unwrap();
        entry
    }
}

fn listed(id: &str, weight: u32) -> Entry {
    let mut instance = Instance::new(id, SERVICE);
    instance.addresses = vec!["tcp://127.0.0.1:7000".into()];
    instance.weight = weight;
    instance.tags.insert("weight".into(), weight.to_string());
    Entry::Listed(instance)
}

fn left(id: &str) -> Entry {
    Entry::Left(Tombstone::new(id, SERVICE, 7))
}

/// A full look: what is listed, who left, and how much was skipped.
fn look(scan: &mut Scan) -> String {
    let listing = scan.look(FULL).unwrap().unwrap();
    let mut words: Vec<String> = listing
        .instances
        .iter()
        .map(|one| format!("{}={}", one.id, one.weight))
        .chain(listing.left.iter().map(|one| format!("{} left", one.id)))
        .collect();
    if listing.skipped.count > 0 {
        words.push(format!("{} skipped", listing.skipped.count));
    }
    words.join(", ")
}

fn looks(scan: &mut Scan, count: u32) -> String {
    (0..count).map(|_| look(scan)).last().unwrap_or_default()
}

#[test]
fn an_instance_that_beats_stays_and_one_that_does_not_is_dropped_after_three_beats() {
    let place = Place::new();
    let alive = place.list("alive", 1);
    place.list("dead", 2);
    let mut scan = place.scan();
    assert_eq!(look(&mut scan), "alive=1, dead=2");
    for _ in 0..5 {
        place.store.beat(&alive).unwrap();
        assert_eq!(look(&mut scan), "alive=1, dead=2");
    }
    place.store.beat(&alive).unwrap();
    assert_eq!(look(&mut scan), "alive=1");
    place.store.beat(&listed("dead", 2)).unwrap();
    assert_eq!(look(&mut scan), "alive=1, dead=2", "it was only suspended");
}

#[test]
fn a_reader_that_was_suspended_blames_nobody_for_its_absence() {
    let place = Place::new();
    let entry = place.list("a", 1);
    let mut scan = place.scan();
    assert_eq!(look(&mut scan), "a=1");
    let hour = Duration::from_secs(3_600);
    assert_eq!(scan.look(hour).unwrap().unwrap().instances.len(), 1);
    place.store.beat(&entry).unwrap();
    assert_eq!(look(&mut scan), "a=1");
}

#[test]
fn a_planned_leave_is_seen_at_once_and_its_tombstone_is_swept_after_a_minute() {
    let place = Place::new();
    place.list("a", 1);
    let mut scan = place.scan();
    assert_eq!(look(&mut scan), "a=1");
    place.store.write(&left("a")).unwrap();
    assert_eq!(look(&mut scan), "a left");
    assert_eq!(looks(&mut scan, 118), "a left");
    assert_eq!(looks(&mut scan, 3), "");
    assert!(!place.path("a.json").exists());
}

#[test]
fn the_file_of_a_dead_instance_is_swept_after_ten_minutes() {
    let place = Place::new();
    place.list("a", 1);
    place.put(".a.0.unfinished", "{");
    place.put("notes.txt", "ours to leave alone");
    place.put("odd.json", "not ours to remove");
    let mut scan = place.scan();
    assert_eq!(looks(&mut scan, 1_200), "1 skipped");
    assert!(place.path("a.json").exists());
    looks(&mut scan, 3);
    assert!(!place.path("a.json").exists());
    assert!(!place.path(".a.0.unfinished").exists());
    assert!(place.path("notes.txt").exists() && place.path("odd.json").exists());
}

#[test]
fn a_file_deleted_by_hand_is_silence_until_its_owner_beats_again() {
    let place = Place::new();
    let entry = place.list("a", 1);
    let mut scan = place.scan();
    assert_eq!(look(&mut scan), "a=1");
    fs::remove_dir_all(place.store.services()).unwrap();
    assert_eq!(look(&mut scan), "a=1");
    place.store.beat(&entry).unwrap();
    assert_eq!(looks(&mut scan, 5), "a=1");
    fs::remove_file(place.path("a.json")).unwrap();
    assert_eq!(looks(&mut scan, 7), "");
}

#[test]
fn poisoned_entries_are_skipped_and_counted_and_the_others_work() {
    let place = Place::new();
    place.list("good", 1);
    place.put("huge.json", vec![b' '; 10_000_000]);
    place.put("latin.json", b"{\"id\":\"\xe9\"}");
    place.put("control\u{1b}[2J.json", "{}");
    place.put("..json", "{}");
    place.put("deep.json", "[".repeat(60_000));
    place.put("empty.json", "");
    let other = listed("other", 1).to_json().unwrap();
    place.put("liar.json", &other);
    let outside = String::from_utf8(other)
        .unwrap()
        .replace("other", "../../x");
    place.put("outside.json", outside);
    fs::create_dir(place.path("folder.json")).unwrap();
    let mut scan = place.scan();
    assert_eq!(look(&mut scan), "good=1, 9 skipped");
    let skipped = scan.look(FULL).unwrap().unwrap().skipped;
    assert!(!skipped.example.unwrap().contains(char::is_control));
}

#[cfg(unix)]
#[test]
fn a_link_in_place_of_an_entry_is_not_followed_and_its_owner_puts_it_right() {
    let place = Place::new();
    let entry = place.list("a", 1);
    let target = place.root.path().join("target");
    fs::write(&target, listed("a", 666).to_json().unwrap()).unwrap();
    let mut scan = place.scan();
    look(&mut scan);
    fs::remove_file(place.path("a.json")).unwrap();
    std::os::unix::fs::symlink(&target, place.path("a.json")).unwrap();
    assert_eq!(look(&mut scan), "a=1, 1 skipped");
    place.store.beat(&entry).unwrap();
    assert_eq!(look(&mut scan), "a=1");
    let untouched = fs::read(&target).unwrap();
    assert_eq!(untouched, listed("a", 666).to_json().unwrap());
}

#[test]
fn an_editor_that_writes_beside_and_renames_is_seen() {
    let place = Place::new();
    place.list("a", 1);
    let mut scan = place.scan();
    look(&mut scan);
    place.put("a.json~", listed("a", 1).to_json().unwrap());
    place.put(".a.json.swp", "b0VIM");
    place.put("4913", listed("a", 50).to_json().unwrap());
    fs::rename(place.path("4913"), place.path("a.json")).unwrap();
    assert_eq!(look(&mut scan), "a=50");
}

#[test]
fn ten_thousand_torn_writes_never_show_a_torn_record() {
    let place = Place::new();
    let random = Random::new(42);
    let mut scan = place.scan();
    for round in 0..10_000 {
        let weight = round % 1_000;
        let whole = listed("a", weight).to_json().unwrap();
        place.put("a.json", &whole);
        assert_eq!(look(&mut scan), format!("a={weight}"));
        let cut = scale(random.bits(), whole.len());
        place.put("a.json", &whole[..cut]);
        assert_eq!(look(&mut scan), format!("a={weight}, 1 skipped"));
    }
}

#[test]
fn a_reader_never_sees_half_of_a_write() {
    let place = Place::new();
    place.list("a", 0);
    let read = |path: &Path| match place.store.read(path) {
        Found::Entry(Entry::Listed(instance)) => {
            assert_eq!(instance.tags["weight"], instance.weight.to_string());
            instance.weight
        }
        other => panic!("{other:?}"),
    };
    let path = place.path("a.json");
    std::thread::scope(|threads| {
        let writer = threads.spawn(|| {
            for weight in 1..=300 {
                place.list("a", weight);
            }
        });
        let mut newest = 0;
        while !writer.is_finished() {
            let weight = read(&path);
            assert!(weight >= newest);
            newest = weight;
        }
    });
    assert_eq!(read(&path), 300);
}

#[test]
fn between_full_looks_an_unchanged_directory_costs_one_look_at_its_stamp() {
    let place = Place::new();
    place.list("a", 1);
    let mut scan = place.scan();
    let ms = Duration::from_millis;
    assert!(scan.look(ms(0)).unwrap().is_some());
    assert!(
        scan.look(ms(75)).unwrap().is_some(),
        "the first is settled by a second"
    );
    assert!(scan.look(ms(75)).unwrap().is_none());
    assert!(scan.look(ms(500)).unwrap().is_some());
    place.list("b", 1);
    let listing = scan.look(ms(75)).unwrap().unwrap();
    assert_eq!(listing.instances.len(), 2);
}

#[test]
fn a_directory_that_cannot_be_read_is_an_error_and_makes_nobody_silent() {
    let place = Place::new();
    let entry = place.list("a", 1);
    let mut scan = place.scan();
    look(&mut scan);
    let aside = place.root.path().with_extension("aside");
    fs::rename(place.root.path(), &aside).unwrap();
    for _ in 0..20 {
        let error = scan.look(FULL).unwrap_err();
        assert!(error.message().contains("mkdir -p"), "{error}");
    }
    fs::rename(&aside, place.root.path()).unwrap();
    place.store.beat(&entry).unwrap();
    assert_eq!(look(&mut scan), "a=1");
}
