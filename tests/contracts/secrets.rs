//! What `@redact` hides: never printed, never quoted.

use callsheet::Validate as _;

use crate::rules::secret::Which;
use crate::rules::{Kind, Line, Refused, Secret, ShelvesFindRequest};
use crate::shelf::{line, secret, served};

/// In every secret field, and nowhere else.
const SESAME: &str = "sesame";

fn full_of_secrets() -> Secret {
    Secret {
        pin: SESAME.into(),
        hidden: [(SESAME.to_owned(), line(SESAME))].into(),
        pins: vec![SESAME.into()],
        inside: Some(Line {
            labels: [(SESAME.to_owned(), SESAME.to_owned())].into(),
            ..line(SESAME)
        }),
        which: Some(Which::Closed(line(SESAME))),
        price: -4711,
        length: SESAME.into(),
        ..secret()
    }
}

#[test]
fn debug_hides_secrets_and_tells_enums_by_name() {
    let printed = format!("{:?}", full_of_secrets());
    assert!(
        !printed.contains(SESAME) && !printed.contains("4711"),
        "{printed}"
    );
    assert_eq!(
        printed,
        "Secret { pin: [redacted], hidden: [redacted], pins: [redacted], inside: [redacted], kind: Unspecified, \
         maybe: None, kinds: [], by_id: {}, price: [redacted], length: [redacted], which: Some(Closed([redacted])) }"
    );
    let open = Secret {
        kind: Kind::Retail.into(),
        maybe: Some(77),
        kinds: vec![1, 78],
        by_id: [(7, 2)].into(),
        which: Some(Which::Sort(79)),
        ..secret()
    };
    let printed = format!("{open:?}");
    assert!(
        printed
            .contains("kind: Retail, maybe: Some(77), kinds: [Retail, 78], by_id: {7: Wholesale}"),
        "{printed}"
    );
    assert!(printed.ends_with("which: Some(Sort(79)) }"), "{printed}");
    let sorted = Which::Sort(Kind::Wholesale.into());
    assert_eq!(format!("{sorted:?}"), "Sort(Wholesale)");
    assert!(format!("{:?}", Which::Open(line("shown"))).contains("shown"));
}

#[test]
fn violations_hide_secrets() {
    let violations = full_of_secrets().validate().unwrap_err();
    for text in [violations.to_string(), format!("{violations:?}")] {
        assert!(!text.contains(SESAME) && !text.contains("4711"), "{text}");
    }
    assert_eq!(
        violations.to_string(),
        "pin: must match ^[0-9]{4}$; hidden[redacted].sku: must have 1 to 4 characters; \
         pins[0]: must be one of \"none\"; inside.sku: must have 1 to 4 characters; \
         closed.sku: must have 1 to 4 characters; price: must be at least 1; length: must have exactly 2 bytes"
    );
}

#[test]
fn secrets_of_errors_and_arguments_are_hidden() {
    let refused = Refused {
        pin: SESAME.into(),
        ..Refused::default()
    };
    let typed = crate::rules::v1::ShelvesPutError::from(refused.clone());
    let error = callsheet::Error::from(typed.clone());
    let request = ShelvesFindRequest {
        pin: SESAME.into(),
        kind: Kind::Retail.into(),
        ..ShelvesFindRequest::default()
    };
    assert!(
        format!("{request:?}").contains("kind: Retail"),
        "{request:?}"
    );
    for text in [
        format!("{refused:?}"),
        format!("{typed} {typed:?}"),
        format!("{error} {error:?} {:?}", error.status()),
        format!("{request:?}"),
    ] {
        assert!(
            text.contains("[redacted]") || text.contains("Refused"),
            "{text}"
        );
        assert!(!text.contains(SESAME), "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn secrets_stay_hidden_on_the_other_side_of_a_call() {
    let (_, shelves, server) = served().await;
    let broken = shelves.put(full_of_secrets()).await.unwrap_err();
    assert!(broken.violations().is_some());
    let easy = Secret {
        pin: "0000".into(),
        ..secret()
    };
    let refused = shelves.put(easy).await.unwrap_err();
    assert!(refused.typed().is_some());
    for error in [broken, refused] {
        let text = format!("{error} {error:?} {:?}", error.typed());
        assert!(!text.contains(SESAME), "{text}");
    }
    server.shutdown().await;
}
