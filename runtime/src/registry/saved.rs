//! Views on disk: one readable file per service, so that a client that starts while its registry is down knows where to call.
//!
//! Reads with suspicion what anybody may have written; knows nothing of when it is read and written. Its calls block.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::instance::{Instance, MAX_INSTANCES};
use super::snapshot::{Skipped, Snapshot};
use super::unix_ms;
use crate::random;

/// The largest file that is written or believed: 10 000 instances of the usual size take a fifth of it.
const MAX_BYTES: usize = 16 * 1024 * 1024;

/// A directory of saved views.
#[derive(Clone, Debug)]
pub(crate) struct SavedViews {
    directory: PathBuf,
    /// The address of the registry: what one said is nothing to the clients of another.
    registry: Arc<str>,
}

/// What stands before the instances.
#[derive(Debug, Deserialize, Serialize)]
struct Content<T> {
    service: String,
    registry: String,
    /// For people: nothing is decided by it.
    saved_unix_ms: u64,
    instances: Vec<T>,
}

/// What was read of a file.
#[derive(Debug)]
pub(crate) struct SavedView {
    pub(crate) snapshot: Snapshot,
    /// Instances of the file that are not believed, and why of one of them.
    pub(crate) skipped: Skipped,
}

impl SavedViews {
    pub(crate) fn new(directory: &Path, registry: &str) -> Self {
        Self {
            directory: directory.into(),
            registry: registry.into(),
        }
    }

    /// Where the view of a service is kept. A service is named by dotted identifiers, so it names a file.
    pub(crate) fn place(&self, service: &str) -> PathBuf {
        self.directory.join(format!("{service}.json"))
    }

    /// Writes the instances of a view in one step, for nobody else to read or write.
    pub(crate) fn write(&self, view: &Snapshot) -> Result<(), String> {
        let place = self.place(view.service());
        let unfinished = self.directory.join(format!(
            ".{}.{:016x}.unfinished",
            view.service(),
            random::seed()
        ));
        let written = self.text(view).and_then(|text| {
            self.make_directory()?;
            let mut options = OpenOptions::new();
            // `create_new` follows no link that somebody has put there.
            options.write(true).create_new(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            let mut file = options.open(&unfinished)?;
            file.write_all(&text)?;
            file.sync_data()?;
            drop(file);
            fs::rename(&unfinished, &place)
        });
        written.map_err(|error| {
            // What cannot be removed harms nobody: readers look at whole files only.
            drop(fs::remove_file(&unfinished));
            advice(&error)
        })
    }

    fn make_directory(&self) -> io::Result<()> {
        let mut builder = DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&self.directory)
    }

    /// One line per instance; those that make the file too large are left out.
    fn text(&self, view: &Snapshot) -> io::Result<Vec<u8>> {
        let head = Content::<Instance> {
            service: view.service().into(),
            registry: self.registry.to_string(),
            saved_unix_ms: unix_ms(),
            instances: Vec::new(),
        };
        let mut text = serde_json::to_vec(&head)?;
        let end = b"\n]}\n";
        text.truncate(text.len() - 2);
        for (index, instance) in view.instances().iter().enumerate() {
            let start = text.len();
            text.extend_from_slice(if index == 0 { b"\n" } else { b",\n" });
            serde_json::to_writer(&mut text, &**instance)?;
            if text.len() + end.len() > MAX_BYTES {
                text.truncate(start);
                break;
            }
        }
        text.extend_from_slice(end);
        Ok(text)
    }

