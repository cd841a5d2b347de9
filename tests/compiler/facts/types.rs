//! Messages, enums, constants and the rules of fields.

use super::show;

#[test]
fn facts_of_messages_and_enums() {
    show(&[
        (
            "lists and maps hold scalars, enums and messages",
            "message A { a: [string] = 1; b: [common.Size] = 2; c: [A] = 3; d: map<bool, A> = 4; e: map<sfixed64, common.Size> = 5; }",
            &[],
        ),
        (
            "there is no list of lists",
            "message A { a: [[string]] = 1; }",
            &["CS0159"],
        ),
        (
            "nor a list in a map",
            "message A { a: map<string, [string]> = 1; }",
            &["CS0161"],
        ),
        (
            "nor a map in a map",
            "message A { a: map<string, map<string, bool>> = 1; }",
            &["CS0161"],
        ),
        (
            "nor an optional list",
            "message A { a: [string]? = 1; }",
            &["CS0160"],
        ),
        (
            "nor an optional map",
            "message A { a: map<string, bool>? = 1; }",
            &["CS0160"],
        ),
        (
            "nor a list, map or optional in a oneof",
            "message A { oneof o { a: [string] = 1; b: map<string, bool> = 2; c: bool? = 3; } }",
            &["CS0163", "CS0163", "CS0163"],
        ),
        (
            "keys are integers, strings or booleans",
            "message A { a: map<double, bool> = 1; b: map<bytes, bool> = 2; c: map<A, bool> = 3; }",
            &["CS0162", "CS0162", "CS0162"],
        ),
        (
            "a oneof has a member",
            "message A { oneof o {} }",
            &["CS0164"],
        ),
        (
            "a message may hold itself",
            "message A { a: A = 1; b: [A] = 2; }",
            &[],
        ),
        (
            "a cycle of required fields has no value",
            "message A { b: B = 1 @required; } message B { a: A = 1 @required; }",
            &["CS0165"],
        ),
        (
            "numbers start at 1",
            "message A { a: bool = 0; }",
            &["CS0151"],
        ),
        (
            "and end at 536 870 911",
            "message A { a: bool = 536870911; b: bool = 536870912; c: bool = 2147483648; }",
            &["CS0152", "CS0152"],
        ),
        (
            "without those that protobuf keeps",
            "message A { a: bool = 19000; }",
            &["CS0153"],
        ),
        (
            "each once",
            "message A { a: bool = 1; b: bool = 1; }",
            &["CS0150"],
        ),
        (
            "reserved numbers and names are not used",
            "message A { reserved 1, 3..5, 7..=8, \"a\"; a: bool = 2; b: bool = 4; c: bool = 5; d: bool = 8; }",
            &["CS0154", "CS0154", "CS0155"],
        ),
        (
            "reserved entries do not overlap",
            "message A { reserved 1..=3, 3, \"a\", \"a\"; }",
            &["CS0156", "CS0156"],
        ),
        (
            "reserved names are identifiers",
            "message A { reserved \"a b\"; }",
            &["CS0158"],
        ),
        ("zero is there", "enum E { A = 1; }", &["CS0170"]),
        ("and first", "enum E { A = 1; B = 0; }", &["CS0171"]),
        (
            "two values have two numbers",
            "enum E { A = 0; B = 0; }",
            &["CS0172"],
        ),
        (
            "unless aliases are allowed",
            "@allow_alias enum E { A = 0; B = 0; }",
            &[],
        ),
        (
            "enums of one package may share value names",
            "enum E { NONE = 0; } enum F { NONE = 0; }",
            &[],
        ),
        (
            "a value that has the prefix keeps it",
            "enum E { E_NONE = 0; } enum F { E_NONE = 0; }",
            &[],
        ),
        (
            "both spellings are an error",
            "enum E { NONE = 0; E_NONE = 1; }",
            &["CS0173"],
        ),
        (
            "bare names are names of the package",
            "@bare_names enum E { NONE = 0; } @bare_names enum F { NONE = 0; }",
            &["CS0139"],
        ),
        (
            "an error is named in throws only",
            "error E(internal) {} message A { e: E = 1; } service S { rpc r(E); }",
            &["CS0134", "CS0134"],
        ),
        (
            "an error has one of sixteen codes",
            "error E(ok) {}",
            &["CS0214"],
        ),
        (
            "JSON has each name once",
            "message A { a: bool = 1 @json(\"x\"); b: bool = 2 @json(\"x\"); }",
            &["CS0138"],
        ),
    ]);
}

