//! What befalls a directory: it is missing, refused, emptied, moved away.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use callsheet::registry::{
    ErrorKind, File, Freshness, Handle, Instance, LeaseState, Registry, Snapshot, Watch, connect,
};
use tokio::time::{sleep, timeout};

const SERVICE: &str = "shop.orders.Orders";

fn instance(id: &str) -> Instance {
    let mut instance = Instance::new(id, SERVICE);
    instance.addresses = vec!["tcp://127.0.0.1:7000".into()];
    instance
}

fn entry(root: &Path, id: &str) -> PathBuf {
    root.join("services")
        .join(SERVICE)
        .join(format!("{id}.json"))
}

async fn open(path: &Path) -> Handle {
    Handle::new(File::open_seeded(path, 1).await.unwrap())
}

async fn until(watch: &mut Watch, wanted: impl FnMut(&Snapshot) -> bool) -> Arc<Snapshot> {
    timeout(Duration::from_secs(120), watch.seen(wanted))
        .await
        .expect("the view changes")
}

#[tokio::test]
async fn a_directory_that_is_missing_or_none_is_an_error_that_says_what_to_do() {
    let root = tempfile::tempdir().unwrap();
    let missing = root.path().join("missing");
    let error = connect(&format!("file:{}", missing.display()))
        .await
        .unwrap_err();
    let expect = format!(
        "create it (`mkdir -p {}`), writable for the servers",
        missing.display()
    );
    assert!(error.message().ends_with(&expect), "{error}");
    let file = root.path().join("file");
    fs::write(&file, "").unwrap();
    let error = connect(&format!("file://{}", file.display()))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Address, "{error}");
    let error = connect("file:").await.unwrap_err();
    assert!(error.message().contains("name a directory"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_directory_that_cannot_be_written_shows_in_the_lease_and_heals() {
    let root = tempfile::tempdir().unwrap();
    // A file where a directory should stand refuses everybody, even a test that runs as root.
    let services = root.path().join("services");
    fs::write(&services, "").unwrap();
    let registry = open(root.path()).await;
    let lease = registry.register(vec![instance("a")]).unwrap();
    let LeaseState::Lost(error) = lease.tried().await else {
        panic!("{:?}", lease.state())
    };
    assert!(
        error.message().contains("where a directory should"),
        "{error}"
    );
    fs::remove_file(services).unwrap();
    lease.listed().await.unwrap();
    assert!(entry(root.path(), "a").exists());
}

#[tokio::test(start_paused = true)]
async fn an_entry_deleted_by_hand_is_listed_again_and_watchers_never_miss_it() {
    let root = tempfile::tempdir().unwrap();
    let registry = open(root.path()).await;
    let lease = registry.register(vec![instance("a")]).unwrap();
    lease.listed().await.unwrap();
    let mut watch = registry.watch(SERVICE);
    let before = until(&mut watch, |now| !now.instances().is_empty()).await;
    let path = entry(root.path(), "a");
    for damage in [
        |path: &Path| fs::remove_file(path).unwrap(),
        |path: &Path| fs::write(path, "{\"id\":").unwrap(),
        |path: &Path| fs::remove_dir_all(path.parent().unwrap().parent().unwrap()).unwrap(),
    ] {
        damage(&path);
        sleep(Duration::from_secs(2)).await;
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains("tcp://127.0.0.1:7000"), "{text}");
        let now = watch.borrow();
        assert_eq!(now.instances(), before.instances());
    }
    lease.deregister().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_directory_moved_away_leaves_the_last_view_and_its_return_is_seen() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("registry");
    fs::create_dir(&path).unwrap();
    let registry = open(&path).await;
    fs::create_dir_all(path.join("services").join(SERVICE)).unwrap();
    fs::write(
        entry(&path, "a"),
        serde_json::to_vec(&instance("a")).unwrap(),
    )
    .unwrap();
    let mut watch = registry.watch(SERVICE);
    until(&mut watch, |now| !now.instances().is_empty()).await;
    let aside = root.path().join("aside");
    fs::rename(&path, &aside).unwrap();
    let stale = until(&mut watch, |now| {
        matches!(now.freshness(), Freshness::Stale(_))
    })
    .await;
    assert_eq!(stale.instances().len(), 1);
    sleep(Duration::from_secs(600)).await;
    assert_eq!(
        watch.borrow().instances().len(),
        1,
        "nobody is lost by the registry's absence"
    );
    fs::rename(&aside, &path).unwrap();
    let back = until(&mut watch, |now| {
        matches!(now.freshness(), Freshness::Current)
    })
    .await;
    assert_eq!(back.instances().len(), 1);
    // Nobody beats for it.
    until(&mut watch, |now| now.instances().is_empty()).await;
    assert!(!watch.borrow().has_left("a"));
}

#[tokio::test(start_paused = true)]
async fn a_view_follows_when_nobody_has_watched_for_a_while() {
    let root = tempfile::tempdir().unwrap();
    let registry = File::open_seeded(root.path(), 1).await.unwrap();
    drop(registry.watch(SERVICE));
    sleep(Duration::from_secs(1)).await;
    let lease = registry.register(vec![instance("a")]).unwrap();
    lease.listed().await.unwrap();
    let mut again = registry.watch(SERVICE);
    until(&mut again, |now| !now.instances().is_empty()).await;
    lease.deregister().await.unwrap();
    until(&mut again, |now| now.has_left("a")).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_no_name_of_a_service_has_nobody_and_touches_no_file() {
    let root = tempfile::tempdir().unwrap();
    fs::write(
        root.path().join("a.json"),
        serde_json::to_vec(&instance("a")).unwrap(),
    )
    .unwrap();
    let registry = open(root.path()).await;
    for name in ["..", "../..", "", "/etc", "a/b", "a\0b"] {
        let snapshot = registry.watch(name).answered().await;
        assert_eq!(snapshot.instances(), [], "{name:?}");
    }
}

#[tokio::test]
async fn a_view_asked_for_outside_of_any_runtime_is_fed_all_the_same() {
    let root = tempfile::tempdir().unwrap();
    let registry = open(root.path()).await;
    let lease = registry.register(vec![instance("a")]).unwrap();
    lease.listed().await.unwrap();
    let other = registry.clone();
    let watch = std::thread::spawn(move || other.watch(SERVICE))
        .join()
        .unwrap();
    until(&mut watch.clone(), |now| !now.instances().is_empty()).await;
    lease.deregister().await.unwrap();
}
