//! Hostile input: an answer in linear time, on a small stack.

use callsheet_build::diagnostic::Code;

use super::parse;

/// The codes found in a text, on a stack as threads have it.
fn codes(text: String) -> Vec<Code> {
    const STACK: usize = 2 << 20;
    let work = move || {
        parse::parse("limits.rpc", &text)
            .0
            .iter()
            .map(|found| found.code)
            .collect()
    };
    std::thread::Builder::new()
        .stack_size(STACK)
        .spawn(work)
        .expect("a thread")
        .join()
        .expect("no panic")
}

const HEAD: &str = "edition 2026;\npackage limits;\n";

fn nested(open: &str, inner: &str, close: &str, depth: usize) -> String {
    format!("{}{inner}{}", open.repeat(depth), close.repeat(depth))
}

#[test]
fn deep_nesting_is_one_finding() {
    for depth in [10_000, 100_000] {
        for text in [
            nested("message A { ", "x: int32 = 1;", "}", depth),
            format!(
                "message A {{ x: {} = 1; }}",
                nested("[", "int32", "]", depth)
            ),
            format!(
                "message A {{ x: {} = 1; }}",
                nested("map<string, ", "int32", ">", depth)
            ),
            format!(
                "message A {{ x: int32 = 1 @one_of{}; }}",
                nested("(a", "", ")", depth)
            ),
            format!(
                "message A {{ x: int32 = 1 @one_of({}); }}",
                nested("[", "1", "]", depth)
            ),
            format!("service A {{ rpc a{}; }}", nested("(", "B", ")", depth)),
            nested("/* ", "x", " */", depth),
        ] {
            assert_eq!(
                codes(format!("{HEAD}{text}\n")),
                [Code::NestingTooDeep],
                "{}",
                &text[..60]
            );
        }
    }
}

#[test]
fn deep_nesting_that_never_ends_is_one_finding() {
    for open in ["message A { ", "{", "(", "[", "<", "message A { oneof b { "] {
        let found = codes(format!("{HEAD}{}", open.repeat(100_000)));
        assert!(found.contains(&Code::NestingTooDeep), "{open}: {found:?}");
        assert!(found.len() <= 2, "{open}: {found:?}");
    }
    assert!(codes(format!("{HEAD}{}", "/*".repeat(100_000))).contains(&Code::NestingTooDeep));
}

#[test]
fn a_package_of_many_parts_is_one_finding() {
    let package = |parts: usize| format!("edition 2026;\npackage {}a;\n", "a.".repeat(parts - 1));
    assert_eq!(codes(package(64)), []);
    for parts in [65, 100_000] {
        assert_eq!(codes(package(parts)), [Code::NestingTooDeep]);
    }
}

#[test]
fn the_limit_of_nesting_is_allowed() {
    let text = nested("message A { ", "x: int32 = 1;", "}", 64);
    assert_eq!(codes(format!("{HEAD}{text}")), []);
    let text = format!("message A {{ x: {} = 1; }}", nested("[", "int32", "]", 63));
    assert_eq!(codes(format!("{HEAD}{text}")), []);
    assert_eq!(
        codes(format!("{HEAD}{}", nested("/* ", "x", " */", 64))),
        []
    );
}

#[test]
fn broken_nesting_at_the_limit_takes_no_longer() {
    for (open, inner, close) in [
        ("mesage A { ", "x int32", "}"),
        ("message A { oneof ", "§", "}"),
        ("struct A { ", "x int32 1;", "}"),
    ] {
        assert!(!codes(format!("{HEAD}{}", nested(open, inner, close, 60))).is_empty());
    }
    let value = format!(
        "message A {{ x: int32 = 1 @a({}; }}",
        nested("f(", "?", ")", 60)
    );
    assert!(!codes(format!("{HEAD}{value}")).is_empty());
    let value = format!(
        "message A {{ x: {} = 1; }}",
        nested("map<a, ", "?", ">", 60)
    );
    assert!(!codes(format!("{HEAD}{value}")).is_empty());
}

#[test]
fn errors_end_at_the_limit() {
    for noise in [
        "a;",
        "§ ",
        "}",
        "message { x }\n",
        "\"\n",
        "message A { x: y }",
        "rpc a b c\n",
        "@",
    ] {
        let found = codes(format!("{HEAD}{}", noise.repeat(100_000)));
        let errors = found
            .iter()
            .filter(|code| **code != Code::TooManyErrors)
            .count();
        assert!(errors <= 50, "{noise}: {errors}");
        assert!(!found.is_empty(), "{noise}");
    }
}

#[test]
fn sixteen_megabytes_of_noise_are_read_in_linear_time() {
    const SIZE: usize = 16 << 20;
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let noise: String = (0..SIZE)
        .map(|_| char::from(b' ' + u8::try_from(random() % 95).unwrap()))
        .collect();
    assert!(codes(noise).contains(&Code::TooManyErrors));
    let calm: String = (0..SIZE / 4)
        .map(|_| {
            *[" a ", " ; ", " { ", " } "]
                .get(usize::try_from(random() % 4).unwrap())
                .unwrap()
        })
        .collect();
    assert!(!codes(calm).is_empty());
}
