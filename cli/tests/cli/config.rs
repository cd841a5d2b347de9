//! `callsheet config` and `explain-policy` on a directory that servers share.

use callsheet::registry::{self, Documents, Expected, Handle, Instance, Lease};

use super::{Project, Run};

const SERVICE: &str = "shop.orders.Orders";

const CONTRACT: &str = "edition 2026;\npackage shop.orders;\n\nmessage Order {\n    id: uint64 = 1;\n}\n\n\
    service Orders {\n    @idempotent @timeout(300ms) @retry(1)\n    rpc get(id: uint64 = 1) -> Order;\n}\n";

/// A registry of files, and whom this process lists there.
struct Shop {
    project: Project,
    registry: Handle,
    runtime: tokio::runtime::Runtime,
}

impl Shop {
    fn open() -> Self {
        let project = Project::new(&[("shop/orders.rpc", CONTRACT)]);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        std::fs::create_dir(project.path("registry")).expect("a folder");
        let address = format!("file:{}", project.path("registry").display());
        let registry = runtime
            .block_on(registry::connect(&address))
            .expect("a registry");
        Self {
            project,
            registry,
            runtime,
        }
    }

    /// The same with an instance of the service.
    fn served() -> (Self, Lease) {
        let shop = Self::open();
        let mut instance = Instance::new("a", SERVICE);
        instance.addresses = vec!["tcp://127.0.0.1:7001".to_owned()];
        instance.tags.insert("lane".to_owned(), "blue".to_owned());
        let lease = shop.runtime.block_on(async {
            let lease = shop.registry.register(vec![instance]).expect("a lease");
            let mut watch = shop.registry.watch(SERVICE);
            watch.seen(|view| view.instance("a").is_some()).await;
            lease
        });
        (shop, lease)
    }

    fn run(&self, arguments: &[&str]) -> Run {
        let variables = [
            ("CALLSHEET_REGISTRY", self.registry.address()),
            ("USER", "robin"),
        ];
        self.project.run_with(arguments, &variables)
    }

    fn config(&self, arguments: &[&str]) -> Run {
        self.run(&[&["config"], arguments].concat())
    }

    /// Sets a document that nothing is wrong with.
    fn set(&self, text: &str) {
        self.project.write("orders.toml", text);
        let run = self.config(&["set", SERVICE, "orders.toml", "-m", "as told"]);
        assert_eq!(run.status(), 0, "{}", run.err());
    }

    fn documents(&self) -> &dyn Documents {
        self.registry.documents().expect("files keep documents")
    }
}

#[test]
fn a_document_is_set_shown_and_taken_back() {
    let (shop, _lease) = Shop::served();
    shop.set("timeout = \"300ms\"\n");
    assert_eq!(
        shop.config(&["get", SERVICE]).out(),
        "timeout = \"300ms\"\n"
    );
    shop.set("timeout = \"500ms\"\n");
    let run = shop.config(&["history", SERVICE, "--format", "json"]);
    let changes = run.findings();
    assert_eq!(changes.len(), 2, "{}", run.out());
    assert_eq!(
        (&changes[0]["number"], &changes[0]["by"]),
        (&2.into(), &"robin".into())
    );
    assert_eq!(changes[1]["message"], "as told");

    let run = shop.config(&["diff", SERVICE, "--change", "2"]);
    assert!(
        run.out()
            .contains("-timeout = \"300ms\"\n+timeout = \"500ms\"\n"),
        "{}",
        run.out()
    );
    assert_eq!(shop.config(&["rollback", SERVICE]).status(), 0);
    assert_eq!(
        shop.config(&["get", SERVICE]).out(),
        "timeout = \"300ms\"\n"
    );
    assert_eq!(shop.config(&["rollback", SERVICE, "--to", "9"]).status(), 1);

    assert_eq!(shop.config(&["rm", SERVICE]).status(), 0);
    assert_eq!(shop.config(&["get", SERVICE]).status(), 1);
    assert_eq!(shop.config(&["rollback", SERVICE, "--to", "2"]).status(), 0);
    assert_eq!(
        shop.config(&["get", SERVICE]).out(),
        "timeout = \"500ms\"\n"
    );
    assert_eq!(shop.config(&["ls"]).out(), format!("{SERVICE}\n"));
}

#[test]
fn a_wrong_document_changes_nothing_and_is_told_by_line_and_key() {
    let (shop, _lease) = Shop::served();
    shop.set("timeout = \"300ms\"\n");
    shop.project
        .write("orders.toml", "timeout = \"300ms\"\n[retry]\natempts = 1\n");
    let run = shop.config(&["set", SERVICE, "orders.toml"]);
    assert_eq!(run.status(), 1);
    let first = run.err().lines().next().expect("a line");
    assert!(
        first.starts_with("orders.toml:3:1: error: retry.atempts: "),
        "{}",
        run.err()
    );
    assert_eq!(
        shop.config(&["get", SERVICE]).out(),
        "timeout = \"300ms\"\n"
    );

    let run = shop.config(&["check", SERVICE, "orders.toml", "--format", "json"]);
    assert_eq!(
        (run.status(), &run.findings()[0]["key"]),
        (1, &"retry.atempts".into())
    );
}

