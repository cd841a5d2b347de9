//! A shop with three servers on one machine, and what a client asks of them: `cargo run --example quickstart`.
//!
//! The contract is `idl-examples/shop/orders.rpc`; `tests/build.rs` compiles it. This program starts itself again as each
//! of the servers, finds them through a registry in a folder, and tells what it sees.

#![expect(
    clippy::print_stdout,
    reason = "the transcript is what the program is for"
)]

mod fleet;
mod shop;

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use callsheet::{Client, registry};
use callsheet_tests::rpc::shop::orders::v1::{OrdersClient, OrdersGetError};
use callsheet_tests::rpc::shop::orders::{Item, Note, OrdersGroup, PlaceOrder, WatchOrders, v2};

use fleet::Fleet;

fn main() -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Runtime::new()?;
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [role, name, release, group, registry] = &arguments[..]
        && role == "serve"
    {
        return runtime.block_on(shop::serve(name, release.parse()?, group, registry));
    }

    let folder = tempfile::tempdir()?;
    let address = format!("file:{}", folder.path().display());
    println!("Three servers of shop.orders.Orders, found through a registry in a folder:\n");
    let mut fleet = Fleet::new(&address);
    fleet.start("ann", "1.0", "default")?;
    fleet.start("bob", "1.1", "wholesale")?;
    fleet.start("cyd", "2.0", "default")?;

    let registry = runtime.block_on(registry::connect(&address))?;
    runtime.block_on(fleet::listed(&registry, 3));
    let client = Client::builder()
        .registry(&registry)
        .runtime(runtime.handle().clone())
        .build();
    let orders = OrdersClient::new(&client);

    println!("\nA blocking call, an asynchronous one, and one with a callback:");
    let placed = orders.blocking().place(wish("ada", 2))?;
    println!("  place(ada) = order {}, {:?}", placed.id, placed.status());
    runtime.block_on(tour(&client, &orders, placed.id))?;

    println!("\nOne server joins and one leaves while calls go on:");
    runtime.block_on(rolling(&orders, &registry, &mut fleet))?;

    println!("\nThe others leave too:");
    fleet.stop_all()?;
    Ok(())
}

/// Everything but the first call, from asynchronous code.
async fn tour(client: &Client, orders: &OrdersClient, id: u64) -> Result<(), Box<dyn Error>> {
    let order = orders.get(id).await?;
    println!("  get({id})    = an order of {}", order.customer);
    let (sender, receiver) = tokio::sync::oneshot::channel();
    orders.get(id).on_reply(move |reply| {
        // Nobody listens any more only if the program is at its end.
        let _ = sender.send(reply.map(|order| order.items.len()));
    });
    println!(
        "  get({id})    = {} kind of item, told to a callback",
        receiver.await??
    );

    println!("\nAn error that the contract names, matched by its type:");
    match orders.get(4711).await {
        Err(error) => match error.typed() {
            Some(OrdersGetError::OrderNotFound(missing)) => {
                println!("  get(4711) = no order {}, {}", missing.id, error.code());
            }
            None => return Err(error.into()),
        },
        Ok(order) => return Err(format!("order {} should not be there", order.id).into()),
    }

    println!("\nA deadline that expires, and reaches the server's handler:");
    match orders
        .place(wish("sloth", 1))
        .timeout(Duration::from_millis(50))
        .await
    {
        Err(error) => println!("  place(sloth) = {}", error.code()),
        Ok(order) => return Err(format!("order {} came too soon", order.id).into()),
    }

    println!(
        "\nA server stream of a method that release 1.1 added: only bob, who serves 1.1, is asked:"
    );
    let anywhere = orders.clone().with_any_group();
    let watched = WatchOrders {
        customer: "ada".into(),
        limit: 3,
    };
    let mut events = anywhere.watch(watched).await?;
    while let Some(event) = events.next().await {
        let event = event?;
        println!(
            "  watch(ada) : order {} is {:?}",
            event.order,
            event.status()
        );
    }

    println!("\nStreams both ways:");
    let notes = ["good morning", "good night"].map(|text| Note { text: text.into() });
    let mut replies = orders.chat(notes).await?;
    while let Some(reply) = replies.next().await {
        println!("  chat : {}", reply?.text);
    }

    println!("\nA call to one group, one merged over all groups, and one to the next major:");
    let wholesale = orders.clone().with_group(OrdersGroup::Wholesale);
    println!(
        "  wholesale : answered by {}",
        wholesale.report().await?.servers.join(", ")
    );
    let merged = orders.report().all_groups().await?;
    println!(
        "  all groups: answered by {}, {} order in all",
        merged.servers.join(", "),
        merged.orders
    );
    let next = v2::OrdersClient::new(client);
    println!(
        "  2.0       : answered by {}",
        next.report().await?.servers.join(", ")
    );

    println!("\nThe 1.1-only method in a group that has only 1.0:");
    match orders.watch(WatchOrders::default()).await {
        Err(error) => println!("  {error}"),
        Ok(_) => return Err("no instance of that group should have the method".into()),
    }
    Ok(())
}

/// Calls without a pause while a server of the group joins and another one leaves; none of the calls may fail.
async fn rolling(
    orders: &OrdersClient,
    registry: &registry::Handle,
    fleet: &mut Fleet,
) -> Result<(), Box<dyn Error>> {
    let done = Arc::new(AtomicBool::new(false));
    let calling = tokio::spawn(call_until(orders.clone(), Arc::clone(&done)));
    fleet.start("dan", "1.0", "default")?;
    fleet::listed(registry, 4).await;
    answered_by(orders, "dan").await?;
    fleet.stop("ann")?;
    fleet::listed(registry, 3).await;
    answered_by(orders, "dan").await?;
    done.store(true, Ordering::Relaxed);
    let (calls, failed) = calling.await?;
    println!("  {calls} calls meanwhile, {failed} failed");
    if failed > 0 {
        return Err(format!("{failed} calls were lost").into());
    }
    Ok(())
}

/// Calls until told to stop: how many calls, and how many of them failed.
async fn call_until(orders: OrdersClient, done: Arc<AtomicBool>) -> (u64, u64) {
    let (mut calls, mut failed) = (0, 0);
    while !done.load(Ordering::Relaxed) {
        calls += 1;
        if let Err(error) = orders.report().await {
            println!("  lost: {error}");
            failed += 1;
        }
    }
    (calls, failed)
}

/// Waits until `server` has answered a call.
async fn answered_by(orders: &OrdersClient, server: &str) -> Result<(), Box<dyn Error>> {
    loop {
        if orders.report().await?.servers == [server] {
            return Ok(());
        }
    }
}

fn wish(customer: &str, amount: u32) -> PlaceOrder {
    PlaceOrder {
        customer: customer.into(),
        items: vec![Item {
            sku: "kettle".into(),
            amount,
            price: None,
        }],
    }
}
