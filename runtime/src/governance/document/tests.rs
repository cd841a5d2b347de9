//! Documents as people write them, and as nobody should.

use super::*;
use crate::governance::{FallbackMode, OrOff, Span, Treatment};
use crate::random::Random;

/// What is wrong with it, one fault per line.
fn faults(text: &str) -> String {
    faults_of("shop.Orders", text)
}

fn faults_of(name: &str, text: &str) -> String {
    match Document::parse(name, text) {
        Ok(_) => String::new(),
        Err(faults) => lines(&faults),
    }
}

fn lines(faults: &[Fault]) -> String {
    let lines: Vec<_> = faults.iter().map(Fault::to_string).collect();
    lines.join("\n")
}

const WHOLE: &str = r#"comment = "less patience while the disk is slow"
author = "ana"
timeout = "300ms"
balance = "consistent_hash(.customer)"

[retry]
attempts = 1
on = ["unavailable"]

[method.get]
timeout = "100ms"
hedge = { after = "20ms", budget = "10%" }

[method.place.fallback]
mode = "fail"
reply = "{}"

[[weight]]
of = "zone = west"
weight = "50%"

[[rule]]
name = "canary"
when = 'method = "get*" and metadata.tenant = "acme"'
to = "tag.version = canary"
share = "5%"
by = "metadata.user"
otherwise = "fail"
"#;

#[test]
fn a_document_says_what_stands_in_it() {
    let document = Document::parse("shop.Orders", WHOLE).unwrap();
    assert_eq!(document.author.as_deref(), Some("ana"));
    assert_eq!(document.weights.len(), 1);
    let rule = &document.rules[0];
    assert_eq!(rule.otherwise, Otherwise::Fail);
    assert_eq!(rule.by.as_deref(), Some("user"));
    assert_eq!(&*rule.place, "shop.Orders rule[0]");
    let global = Document::parse(GLOBAL, "[retry]\nattempts = 0\nbudget = '1%'").unwrap();
    let layers = document_layers("get", Some(&global), Some(&document));
    let treatment = Treatment::of(&layers);
    assert_eq!(treatment.retry.attempts, 1);
    assert_eq!(treatment.retry.budget, Share::percent(1));
    let millis = |millis| OrOff::On(Span(std::time::Duration::from_millis(millis)));
    assert_eq!(treatment.timeout, millis(100));
    let places: Vec<_> = layers.iter().map(|layer| layer.place.to_string()).collect();
    assert_eq!(
        places,
        [
            "document @global",
            "document shop.Orders",
            "document shop.Orders [method.get]"
        ]
    );
    let place = Treatment::of(&document.layers("place"));
    assert_eq!(place.timeout, millis(300));
}

#[test]
fn json_says_the_same_as_toml() {
    let value: toml::Table = toml::from_str(WHOLE).unwrap();
    let json = serde_json::to_string_pretty(&value).unwrap();
    let mut of_json = Document::parse("shop.Orders", &json).unwrap();
    let of_toml = Document::parse("shop.Orders", WHOLE).unwrap();
    of_json.places = of_toml.places.clone();
    assert_eq!(of_json, of_toml);
}

