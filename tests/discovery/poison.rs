//! A registry that holds what nobody should believe: it is skipped and counted, and the rest works.

use std::fs;
use std::path::Path;

use callsheet::registry::{Handle, Instance, Memory, connect};

const SERVICE: &str = "shop.orders.Orders";

/// More than a reader keeps.
const FLOOD: usize = 12_000;

fn record(id: &str) -> Instance {
    let mut record = Instance::new(id, SERVICE);
    record.addresses = vec!["tcp://127.0.0.1:7000".into()];
    record
}

/// More files than a reader believes entries.
const MANY: usize = 20_500;

/// Everything that has no business in the directory of a service.
fn poison(directory: &Path) -> usize {
    let place = |name: &str| directory.join(format!("{name}.json"));
    fs::write(place("large"), vec![b'x'; 10 << 20]).unwrap();
    fs::write(place("nul"), vec![0; 4096]).unwrap();
    fs::write(place("utf8"), b"{\"id\":\"\xff\xfe\",\"service\":\"S\"}").unwrap();
    fs::write(place("deep"), "[".repeat(60_000)).unwrap();
    fs::write(place("types"), r#"{"id":1,"service":[],"addresses":{}}"#).unwrap();
    fs::write(place("half"), r#"{"id":"half","service":"shop.ord"#).unwrap();
    let screen =
        r#"{"id":"screen","service":"shop.orders.Orders","addresses":["tcp://\u001b[2J:1"]}"#;
    fs::write(place("screen"), screen).unwrap();
    let turned = r#"{"id":"turned","service":"shop.orders.Orders","addresses":["a:1"],"group":"\u202egroup"}"#;
    fs::write(place("turned"), turned).unwrap();
    let elsewhere = r#"{"id":"other","service":"shop.orders.Orders","addresses":["a:1"]}"#;
    fs::write(place("elsewhere"), elsewhere).unwrap();
    fs::create_dir(place("folder")).unwrap();
    fs::write(directory.join("\u{1b}[31m.json"), "{}").unwrap();
    11
}

#[tokio::test]
async fn a_poisoned_file_registry_shows_those_who_are_there() {
    let folder = tempfile::tempdir().unwrap();
    let registry = connect(&format!("file:{}", folder.path().display()))
        .await
        .unwrap();
    let directory = folder.path().join("services").join(SERVICE);
    fs::create_dir_all(&directory).unwrap();
    let bad = poison(&directory);
    let lease = registry.register(vec![record("good")]).unwrap();
    lease.listed().await.unwrap();
    let mut watch = registry.watch(SERVICE);
    let now = watch.seen(|now| now.instance("good").is_some()).await;
    assert_eq!(now.instances().len(), 1, "{now:?}");
    assert_eq!(now.skipped().count, bad);
    let example = now.skipped().example.as_ref().unwrap();
    assert!(!example.chars().any(char::is_control), "{example:?}");
    assert!(example.len() < 400, "{example}");
    assert_eq!(registry.services().await.unwrap(), [SERVICE]);
    lease.deregister().await.unwrap();
}

#[tokio::test]
async fn files_that_are_no_entries_hide_nobody_however_many() {
    let folder = tempfile::tempdir().unwrap();
    let address = format!("file:{}", folder.path().display());
    let directory = folder.path().join("services").join(SERVICE);
    fs::create_dir_all(&directory).unwrap();
    for number in 0..MANY {
        fs::write(directory.join(format!("junk{number}.json")), "").unwrap();
    }
    let registry = connect(&address).await.unwrap();
    let early = registry.register(vec![record("early")]).unwrap();
    early.listed().await.unwrap();
    let mut watch = connect(&address).await.unwrap().watch(SERVICE);
    watch.seen(|now| now.instance("early").is_some()).await;
    let late = registry.register(vec![record("late")]).unwrap();
    late.listed().await.unwrap();
    let now = watch.seen(|now| now.instance("late").is_some()).await;
    assert_eq!(now.skipped().count, MANY);
}

#[tokio::test]
async fn a_flooded_registry_keeps_those_who_were_there() {
    let registry = Handle::new(Memory::new());
    let here = registry.register(vec![record("zz")]).unwrap();
    here.listed().await.unwrap();
    let mut watch = registry.watch(SERVICE);
    watch.seen(|now| now.instance("zz").is_some()).await;
    let flood = (0..FLOOD).map(|number| record(&format!("a{number:06}")));
    let lease = registry.register(flood.collect()).unwrap();
    lease.listed().await.unwrap();
    let now = watch.seen(|now| now.instances().len() > 1).await;
    assert_eq!(now.instances().len(), 10_000);
    assert!(now.instance("zz").is_some());
    assert_eq!(now.skipped().count, FLOOD + 1 - 10_000);
    lease.deregister().await.unwrap();
    let now = watch.seen(|now| now.instances().len() == 1).await;
    assert_eq!(now.left().len(), 10_000);
}
