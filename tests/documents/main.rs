//! Governance documents and their JSON Schema: what the schema refuses is refused by whoever reads documents, and the other
//! way round, as far as keys and kinds of values go.

use callsheet::governance::{Document, schema};
use callsheet_tests::chance::Chance;
use jsonschema::Validator;
use serde_json::{Value, json};

const NAME: &str = "shop.orders.Orders";

fn validator() -> Validator {
    jsonschema::draft7::new(&schema()).expect("it is a schema")
}

/// A document that has every key there is.
fn whole() -> Value {
    json!({
        "$schema": "./governance.schema.json",
        "enabled": true,
        "comment": "all of it",
        "author": "ana",
        "timeout": "2s",
        "balance": "consistent_hash(.customer.name)",
        "cluster": "failover",
        "priority": "high",
        "retry": {
            "attempts": 3, "on": ["unavailable", "aborted"], "first_pause": "20ms",
            "longest_pause": "1.5s", "budget": "10%", "budget_floor": 3
        },
        "hedge": { "after": "250 us", "budget": 0.05 },
        "breaker": {
            "enabled": true, "failures_in_row": 4, "success": "80%", "least_calls": 20, "window": "10s",
            "open": "1s", "longest_open": "1m", "most_ejected": "30%", "panic_below": "50%"
        },
        "throttle": { "enabled": false, "ratio": 2 },
        "limit": {
            "calls": 64, "rate": 100, "caller_calls": 4, "caller_rate": 4, "adaptive": true,
            "adaptive_least": 4, "adaptive_most": 256, "queue_calls": 32, "queue_wait": "20ms",
            "server_calls": 500, "server_rate": "off", "share": "100%", "low_share": 0.8
        },
        "fallback": {
            "mode": "fail", "on": ["internal"], "reply": "{}", "stale": "5m",
            "stale_entries": 100, "stale_bytes": 1_000_000
        },
        "failback": {
            "first_pause": "1s", "longest_pause": "1m", "keep": "1h", "queue_calls": 10, "queue_bytes": 1_000
        },
        "method": { "get": { "timeout": "off", "cluster": "forking(2)", "retry": { "attempts": 0 } } },
        "weight": [{ "of": "zone = west", "weight": "50%" }, { "of": "any", "weight": 7 }],
        "rule": [{
            "name": "canary", "when": "method = get*", "to": "tag.version = canary", "share": "5%",
            "by": "metadata.user", "otherwise": "fail"
        }]
    })
}

/// Where each value of a document stands, tables and lists included.
fn places(value: &Value, at: &str, all: &mut Vec<String>) {
    match value {
        Value::Object(table) => {
            for (key, value) in table {
                let at = format!("{at}/{key}");
                places(value, &at, all);
                all.push(at);
            }
        }
        Value::Array(list) => {
            for (index, value) in list.iter().enumerate() {
                let at = format!("{at}/{index}");
                places(value, &at, all);
                all.push(at);
            }
        }
        _ => {}
    }
}

fn understood(document: &Value) -> bool {
    Document::parse(NAME, &document.to_string()).is_ok()
}

#[test]
fn the_documents_of_the_manual_fit_and_are_understood() {
    let validator = validator();
    let manual = include_str!("../../docs/governance.md");
    let mut blocks = 0;
    for block in manual.split("```toml\n").skip(1) {
        let text = block.split("```").next().expect("it ends");
        Document::parse(NAME, text).expect(text);
        let document: Value = toml::from_str(text).expect(text);
        assert!(validator.is_valid(&document), "{text}");
        blocks += 1;
    }
    assert!(blocks > 3, "{blocks}");
    assert!(validator.is_valid(&json!({})));
}

#[test]
fn every_setting_stands_in_the_document_that_is_varied() {
    let schema = schema();
    let document = whole();
    let of = |table: &Value| -> Vec<String> {
        let keys = table.as_object().expect("a table").keys();
        keys.cloned().collect()
    };
    assert_eq!(of(&document), of(&schema["properties"]));
    for section in of(&document) {
        let reference = &schema["properties"][&section]["allOf"][0]["$ref"];
        let Some(name) = reference
            .as_str()
            .and_then(|at| at.strip_prefix("#/definitions/"))
        else {
            continue;
        };
        if let Value::Object(table) = &schema["definitions"][name]["properties"] {
            assert_eq!(of(&document[&section]), of(&json!(table)), "{section}");
        }
    }
    for (section, name) in [("weight", "Weight"), ("rule", "Rule")] {
        let keys = of(&schema["definitions"][name]["properties"]);
        assert_eq!(of(&document[section][0]), keys);
    }
}

