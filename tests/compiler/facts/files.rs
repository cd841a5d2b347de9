//! Characters, literals, files, imports and names.

use super::show;

#[test]
fn facts_of_characters_and_literals() {
    show(&[
        (
            "a byte-order mark is nothing",
            "\u{feff}edition 2026;\npackage shop;\n",
            &[],
        ),
        (
            "lines may end with CRLF",
            "edition 2026;\r\npackage shop;\r\nmessage A {}\r\n",
            &[],
        ),
        (
            "a byte-order mark in mid-file is an error",
            "message A {} \u{feff}",
            &["CS0003"],
        ),
        (
            "bidi controls are errors in comments",
            "// a\u{202e}b",
            &["CS0002"],
        ),
        (
            "control characters are errors in strings",
            "const A: string = \"a\u{7}b\";",
            &["CS0002"],
        ),
        (
            "what nobody sees may stand in comments and strings",
            "// a\u{200b}\nconst A: string = \"a\u{200b}\";",
            &[],
        ),
        ("and nowhere else", "message A\u{200b} {}", &["CS0003"]),
        (
            "strings have escapes",
            r#"const A: string = "\n\r\t\0\\\"\'\x7F\u{1F600}";"#,
            &[],
        ),
        (
            "an escape of a byte goes to 7F",
            r#"const A: string = "\x80";"#,
            &["CS0007"],
        ),
        ("raw strings have none", r#"const A: string = r"\q";"#, &[]),
        (
            "integers are decimal, hexadecimal or binary",
            "const A: int32 = 0x1F; const B: int32 = 0b1_0; const C: int32 = -1_000;",
            &[],
        ),
        (
            "no number has a leading zero",
            "const A: int32 = 010;",
            &["CS0008"],
        ),
        (
            "floats have exponents",
            "const A: double = 2.5e-3; const B: float = 1e9;",
            &[],
        ),
        (
            "durations have six units",
            "const A: duration = 1us; const B: duration = 1ms; const C: duration = 1.5s; const D: duration = 1m; const E: duration = 1h; const F: duration = 1d;",
            &[],
        ),
        (
            "a duration is a whole number of microseconds",
            "const A: duration = 1.5us;",
            &["CS0011"],
        ),
        (
            "sizes have four units",
            "const A: uint64 = 1B; const B: uint64 = 1KiB; const C: uint64 = 1.5MiB; const D: uint64 = 1GiB;",
            &[],
        ),
        (
            "there is no other unit",
            "const A: uint64 = 1MB;",
            &["CS0010"],
        ),
        ("block comments nest", "/* a /* b */ c */ message A {}", &[]),
        (
            "documentation comes in two forms",
            "/// a\n/** b */ message A {\n/// c\n a: bool = 1; }",
            &[],
        ),
        (
            "documentation of nothing is a lint",
            "message A { a: bool = 1; /// end\n }",
            &["CS0028"],
        ),
        ("a stray semicolon is a lint", "message A {};", &["CS0016"]),
        (
            "lists may end with a comma",
            "message A { reserved 1, 2,; a: [string] = 3 @one_of(\"a\", \"b\",); }\nerror E(internal) {}\nservice S { versions 1.0, 1.1,; groups a, b,; @idempotent @retry(1, on: [aborted,],) rpc r(a: bool = 1, b: bool = 2,) throws E,; }",
            &[],
        ),
    ]);
}

#[test]
fn facts_of_files_and_imports() {
    show(&[
        (
            "an absent edition is a lint",
            "package shop;\nmessage A {}\n",
            &["CS0024"],
        ),
        (
            "an unknown one is an error",
            "edition 1999;\npackage shop;\n",
            &["CS0025"],
        ),
        (
            "a package is required",
            "edition 2026;\nmessage A {}\n",
            &["CS0023"],
        ),
        (
            "imports stand before declarations",
            "edition 2026;\npackage shop;\nmessage A { i: Invoice = 1; }\nimport \"shop/common.rpc\";\n",
            &["CS0026"],
        ),
        (
            "a package follows the path",
            "edition 2026;\npackage store;\n",
            &["CS0111"],
        ),
        (
            "a package may be the folder of its file",
            "edition 2026;\npackage shop;\n",
            &[],
        ),
        (
            "or the file itself",
            "edition 2026;\npackage shop.main;\n",
            &[],
        ),
        (
            "an import that nothing needs is a lint",
            "edition 2026;\npackage shop;\nimport \"shop/far.rpc\";\n",
            &["CS0110"],
        ),
        (
            "so is a second one",
            "edition 2026;\npackage shop;\nimport \"shop/far.rpc\";\nimport \"shop/far.rpc\";\nmessage A { f: shop.far.Far = 1; }\n",
            &["CS0109"],
        ),
        (
            "a file that imports itself is an error",
            "edition 2026;\npackage shop;\nimport \"shop/main.rpc\";\n",
            &["CS0107"],
        ),
        (
            "imports are not transitive",
            "message A { f: shop.far.Far = 1; }",
            &["CS0131"],
        ),
        (
            "an import names a file",
            "edition 2026;\npackage shop;\nimport \"shop/gone.rpc\";\n",
            &["CS0100"],
        ),
        (
            "an import path leaves no root",
            "edition 2026;\npackage shop;\nimport \"../shop/far.rpc\";\n",
            &["CS0105"],
        ),
        (
            "the package of protobuf is its own",
            "edition 2026;\npackage google.protobuf.mine;\n",
            &["CS0111", "CS0112"],
        ),
    ]);
}

#[test]
fn facts_of_names() {
    let name = |length: usize| format!("message A {{ {}: bool = 1; }}", "a".repeat(length));
    let package =
        |length: usize| format!("edition 2026;\npackage shop.{};\n", "a".repeat(length - 5));
    show(&[
        ("a name has at most 255 characters", &name(255), &[]),
        ("and no more", &name(256), &["CS0144"]),
        ("a package has at most 240", &package(240), &["CS0111"]),
        ("dots included", &package(241), &["CS0111", "CS0144"]),
        (
            "the language's own words are names",
            "message message { message: string = 1; rpc: bool = 2; map: bool = 3; stream: bool = 4; } service service { rpc rpc(message) -> message; rpc stream(stream message) -> stream message; }",
            &[],
        ),
        (
            "a name is looked up outwards",
            "message A { message B { c: C = 1; d: A.B = 2; e: common.Invoice = 3; } message C {} }",
            &[],
        ),
        (
            "the innermost scope with the first part decides",
            "message A { message common { } c: common.Invoice = 1; }",
            &["CS0130"],
        ),
        (
            "a leading dot names from the top",
            "message A { message shop {} i: .shop.common.Invoice = 1; }",
            &[],
        ),
        (
            "and nothing else",
            "message A { i: .common.Invoice = 1; }",
            &["CS0130"],
        ),
        (
            "two candidates are an error",
            "edition 2026;\npackage shop;\nimport \"shop/common.rpc\";\nimport \"shop/twin.rpc\";\nmessage A { i: Invoice = 1; }\n",
            &["CS0132"],
        ),
        (
            "everything of protobuf is known",
            "message A { a: google.protobuf.FieldMask = 1; b: google.protobuf.Int32Value = 2; c: .google.protobuf.Timestamp = 3; d: google.protobuf.NullValue = 4; e: any = 5; f: struct = 6; g: value = 7; h: empty = 8; i: timestamp = 9; j: duration = 10; }",
            &[],
        ),
        (
            "a name is declared once",
            "message A {} enum A { B = 0; }",
            &["CS0135"],
        ),
        (
            "a constant is a declaration too",
            "const A: bool = true; message A {}",
            &["CS0135"],
        ),
        (
            "no declaration is called as a built-in type",
            "message duration {} ",
            &["CS0136"],
        ),
        (
            "names that Rust spells alike clash",
            "message A { userId: bool = 1; user_id: bool = 2; }",
            &["CS0137"],
        ),
        (
            "a method of a client is no clash but a lint",
            "service S { rpc new(); rpc blocking(); rpc with_x(); }",
            &["CS0143", "CS0143", "CS0143"],
        ),
        (
            "keywords of Rust are lints",
            "message A { type: bool = 1; self: bool = 2; }",
            &["CS0142", "CS0142"],
        ),
        (
            "a generated request clashes with a message",
            "message SGetRequest {} service S { rpc get(a: bool = 1); }",
            &["CS0139"],
        ),
        (
            "the entry of a map clashes with a message",
            "message A { labels: map<string, string> = 1; message LabelsEntry {} }",
            &["CS0139"],
        ),
        (
            "a message may be called as a client",
            "message SClient {} service S { rpc get(SClient); }",
            &[],
        ),
        (
            "a type and the module of what it holds have two names",
            "message _1 { message A {} }",
            &["CS0140"],
        ),
        (
            "a name has a letter or a digit",
            "message _ {}",
            &["CS0141"],
        ),
    ]);
}