#[test]
fn what_fits_no_server_is_set_only_by_force() {
    let (shop, lease) = Shop::served();
    let rule = "[[rule]]\nto = \"tag.lane = green\"\n";
    shop.project.write("orders.toml", rule);
    let run = shop.config(&["set", SERVICE, "orders.toml"]);
    assert_eq!(run.status(), 1, "{}", run.err());
    assert!(run.err().contains("warning: rule[0]"), "{}", run.err());
    assert_eq!(
        shop.config(&["set", SERVICE, "orders.toml", "--force"])
            .status(),
        0
    );
    shop.set(&rule.replace("green", "blue"));

    shop.runtime
        .block_on(lease.deregister())
        .expect("it leaves");
    shop.project.write("orders.toml", "timeout = \"1s\"\n");
    let run = shop.config(&["set", SERVICE, "orders.toml"]);
    assert_eq!(run.status(), 1);
    assert!(run.err().contains("nobody serves this"), "{}", run.err());
}

#[test]
fn methods_are_held_against_the_contract() {
    let (shop, _lease) = Shop::served();
    shop.project
        .write("orders.toml", "[method.gett]\ntimeout = \"1s\"\n");
    let run = shop.config(&[
        "set",
        SERVICE,
        "orders.toml",
        "--contract",
        "shop",
        "--force",
    ]);
    assert_eq!(run.status(), 1);
    assert!(run.err().contains("there is get"), "{}", run.err());
}

#[test]
fn fields_and_replies_are_held_against_the_contract() {
    let (shop, _lease) = Shop::served();
    let judged = |name: &str, text: &str| {
        shop.project.write("orders.toml", text);
        let file = ["orders.toml", "--contract", "shop"];
        let check = shop.config(&[&["check", name][..], &file].concat());
        let set = shop.config(&[&["set", name][..], &file].concat());
        assert_eq!(check.status(), set.status(), "{}", set.err());
        let told = check.err().to_owned();
        assert!(set.err().starts_with(&told), "{told} {}", set.err());
        (set.status(), told)
    };
    let (status, told) = judged(
        SERVICE,
        "[method.get]\nbalance = 'consistent_hash(.customer)'\n[method.get.fallback]\nreply = '{\"colour\": 1}'\n",
    );
    let lines: Vec<_> = told.lines().collect();
    assert_eq!((status, lines.len()), (1, 2), "{told}");
    assert!(lines[0].contains("has no field `customer`"), "{told}");
    assert!(lines[1].contains("method.get.fallback.reply: "), "{told}");
    assert!(lines[1].contains("colour"), "{told}");

    let (status, told) = judged("@global", "[fallback]\nreply = '{\"colour\": 1}'\n");
    assert_eq!(status, 1);
    assert!(
        told.starts_with("orders.toml:1:1: error: fallback.reply: shop.orders.Orders: "),
        "{told}"
    );

    let fits = "[method.get]\nbalance = 'consistent_hash(.id)'\nfallback = { reply = '{\"id\": 7}', stale = '1h', mode = 'force' }\n";
    assert_eq!(judged(SERVICE, fits), (0, String::new()));
}

#[test]
fn a_policy_is_not_explained_by_a_document_that_nobody_obeys() {
    let (shop, _lease) = Shop::served();
    shop.set("[fallback]\nreply = '{\"colour\": 1}'\n");
    let method = format!("{SERVICE}/get");
    let run = shop.run(&["explain-policy", &method, "shop", "--root", "."]);
    assert_eq!(run.status(), 2, "{}", run.out());
    assert!(
        run.err().contains("whoever runs goes by an earlier one"),
        "{}",
        run.err()
    );
}

#[test]
fn the_schema_that_is_published_is_that_of_the_types() {
    let project = Project::new(&[]);
    let run = project.run(&["config", "schema"]);
    assert_eq!(run.status(), 0, "{}", run.err());
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../docs/governance.schema.json"
    );
    // As `cargo xtask bless` tells all tests that compare with a file.
    if std::env::var("INSTA_UPDATE").is_ok_and(|update| update == "always") {
        std::fs::write(path, run.out()).expect("it can be written");
    }
    let published = std::fs::read_to_string(path).expect("it is there");
    assert!(
        run.out() == published,
        "docs/governance.schema.json is of other types: run `cargo xtask bless`"
    );
    let line = project.run(&["config", "schema", "--format", "json"]);
    let schema: serde_json::Value = serde_json::from_str(&published).expect("it is JSON");
    assert_eq!(line.findings(), [schema]);
}

