//! Programs of the system that a task needs, installed where the system lets us.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What discovery is tested against: what it is for, Debian's packages, and files of which one must be there.
const ENGINES: &[(&str, &str, &[&str])] = &[
    ("Discovery on Redis", "redis-server", &["redis-server"]),
    ("Discovery on etcd", "etcd-server etcd-client", &["etcd"]),
    (
        "Reading etcd as its operators do",
        "etcd-client",
        &["etcdctl"],
    ),
    (
        "Discovery on ZooKeeper",
        "libzookeeper-java default-jre-headless",
        &["java"],
    ),
    (
        "Discovery on ZooKeeper",
        "libzookeeper-java",
        &["/usr/share/java/zookeeper.jar"],
    ),
    ("A network of its own for a registry", "iproute2", &["ip"]),
    ("Dropping packets", "iptables", &["iptables"]),
];

/// Installs what the tests and scenarios of discovery need and the system lacks.
///
/// # Errors
/// What to install, and what for.
pub(crate) fn engines() -> Result<bool, String> {
    for (purpose, packages, files) in ENGINES {
        let found = provide(purpose, packages, || {
            files.iter().find_map(|file| located(file))
        })?;
        println!("{purpose}: {}", found.display());
    }
    Ok(true)
}

/// Where a program is, or a file with a whole path.
fn located(file: &str) -> Option<PathBuf> {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&folders)
        // Where Debian has what it means for root.
        .chain(["/usr/sbin".into(), "/sbin".into()])
        .map(|folder| folder.join(Path::new(file)))
        .find(|path| path.is_file())
}

/// What `probe` finds of the program in Debian's `package`, or packages with blanks between; installed if it is not there, and
/// may be. No service is started by that.
///
/// # Errors
/// What to install, and what for.
pub(crate) fn provide<T>(
    purpose: &str,
    package: &str,
    probe: impl Fn() -> Option<T>,
) -> Result<T, String> {
    if let Some(found) = probe() {
        return Ok(found);
    }
    let how = format!(
        "{purpose} needs {package}: install it (Debian: apt-get install {package}), or run this as root where there is \
         apt-get"
    );
    let root = output("id", &["-u"]).is_some_and(|id| id == "0");
    if !root || output("apt-get", &["--version"]).is_none() {
        return Err(how);
    }
    let _quiet = NoServices::start();
    let apt = |arguments: &[&str]| {
        Command::new("apt-get")
            .args(arguments)
            .env("DEBIAN_FRONTEND", "noninteractive")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    };
    let mut install = vec!["install", "--yes", "--quiet", "--no-install-recommends"];
    install.extend(package.split(' '));
    if apt(&["update", "--quiet"]) && apt(&install) {
        probe().ok_or(how)
    } else {
        Err(format!("{how}. apt-get could not install it."))
    }
}

/// As long as it lives, packages that are installed start no service: maintainer scripts ask a program whether they may,
/// and this is one that says no. A program that is there already is left as it is.
struct NoServices(Option<PathBuf>);

impl NoServices {
    /// Where Debian looks, with sysvinit (`invoke-rc.d`) and with systemd (`deb-systemd-invoke`).
    const PLACE: &str = "/usr/sbin/policy-rc.d";

    /// "Forbidden by policy".
    const REFUSAL: &str = "#!/bin/sh\nexit 101\n";

    fn start() -> Self {
        let open = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o755)
            .open(Self::PLACE);
        let written = open.and_then(|mut file| file.write_all(Self::REFUSAL.as_bytes()));
        Self(written.is_ok().then(|| Self::PLACE.into()))
    }
}

impl Drop for NoServices {
    fn drop(&mut self) {
        if let Some(place) = &self.0
            && let Err(error) = std::fs::remove_file(place)
        {
            eprintln!(
                "remove {}, which keeps services from starting: {error}",
                place.display()
            );
        }
    }
}

/// The first line that a command prints, if it ends well.
pub(crate) fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output
        .status
        .success()
        .then(|| text.lines().next().unwrap_or_default().trim().to_owned())
}
