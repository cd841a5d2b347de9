//! Groups whose contract leaves room for more, and what all of them answer together.

use callsheet::{Code, Merge as _, Progress};

use crate::rules::v1::{ShelvesMock, ShelvesServer};
use crate::rules::{Kind, Secret, ShelvesGroup, secret};
use crate::shelf::{client, line, offer, registry};

fn found(kind: Kind) -> ShelvesMock {
    ShelvesMock::new().on_find(move |name, _, asked| {
        Ok(Secret {
            kinds: vec![kind.into(), asked],
            hidden: [(name, line(&kind.to_string()))].into(),
            price: i64::MAX - 1,
            which: (kind == Kind::Wholesale).then(|| secret::Which::Open(line("open"))),
            ..Secret::default()
        })
    })
}

#[tokio::test(start_paused = true)]
async fn an_open_group_is_served_and_called_by_a_name_of_the_deployment() {
    let registry = registry().await;
    let night = ShelvesGroup::Other("night".into());
    let server = offer(
        &registry,
        ShelvesServer::new(found(Kind::Retail)).group(night.clone()),
    )
    .await;
    let shelves = client(&registry);
    let find = |shelves: &crate::rules::v1::ShelvesClient| {
        shelves.find("a".into(), "1234".into(), Kind::Retail)
    };
    find(&shelves.clone().with_group(night.clone()))
        .await
        .unwrap();
    find(&shelves.clone().with_any_group()).await.unwrap();
    find(
        &shelves
            .clone()
            .with_groups([ShelvesGroup::Wholesale, night]),
    )
    .await
    .unwrap();
    for wrong in [ShelvesGroup::Default, ShelvesGroup::Other("noon".into())] {
        let error = find(&shelves.clone().with_group(wrong)).await.unwrap_err();
        assert_eq!(error.code(), Code::Unimplemented, "{error}");
        assert_eq!(error.status().progress(), Progress::NotStarted);
        assert!(error.message().contains("night"), "{error}");
    }
    server.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn an_open_group_needs_a_name() {
    let registry = registry().await;
    let nameless =
        ShelvesServer::new(found(Kind::Retail)).group(ShelvesGroup::Other(String::new()));
    let refused = callsheet::Server::bind("memory:contracts-nameless")
        .add(nameless)
        .register(&registry)
        .start()
        .await;
    assert!(
        refused
            .unwrap_err()
            .to_string()
            .contains("a group has a name")
    );
}

#[tokio::test(start_paused = true)]
async fn all_groups_answer_as_one_open_ones_included() {
    let registry = registry().await;
    let servers = [
        offer(&registry, ShelvesServer::new(found(Kind::Retail))).await,
        offer(
            &registry,
            ShelvesServer::new(found(Kind::Wholesale)).group(ShelvesGroup::Other("annex".into())),
        )
        .await,
    ];
    let shelves = client(&registry);
    let find = || shelves.find("a".into(), "1234".into(), Kind::Retail);
    let merged = find().all_groups().await.unwrap();
    // By the groups' names: `annex`, `default`.
    assert!(
        merged
            .kinds()
            .eq([Kind::Wholesale, Kind::Retail, Kind::Retail, Kind::Retail])
    );
    assert_eq!(
        merged.hidden["a"].sku, "KIND_RETAIL",
        "the later entry wins"
    );
    assert_eq!(merged.price, i64::MAX);
    assert_eq!(merged.which, Some(secret::Which::Open(line("open"))));
    let names = find().all_groups_with(|answers| {
        Some(answers.iter().map(|(group, _)| group.to_string()).collect())
    });
    let names: Vec<String> = names.await.unwrap();
    assert_eq!(names, ["annex", "default"]);
    let error = find().all_groups_with(|_| None::<()>).await.unwrap_err();
    assert_eq!(error.code(), Code::Unavailable);
    for server in servers {
        server.shutdown().await;
    }
}

#[test]
fn enums_and_secrets_merge_as_any_field() {
    let mut first = Secret {
        maybe: Some(0),
        by_id: [(1, 1)].into(),
        ..Secret::default()
    };
    first.merge(Secret {
        kind: Kind::Retail.into(),
        maybe: Some(2),
        by_id: [(1, 2), (2, 77)].into(),
        pin: "1234".into(),
        ..Secret::default()
    });
    assert_eq!(
        (first.kind(), first.maybe, &*first.pin),
        (Kind::Retail, Some(0), "1234")
    );
    assert_eq!((first.by_id[&1], first.by_id[&2]), (2, 77));
}
