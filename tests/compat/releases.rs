//! Releases side by side: a method that was redefined at a major, served and called at both.

use callsheet::{Client, Code, MethodDescriptor, Release, Server, registry};

/// `versions.rpc`, whole.
mod rpc {
    include!(concat!(env!("OUT_DIR"), "/versions/mod.rs"));
}

use rpc::versions::{Order, v1, v2};

fn first() -> v1::OrdersMock {
    let get = |id| {
        Ok(Order {
            id,
            key: String::new(),
        })
    };
    v1::OrdersMock::new()
        .on_get(get)
        .on_find(|key| Ok(Order { id: 1, key }))
}

fn second() -> v2::OrdersMock {
    let get = |key| Ok(Order { id: 2, key });
    v2::OrdersMock::new().on_get(get).on_find(get)
}

#[tokio::test(start_paused = true)]
async fn a_redefined_method_is_called_as_the_major_of_the_client_has_it() {
    let registry = registry::connect("memory:compat-redefined").await.unwrap();
    let server = Server::bind("memory:compat-redefined-server")
        .add(v1::OrdersServer::new(first()))
        .add(v2::OrdersServer::new(second()))
        .register(&registry)
        .start()
        .await
        .unwrap();
    let client = Client::builder().registry(&registry).build();
    let (old, new) = (
        v1::OrdersClient::new(&client),
        v2::OrdersClient::new(&client),
    );
    assert_eq!(old.get(7).await.unwrap().id, 7);
    assert_eq!(new.get("a".into()).await.unwrap().key, "a");
    assert_eq!(old.find("b".into()).await.unwrap().id, 1);
    assert_eq!(new.find("b".into()).await.unwrap().id, 2);
    server.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_client_of_the_newer_major_is_told_that_only_the_older_one_lives() {
    let registry = registry::connect("memory:compat-older").await.unwrap();
    let server = Server::bind("memory:compat-older-server")
        .add(v1::OrdersServer::new(first()).release(Release::new(1, 0)))
        .register(&registry)
        .start()
        .await
        .unwrap();
    let client = Client::builder().registry(&registry).build();
    assert_eq!(v1::OrdersClient::new(&client).get(7).await.unwrap().id, 7);
    let error = v1::OrdersClient::new(&client)
        .find("b".into())
        .await
        .unwrap_err();
    assert_eq!(error.code(), Code::Unimplemented);
    assert!(error.message().contains(">=1.1"), "{error}");
    let error = v2::OrdersClient::new(&client)
        .get("a".into())
        .await
        .unwrap_err();
    assert_eq!(error.code(), Code::Unimplemented);
    assert!(error.message().contains("2.0"), "{error}");
    server.shutdown().await;
}

#[test]
fn descriptors_say_since_when_each_major_has_a_method() {
    let said = |methods: &'static [MethodDescriptor]| -> Vec<(&str, Release, &str)> {
        let said = methods.iter();
        said.map(|method| (method.path, method.since, method.request))
            .collect()
    };
    assert_eq!(
        said(v1::ORDERS.methods),
        [
            (
                "versions.v1.Orders/get",
                Release::new(1, 0),
                "versions.OrdersGetRequest"
            ),
            (
                "versions.v1.Orders/find",
                Release::new(1, 1),
                "versions.OrdersFindRequest"
            ),
        ]
    );
    assert_eq!(
        said(v2::ORDERS.methods),
        [
            (
                "versions.v2.Orders/get",
                Release::new(2, 0),
                "versions.OrdersGetRequestV2"
            ),
            (
                "versions.v2.Orders/find",
                Release::new(2, 0),
                "versions.OrdersFindRequest"
            ),
        ]
    );
}