#[test]
fn facts_of_constants_and_field_rules() {
    show(&[
        (
            "a constant is a scalar or a duration",
            "const A: timestamp = 1;",
            &["CS0200"],
        ),
        (
            "and may name another",
            "const A: uint32 = 7; const B: uint64 = A; message M { a: [bool] = 1 @len(A..=B); }",
            &[],
        ),
        (
            "but not itself",
            "const A: uint32 = B; const B: uint32 = A;",
            &["CS0203"],
        ),
        (
            "its value is of its type",
            "const A: uint32 = \"a\";",
            &["CS0201"],
        ),
        ("and within it", "const A: uint32 = -1;", &["CS0202"]),
        (
            "there is no arithmetic",
            "const A: int32 = 1 - 1;",
            &["CS0017"],
        ),
        (
            "lengths are numbers or ranges",
            "message A { a: string = 1 @len(5); b: bytes = 2 @len(1..=5); c: [bool] = 3 @len(..3); d: map<string, bool> = 4 @len(2..); }",
            &[],
        ),
        (
            "a number has no length",
            "message A { a: int32 = 1 @len(5); }",
            &["CS0190"],
        ),
        (
            "ranges hold for numbers and durations",
            "message A { a: int32 = 1 @range(0..5); b: double = 2 @range(0.5..=1e6); c: duration? = 3 @range(1ms..); d: sfixed64 = 4 @range(..=-1); e: float = 5 @range(..1); }",
            &[],
        ),
        (
            "a string has no range",
            "message A { a: string = 1 @range(0..5); }",
            &["CS0190"],
        ),
        (
            "choices hold for strings, integers and enums",
            "enum E { NONE = 0; ONE = 1; } message A { a: string = 1 @one_of(\"a\", \"b\"); b: int32 = 2 @one_of(1, 2); c: E = 3 @one_of(ONE, E.NONE); d: [E] = 4 @one_of(ONE); e: [string] = 5 @one_of(\"a\"); }",
            &[],
        ),
        (
            "a choice is of the type",
            "message A { a: string = 1 @one_of(1); b: double = 2 @one_of(1); }",
            &["CS0186", "CS0190"],
        ),
        (
            "an enum has its own values",
            "enum E { NONE = 0; } message A { e: E = 1 @one_of(ONE); }",
            &["CS0194"],
        ),
        (
            "a pattern is of the regex crate",
            "message A { a: string = 1 @pattern(r\"(?=a)\"); b: [string] = 2 @pattern(r\"\\d+\"); }",
            &["CS0193"],
        ),
        (
            "unique is of lists",
            "message A { a: [bool] = 1 @unique; b: bool = 2 @unique; }",
            &["CS0190"],
        ),
        (
            "required is of all but members",
            "message B {} message A { a: bool = 1 @required; b: B? = 2 @required; c: [bool] = 3 @required; d: map<bool, bool> = 4 @required; @required oneof o { e: bool = 5; } }",
            &[],
        ),
        (
            "a oneof asks for a member before itself",
            "message A { oneof o { e: bool = 5 @required; } }",
            &["CS0190"],
        ),
        (
            "bounds fit the type",
            "message A { a: uint32 = 1 @range(-1..); }",
            &["CS0192"],
        ),
        (
            "a range holds a value",
            "message A { a: uint32 = 1 @range(5..5); }",
            &["CS0191"],
        ),
        (
            "rules hold for arguments",
            "service S { rpc r(a: string = 1 @len(1..) @redact, b: duration = 2 @range(1s..)); }",
            &[],
        ),
        (
            "deprecation says why",
            "@deprecated(\"a\") message A { a: bool = 1 @deprecated(\"b\"); } @deprecated(\"c\") enum E { NONE = 0 @deprecated(\"d\"); } @deprecated(\"e\") error F(internal) {} @deprecated(\"f\") service S {}",
            &[],
        ),
        (
            "always, but on methods",
            "message A { a: bool = 1 @deprecated; } service S { @deprecated(1.0) rpc r(); }",
            &["CS0183"],
        ),
        (
            "annotations stand behind fields",
            "message A { @redact a: bool = 1; }",
            &["CS0031"],
        ),
        (
            "an annotation exists",
            "message A { a: bool = 1 @redacted; }",
            &["CS0180"],
        ),
        ("where it may stand", "@redact message A {}", &["CS0181"]),
        (
            "once",
            "message A { a: bool = 1 @redact @redact; }",
            &["CS0182"],
        ),
        (
            "with its arguments",
            "message A { a: string = 1 @len(); b: bool = 2 @redact(1); c: string = 3 @json(1); }",
            &["CS0183", "CS0184", "CS0186"],
        ),
    ]);
}
