//! What the kernel knows of a process: its CPU time and its memory.

use std::fs;

use crate::Result;

/// A process by its number.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Process(u32);

impl Process {
    pub(crate) fn new(id: u32) -> Self {
        Self(id)
    }

    pub(crate) fn own() -> Self {
        Self(std::process::id())
    }

    /// Seconds that its threads have run, user and kernel.
    ///
    /// From `schedstat`, which counts nanoseconds (a little load is a few hundredths of a second, and those are what
    /// `stat` counts in); from `stat` where the kernel has no such file.
    pub(crate) fn cpu_seconds(self) -> Result<f64> {
        let mut nanos = 0.0;
        for task in fs::read_dir(format!("/proc/{}/task", self.0))? {
            let Ok(text) = fs::read_to_string(task?.path().join("schedstat")) else {
                return self.cpu_ticks();
            };
            let run = text.split_whitespace().next().unwrap_or_default();
            nanos += run.parse::<f64>()?;
        }
        Ok(nanos / 1e9)
    }

    fn cpu_ticks(self) -> Result<f64> {
        let text = fs::read_to_string(format!("/proc/{}/stat", self.0))?;
        // The name, in parentheses, may hold blanks; utime and stime are the 12th and 13th field after it.
        let (_, fields) = text.rsplit_once(')').ok_or("no name in stat")?;
        let fields: Vec<&str> = fields.split_whitespace().collect();
        let [user, kernel] = fields.get(11..13).ok_or("no times in stat")? else {
            return Err("no times in stat".into());
        };
        // Linux reports hundredths of a second to user space on every architecture that Rust knows.
        Ok((user.parse::<f64>()? + kernel.parse::<f64>()?) / 100.0)
    }

    /// Its resident memory in KiB.
    pub(crate) fn resident_kib(self) -> Result<f64> {
        let text = fs::read_to_string(format!("/proc/{}/status", self.0))?;
        let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let size = line.and_then(|line| line.split_whitespace().next());
        Ok(size.ok_or("no VmRSS in status")?.parse()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn process_that_computes_uses_cpu_and_memory() {
        let own = Process::own();
        let before = own.cpu_seconds().unwrap();
        let ticks = own.cpu_ticks().unwrap();
        crate::compute(30_000);
        assert!(own.cpu_seconds().unwrap() > before);
        assert!(own.cpu_ticks().unwrap() >= ticks);
        assert!(own.resident_kib().unwrap() > 100.0);
    }
}
