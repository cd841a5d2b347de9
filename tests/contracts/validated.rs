//! What each rule asks for, on each type that takes it.

use callsheet::codegen::prost_types::{Duration, Timestamp};
use callsheet::{Validate as _, Violation, Violations};

use crate::rules::{Basket, Kind, Line, Pair, Refused, Shell, basket::Payment};
use crate::shelf::{basket, line};

fn told(violations: &Violations) -> Vec<String> {
    violations.iter().map(Violation::to_string).collect()
}

/// What is told of a good basket that is spoilt.
fn check(spoil: impl FnOnce(&mut Basket), expect: &[&str]) {
    let mut spoilt = basket();
    spoil(&mut spoilt);
    let told = spoilt.validate().err().map(|it| told(&it));
    assert_eq!(told.unwrap_or_default(), expect);
}

#[test]
fn what_keeps_the_rules_is_valid() {
    check(|_| {}, &[]);
}

#[test]
fn every_broken_rule_is_told_in_the_order_of_the_fields() {
    let told = told(&Basket::default().validate().unwrap_err());
    assert_eq!(
        told,
        [
            "name: must not be empty",
            "name: must have 1 to 3 characters, has 0",
            r#"code: must match ^\p{Lu}{3}-\d+\b, is """#,
            "count: must lie in 1..=100, is 0",
            "rate: must lie in 0.1..3.14, is 0",
            "kind: must be one of RETAIL, WHOLESALE, is 0",
            "flag: must be true",
            "placed: must be there",
            "type: must not be zero",
            "ids: must not be empty",
            "payment: one of card, voucher, again must be there",
        ]
    );
}

#[test]
fn lengths_count_characters_bytes_and_entries() {
    check(|it| it.name = "äöü".into(), &[]);
    check(
        |it| it.name = "äöüß".into(),
        &["name: must have 1 to 3 characters, has 4"],
    );
    check(
        |it| it.data = "äb".into(),
        &["data: must have at most 2 bytes, has 3"],
    );
    let keys = |it: &mut Basket| {
        it.by_name = ["a", "b", "c", "d"]
            .map(|key| (key.to_owned(), line(key)))
            .into();
    };
    check(keys, &["by_name: must have at most 3 entries, has 4"]);
}

#[test]
fn what_is_absent_breaks_no_rule_but_that_it_is_required() {
    check(|it| it.wait = None, &[]);
    check(|it| it.note = None, &[]);
    check(|it| it.grade = None, &[]);
    check(
        |it| it.note = Some(String::new()),
        &["note: must have at least 2 characters, has 0"],
    );
    check(
        |it| it.grade = Some(0),
        &["grade: must be one of 1, 18446744073709551615, is 0"],
    );
    check(|it| it.grade = Some(u64::MAX), &[]);
    check(|it| it.placed = Some(Timestamp::default()), &[]);
    check(|it| it.placed = None, &["placed: must be there"]);
}

#[test]
fn ranges_hold_their_ends_as_written() {
    check(|it| it.count = 100, &[]);
    check(|it| it.count = 101, &["count: must lie in 1..=100, is 101"]);
    check(|it| it.rate = 3.5, &["rate: must lie in 0.1..3.14, is 3.5"]);
    check(
        |it| it.rate = f32::NAN,
        &["rate: must lie in 0.1..3.14, is NaN"],
    );
    let wait = |seconds, nanos| move |it: &mut Basket| it.wait = Some(Duration { seconds, nanos });
    check(wait(0, 1_000_000), &[]);
    check(
        wait(0, 999_999),
        &["wait: must lie in 1ms..=1h, is 0.000999999s"],
    );
    check(
        wait(3_600, 1),
        &["wait: must lie in 1ms..=1h, is 3600.000000001s"],
    );
    #[expect(deprecated, reason = "a deprecated field keeps its rules")]
    let delta = |delta| move |it: &mut Basket| it.delta = delta;
    check(delta(-3), &[]);
    check(delta(3), &["delta: must lie in -3..3, is 3"]);
    check(
        delta(i64::MIN),
        &["delta: must lie in -3..3, is -9223372036854775808"],
    );
}

