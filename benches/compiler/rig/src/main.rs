//! Runs one command and says what it cost: `rig COMMAND…` prints `wall_s=… cpu_s=… peak_mib=… status=…`.
//!
//! A program of its own because the system counts the peak memory of a child from its parent's size on: this one is small.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program that reports to whoever started it"
)]

use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike as _;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let Some(program) = arguments.next() else {
        eprintln!("rig takes a command");
        return ExitCode::from(2);
    };
    let start = Instant::now();
    let status = Command::new(&program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    let wall = start.elapsed().as_secs_f64();
    match (status, getrusage(UsageWho::RUSAGE_CHILDREN)) {
        (Ok(status), Ok(usage)) => {
            let cpu = usage.user_time() + usage.system_time();
            let [cpu, peak] = [cpu.num_microseconds(), usage.max_rss()].map(exact);
            println!(
                "wall_s={wall:.6} cpu_s={:.6} peak_mib={:.3} status={}",
                cpu / 1e6,
                peak / 1024.0,
                status.code().unwrap_or(-1)
            );
            ExitCode::SUCCESS
        }
        (Err(error), _) => {
            eprintln!("cannot run {}: {error}", program.display());
            ExitCode::FAILURE
        }
        (_, Err(error)) => {
            eprintln!("cannot tell what it cost: {error}");
            ExitCode::FAILURE
        }
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "microseconds and KiB of one command are far below 2^53"
)]
fn exact(count: i64) -> f64 {
    count as f64
}