#[test]
fn schema_and_reader_agree_on_the_kind_of_every_value() {
    let validator = validator();
    let document = whole();
    assert!(validator.is_valid(&document) && understood(&document));
    let mut all = Vec::new();
    places(&document, "", &mut all);
    assert!(all.len() > 80, "{}", all.len());
    let others = [
        Value::Null,
        json!(true),
        json!(5),
        json!(-1),
        json!(0.5),
        json!("nonesuch"),
        json!([]),
        json!(["nonesuch"]),
        json!([5]),
        json!({}),
        json!({ "nonesuch": 1 }),
    ];
    let (mut fit, mut refused) = (0, 0);
    for place in &all {
        for other in &others {
            let mut varied = document.clone();
            *varied.pointer_mut(place).expect("it is there") = other.clone();
            // What a text says is for the reader: a condition, and a reply in JSON.
            let key = place.rsplit('/').next().unwrap_or_default();
            if ["when", "to", "of", "reply"].contains(&key) && other.is_string() {
                assert!(!understood(&varied));
                continue;
            }
            let fits = validator.is_valid(&varied);
            assert_eq!(fits, understood(&varied), "{place} = {other}");
            *(if fits { &mut fit } else { &mut refused }) += 1;
        }
    }
    assert!(fit > 50 && refused > 500, "{fit} {refused}");
}

#[test]
fn a_key_that_is_unknown_or_missing_is_refused_by_both() {
    let validator = validator();
    let document = whole();
    let mut all = vec![String::new()];
    places(&document, "", &mut all);
    for place in &all {
        let Some(Value::Object(table)) = document.pointer(place) else {
            continue;
        };
        // Methods have names of their own.
        if place == "/method" {
            continue;
        }
        let mut varied = document.clone();
        varied.pointer_mut(place).expect("it is there")["nonesuch"] = json!(1);
        assert!(!validator.is_valid(&varied), "{place}");
        assert!(!understood(&varied), "{place}");
        for key in table.keys() {
            let mut varied = document.clone();
            let table = varied.pointer_mut(place).and_then(Value::as_object_mut);
            table.expect("it is a table").remove(key);
            let missed = [("/rule/0", "to"), ("/rule/0", "share")].contains(&(place, key))
                || place.starts_with("/weight/");
            assert_eq!(!validator.is_valid(&varied), missed, "{place}/{key}");
            assert_eq!(!understood(&varied), missed, "{place}/{key}");
        }
    }
}

#[test]
fn words_and_numbers_fit_as_they_are_read() {
    let validator = validator();
    let texts = [
        "off",
        "OFF",
        "0",
        "1",
        "1.",
        ".5",
        "0.05",
        "1.01",
        "5%",
        "5 %",
        "100%",
        "100.0%",
        "101%",
        "0.5%",
        "%",
        "+5%",
        "1e-2",
        "20ms",
        "20 ms",
        "1.5s",
        ".5m",
        "2h",
        "3d",
        "ms",
        "1.2.3s",
        "5",
        "05",
        "-5",
        "failover",
        "failsave",
        "forking(3)",
        "forking(0)",
        "forking()",
        "p2c",
        "consistent_hash(.a.b_1)",
        "consistent_hash(a)",
        "consistent_hash(.1)",
        "low",
        "high",
        "force",
        "fail",
        "others",
        "",
    ];
    let documents = [
        r#"{"timeout": "@"}"#,
        r#"{"retry": {"first_pause": "@"}}"#,
        r#"{"retry": {"budget": "@"}}"#,
        r#"{"limit": {"queue_calls": "@"}}"#,
        r#"{"limit": {"server_calls": "@"}}"#,
        r#"{"balance": "@"}"#,
        r#"{"cluster": "@"}"#,
        r#"{"priority": "@"}"#,
        r#"{"fallback": {"mode": "@"}}"#,
        r#"{"rule": [{"to": "any", "share": "@"}]}"#,
        r#"{"rule": [{"to": "any", "otherwise": "@"}]}"#,
        r#"{"weight": [{"of": "any", "weight": "@"}]}"#,
    ];
    let mut fit = 0;
    for document in documents {
        for text in texts {
            let document = document.replace('@', text);
            let value = serde_json::from_str(&document).expect("it is JSON");
            let fits = validator.is_valid(&value);
            assert_eq!(fits, understood(&value), "{document}");
            fit += usize::from(fits);
        }
    }
    assert!(fit > 40, "{fit}");
}

#[test]
fn whatever_is_understood_fits() {
    let validator = validator();
    let mut chance = Chance::new(7);
    let document = whole();
    let mut all = Vec::new();
    places(&document, "", &mut all);
    let values: Vec<Value> = all
        .iter()
        .filter_map(|at| document.pointer(at))
        .cloned()
        .collect();
    let (mut fit, mut refused) = (0, 0);
    for _ in 0..2_000 {
        let mut varied = document.clone();
        for _ in 0..chance.between(1, 3) {
            let Some(place) = varied.pointer_mut(&chance.pick(&all)) else {
                continue;
            };
            *place = chance.pick(&values);
        }
        if understood(&varied) {
            assert!(validator.is_valid(&varied), "{varied}");
            fit += 1;
        } else {
            refused += 1;
        }
    }
    assert!(fit > 50 && refused > 500, "{fit} {refused}");
}
