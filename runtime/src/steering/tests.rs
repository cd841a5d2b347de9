//! Documents that come, go, and are wrong.

use super::*;
use crate::governance::Treatment;
use crate::registry::{Expected, Handle, Memory};

/// A registry, the steering of `shop.Orders`, and what was told of it.
struct Scene {
    registry: Handle,
    steering: Arc<Steering>,
    told: Arc<Mutex<Vec<String>>>,
}

impl Scene {
    fn new() -> Self {
        let registry = Handle::new(Memory::new());
        let steering = Arc::new(Steering::new("shop.Orders", Instant::now()));
        let told = Arc::<Mutex<Vec<String>>>::default();
        let log = Arc::clone(&told);
        let watched = Watched::new(&registry, &steering).unwrap();
        tokio::spawn(watched.follow(move |news| lock(&log).push(news.to_string())));
        Self {
            registry,
            steering,
            told,
        }
    }

    async fn put(&self, name: &str, text: &str) {
        let documents = self.registry.documents().unwrap();
        documents.put(name, text, Expected::Any).await.unwrap();
        self.settle().await;
    }

    /// Lets everybody who can run come to rest.
    async fn settle(&self) {
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    }

    fn attempts(&self, method: &str) -> u32 {
        let sheet = self.steering.sheet();
        Treatment::of(&sheet.layers(method)).retry.attempts
    }
}

#[tokio::test(start_paused = true)]
async fn what_documents_say_is_in_force_within_a_second() {
    let scene = Scene::new();
    scene.put(GLOBAL, "[retry]\nattempts = 7").await;
    assert_eq!(scene.attempts("get"), 7);
    let text = "[retry]\nattempts = 8\n[method.get.retry]\nattempts = 9";
    scene.put("shop.Orders", text).await;
    assert_eq!(scene.attempts("get"), 9);
    assert_eq!(scene.attempts("place"), 8);
    assert_eq!(scene.steering.revision(), 2);
    let documents = scene.registry.documents().unwrap();
    documents
        .remove("shop.Orders", Expected::Any)
        .await
        .unwrap();
    scene.settle().await;
    assert_eq!(scene.attempts("get"), 7);
    assert_eq!(scene.steering.states()[1].applied, 2);
}

#[tokio::test(start_paused = true)]
async fn a_bad_document_is_refused_whole_and_the_last_good_one_stays() {
    let scene = Scene::new();
    scene.put("shop.Orders", "[retry]\nattempts = 5").await;
    scene
        .put("shop.Orders", "[retry]\nattempts = 6\natempts = 1")
        .await;
    assert_eq!(scene.attempts("get"), 5);
    let state = &scene.steering.states()[1];
    assert_eq!((state.applied, state.refused), (1, 1));
    assert_eq!(state.faults.len(), 1);
    scene.put("shop.Orders", "[retry]\nattempts = 4").await;
    assert_eq!(scene.attempts("get"), 4);
    assert!(scene.steering.states()[1].faults.is_empty());
    insta::assert_snapshot!(lock(&scene.told).join("\n"), @r"
    document shop.Orders, revision 1, is in force for shop.Orders
    document shop.Orders is refused for shop.Orders, what was in force stays: line 3: retry.atempts: unknown: there is attempts, on, first_pause, longest_pause, budget, budget_floor
    document shop.Orders, revision 3, is in force for shop.Orders
    ");
}

#[tokio::test(start_paused = true)]
async fn the_same_text_again_changes_nothing() {
    let scene = Scene::new();
    scene.put("shop.Orders", "[retry]\nattempts = 5").await;
    scene.put("shop.Orders", "broken").await;
    let revision = scene.steering.revision();
    scene.put("shop.Orders", "[retry]\nattempts = 5").await;
    let state = &scene.steering.states()[1];
    assert!(state.faults.is_empty());
    assert_eq!(scene.attempts("get"), 5);
    assert!(scene.steering.revision() <= revision + 1);
}

#[tokio::test(start_paused = true)]
async fn documents_that_are_not_in_force_route_and_weigh_nothing() {
    let scene = Scene::new();
    let text = "[[rule]]\nto = 'zone = west'\n[[weight]]\nof = 'any'\nweight = 1\n";
    scene
        .put("shop.Orders", &format!("enabled = false\n{text}"))
        .await;
    assert_eq!(scene.steering.sheet().rules().count(), 0);
    assert_eq!(scene.steering.sheet().weights().count(), 0);
    scene.put("shop.Orders", text).await;
    assert_eq!(scene.steering.sheet().rules().count(), 1);
    assert_eq!(scene.steering.sheet().weights().count(), 1);
}
