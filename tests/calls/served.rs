//! A server in a process of its own, for tests of what only a whole process has: signals, file descriptors, an end.
//!
//! Takes the address to bind; says `at ADDRESS` once it serves, then each notice, then the report. Its second method never
//! answers, and its third blocks the only thread.
#![expect(
    clippy::print_stdout,
    reason = "the test that started the process reads it"
)]

mod echo;

use std::io::Write;
use std::time::Duration;

use callsheet::codegen::{Answer, Error, Handler, Incoming};
use callsheet::{Offer, Server, shutdown_signal};

struct Echo;

impl Handler for Echo {
    fn call(&self, method: usize, call: Incoming) -> Answer {
        match method {
            0 => call.unary(async |text: String| Ok::<_, Error>(text)),
            1 => call.unary(async |_: String| {
                say("hanging");
                std::future::pending::<Result<String, Error>>().await
            }),
            2 => {
                say("blocking");
                loop {
                    std::thread::park();
                }
            }
            _ => call.unknown_method(),
        }
    }
}

fn say(line: &str) {
    println!("{line}");
    // Whoever reads waits for the line; a reader that has gone is no loss.
    let _ = std::io::stdout().flush();
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let bind = std::env::args().nth(1).ok_or("which address?")?;
    let running = Server::bind(bind)
        .add(Offer::new(&echo::ECHO, Echo))
        // A test that waits for the limit has failed.
        .drain_limit(Duration::from_secs(3600))
        .on_notice(|notice| say(&format!("notice: {notice}")))
        .start()
        .await?;
    let shutdown = shutdown_signal();
    for address in running.addresses() {
        say(&format!("at {address}"));
    }
    shutdown.await;
    say("asked to end");
    let report = running.shutdown().await;
    say(&report.to_string());
    Ok(())
}