#[test]
fn an_editor_may_be_told_where_the_schema_is() {
    let said = Document::parse("S", "timeout = '1s'").unwrap();
    for text in [
        "#:schema ./governance.schema.json\ntimeout = '1s'",
        "'$schema' = './governance.schema.json'\ntimeout = '1s'",
        r#"{"$schema": "./governance.schema.json", "timeout": "1s"}"#,
    ] {
        assert_eq!(Document::parse("S", text).unwrap(), said, "{text}");
    }
    insta::assert_snapshot!(faults("'$schema' = 1"), @r#"line 1: "$schema": invalid type: integer `1`, expected a string"#);
    insta::assert_snapshot!(faults("[method.get]\n'$schema' = 'x'"), @r#"line 2: method.get."$schema": unknown: there is timeout, balance, cluster, priority, retry, hedge, breaker, throttle, limit, fallback, failback"#);
}

#[test]
fn the_last_answers_may_be_forced() {
    let text = "[fallback]\nmode = 'force'\nstale = '5m'";
    let document = Document::parse("S", text).unwrap();
    let fallback = document.settings.fallback.clone().unwrap();
    assert_eq!(fallback.mode, Some(FallbackMode::Force));
}

#[test]
fn one_that_is_not_in_force_says_nothing_and_is_checked() {
    let off = Document::parse("S", "enabled = false\ntimeout = '1s'").unwrap();
    assert!(off.layers("get").is_empty());
    assert!(Document::parse("S", "enabled = false\ntimeout = 'x'").is_err());
    assert!(Document::parse("S", "").unwrap().layers("get").is_empty());
}

#[test]
fn every_fault_is_told_with_line_and_key() {
    let text = r#"timeout = "300"
[retry]
atempts = 3
on = ["unavailable", "broken"]
[method.get]
retry = 3
breaker = { failures_in_row = 0, windw = "1s" }
[limits]
calls = 3
[[rule]]
when = "method = get and"
too = "any"
[[rule]]
to = "zone == "
share = "150%"
by = "user"
[[weight]]
of = "any"
weight = -1
"#;
    insta::assert_snapshot!(faults(text), @r#"
    line 1: timeout: `300` is no length of time: write a number and a unit, like 250us, 20ms, 1.5s, 2m, 1h, or off
    line 3: retry.atempts: unknown: there is attempts, on, first_pause, longest_pause, budget, budget_floor
    line 4: retry.on: `broken` is no code; there is ok, cancelled, unknown, invalid_argument, deadline_exceeded, not_found, already_exists, permission_denied, resource_exhausted, failed_precondition, aborted, out_of_range, unimplemented, internal, unavailable, data_loss, unauthenticated
    line 6: method.get.retry: a value stands where a table belongs: write `[method.get.retry]`
    line 7: method.get.breaker.failures_in_row: 0: write 1 at least
    line 7: method.get.breaker.windw: unknown: there is enabled, failures_in_row, success, least_calls, window, open, longest_open, most_ejected, panic_below
    line 8: limits: unknown: there is timeout, balance, cluster, priority, retry, hedge, breaker, throttle, limit, fallback, failback, enabled, comment, author, method, weight, rule
    line 10: rule[0]: `to` is missing: the instances that the calls go to, such as `tag.version = canary`
    line 11: rule[0].when: character 17: a condition such as `zone = west` should stand where the end does
    line 12: rule[0].too: unknown: there is name, when, to, share, by, otherwise
    line 14: rule[1].to: character 9: a text, in quotes if it has spaces should stand where the end does
    line 15: rule[1].share: 1.5 is no share: write a number from 0 to 1, or 0% to 100%
    line 16: rule[1].by: this draws by metadata: write `metadata.NAME`
    line 19: weight[0].weight: this is no weight: write a number from 0 to 1000000, or a part of the instance's own weight such as "10%"
    "#);
}

#[test]
fn json_faults_are_told_with_line_and_key() {
    insta::assert_snapshot!(faults("{\n \"retry\": {\n  \"attempts\": \"many\",\n  \"x\": 1}\n}"), @r#"
    line 3: retry.attempts: invalid type: string "many", expected u32
    line 4: retry.x: unknown: there is attempts, on, first_pause, longest_pause, budget, budget_floor
    "#);
    insta::assert_snapshot!(faults("{\"timeout\": \"1s\",\n}"), @"line 2: this begins with `{` and is no JSON: key must be a string");
    insta::assert_snapshot!(faults("[method.get]\ntimeout = 1s"), @"line 2: this is no TOML: string values must be quoted, expected literal string");
}

#[test]
fn values_out_of_range_and_values_against_each_other_are_refused() {
    let text = r#"
timeout = "50ms"
cluster = "forking(99)"
[retry]
attempts = 50
first_pause = "2s"
longest_pause = "1s"
[hedge]
after = "60ms"
[breaker]
open = "2h"
longest_open = "1h"
most_ejected = "80%"
panic_below = "50%"
window = "0s"
[limit]
calls = 3
caller_calls = 4
rate = 0
server_calls = 0
adaptive_least = 9
adaptive_most = 8
[fallback]
reply = "{"
stale = "25h"
"#;
    insta::assert_snapshot!(faults(text), @r"
    line 3: cluster: forking(99): 16 instances at most
    line 5: retry.attempts: 50 tries after the first: 10 at most
    line 6: retry.first_pause: 2s is more than 1s of retry.longest_pause
    line 9: hedge.after: 60ms is not before the timeout of 50ms
    line 11: breaker.open: 2h is more than 1h of breaker.longest_open
    line 13: breaker.most_ejected: with 80% left alone 20% are usable, which is below 50% of breaker.panic_below
    line 15: breaker.window: no time at all: name some
    line 18: limit.caller_calls: 4 is more than 3 of limit.calls
    line 19: limit.rate: 0: write 1 at least, or off for no limit
    line 20: limit.server_calls: 0: write 1 at least, or off for no limit
    line 21: limit.adaptive_least: 9 is more than 8 of limit.adaptive_most
    line 24: fallback.reply: this is no JSON: EOF while parsing an object at line 1 column 1
    line 25: fallback.stale: longer than 24h: write off
    ");
}

#[test]
fn a_method_that_contradicts_what_is_said_of_all_is_refused_there() {
    let text = "[retry]\nlongest_pause = '1s'\n[method.get.retry]\nfirst_pause = '2s'";
    insta::assert_snapshot!(faults(text), @"line 4: method.get.retry.first_pause: 2s is more than 1s of retry.longest_pause");
    let text = "[hedge]\nafter = '100ms'\n[method.get]\ntimeout = '80ms'";
    insta::assert_snapshot!(faults(text), @"line 4: method.get.timeout: does not go with hedge.after: 100ms is not before the timeout of 80ms");
}

#[test]
fn the_document_of_all_services_speaks_of_no_method_and_no_field() {
    let text = "balance = 'consistent_hash(.customer)'\n[method.get]\ntimeout = '1s'";
    insta::assert_snapshot!(faults_of(GLOBAL, text), @r"
    line 1: balance: fields are a service's: say this in the document of the service
    line 2: method: methods are a service's: say this in the document of the service
    ");
}

#[test]
fn what_is_not_there_is_told() {
    let text = r#"
[method.gett]
timeout = "1s"
[[rule]]
when = "method = plac*"
to = "zone = east"
[[weight]]
of = "zone = west"
weight = 0
"#;
    let document = Document::parse("shop.Orders", text).unwrap();
    let mut instance = Instance::new("a", "shop.Orders");
    instance.zone = Some("west".into());
    let seen = Seen {
        methods: Some(&["get", "place"]),
        instances: Some(&[Arc::new(instance)]),
    };
    let told = document.check_against(&seen);
    insta::assert_snapshot!(lines(&told), @r"
    line 2: method.gett: the service has no such method: there is get, place
    line 4: rule[0]: none of the 1 live instances is `zone = east`
    ");
    assert_eq!(
        told.iter()
            .filter(|fault| fault.severity == Severity::Error)
            .count(),
        1
    );
    assert!(document.check_against(&Seen::default()).is_empty());
}

#[test]
fn hostile_texts_are_refused_in_time() {
    let long = "x".repeat(100 << 20);
    assert!(faults(&long).contains("the limit is 262144"));
    for text in [
        format!("a = {}", "[".repeat(200_000)),
        format!("{{\"a\":{}", "[".repeat(200_000)),
        "[[rule]]\n".repeat(20_000),
        "x = 1\n".repeat(40_000),
        (0..20_000).fold(String::new(), |text, i| {
            text + "x" + &i.to_string() + " = 1\n"
        }),
        format!("timeout = \"{}\"", "9".repeat(200_000)),
        format!("comment = \"{}\"", "\\u0007".repeat(40_000)),
        "\0".repeat(1000),
        "timeout = 1e400".into(),
        "timeout = nan".into(),
    ] {
        let told = Document::parse("S", &text).unwrap_err();
        assert!(!told.is_empty() && told.len() <= 50, "{}", told.len());
        for fault in told {
            assert!(fault.to_string().chars().count() < 1_000);
            assert!(
                fault
                    .to_string()
                    .chars()
                    .all(crate::printable::is_printable)
            );
        }
    }
}

#[test]
fn a_mutated_document_is_understood_or_refused() {
    let random = Random::new(7);
    let draw = move |bound: usize| crate::random::scale(random.bits(), bound);
    let json = {
        let value: toml::Table = toml::from_str(WHOLE).unwrap();
        serde_json::to_string_pretty(&value).unwrap()
    };
    let (mut understood, mut refused) = (0, 0);
    for round in 0..1_000 {
        let mut bytes = if round % 2 == 0 { WHOLE } else { &json }
            .as_bytes()
            .to_vec();
        for _ in 0..=draw(3) {
            let at = draw(bytes.len());
            match draw(4) {
                0 => bytes[at] = b" \"[]{}=.,\n019azAZ%()*"[draw(21)],
                1 => drop(bytes.remove(at)),
                2 => {
                    let end = (at + draw(20)).min(bytes.len());
                    let part = bytes[at..end].to_vec();
                    let to = draw(bytes.len());
                    bytes.splice(to..to, part);
                }
                _ => bytes.truncate(at.max(1)),
            }
        }
        let text = String::from_utf8_lossy(&bytes);
        match Document::parse("shop.Orders", &text) {
            Ok(document) => {
                understood += 1;
                // What was understood is said again in the same words: nothing was left out.
                let again = serde_json::to_string(&*document.settings).unwrap();
                assert_eq!(
                    serde_json::from_str::<Settings>(&again).unwrap(),
                    *document.settings
                );
            }
            Err(faults) => {
                refused += 1;
                let lines = text.lines().count().max(1);
                assert!(
                    faults
                        .iter()
                        .all(|fault| (1..=lines + 1).contains(&fault.line))
                );
            }
        }
    }
    assert!(understood > 50 && refused > 500, "{understood} {refused}");
}
