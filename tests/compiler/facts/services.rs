//! Services, their releases, groups and methods, and how calls may be treated.

use super::show;

#[test]
fn facts_of_services_and_methods() {
    show(&[
        ("a service may be empty", "service S {}", &[]),
        (
            "requests and replies are messages",
            "message A {} enum E { NONE = 0; } service S { rpc a(A) -> A; rpc b(timestamp) -> google.protobuf.Int32Value; rpc c(E) -> string; }",
            &["CS0210", "CS0210"],
        ),
        ("there may be neither", "service S { rpc ping(); }", &[]),
        (
            "streams may throw, and so may what has no reply",
            "message A {} error E(internal) {} service S { rpc a(A) throws E; rpc b(stream A) -> stream A throws E; }",
            &[],
        ),
        (
            "throws names errors",
            "message A {} service S { rpc a() throws A; }",
            &["CS0211"],
        ),
        (
            "each once",
            "error E(internal) {} service S { rpc a() throws E, E; }",
            &["CS0212"],
        ),
        (
            "a method has one definition at a release",
            "service S { rpc a(); rpc a(); }",
            &["CS0215"],
        ),
        (
            "a line of versions or groups stands once",
            "service S { versions 1.0; versions 1.1; groups a; groups b; }",
            &["CS0216", "CS0216"],
        ),
        (
            "groups are listed once",
            "service S { groups a, a; }",
            &["CS0217"],
        ),
        (
            "open groups come last",
            "service S { groups .., a; }",
            &["CS0218"],
        ),
        ("and never alone", "service S { groups ..; }", &["CS0218"]),
        (
            "a release is major.minor",
            "service S { versions 1; }",
            &["CS0032"],
        ),
        (
            "is listed once",
            "service S { versions 1.0, 1.0; }",
            &["CS0219"],
        ),
        (
            "and behind older ones",
            "service S { versions 1.1, 1.0; }",
            &["CS0220"],
        ),
        (
            "1.10 is not 1.1",
            "service S { versions 1.1, 1.9, 1.10; }",
            &[],
        ),
    ]);
}

#[test]
fn facts_of_releases() {
    show(&[
        (
            "windows name listed releases",
            "service S { @added(1.1) rpc a(); }",
            &["CS0230"],
        ),
        (
            "added is not behind deprecated",
            "service S { versions 1.0, 1.1; @added(1.1) @deprecated(1.0) rpc a(); }",
            &["CS0231"],
        ),
        (
            "and may be the same",
            "service S { versions 1.0, 1.1; @added(1.1) @deprecated(1.1, \"why\") rpc a(); }",
            &[],
        ),
        (
            "deprecated is before removed",
            "service S { versions 1.0, 2.0; @deprecated(2.0) @removed(2.0) rpc a(); }",
            &["CS0231"],
        ),
        (
            "no window is empty",
            "service S { versions 1.0, 2.0; @added(2.0) @removed(2.0) rpc a(); }",
            &["CS0231"],
        ),
        (
            "minor releases only add",
            "service S { versions 1.0, 1.1; @removed(1.1) rpc a(); }",
            &["CS0232"],
        ),
        (
            "a removal is at the first release of a major",
            "service S { versions 1.0, 2.0, 2.1; @removed(2.1) rpc a(); }",
            &["CS0232"],
        ),
        (
            "two definitions share a name at two majors",
            "service S { versions 1.0, 2.0; @removed(2.0) rpc a(x: bool = 1); @added(2.0) rpc a(y: bool = 1); }",
            &[],
        ),
        (
            "not at one",
            "service S { versions 1.0, 1.1, 2.0; @removed(2.0) rpc a(x: bool = 1); @added(1.1) rpc a(y: bool = 1); }",
            &["CS0215"],
        ),
    ]);
}