#[test]
fn choices_are_told_by_name_and_hold_for_each_entry() {
    check(
        |it| it.kind = 77,
        &["kind: must be one of RETAIL, WHOLESALE, is 77"],
    );
    check(
        |it| it.kinds = vec![Kind::Retail.into(), 0],
        &["kinds[1]: must be one of RETAIL, WHOLESALE, is 0"],
    );
    check(|it| it.colour = "blue".into(), &[]);
    check(
        |it| it.colour = "\u{202e}der".into(),
        &[r#"colour: must be one of "red", "", "blue", is "\u{202e}der""#],
    );
}

#[test]
fn patterns_hold_for_each_entry_and_are_not_tried_on_what_is_too_long() {
    check(
        |it| it.tags = vec!["new".into(), "1".into(), "a b".into()],
        &[
            r#"tags[1]: must match ^[a-z]+$, is "1""#,
            r#"tags[2]: must match ^[a-z]+$, is "a b""#,
        ],
    );
    check(
        |it| it.code = "x".repeat(13),
        &["code: must have at most 12 characters, has 13"],
    );
}

#[test]
fn an_entry_is_there_once_by_value() {
    let twice =
        |field: &str| format!("{field}: must hold no entry twice, and [0] and [1] are the same");
    check(
        |it| it.tags = vec!["a".into(), "a".into()],
        &[&twice("tags")],
    );
    check(|it| it.sizes = vec![0.0, -0.0], &[&twice("sizes")]);
    check(|it| it.ids = vec![7, 7], &[&twice("ids")]);
    check(
        |it| it.pairs = vec![Pair::default(), Pair::default()],
        &[&twice("pairs")],
    );
    let labelled = || Line {
        labels: (0..9)
            .map(|key| (key.to_string(), "v".to_owned()))
            .collect(),
        ..line("a")
    };
    check(
        |it| it.lines = vec![labelled(), labelled()],
        &[&twice("lines")],
    );
}

#[test]
fn rules_hold_at_any_depth() {
    check(
        |it| it.payment = Some(Payment::Voucher("01x".into())),
        &[
            "voucher: must have exactly 4 characters, has 3",
            r#"voucher: must match ^[0-9]*$, is "01x""#,
        ],
    );
    check(
        |it| it.payment = Some(Payment::Card(line(""))),
        &["card.sku: must have 1 to 4 characters, has 0"],
    );
    let inner = || Basket {
        count: 0,
        ..basket()
    };
    check(
        |it| it.payment = Some(Payment::Again(Box::new(inner()))),
        &["again.count: must lie in 1..=100, is 0"],
    );
    check(
        |it| it.nested = Some(Box::new(inner())),
        &["nested.count: must lie in 1..=100, is 0"],
    );
    check(
        |it| it.by_name = [("a\"".to_owned(), line("12345"))].into(),
        &[r#"by_name["a\""].sku: must have 1 to 4 characters, has 5"#],
    );
    let shell = Shell {
        baskets: [("b".to_owned(), inner()), ("a".to_owned(), inner())].into(),
    };
    assert_eq!(
        told(&shell.validate().unwrap_err()),
        [
            r#"baskets["a"].count: must lie in 1..=100, is 0"#,
            r#"baskets["b"].count: must lie in 1..=100, is 0"#,
        ]
    );
}

#[test]
fn errors_have_rules_too() {
    let told = told(&Refused::default().validate().unwrap_err());
    assert_eq!(told, ["why: must have at least 1 character, has 0"]);
}

#[test]
fn messages_without_rules_have_nothing_to_validate() {
    let text = include_str!(concat!(env!("OUT_DIR"), "/adversarial/rules.rs"));
    let text: String = text.split_whitespace().collect();
    let validated = |name: &str| text.contains(&format!("codegen::Validatefor{name}{{"));
    assert!(validated("Basket") && validated("Shell") && validated("ShelvesFindRequest"));
    assert!(!validated("Free") && !validated("Loop") && !validated("Pair"));
    let accepted = text.matches("codegen::accept(&request)?").count();
    // `put`, `check`, `find`, `list`, `forget`, `note`; `all` and `timed`.
    assert_eq!(accepted, 8);
    assert_eq!(text.matches("codegen::accept_each(requests)").count(), 2);
}
