//! What the machine itself did meanwhile: how late it woke an idle timer, and how busy others kept it.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How long the timer sleeps each time.
const NAP: Duration = Duration::from_millis(2);

/// Beyond this the machine is too late for a scenario to tell anything: it is run once more. Heartbeats and back-offs are
/// made of hundreds of milliseconds, so that a tenth of a second does not change what they do.
pub(crate) const TOO_LATE: Duration = Duration::from_millis(100);

/// Hundredths of a second, in which Linux counts time for user space on every architecture that Rust knows.
const TICKS: f64 = 100.0;

/// Watches the machine until it is asked.
pub(crate) struct Watch {
    latest: Arc<AtomicU64>,
    over: Arc<AtomicBool>,
    since: Instant,
    before: Option<Times>,
}

/// What there is to tell of the machine.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Noise {
    /// How late an idle timer was woken, at most.
    pub(crate) late: Duration,
    /// Cores that others kept busy on average.
    pub(crate) others: f64,
    /// Cores that this run kept busy.
    pub(crate) own: f64,
}

impl Watch {
    pub(crate) fn start() -> Self {
        let latest = Arc::new(AtomicU64::new(0));
        let over = Arc::new(AtomicBool::new(false));
        let (noted, ends) = (Arc::clone(&latest), Arc::clone(&over));
        std::thread::spawn(move || {
            while !ends.load(Ordering::Relaxed) {
                let asked = Instant::now();
                std::thread::sleep(NAP);
                let late = asked.elapsed().saturating_sub(NAP);
                let late = u64::try_from(late.as_micros()).unwrap_or(u64::MAX);
                noted.fetch_max(late, Ordering::Relaxed);
            }
        });
        Self {
            latest,
            over,
            since: Instant::now(),
            before: Times::read(),
        }
    }

    /// What it was like since the start.
    pub(crate) fn noise(&self) -> Noise {
        let seconds = self.since.elapsed().as_secs_f64();
        let (own, others) = match (self.before, Times::read()) {
            (Some(before), Some(after)) => {
                let own = (after.own - before.own).max(0.0);
                (
                    own / seconds,
                    (after.all - before.all - own).max(0.0) / seconds,
                )
            }
            _ => (0.0, 0.0),
        };
        Noise {
            late: Duration::from_micros(self.latest.load(Ordering::Relaxed)),
            others,
            own,
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
    }
}

/// Seconds of CPU.
#[derive(Clone, Copy)]
struct Times {
    /// Of the whole machine.
    all: f64,
    /// Of this process and all that it started.
    own: f64,
}

impl Times {
    fn read() -> Option<Self> {
        let stat = fs::read_to_string("/proc/stat").ok()?;
        let counts: Vec<f64> = stat
            .lines()
            .next()?
            .split_whitespace()
            .skip(1)
            .filter_map(|count| count.parse().ok())
            .collect();
        // user, nice, system, then idle and waiting, then interrupts.
        let all: f64 = counts.iter().take(8).sum::<f64>() - counts.get(3)? - counts.get(4)?;
        let mut processes = BTreeMap::new();
        for entry in fs::read_dir("/proc").ok()?.flatten() {
            let Ok(id) = entry.file_name().to_string_lossy().parse::<u32>() else {
                continue;
            };
            if let Some(process) = Process::read(id) {
                processes.insert(id, process);
            }
        }
        let root = std::process::id();
        let ours = |id: &u32| {
            let mut id = *id;
            // As deep as it may be; a parent that ends meanwhile ends the walk.
            while id > 1 {
                if id == root {
                    return true;
                }
                id = processes.get(&id).map_or(0, |process| process.parent);
            }
            false
        };
        let own: f64 = processes
            .iter()
            .filter(|(id, _)| ours(id))
            .map(|(_, process)| process.ticks)
            .sum();
        Some(Self {
            all: all / TICKS,
            own: own / TICKS,
        })
    }
}

struct Process {
    parent: u32,
    /// Its own, and those of its children that have ended.
    ticks: f64,
}

impl Process {
    fn read(id: u32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
        // The name, in parentheses, may hold blanks.
        let (_, fields) = stat.rsplit_once(')')?;
        let fields: Vec<&str> = fields.split_whitespace().collect();
        let ticks = fields.get(11..15)?.iter();
        Some(Self {
            parent: fields.get(1)?.parse().ok()?,
            ticks: ticks.filter_map(|ticks| ticks.parse::<f64>().ok()).sum(),
        })
    }
}

/// Seconds of CPU that a process has used.
pub(crate) fn cpu_seconds(id: u32) -> Option<f64> {
    Some(Process::read(id)?.ticks / TICKS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_work_is_told_from_that_of_others() {
        let watch = Watch::start();
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_millis(300) {
            std::hint::spin_loop();
        }
        let noise = watch.noise();
        assert!(noise.own > 0.1, "{noise:?}");
        assert!(cpu_seconds(std::process::id()).unwrap() > 0.1);
    }
}