#[test]
fn facts_of_policies() {
    show(&[
        (
            "a service takes defaults of its methods",
            "@timeout(1s) @balance(p2c) @cluster(failover) @limit(1) @max_size(1KiB) @compress(gzip) @priority(low) service S { rpc a(); }",
            &[],
        ),
        (
            "and no other",
            "@idempotent service S { rpc a(); } @oneway service T { rpc a(); } @retry(1) service U { rpc a(); } @hedge(1s) service V { rpc a(); }",
            &["CS0181", "CS0181", "CS0181", "CS0181"],
        ),
        (
            "retries count two unless said",
            "service S { @idempotent @retry rpc a(); @idempotent @retry(on: [aborted]) rpc b(); @idempotent @retry(backoff: 1ms..1s) rpc c(); }",
            &[],
        ),
        (
            "repetition asks for idempotence",
            "message A {} service S { @retry(1) rpc a(); @hedge(1s) rpc b(); @cluster(forking(2)) rpc c(); }",
            &["CS0240", "CS0240", "CS0240"],
        ),
        (
            "broadcast does not",
            "service S { @cluster(broadcast) rpc a(); }",
            &[],
        ),
        (
            "retries go with server streams",
            "message A {} service S { @idempotent @retry(1) rpc a(A) -> stream A; }",
            &[],
        ),
        (
            "not with request streams",
            "message A {} service S { @idempotent @retry(1) rpc a(stream A); }",
            &["CS0244"],
        ),
        (
            "hedges, forks and broadcasts go with no stream",
            "message A {} service S { @idempotent @hedge(1s) rpc a(A) -> stream A; @idempotent @cluster(forking(2)) rpc b(A) -> stream A; @cluster(broadcast) rpc c(stream A); }",
            &["CS0244", "CS0244", "CS0244"],
        ),
        (
            "one-way calls have no answer",
            "message A {} error E(internal) {} service S { @oneway rpc a(A) -> A; @oneway rpc b(A) throws E; @oneway rpc c(stream A); @oneway rpc d(A) -> empty; }",
            &["CS0241", "CS0241", "CS0241", "CS0242"],
        ),
        (
            "and nothing that needs one",
            "service S { @oneway @idempotent @retry(1) rpc a(); @oneway @idempotent @hedge(1s) rpc b(); @oneway @cluster(broadcast) rpc c(); }",
            &["CS0243", "CS0243", "CS0243"],
        ),
        (
            "zeros say nothing",
            "service S { @timeout(0ms) rpc a(); @idempotent @hedge(0ms) rpc b(); @idempotent @retry(0) rpc c(); @limit(0) rpc d(); @max_size(0B) rpc e(); }",
            &["CS0188", "CS0188", "CS0188", "CS0188", "CS0188"],
        ),
        (
            "a back-off does not shrink",
            "service S { @idempotent @retry(1, backoff: 1s..20ms) rpc a(); }",
            &["CS0247"],
        ),
        (
            "choices are few",
            "service S { @compress(lz4) rpc a(); @priority(urgent) rpc b(); @balance(nearest) rpc c(); @cluster(all) rpc d(); }",
            &["CS0187", "CS0187", "CS0187", "CS0187"],
        ),
        (
            "a hash path leads to a scalar or enum",
            "enum E { NONE = 0; } message B { b: bool = 1; e: E = 2; } message A { b: B = 1; s: string? = 2; } service S { @balance(consistent_hash(.b.b)) rpc a(A); @balance(consistent_hash(.b.e)) rpc b(A); @balance(consistent_hash(.s)) rpc c(A); @balance(consistent_hash(.x)) rpc d(x: uint64 = 1); }",
            &[],
        ),
        (
            "that is there",
            "message A { a: bool = 1; } service S { @balance(consistent_hash(.b)) rpc a(A); }",
            &["CS0245"],
        ),
        (
            "not to a message, list or map",
            "message A { a: A = 1; l: [bool] = 2; m: map<bool, bool> = 3; } service S { @balance(consistent_hash(.a)) rpc a(A); @balance(consistent_hash(.l)) rpc b(A); @balance(consistent_hash(.m)) rpc c(A); }",
            &["CS0246", "CS0246", "CS0246"],
        ),
        (
            "not into a stream of requests",
            "message A { a: bool = 1; } service S { @balance(consistent_hash(.a)) rpc a(stream A); }",
            &["CS0244"],
        ),
        (
            "all policies at once",
            "message A { a: string = 1; } service S { @idempotent @timeout(1s) @retry(1, on: [unavailable, aborted], backoff: 20ms..1s) @hedge(30ms) @balance(consistent_hash(.a)) @cluster(forking(2)) @limit(10) @max_size(4MiB) @compress(identity) @priority(normal) rpc a(A) -> A; }",
            &[],
        ),
    ]);
}
