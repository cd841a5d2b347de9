//! Calls where threads, runtimes and clients come and go around them.

use std::thread;

use callsheet::{Client, Code, Server};
use callsheet_tests::rpc::shop::orders::v1::{OrdersClient, OrdersServer};
use tokio::runtime::Runtime;

use crate::shop::{Shop, client, registry, serve};

#[test]
fn many_threads_share_one_client() {
    let runtime = Runtime::new().unwrap();
    let registry = runtime.block_on(registry());
    let server = runtime.block_on(serve(&registry, &Shop::new("a").0));
    let orders = client(&registry).blocking();
    thread::scope(|scope| {
        for thread in 3..11 {
            let orders = &orders;
            scope.spawn(move || {
                for _ in 0..100 {
                    assert_eq!(orders.get(thread).unwrap().id, thread);
                }
            });
        }
    });
    runtime.block_on(server.shutdown());
}

#[tokio::test]
async fn a_blocking_task_may_wait_for_an_answer() {
    let registry = registry().await;
    let server = serve(&registry, &Shop::new("a").0).await;
    let orders = client(&registry).blocking();
    let answer = tokio::task::spawn_blocking(move || orders.get(7));
    assert_eq!(answer.await.unwrap().unwrap().id, 7);
    server.shutdown().await;
}

#[tokio::test]
async fn a_call_under_way_keeps_what_it_needs_of_a_client_that_is_dropped() {
    let registry = registry().await;
    let server = serve(&registry, &Shop::new("a").0).await;
    let orders = client(&registry);
    let started = orders.get(7).start();
    let (sender, receiver) = tokio::sync::oneshot::channel();
    orders.get(8).on_reply(move |answer| {
        sender.send(answer.unwrap().id).unwrap();
    });
    drop(orders);
    assert_eq!(started.await.unwrap().id, 7);
    assert_eq!(receiver.await, Ok(8));
    server.shutdown().await;
}

#[test]
fn a_client_with_a_runtime_of_its_own_may_be_dropped_inside_another() {
    let runtime = Runtime::new().unwrap();
    let registry = runtime.block_on(registry());
    let (shop, _) = Shop::new("a");
    let server = runtime.block_on(serve(&registry, &shop));
    let orders = client(&registry);
    runtime.block_on(async {
        let waiting = orders.get(0).no_timeout().start();
        shop.stuck_are(1).await;
        drop(orders);
        drop(waiting);
        shop.stuck_are(0).await;
    });
    runtime.block_on(server.shutdown());
}

#[test]
fn a_runtime_that_ends_in_the_middle_of_a_call_ends_the_call() {
    let serving = Runtime::new().unwrap();
    let registry = serving.block_on(registry());
    let (shop, _) = Shop::new("a");
    let server = serving.block_on(serve(&registry, &shop));
    let calling = Runtime::new().unwrap();
    let client = Client::builder()
        .registry(&registry)
        .runtime(calling.handle().clone())
        .build();
    let orders = OrdersClient::new(&client);
    let waiting = {
        let orders = orders.clone();
        thread::spawn(move || block_on(orders.get(0).no_timeout()))
    };
    serving.block_on(shop.stuck_are(1));
    calling.shutdown_background();
    let error = waiting.join().unwrap().unwrap_err();
    assert_eq!(error.code(), Code::Unavailable, "{error}");
    serving.block_on(shop.stuck_are(0));
    // What comes later cannot be sent, and says so.
    let error = block_on(orders.get(7)).unwrap_err();
    assert_eq!(error.code(), Code::Unavailable, "{error}");
    serving.block_on(server.shutdown());
}

/// Waits in a runtime that is not the client's.
fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(future)
}

#[cfg(unix)]
#[tokio::test]
async fn calls_travel_over_a_socket_in_the_file_system() {
    let folder = tempfile::tempdir().unwrap();
    let registry = registry().await;
    let socket = folder.path().join("orders.sock");
    let server = Server::bind(format!("unix:{}", socket.display()))
        .add(OrdersServer::new(Shop::new("a").0))
        .register(&registry)
        .start()
        .await
        .unwrap();
    assert_eq!(client(&registry).get(7).await.unwrap().id, 7);
    server.shutdown().await;
    assert!(!socket.exists());
}
