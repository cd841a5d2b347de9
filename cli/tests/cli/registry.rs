//! `callsheet registry` on a directory that servers share, and on the engines that they share over a network.

#[cfg(all(unix, feature = "engines"))]
mod engines;
mod obeyed;

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use callsheet::registry::{self, Handle, Instance, Lease, LeaseState};
use serde_json::Value;
use tokio::runtime::Runtime;

use super::{Project, Run};

const SERVICE: &str = "shop.orders.Orders";

/// A registry with instances that this process keeps listed.
struct Shop {
    project: Project,
    /// With the password, where there is one.
    address: String,
    registry: Handle,
    runtime: Runtime,
}

fn runtime() -> Runtime {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(1).enable_all().build();
    runtime.expect("a runtime")
}

impl Shop {
    /// A registry of files.
    fn open() -> Self {
        let project = Project::new(&[]);
        std::fs::create_dir(project.path("registry")).expect("a folder");
        let address = format!("file:{}", project.path("registry").display());
        Self::at(address, project, runtime())
    }

    fn at(address: String, project: Project, runtime: Runtime) -> Self {
        let registry = runtime.block_on(registry::connect(&address));
        Self {
            project,
            address,
            registry: registry.expect("a registry"),
            runtime,
        }
    }

    /// Lists an instance, and waits until it is.
    fn list(&self, id: &str, change: impl FnOnce(&mut Instance)) -> Lease {
        let mut instance = Instance::new(id, SERVICE);
        instance.addresses = vec![format!("tcp://127.0.0.1:{}", 7000 + id.len())];
        instance.releases = vec!["1.1".parse().expect("a release")];
        instance.started_unix_ms = 1;
        change(&mut instance);
        self.runtime.block_on(async {
            let lease = self.registry.register(vec![instance]).expect("a lease");
            let mut watch = self.registry.watch(SERVICE);
            watch.seen(|view| view.instance(id).is_some()).await;
            lease
        })
    }

    fn run(&self, arguments: &[&str]) -> Run {
        let all = [&["registry"], arguments].concat();
        self.project
            .run_with(&all, &[("CALLSHEET_REGISTRY", &self.address)])
    }

    /// The one row of `get` for an instance, as JSON.
    fn row(&self, id: &str) -> Value {
        let run = self.run(&["get", SERVICE, id, "--format", "json"]);
        assert_eq!(run.status(), 0, "{}", run.err());
        serde_json::from_str(run.out().trim()).expect("one object")
    }
}

#[test]
fn what_is_listed_is_shown_in_columns_and_as_json() {
    let shop = Shop::open();
    let _a = shop.list("a", |instance| {
        instance.zone = Some("eu-1".to_owned());
        instance.tags.insert("lane".to_owned(), "blue".to_owned());
    });
    let _b = shop.list("bb", |instance| instance.weight = 7);
    let run = shop.run(&["ls"]);
    assert_eq!(run.status(), 0, "{}", run.err());
    let lines: Vec<Vec<&str>> = run
        .out()
        .lines()
        .map(|line| {
            line.split("  ")
                .map(str::trim)
                .filter(|cell| !cell.is_empty())
                .collect()
        })
        .collect();
    assert_eq!(lines[0][..4], ["SERVICE", "ID", "STATE", "GROUP"]);
    assert_eq!(
        lines[1][..8],
        [
            SERVICE,
            "a",
            "live",
            "default",
            "1.1",
            "100",
            "eu-1",
            "lane=blue"
        ]
    );
    assert_eq!(
        lines[2][..7],
        [SERVICE, "bb", "live", "default", "1.1", "7", "-"]
    );
    assert_eq!(lines[2].last(), Some(&"tcp://127.0.0.1:7002"));
    assert!(
        run.err().starts_with("1 service, 2 instances in file:"),
        "{}",
        run.err()
    );

    let run = shop.run(&["ls", "--format", "json"]);
    let rows = run.findings();
    assert_eq!(rows.len(), 2);
    assert_eq!(rows[0]["zone"], "eu-1");
    assert_eq!(
        (&rows[1]["state"], &rows[1]["weight"]),
        (&"live".into(), &7.into())
    );
}

#[test]
fn a_poisoned_record_is_told_and_acts_on_no_terminal() {
    let shop = Shop::open();
    let _a = shop.list("a", |_| {});
    let poisoned = format!(
        r#"{{"id":"b","service":"{SERVICE}","addresses":["tcp://h:1"],"zone":"z{}[31m\u001b]0;x"}}"#,
        '\u{202e}'
    );
    let place = format!("registry/services/{SERVICE}/b.json");
    shop.project.write(&place, poisoned);
    for arguments in [
        &["ls"][..],
        &["get", SERVICE],
        &["get", SERVICE, "--format", "json"],
    ] {
        let run = shop.run(arguments);
        assert_eq!(run.status(), 0, "{}", run.err());
        for text in [run.out(), run.err()] {
            let loud = text
                .chars()
                .find(|c| c.is_control() && *c != '\n' || *c == '\u{202e}');
            assert_eq!(loud, None, "{text:?}");
        }
        assert_eq!(run.out().matches("tcp://").count(), 1);
        if arguments.contains(&"get") {
            assert!(
                run.err()
                    .contains("1 record of shop.orders.Orders not believed"),
                "{}",
                run.err()
            );
        }
    }
}

