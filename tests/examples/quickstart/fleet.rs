//! Servers as processes of their own.

use std::error::Error;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use callsheet::registry;

/// The service that every server offers.
const SERVICE: &str = "shop.orders.Orders";

/// The servers that run, by name.
pub(crate) struct Fleet {
    registry: String,
    servers: Vec<(String, Child)>,
}

impl Fleet {
    pub(crate) fn new(registry: &str) -> Self {
        Self {
            registry: registry.into(),
            servers: Vec::new(),
        }
    }

    /// Starts this program again as a server, and waits until it says that it serves.
    pub(crate) fn start(
        &mut self,
        name: &str,
        release: &str,
        group: &str,
    ) -> Result<(), Box<dyn Error>> {
        let mut server = Command::new(std::env::current_exe()?)
            .args(["serve", name, release, group, &self.registry])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let output = server.stdout.as_mut().ok_or("the server has no output")?;
        // Byte by byte up to the end of the line: what follows is read when the server stops.
        let mut line = String::new();
        BufReader::with_capacity(1, output).read_line(&mut line)?;
        println!("  {}", line.trim_end());
        self.servers.push((name.into(), server));
        Ok(())
    }

    /// Tells a server to leave by closing its input, and waits for its report.
    pub(crate) fn stop(&mut self, name: &str) -> Result<(), Box<dyn Error>> {
        let index = self.servers.iter().position(|(other, _)| other == name);
        let (_, mut server) = self.servers.remove(index.ok_or("no such server")?);
        drop(server.stdin.take());
        let output = server.stdout.take().ok_or("the server has no output")?;
        for line in BufReader::new(output).lines() {
            println!("  {}", line?);
        }
        let status = server.wait()?;
        if status.success() {
            Ok(())
        } else {
            Err(format!("{name} ended with {status}").into())
        }
    }

    pub(crate) fn stop_all(&mut self) -> Result<(), Box<dyn Error>> {
        while let Some((name, _)) = self.servers.first() {
            let name = name.clone();
            self.stop(&name)?;
        }
        Ok(())
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        // Whoever is left when something went wrong does not outlive this process.
        for (_, server) in &mut self.servers {
            let _ = server.kill();
            let _ = server.wait();
        }
    }
}

/// Waits until the registry lists this many servers.
pub(crate) async fn listed(registry: &registry::Handle, number: usize) {
    let mut watch = registry.watch(SERVICE);
    watch
        .seen(|snapshot| snapshot.instances().len() == number)
        .await;
}
