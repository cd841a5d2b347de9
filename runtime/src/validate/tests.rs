//! Messages written by hand, as generated code would have them.

use std::collections::HashMap;

use super::*;

/// `message Node { name: string = 1 @len(1..=3); children: [Node] = 2; by_key: map<string, Node> = 3; secret: Node = 4 @redact; }`
#[derive(Clone, Default)]
struct Node {
    name: String,
    children: Vec<Node>,
    by_key: HashMap<String, Node>,
    secret: Option<Box<Node>>,
}

impl Validate for Node {
    fn check(&self, at: &Place<'_>, found: &mut Violations) {
        let length = self.name.chars().count();
        rules::len(&at.field("name"), found, length, (1, 3), "must be short");
        rules::messages(&at.field("children"), found, &self.children);
        rules::map(&at.field("by_key"), found, &self.by_key);
        rules::message(&at.secret("secret"), found, self.secret.as_ref());
    }
}

fn named(name: &str) -> Node {
    Node {
        name: name.into(),
        ..Node::default()
    }
}

fn told(node: &Node) -> Vec<String> {
    let violations = node.validate().unwrap_err();
    violations.iter().map(Violation::to_string).collect()
}

#[test]
fn paths_lead_through_lists_maps_and_messages() {
    let inner = Node {
        children: vec![named("a"), named("long")],
        ..named("b")
    };
    let keys = ["\u{202e}\n\"", &"k".repeat(50), "a"];
    let outer = Node {
        children: vec![inner],
        by_key: keys.map(|key| (key.to_owned(), Node::default())).into(),
        ..named("ok")
    };
    assert_eq!(
        told(&outer),
        [
            "children[0].children[1].name: must be short, has 4".to_owned(),
            r#"by_key["a"].name: must be short, has 0"#.to_owned(),
            format!(
                r#"by_key["{}"…].name: must be short, has 0"#,
                "k".repeat(40)
            ),
            r#"by_key["\u{202e}\n\""].name: must be short, has 0"#.to_owned(),
        ]
    );
    assert_eq!(named("ok").validate(), Ok(()));
}

#[test]
fn nothing_below_a_redacted_field_is_quoted() {
    let secret = Node {
        by_key: [("sesame".to_owned(), named("1234"))].into(),
        ..named("12345")
    };
    let outer = Node {
        secret: Some(Box::new(secret)),
        ..named("ok")
    };
    assert_eq!(
        told(&outer),
        [
            "secret.name: must be short",
            "secret.by_key[redacted].name: must be short"
        ]
    );
}

#[test]
fn a_million_bad_entries_make_a_small_status() {
    let bad = Node {
        children: vec![Node::default(); 1_000_000],
        ..named("ok")
    };
    let violations = bad.validate().unwrap_err();
    assert_eq!(violations.iter().count(), 32);
    assert_eq!(violations.omitted(), 1_000_000 - 32);
    let status = Status::from(violations.clone());
    assert!(
        status.message().contains(
            "children[31].name: must be short, has 0; and 999968 more (at most 32 in 3072 bytes are told)"
        ),
        "{status}"
    );
    let detail = status.detail().unwrap();
    assert!(
        status.message().len() + detail.value.len() < 8 * 1024,
        "{status}"
    );
    assert_eq!(
        status
            .violations()
            .map(|it| (it.iter().count(), it.omitted)),
        Some((32, 999_968))
    );
}

#[test]
fn long_paths_make_no_long_status_either() {
    let mut deep = Node::default();
    for _ in 0..90 {
        deep = Node {
            children: vec![deep],
            ..named("much too long")
        };
    }
    let violations = deep.validate().unwrap_err();
    let told: Vec<_> = violations.iter().collect();
    assert!(told.iter().all(|it| it.field().len() < 260), "{violations}");
    let told = told.len();
    assert!(violations.to_string().len() < 4 * 1024, "{violations}");
    assert_eq!(told as u64 + violations.omitted(), 91);
}

#[test]
fn violations_arrive_as_they_were_told() {
    let violations = Node::default().validate().unwrap_err();
    let status = Status::from(violations);
    assert_eq!(status.code(), Code::InvalidArgument);
    assert_eq!(
        status.message(),
        "the request breaks rules of its contract: name: must be short, has 0"
    );
    assert_eq!(
        &*status.detail().unwrap().type_name,
        "google.rpc.BadRequest"
    );
    let arrived = status.violations().unwrap();
    let one = arrived.iter().next().unwrap();
    assert_eq!((one.field(), one.rule()), ("name", "len"));
    assert_eq!(one.text(), "must be short, has 0");

    assert!(Status::invalid_argument("else").violations().is_none());
    let broken = status.with_detail(crate::status::Detail {
        type_name: "google.rpc.BadRequest".into(),
        value: b"\xff".as_slice().into(),
    });
    assert!(broken.violations().is_none());
}

