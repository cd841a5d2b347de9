//! What somebody else has put into Redis under our keys.

use callsheet_tests::engine::Engine;
use callsheet_tests::engine::redis::Redis;

use super::*;

/// Lists what a script says for a minute, as if owners had done it.
fn plant(redis: &Engine<Redis>, script: &str) {
    let script = format!(
        "local time = redis.call('TIME') local soon = time[1] * 1000 + 50000 local prefix = 'shop/services/{SERVICE}/' \
         local index = 'shop/index/{SERVICE}' \
         local function list(id) redis.call('ZADD', index, string.format('%.0f', soon), id) end {script}"
    );
    redis.cli(&["EVAL", &script, "0"]);
}

#[tokio::test]
async fn what_is_no_entry_is_skipped_and_counted_and_the_rest_works() {
    let redis = Engine::start(Redis::default()).await;
    let (server, client) = (open(&redis).await, open(&redis).await);
    let lease = listed(&server, vec![instance("good")]).await;
    plant(
        &redis,
        "for _, id in ipairs({'list', 'long', 'bytes', 'control', 'foreign', 'other'}) do list(id) end",
    );
    redis.cli(&["RPUSH", &key("list"), "x"]);
    redis.cli_with(&["SET", &key("long")], &vec![b'x'; 10_000_000]);
    redis.cli_with(&["SET", &key("bytes")], b"\xff\xfe{}");
    let control =
        r#"{"id":"control","service":"shop.orders.Orders","addresses":["tcp://a\u0007b"]}"#;
    redis.cli(&["SET", &key("control"), control]);
    redis.cli(&["SET", &key("foreign"), "42"]);
    let other = r#"{"id":"good","service":"shop.orders.Orders","addresses":["tcp://10.6.6.6:1"]}"#;
    redis.cli(&["SET", &key("other"), other]);
    let mut watch = client.watch(SERVICE);
    let seen = until(&mut watch, |now| now.skipped().count == 6).await;
    assert_eq!(seen.instances().len(), 1);
    assert_eq!(seen.instances()[0].addresses, ["tcp://127.0.0.1:7000"]);
    lease.deregister().await.unwrap();
    until(&mut watch, |now| now.has_left("good")).await;
}

#[tokio::test]
async fn a_hundred_thousand_names_on_a_list_hide_nobody() {
    let redis = Engine::start(Redis::default()).await;
    let (server, client) = (open(&redis).await, open(&redis).await);
    let lease = listed(&server, vec![instance("good")]).await;
    let mut watch = client.watch(SERVICE);
    until(&mut watch, |now| now.instances().len() == 1).await;
    // Some that could be ours, some that can not, some with names that lead elsewhere.
    plant(
        &redis,
        "for n = 1, 100000 do list('ghost' .. n) end list('../x') list('a\\1') list(string.rep('x', 1000000))",
    );
    redis.cli(&["ZADD", &format!("shop/index/{SERVICE}"), "inf", "forever"]);
    let seen = until(&mut watch, |now| now.skipped().count >= 80_000).await;
    assert!(seen.instance("good").is_some());
    let late = client.watch("shop.stock.Stock").answered().await;
    assert_eq!(
        late.skipped().count,
        0,
        "other services have nothing to do with it"
    );
    let second = listed(&server, vec![instance("second")]).await;
    until(&mut watch, |now| now.instances().len() == 2).await;
    lease.deregister().await.unwrap();
    second.deregister().await.unwrap();
}

#[tokio::test]
async fn a_message_of_a_hundred_megabytes_costs_readers_no_change() {
    let redis = Engine::start(Redis::default()).await;
    let (server, client) = (open(&redis).await, open(&redis).await);
    let mut watch = client.watch(SERVICE);
    let first = listed(&server, vec![instance("first")]).await;
    until(&mut watch, |now| now.instances().len() == 1).await;
    let channel = format!("shop/changes/{SERVICE}");
    redis.cli_with(&["PUBLISH", &channel], &vec![b'x'; 100_000_000]);
    let second = listed(&server, vec![instance("second")]).await;
    until(&mut watch, |now| {
        assert!(now.instance("first").is_some(), "{now:?}");
        now.instance("second").is_some()
    })
    .await;
    first.deregister().await.unwrap();
    second.deregister().await.unwrap();
}

#[tokio::test]
async fn thousands_of_instances_are_listed_in_steps() {
    let redis = Engine::start(Redis::default()).await;
    let client = open(&redis).await;
    // More than one step reads, in bytes as well.
    plant(
        &redis,
        "local text = string.rep('x', 1000) for n = 1, 3000 do local id = 'i' .. n list(id) \
         redis.call('SET', prefix .. id, '{\"id\":\"' .. id .. '\",\"service\":\"shop.orders.Orders\",\
         \"addresses\":[\"tcp://127.0.0.1:7000\"],\"tags\":{\"x\":\"' .. text .. '\"}}', 'PX', '50000') end",
    );
    let mut watch = client.watch(SERVICE);
    let seen = until(&mut watch, |now| !now.instances().is_empty()).await;
    assert_eq!((seen.instances().len(), seen.skipped().count), (3_000, 0));
}

#[tokio::test]
async fn a_document_that_is_none_is_told_and_the_others_work() {
    let redis = Engine::start(Redis::default()).await;
    let registry = open(&redis).await;
    let documents = registry.documents().unwrap();
    redis.cli(&["RPUSH", "shop/config/list", "x"]);
    redis.cli_with(&["SET", "shop/config/long"], &vec![b'x'; 10_000_000]);
    redis.cli_with(&["SET", "shop/config/bytes"], b"\xff\xfe");
    for (name, why) in [
        ("list", "it is a list"),
        ("long", "10000000 bytes"),
        ("bytes", "utf-8"),
    ] {
        let error = documents.get(name).await.unwrap_err();
        assert!(error.message().contains(why), "{error}");
    }
    documents
        .put("list", "mended", callsheet::registry::Expected::Any)
        .await
        .unwrap();
    assert_eq!(documents.get("list").await.unwrap().unwrap().text, "mended");
}
