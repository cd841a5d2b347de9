//! `breaking`: the older state as a folder, a commit, a file, a descriptor set.

use std::process::Command;

use crate::Project;

const COMMON: &str =
    "edition 2026;\npackage shop.common;\n\nmessage Money {\n    cents: int64 = 1;\n}\n";
const ORDERS: &str = "edition 2026;\npackage shop.orders;\n\nimport \"shop/common.rpc\";\n\nmessage Order {\n    total: shop.common.Money = 1;\n    note: string = 2;\n}\n\nservice Orders {\n    rpc place(Order) -> Order;\n}\n";

fn project() -> Project {
    Project::new(&[
        ("callsheet.toml", "roots = [\"idl\"]\n"),
        ("idl/shop/common.rpc", COMMON),
        ("idl/shop/orders.rpc", ORDERS),
    ])
}

/// Narrower money, and a note that is gone.
fn change(project: &Project) {
    project.write("idl/shop/common.rpc", COMMON.replace("int64", "int32"));
    project.write(
        "idl/shop/orders.rpc",
        ORDERS.replace("    note: string = 2;\n", ""),
    );
}

fn git(project: &Project, arguments: &[&str]) {
    let output = Command::new("git")
        .args(["-c", "user.name=Ada", "-c", "user.email=ada@example.org"])
        .args([
            "-c",
            "commit.gpgsign=false",
            "-c",
            "init.defaultBranch=main",
        ])
        .args(arguments)
        .current_dir(project.path("."))
        .env("GIT_CONFIG_GLOBAL", "none")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .output()
        .expect("git");
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn a_folder_is_compared_with_each_verdict_at_both_places() {
    let project = project();
    for (name, text) in [("shop/common.rpc", COMMON), ("shop/orders.rpc", ORDERS)] {
        project.write(&format!("old/{name}"), text);
    }
    let run = project.run(&["breaking", "idl", "--against", "old"]);
    assert_eq!((run.status(), run.err()), (0, "nothing breaks\n"));

    change(&project);
    let run = project.run(&["breaking", "idl", "--against", "old"]);
    assert_eq!(run.status(), 1, "{}", run.err());
    for part in [
        "error[CS0306]: the field `cents` has a type that holds fewer values",
        "idl/shop/common.rpc:5:5",
        "old/shop/common.rpc:5:5",
        "wire for old clients, old servers and stored data",
        "error[CS0300]: the field `note` is gone",
        "2 changes break source (2), wire (2), JSON (2)",
    ] {
        assert!(run.err().contains(part), "{part}\n{}", run.err());
    }
    let run = project.run(&["breaking", "idl", "--against", "old", "--format", "json"]);
    let mut codes = run.codes();
    codes.sort();
    assert_eq!(codes, ["CS0300", "CS0306"]);
    assert!(
        run.findings()
            .iter()
            .all(|it| it["notes"].as_array().is_some_and(|it| it.len() == 2))
    );
}

#[test]
fn what_is_accepted_is_not_told() {
    let project = project();
    project.write("old/shop/common.rpc", COMMON);
    project.write("old/shop/orders.rpc", ORDERS);
    change(&project);
    let run = |more: &[&str]| {
        project.run(
            &[
                &["breaking", "idl", "--against", "old", "--format", "json"],
                more,
            ]
            .concat(),
        )
    };
    assert_eq!(run(&["--allow", "cs0306"]).codes(), ["CS0300"]);
    assert_eq!(run(&["--allow", "source"]).codes().len(), 2);
    let all = run(&["--allow", "source", "--allow", "JSON", "--allow", "wire"]);
    assert_eq!((all.status(), all.out()), (0, ""));
    let wrong = run(&["--allow", "wires"]);
    assert_eq!(wrong.status(), 2);
    assert!(
        wrong.err().contains("neither a category"),
        "{}",
        wrong.err()
    );
}

#[test]
fn a_commit_is_compared_from_where_the_roots_are() {
    let project = project();
    git(&project, &["init", "-q"]);
    git(&project, &["add", "."]);
    git(&project, &["commit", "-q", "-m", "first"]);
    git(&project, &["tag", "v1"]);
    let run = project.run(&["breaking", "idl", "--against", "HEAD"]);
    assert_eq!((run.status(), run.err()), (0, "nothing breaks\n"));
    change(&project);
    for (folder, path) in [
        (".", "idl"),
        ("idl/shop", "."),
        (".", "idl/shop/orders.rpc"),
    ] {
        let run = project.run_in(
            folder,
            &["breaking", path, "--against", "v1", "--format", "json"],
        );
        let mut codes = run.codes();
        codes.sort();
        // A file brings what it imports.
        assert_eq!(
            codes,
            ["CS0300", "CS0306"],
            "{path} in {folder}: {}",
            run.err()
        );
    }
    let run = project.run(&["breaking", "idl", "--against", "v1"]);
    assert!(
        run.err().contains("v1:idl/shop/orders.rpc:"),
        "{}",
        run.err()
    );
    for wrong in ["v2", "--help-me", "-x"] {
        let run = project.run(&["breaking", "idl", &format!("--against={wrong}")]);
        assert_eq!(run.status(), 2, "{}", run.err());
        assert!(run.err().contains("no commit"), "{}", run.err());
    }
}

#[test]
fn one_file_is_compared_with_its_older_self() {
    let project = project();
    project.write("before.rpc", ORDERS);
    let run = project.run(&["breaking", "idl/shop/orders.rpc", "--against", "before.rpc"]);
    assert_eq!((run.status(), run.err()), (0, "nothing breaks\n"));
    project.write(
        "idl/shop/orders.rpc",
        ORDERS.replace("place(Order)", "order(Order)"),
    );
    let run = project.run(&[
        "breaking",
        "idl/shop/orders.rpc",
        "--against",
        "before.rpc",
        "--format",
        "json",
    ]);
    assert_eq!(run.codes(), ["CS0345"]);
}

#[test]
fn an_older_state_that_is_none_ends_with_2() {
    let project = project();
    project.write(
        "broken/shop/orders.rpc",
        "edition 2026;\npackage shop.orders;\nmessage Order { id: uint46 = 1; }\n",
    );
    project.write("noise.binpb", [0xff; 20]);
    project.write("empty/readme.txt", "");
    for (against, part) in [
        ("broken", "the older contracts have errors"),
        ("noise.binpb", "neither a contract nor a descriptor set"),
        ("empty", "nothing to compare with"),
        ("nowhere", "no commit"),
    ] {
        let run = project.run(&["breaking", "idl", "--against", against]);
        assert_eq!(run.status(), 2, "{against}: {}", run.err());
        assert!(run.err().contains(part), "{against}: {}", run.err());
    }
}

#[test]
fn what_was_never_released_may_change() {
    let project = project();
    project.write("old/shop/common.rpc", COMMON);
    project.write("old/shop/orders.rpc", ORDERS);
    change(&project);
    let only = &["breaking", "idl", "--against", "old", "--released-only"];
    let run = project.run(only);
    assert_eq!((run.status(), run.err()), (0, "nothing breaks\n"));
    project.run(&["release", "old", "--root", "old"]);
    assert_eq!(project.run(only).status(), 1);
}