#[test]
fn a_change_by_other_means_can_be_taken_back_as_well() {
    let (shop, _lease) = Shop::served();
    shop.set("timeout = \"300ms\"\n");
    let put = shop
        .documents()
        .put(SERVICE, "timeout = \"9s\"\n", Expected::Any);
    shop.runtime.block_on(put).expect("a change");
    let history = shop.config(&["history", SERVICE]);
    assert!(
        history.out().contains("changed by other means"),
        "{}",
        history.out()
    );
    shop.set("timeout = \"500ms\"\n");
    assert_eq!(
        shop.config(&["history", SERVICE, "--show", "2"]).out(),
        "timeout = \"9s\"\n"
    );
    assert_eq!(shop.config(&["rollback", SERVICE]).status(), 0);
    assert_eq!(shop.config(&["get", SERVICE]).out(), "timeout = \"9s\"\n");
}

#[test]
fn an_editor_changes_a_document_and_what_it_wrote_is_not_lost() {
    let (shop, _lease) = Shop::served();
    shop.set("timeout = \"300ms\"\n");
    let edit = |editor: &str| {
        let variables = [
            ("CALLSHEET_REGISTRY", shop.registry.address()),
            ("VISUAL", editor),
        ];
        shop.project
            .run_with(&["config", "edit", SERVICE], &variables)
    };
    let run = edit("sed -i s/300/700/");
    assert_eq!(run.status(), 0, "{}", run.err());
    assert_eq!(
        shop.config(&["get", SERVICE]).out(),
        "timeout = \"700ms\"\n"
    );
    let run = edit("sed -i s/timeout/tiemout/");
    assert_eq!(run.status(), 1);
    let kept = run
        .err()
        .split("is in ")
        .nth(1)
        .and_then(|rest| rest.split(": mend").next());
    let kept = kept.expect("the file is named");
    let text = std::fs::read_to_string(kept).expect("it is there");
    std::fs::remove_file(kept).expect("it can go");
    assert_eq!(text, "tiemout = \"700ms\"\n");
}

#[test]
fn a_policy_is_explained_by_who_said_so() {
    let (shop, _lease) = Shop::served();
    shop.set("[retry]\nattempts = 0\n");
    let method = format!("{SERVICE}/get");
    let run = shop.run(&[
        "explain-policy",
        &method,
        "shop",
        "--root",
        ".",
        "--as",
        "json",
    ]);
    assert_eq!(run.status(), 0, "{}", run.err());
    let told = run.findings();
    let of = |key: &str| {
        told.iter()
            .find(|one| one["key"] == key)
            .expect("a key")
            .clone()
    };
    assert_eq!(
        (&of("timeout")["value"], &of("timeout")["place"]),
        (&"300ms".into(), &"contract".into())
    );
    let attempts = of("retry.attempts");
    assert_eq!(attempts["value"], "0");
    assert_eq!(attempts["place"], format!("document {SERVICE}"));
    assert_eq!(attempts["overruled"][0], "contract: 1");
    let run = shop.run(&[
        "explain-policy",
        &format!("{SERVICE}/put"),
        "shop",
        "--root",
        ".",
    ]);
    assert_eq!(run.status(), 1);
    assert!(
        run.err().contains("has no method put: there is get"),
        "{}",
        run.err()
    );
}

#[test]
fn a_process_is_asked_for_what_its_code_says() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    let page = r#"[{"side":"client","method":"shop.orders.v1.Orders/get","settings":[
        {"key":"timeout","value":"200ms","place":"code (ClientBuilder::timeout)","overruled":["contract: 300ms"]}]}]"#;
    let asked = std::thread::spawn(move || {
        let mut heads = Vec::new();
        for stream in listener.incoming().take(2) {
            let mut stream = stream.expect("a connection");
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                std::io::Read::read_exact(&mut stream, &mut byte).expect("a request");
                head.push(byte[0]);
            }
            let length = page.len();
            let reply = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{page}");
            std::io::Write::write_all(&mut stream, reply.as_bytes()).expect("it is read");
            heads.push(String::from_utf8(head).expect("text"));
        }
        heads
    });
    let project = Project::new(&[]);
    let ask = |method: &str| {
        let arguments = ["explain-policy", method, "--process", &address];
        project.run_with(
            &arguments,
            &[("CALLSHEET_ADMIN_TOKEN", "a-token-of-16-characters")],
        )
    };
    let run = ask("shop.orders.Orders/get");
    assert_eq!(
        (run.status(), run.out()),
        (
            0,
            "timeout  200ms  code (ClientBuilder::timeout); not contract: 300ms\n"
        ),
        "{}",
        run.err()
    );
    let run = ask("shop.orders.Orders/put");
    assert_eq!(run.status(), 1);
    assert!(
        run.err().contains("it has shop.orders.v1.Orders/get"),
        "{}",
        run.err()
    );
    let heads = asked.join().expect("both were asked");
    assert!(heads[0].starts_with("GET /config "), "{heads:?}");
    let heads = heads[0].to_lowercase();
    assert!(
        heads.contains("authorization: bearer a-token-of-16-characters"),
        "{heads}"
    );

    let run = project.run(&["explain-policy", "shop.orders.Orders/get"]);
    assert_eq!(run.status(), 2);
    assert!(run.err().contains("--process"), "{}", run.err());
}
