//! A process that lists one instance until its standard input ends: `registrant REGISTRY SERVICE ID`.
//!
//! Prints `listed` when it is, and `left` when it has left as planned; a test that kills it sees neither a second time.

use std::io::{self, Read as _};

use callsheet::registry::{Instance, connect};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [address, service, id] = arguments.as_slice() else {
        return Err("usage: registrant REGISTRY SERVICE ID".into());
    };
    let mut instance = Instance::new(id, service);
    instance.addresses = vec!["tcp://127.0.0.1:7000".into()];
    let lease = connect(address).await?.register(vec![instance])?;
    lease.listed().await?;
    say("listed")?;
    tokio::task::spawn_blocking(|| io::stdin().read_to_end(&mut Vec::new())).await??;
    lease.deregister().await?;
    say("left")?;
    Ok(())
}

fn say(word: &str) -> io::Result<()> {
    use io::Write as _;
    let mut out = io::stdout();
    writeln!(out, "{word}")?;
    out.flush()
}