fn broken(check: impl FnOnce(&Place<'_>, &mut Violations)) -> String {
    let mut found = Violations::default();
    check(&Place::root().field("it"), &mut found);
    found.to_string()
}

#[test]
fn floats_lie_in_a_range_only_as_numbers() {
    let range = |value: f32, range| {
        broken(|at, found| rules::float_range(at, found, &value, range, "must be in it"))
    };
    let below_tenth = (f64::NEG_INFINITY, f64::from(0.1_f32), true);
    assert_eq!(range(0.1, below_tenth), "");
    assert_eq!(
        range(0.1, (0.0, f64::from(0.1_f32), false)),
        "it: must be in it, is 0.1"
    );
    assert_eq!(range(f32::NAN, below_tenth), "it: must be in it, is NaN");
    assert_eq!(range(f32::INFINITY, (0.0, f64::INFINITY, true)), "");
}

#[test]
fn durations_are_compared_to_the_nanosecond() {
    let range = |seconds, nanos, range| {
        let value = prost_types::Duration { seconds, nanos };
        broken(|at, found| rules::duration_range(at, found, &value, range, "must be in it"))
    };
    let up_to_second = (1_000, Some(1_000_000), true);
    assert_eq!(range(1, 0, up_to_second), "");
    assert_eq!(range(0, 999_999_999, (0, Some(1_000_000), false)), "");
    assert_eq!(
        range(1, 1, up_to_second),
        "it: must be in it, is 1.000000001s"
    );
    assert_eq!(
        range(0, 999_999, up_to_second),
        "it: must be in it, is 0.000999999s"
    );
    assert_eq!(range(i64::MAX, i32::MAX, (0, None, true)), "");
    assert_ne!(range(i64::MIN, i32::MIN, (0, None, true)), "");
}

#[test]
fn an_entry_is_there_twice_by_value() {
    let twice = "it: must hold no entry twice, and [0] and [2] are the same";
    let texts = |values: &[&str]| broken(|at, found| rules::unique(at, found, values));
    assert_eq!(texts(&["a", "b", "a", "a"]), twice);
    assert_eq!(texts(&["a", "A"]), "");
    let floats = |values: &[f64]| broken(|at, found| rules::unique_floats(at, found, values));
    assert_eq!(floats(&[0.0, 1.0, -0.0]), twice);
    assert_eq!(floats(&[f64::NAN, f64::NAN]), "");
    let messages = |values: &[prost_types::Duration]| {
        broken(|at, found| rules::unique_messages(at, found, values))
    };
    let duration = |seconds| prost_types::Duration { seconds, nanos: 0 };
    assert_eq!(messages(&[duration(1), duration(2), duration(1)]), twice);
    assert_eq!(messages(&[duration(1), duration(2)]), "");
}

#[derive(Clone, PartialEq, prost::Message)]
struct Labels {
    #[prost(map = "string, string", tag = "1")]
    labels: HashMap<String, String>,
}

fn labels(of: impl Iterator<Item = (String, String)>) -> Labels {
    Labels {
        labels: of.collect(),
    }
}

#[test]
fn messages_with_maps_are_the_same_in_any_order() {
    let unique =
        |values: &[Labels]| broken(|at, found| rules::unique_messages_with_maps(at, found, values));
    let many = |last: &str| {
        let keys = (0..20).map(|key| (key.to_string(), "v".to_owned()));
        labels(keys.chain([("last".to_owned(), last.to_owned())]))
    };
    // Each map has its own order.
    assert_eq!(
        unique(&[many("ab"), many("ba"), many("ab")]),
        "it: must hold no entry twice, and [0] and [2] are the same"
    );
    assert_eq!(unique(&[many("ab"), many("ba")]), "");
}

#[test]
fn a_list_made_of_look_alikes_is_refused_before_it_costs_much() {
    let look_alikes: Vec<Labels> = (0..1_000_u32)
        .map(|bits| {
            // Texts that read as messages with the same fields, in another order each.
            let pair = |bit: u32| match (bits >> bit) & 1 {
                0 => "\n\u{1}a\n\u{1}b",
                _ => "\n\u{1}b\n\u{1}a",
            };
            let text: String = (0..10).map(pair).collect();
            labels([("k".to_owned(), text)].into_iter())
        })
        .collect();
    let told = broken(|at, found| rules::unique_messages_with_maps(at, found, &look_alikes));
    assert!(told.contains("more than 100000 comparisons"), "{told}");
}

#[test]
fn a_long_list_of_anagrams_is_only_long() {
    let anagrams: Vec<Labels> = (0..50_000_u32)
        .map(|number| labels([("k".to_owned(), format!("{number:05}"))].into_iter()))
        .collect();
    let told = broken(|at, found| rules::unique_messages_with_maps(at, found, &anagrams));
    assert_eq!(told, "");
}