    /// What was saved of a service, if anything was: `None` where there is no file.
    ///
    /// # Errors
    /// Why the file that is there is not believed.
    pub(crate) fn read(&self, service: &str) -> Result<Option<SavedView>, String> {
        let bytes = match read_plain(&self.place(service)) {
            Ok(Some(bytes)) => bytes?,
            Ok(None) => return Ok(None),
            Err(error) => return Err(advice(&error)),
        };
        let saved: Content<serde_json::Value> =
            serde_json::from_slice(&bytes).map_err(|error| format!("no saved view: {error}"))?;
        if saved.service != service {
            let other = saved.service.escape_debug();
            return Err(format!("it holds instances of `{other}`"));
        }
        if *saved.registry != *self.registry {
            let other = saved.registry.escape_debug();
            return Err(format!(
                "it is of the registry `{other}`: give each registry a directory of its own"
            ));
        }
        let mut skipped = Skipped::default();
        let mut instances = Vec::with_capacity(saved.instances.len().min(MAX_INSTANCES));
        for value in saved.instances {
            match believed(value, service) {
                Ok(instance) => instances.push(Arc::new(instance)),
                Err(reason) => skipped.add(|| reason),
            }
        }
        Ok(Some(SavedView {
            snapshot: Snapshot::saved(service, instances),
            skipped,
        }))
    }
}

/// An instance of the service that keeps its limits.
fn believed(value: serde_json::Value, service: &str) -> Result<Instance, String> {
    let instance: Instance =
        serde_json::from_value(value).map_err(|error| format!("no record: {error}"))?;
    instance.check().map_err(|error| error.to_string())?;
    if instance.service != service {
        return Err(format!("`{}` is of `{}`", instance.id, instance.service));
    }
    Ok(instance)
}

/// The bytes of a plain file, or why it is none that we read; `None` if there is nothing.
fn read_plain(place: &Path) -> io::Result<Option<Result<Vec<u8>, String>>> {
    let metadata = match fs::symlink_metadata(place) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let refused = |reason: String| Ok(Some(Err(reason)));
    if !metadata.is_file() {
        return refused("not a plain file".into());
    }
    #[cfg(unix)]
    if std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o022 != 0 {
        return refused("others may write it, and could send calls anywhere: `chmod 600`".into());
    }
    let limit = MAX_BYTES as u64;
    let mut bytes = Vec::new();
    // One more byte than there may be tells a file that is too large, whatever it grew to meanwhile.
    fs::File::open(place)?
        .take(limit + 1)
        .read_to_end(&mut bytes)?;
    if bytes.len() > MAX_BYTES {
        return refused(format!("more than {limit} bytes"));
    }
    Ok(Some(Ok(bytes)))
}

