//! Calls per second between two processes over loopback TCP: `cargo run --release --example throughput`.
//!
//! A first measurement, not a benchmark: one server and one client, each with one thread, on a core of its own where the
//! system has `taskset`. The call is a unary one with all that users get by default: generated stubs, protobuf, the
//! registry's list, balancing, a deadline.

#![expect(
    clippy::print_stdout,
    reason = "the figures are what the program is for"
)]

use std::error::Error;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use callsheet::{Client, Server, registry};
use callsheet_tests::rpc::shop::orders::Order;
use callsheet_tests::rpc::shop::orders::v1::{OrdersClient, OrdersMock, OrdersServer};
use tokio::io::AsyncReadExt;
use tokio::time::Instant;

/// Calls in flight, connections, and how many calls are counted.
const CASES: [(usize, usize, u64); 4] = [
    (1, 1, 15_000),
    (64, 1, 300_000),
    (64, 4, 500_000),
    (512, 4, 500_000),
];

/// Rounds of all cases; the median of each is printed.
const ROUNDS: usize = 5;

fn main() -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match &arguments[..] {
        [role] if role == "serve" => runtime.block_on(serve()),
        [role, address] if role == "call" => runtime.block_on(call(address)),
        _ => conduct(),
    }
}

/// Starts both processes and prints what the client counted.
fn conduct() -> Result<(), Box<dyn Error>> {
    let mut server = on_core(0, &["serve"])?;
    let mut address = String::new();
    let output = server.stdout.take().ok_or("the server has no output")?;
    BufReader::new(output).read_line(&mut address)?;
    let mut client = on_core(1, &["call", address.trim()])?;
    let output = client.stdout.take().ok_or("the client has no output")?;
    for line in BufReader::new(output).lines() {
        println!("{}", line?);
    }
    drop(server.stdin.take());
    let (server, client) = (server.wait()?, client.wait()?);
    if server.success() && client.success() {
        Ok(())
    } else {
        Err(format!("the server ended with {server}, the client with {client}").into())
    }
}

fn on_core(core: usize, arguments: &[&str]) -> Result<Child, Box<dyn Error>> {
    let program = std::env::current_exe()?;
    let pinned = Command::new("taskset")
        .arg("-V")
        .stdout(Stdio::null())
        .status();
    let mut command = if pinned.is_ok_and(|status| status.success()) {
        let mut command = Command::new("taskset");
        command.args(["-c", &core.to_string()]).arg(program);
        command
    } else {
        Command::new(program)
    };
    let command = command
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    Ok(command.spawn()?)
}

async fn serve() -> Result<(), Box<dyn Error>> {
    let orders = OrdersMock::new().on_get(|id| {
        Ok(Order {
            id,
            customer: "ada lovelace".into(),
            ..Order::default()
        })
    });
    let running = Server::bind("127.0.0.1:0")
        .add(OrdersServer::new(orders))
        .start()
        .await?;
    println!("{}", running.addresses()[0]);
    tokio::io::stdin().read_to_end(&mut Vec::new()).await?;
    running.shutdown().await;
    Ok(())
}

async fn call(address: &str) -> Result<(), Box<dyn Error>> {
    let registry = registry::connect(&format!("static:{address}")).await?;
    let mut counts = vec![Vec::new(); CASES.len()];
    for _ in 0..ROUNDS {
        for (case, &(in_flight, connections, calls)) in CASES.iter().enumerate() {
            let client = Client::builder()
                .registry(&registry)
                .connections_per_server(connections)
                .build();
            let orders = OrdersClient::new(&client);
            rate(&orders, in_flight, calls / 10).await?;
            counts[case].push(rate(&orders, in_flight, calls).await?);
        }
    }
    println!(
        "calls in flight x connections: calls per second, median of {ROUNDS} (lowest, highest)"
    );
    for ((in_flight, connections, _), mut counts) in CASES.into_iter().zip(counts) {
        counts.sort_unstable();
        let (lowest, highest) = (counts[0], counts[ROUNDS - 1]);
        println!(
            "{in_flight:>4} x {connections}: {:>8} ({lowest}, {highest})",
            counts[ROUNDS / 2]
        );
    }
    Ok(())
}

/// Calls per second, with so many calls in flight.
async fn rate(orders: &OrdersClient, in_flight: usize, calls: u64) -> Result<u64, Box<dyn Error>> {
    let left = Arc::new(AtomicU64::new(calls));
    let started = Instant::now();
    let callers: Vec<_> = (0..in_flight)
        .map(|_| tokio::spawn(call_while(orders.clone(), Arc::clone(&left))))
        .collect();
    for caller in callers {
        caller.await??;
    }
    Ok((u128::from(calls) * 1_000_000 / started.elapsed().as_micros()).try_into()?)
}

/// Calls until none are left to make.
async fn call_while(orders: OrdersClient, left: Arc<AtomicU64>) -> Result<(), callsheet::Status> {
    let take = |left: u64| left.checked_sub(1);
    while left
        .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take)
        .is_ok()
    {
        orders.get(7).await?;
    }
    Ok(())
}
