//! The command line, and the runtime that every system gets.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::task::LocalSet;

use crate::load::{self, Load};
use crate::process::Process;
use crate::{Case, Peer, Result};

const USAGE: &str = "\
Usage: <system> serve
       <system> load ADDRESS CASE… [--server PID] [--warm MS] [--window MS] [--seed N]

serve  prints the address of a server and serves until its input ends
load   puts the load of each case on the server and prints a line of figures for each

--server PID  the server's process, whose CPU time and memory are then measured too
--warm MS     time before the counted window (300)
--window MS   the counted window (1000)
--seed N      seed of random arrivals (1)";

/// After how many tasks a worker looks into the queue that all workers share.
///
/// More than 256 tasks woken at once overflow a worker's own queue into that one; by default it looks there so seldom
/// that some calls wait for tens of milliseconds.
const QUEUE_INTERVAL: u32 = 8;

/// File descriptors that a process may need: the idle connections, and some.
const DESCRIPTORS: u64 = 16 * 1024;

/// The `main` of a system.
pub fn run<P: Peer>() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments.as_slice() {
        ["serve"] => serve::<P>(),
        ["load", address, options @ ..] => load::<P>(address, options),
        _ => Err(USAGE.into()),
    };
    if let Err(error) = done {
        // Whoever closed the error output does not want to know.
        let _ = writeln!(std::io::stderr(), "{error}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

fn serve<P: Peer>() -> Result<()> {
    rlimit::increase_nofile_limit(DESCRIPTORS)?;
    block_on::<P, _>(&runtime::<P>()?, async {
        let address = P::serve().await?;
        writeln!(std::io::stdout(), "{address}")?;
        // A local runtime serves only while it is awaited: the input is read on another thread.
        let ended = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new()));
        ended.await??;
        // Ends the process: what a system does about its end is no figure of this comparison.
        std::process::exit(0)
    })
}

fn load<P: Peer>(address: &str, options: &[&str]) -> Result<()> {
    rlimit::increase_nofile_limit(DESCRIPTORS)?;
    let address: SocketAddr = address.parse()?;
    let mut load = Load {
        address,
        server: None,
        warm: Duration::from_millis(300),
        window: Duration::from_secs(1),
        seed: 1,
    };
    let mut cases = Vec::new();
    let mut options = options.iter();
    while let Some(&option) = options.next() {
        let mut number = || -> Result<u32> {
            let value = options.next().ok_or(format!("{option} needs a value"))?;
            value
                .parse()
                .map_err(|_| format!("{option}: {value:?} is no number").into())
        };
        match option {
            "--server" => load.server = Some(Process::new(number()?)),
            "--warm" => load.warm = Duration::from_millis(number()?.into()),
            "--window" => load.window = Duration::from_millis(number()?.max(10).into()),
            "--seed" => load.seed = number()?.into(),
            case => cases.push(case.parse::<Case>()?),
        }
    }
    if cases.is_empty() {
        return Err(format!("no case is named\n\n{USAGE}").into());
    }
    for case in cases {
        // A runtime of its own, so that nothing of an earlier case runs on.
        let row = block_on::<P, _>(&runtime::<P>()?, load::measure::<P>(&load, case));
        let mut output = std::io::stdout();
        match row {
            Ok(row) => writeln!(output, "{case}{row}")?,
            Err(error) => {
                let error = error.to_string().replace(['\n', '\t'], " ");
                writeln!(output, "{case}\tfailed={error}")?;
            }
        }
    }
    Ok(())
}

fn runtime<P: Peer>() -> Result<Runtime> {
    let mut builder = if P::LOCAL {
        Builder::new_current_thread()
    } else {
        let mut builder = Builder::new_multi_thread();
        builder.worker_threads(1);
        builder
    };
    Ok(builder
        .global_queue_interval(QUEUE_INTERVAL)
        .enable_all()
        .build()?)
}

fn block_on<P: Peer, F: Future>(runtime: &Runtime, future: F) -> F::Output {
    if P::LOCAL {
        LocalSet::new().block_on(runtime, future)
    } else {
        runtime.block_on(future)
    }
}