/// What a failure means to whoever runs the client.
fn advice(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            format!("{error}: let the user of this process read and write the directory")
        }
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REGISTRY: &str = "etcd://a:2379/shop";

    fn view(ids: &[&str]) -> Snapshot {
        let instance = |id: &&str| {
            let mut instance = Instance::new(*id, "shop.Orders");
            instance.addresses = vec![format!("tcp://10.0.0.1:70{id}")];
            instance.tags.insert("lane".into(), "blue ö".into());
            Arc::new(instance)
        };
        Snapshot::saved("shop.Orders", ids.iter().map(instance).collect())
    }

    fn write(place: &Path, text: &[u8]) {
        fs::write(place, text).unwrap();
        #[cfg(unix)]
        fs::set_permissions(place, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    }

    #[test]
    fn a_view_is_read_as_it_was_written_and_by_people_too() {
        let folder = tempfile::tempdir().unwrap();
        let store = SavedViews::new(&folder.path().join("made/for it"), REGISTRY);
        assert!(store.read("shop.Orders").unwrap().is_none());
        for ids in [&["01", "02"][..], &["03"], &[]] {
            store.write(&view(ids)).unwrap();
            let found = store.read("shop.Orders").unwrap().unwrap();
            assert_eq!(found.snapshot.instances(), view(ids).instances());
            assert_eq!(found.skipped.count, 0);
        }
        store.write(&view(&["01", "02"])).unwrap();
        let text = fs::read_to_string(store.place("shop.Orders")).unwrap();
        let starts = ["{\"service\":", "{\"id\":\"01\"", "{\"id\":\"02\"", "]}"];
        assert_eq!(text.lines().count(), starts.len());
        for (line, start) in text.lines().zip(starts) {
            assert!(line.starts_with(start), "{line}");
        }
        let left: Vec<_> = fs::read_dir(folder.path().join("made/for it"))
            .unwrap()
            .collect();
        assert_eq!(left.len(), 1, "{left:?}");
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_may_read_what_is_saved_and_what_others_may_write_is_not_read() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let store = SavedViews::new(&folder.path().join("views"), REGISTRY);
        store.write(&view(&["01"])).unwrap();
        let place = store.place("shop.Orders");
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&place), 0o600);
        assert_eq!(mode(place.parent().unwrap()), 0o700);
        fs::set_permissions(&place, fs::Permissions::from_mode(0o620)).unwrap();
        let refused = store.read("shop.Orders").unwrap_err();
        assert!(refused.starts_with("others may write it"), "{refused}");
        let link = folder.path().join("link");
        fs::create_dir(&link).unwrap();
        std::os::unix::fs::symlink(&place, link.join("shop.Orders.json")).unwrap();
        let linked = SavedViews::new(&link, REGISTRY).read("shop.Orders");
        assert_eq!(linked.unwrap_err(), "not a plain file");
    }

    #[test]
    fn what_is_no_saved_view_is_refused_with_the_reason() {
        let folder = tempfile::tempdir().unwrap();
        let store = SavedViews::new(folder.path(), REGISTRY);
        let refused = |text: &[u8]| {
            write(&store.place("shop.Orders"), text);
            store.read("shop.Orders").unwrap_err()
        };
        insta::assert_snapshot!(refused(b""), @"no saved view: EOF while parsing a value at line 1 column 0");
        insta::assert_snapshot!(refused(b"\xff\xfe"), @"no saved view: expected value at line 1 column 1");
        insta::assert_snapshot!(refused(br#"{"service":"S\u001b","registry":"","saved_unix_ms":0,"instances":[]}"#), @r"it holds instances of `S\u{1b}`");
        insta::assert_snapshot!(refused(br#"{"service":"shop.Orders","registry":"etcd://b","saved_unix_ms":0,"instances":[]}"#), @"it is of the registry `etcd://b`: give each registry a directory of its own");
        let deep = format!("{{\"instances\":{}", "[".repeat(60_000));
        let refusal = refused(deep.as_bytes());
        assert!(refusal.contains("recursion limit"), "{refusal}");
        insta::assert_snapshot!(refused(&vec![b' '; MAX_BYTES + 1]), @"more than 16777216 bytes");
    }

    #[test]
    fn a_spoilt_instance_is_skipped_and_the_others_work() {
        let folder = tempfile::tempdir().unwrap();
        let store = SavedViews::new(folder.path(), REGISTRY);
        let text = r#"{"service":"shop.Orders","registry":"etcd://a:2379/shop","saved_unix_ms":1,"instances":[
            {"id":"01","service":"shop.Orders","addresses":["tcp://10.0.0.1:7001"]},
            {"id":"02","service":"shop.Other","addresses":["tcp://10.0.0.1:7001"]},
            {"id":"../x","service":"shop.Orders","addresses":["tcp://10.0.0.1:7001"]},
            7
        ]}"#;
        write(&store.place("shop.Orders"), text.as_bytes());
        let found = store.read("shop.Orders").unwrap().unwrap();
        assert_eq!(found.snapshot.instances().len(), 1);
        assert_eq!(found.skipped.count, 3);
        assert_eq!(
            found.skipped.example.as_deref(),
            Some("`02` is of `shop.Other`")
        );
    }

    #[test]
    fn a_view_that_is_too_large_is_saved_in_part() {
        let folder = tempfile::tempdir().unwrap();
        let store = SavedViews::new(folder.path(), REGISTRY);
        let instance = |number| {
            let mut instance = Instance::new(format!("{number:04}"), "shop.Orders");
            instance.addresses = (0..60)
                .map(|_| format!("unix:/{}", "x".repeat(990)))
                .collect();
            Arc::new(instance)
        };
        let view = Snapshot::saved("shop.Orders", (0..400).map(instance).collect());
        store.write(&view).unwrap();
        let found = store.read("shop.Orders").unwrap().unwrap();
        let saved = found.snapshot.instances();
        assert!((250..300).contains(&saved.len()), "{}", saved.len());
        assert_eq!(saved, &view.instances()[..saved.len()]);
    }
}