#[test]
fn weights_and_draining_add_up_and_are_taken_back_one_by_one() {
    let shop = Shop::open();
    let lease = shop.list("a", |_| {});
    let run = shop.run(&["weight", SERVICE, "a", "5"]);
    assert_eq!(
        (run.status(), run.err()),
        (0, "shop.orders.Orders a: takes calls, weight 5\n")
    );
    assert_eq!(shop.run(&["drain", SERVICE, "a"]).status(), 0);
    let row = shop.row("a");
    assert_eq!(
        (&row["state"], &row["weight"]),
        (&"drained".into(), &5.into())
    );
    assert_eq!(shop.run(&["weight", SERVICE, "a", "--clear"]).status(), 0);
    let row = shop.row("a");
    assert_eq!(
        (&row["state"], &row["weight"]),
        (&"drained".into(), &100.into())
    );
    assert_eq!(shop.run(&["drain", SERVICE, "a", "--undo"]).status(), 0);
    let row = shop.row("a");
    assert_eq!((&row["state"], row.get("override")), (&"live".into(), None));
    assert!(matches!(lease.state(), LeaseState::Listed));
}

#[test]
fn what_is_not_there_is_told_with_what_is() {
    let shop = Shop::open();
    let _a = shop.list("a", |_| {});
    for task in [
        &["get", SERVICE, "b"][..],
        &["drain", SERVICE, "b"],
        &["weight", SERVICE, "b", "1"],
    ] {
        let run = shop.run(task);
        assert_eq!(run.status(), 1, "{task:?}");
        assert_eq!(
            run.err(),
            "no instance `b` of shop.orders.Orders is listed: there are a\n"
        );
    }
    let run = shop.run(&["get", "shop.Nothing"]);
    assert_eq!(run.status(), 1);
    assert!(
        run.err().contains("nothing is listed for `shop.Nothing`"),
        "{}",
        run.err()
    );
    let run = shop.run(&["weight", SERVICE, "a", "2000000"]);
    assert_eq!(run.status(), 2);
    assert!(run.err().contains("the limit is 1000000"), "{}", run.err());
    for words in [
        &["weight", SERVICE, "a"][..],
        &["weight", SERVICE, "a", "5", "--clear"],
    ] {
        let run = shop.run(words);
        assert_eq!(run.status(), 2);
        assert!(run.err().contains("--clear"), "{}", run.err());
    }
}

#[test]
fn a_registry_that_is_missing_or_cannot_be_steered_is_told() {
    let project = Project::new(&[]);
    let run = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_callsheet"))
            .args(arguments)
            .env_remove("CALLSHEET_REGISTRY")
            .current_dir(project.path("."))
            .output()
            .expect("the command starts");
        let run = Run(output);
        (run.status(), run.err().to_owned())
    };
    let (status, told) = run(&["registry", "ls"]);
    assert_eq!(status, 2);
    assert!(
        told.contains("--registry") && told.contains("CALLSHEET_REGISTRY"),
        "{told}"
    );
    let (status, told) = run(&["registry", "ls", "--registry", "memory:x"]);
    assert_eq!(status, 2);
    assert!(told.contains("within one process"), "{told}");
    let (status, told) = run(&["registry", "ls", "--registry", "consul://user:hunter2@h"]);
    assert_eq!(status, 2);
    assert!(
        told.contains("this build has") && !told.contains("hunter2"),
        "{told}"
    );
    let fixed = [
        "registry",
        "--registry",
        "static:tcp://127.0.0.1:1",
        "drain",
        "S",
        "static-1",
    ];
    let (status, told) = run(&fixed);
    assert_eq!(status, 2);
    assert!(told.contains("takes no overrides"), "{told}");
}

/// `callsheet registry watch`, and the lines that it prints.
struct Watching {
    child: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Watching {
    fn start(shop: &Shop, arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_callsheet"))
            .args(["registry", "watch", "--format", "json"])
            .args(arguments)
            .env("CALLSHEET_REGISTRY", &shop.address)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the command starts");
        let lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        Self { child, lines }
    }

    /// The next event and the instance that it is about.
    fn next(&mut self) -> (String, String) {
        let line = self.lines.next().expect("one more line").expect("a line");
        let value: Value = serde_json::from_str(&line).expect("an object");
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        (text(&value["event"]), text(&value["instance"]["id"]))
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn changes_are_told_as_they_happen_also_of_services_that_are_new() {
    let shop = Shop::open();
    let event = |event: &str, id: &str| (event.to_owned(), id.to_owned());
    let mut all = Watching::start(&shop, &[]);
    let a = shop.list("a", |_| {});
    assert_eq!(all.next(), event("listed", "a"));
    let mut one = Watching::start(&shop, &[SERVICE]);
    assert_eq!(one.next(), event("listed", "a"));
    // One after the other: of what happens at once, a view shows the outcome.
    let mut both = |what: &str, id: &str| {
        assert_eq!(all.next(), event(what, id));
        assert_eq!(one.next(), event(what, id));
    };
    let _b = shop.list("bb", |_| {});
    both("joined", "bb");
    shop.run(&["weight", SERVICE, "bb", "3"]);
    both("changed", "bb");
    shop.run(&["drain", SERVICE, "bb"]);
    both("drained", "bb");
    shop.run(&["drain", SERVICE, "bb", "--undo"]);
    both("joined", "bb");
    shop.runtime.block_on(a.deregister()).expect("it leaves");
    both("left", "a");
}
