//! Passwords that are nowhere else, registries that ask for them, and the search for them in what processes leave behind.

use std::ffi::OsStr;
use std::path::Path;

use callsheet_tests::engine::Engine;
use callsheet_tests::engine::etcd::Etcd;
use callsheet_tests::engine::redis::Redis;
use callsheet_tests::engine::zookeeper::ZooKeeper;
use chaos::Failure;
use tokio::task::block_in_place;

use crate::registry::{Arena, Registry, said};

/// The user, where the registry has users.
pub(crate) const USER: &str = "orders";

/// The password.
pub(crate) const PASSWORD: &str = "Xq7/cellar2door+9";

/// The same as addresses have it.
const ESCAPED: &str = "Xq7%2Fcellar2door%2B9";

/// One that is wrong, as addresses have it.
const WRONG: &str = "Xq7%2Fcellar2door%2B8";

/// What all of them have in common, however they are written: who prints this prints too much.
const COMMON: &str = "cellar2door";

impl Registry {
    /// A registry that lets in nobody without a password, and takes entries of any size.
    pub(crate) async fn guarded(arena: Arena) -> Result<Self, Failure> {
        let user = format!("{USER}:{ESCAPED}@");
        Ok(match arena {
            Arena::ZooKeeper => {
                let kind = ZooKeeper::default().login(&user, "&acl=own");
                let kind = kind.property("jute.maxbuffer=16777216");
                Self::ZooKeeper(Engine::start(kind.property("zookeeper.forceSync=no")).await)
            }
            Arena::Etcd => {
                let mut kind = Etcd::patient();
                // Its default makes each login cost a tenth of a second of a core.
                kind.arguments.push("--bcrypt-cost=4".to_owned());
                kind.login = user;
                let engine = Engine::start(kind).await;
                block_in_place(|| lock(&engine))?;
                Self::Etcd(engine)
            }
            Arena::Redis => {
                let mut kind = Redis::durable();
                kind.arguments = vec!["--requirepass".to_owned(), PASSWORD.to_owned()];
                kind.login = format!(":{ESCAPED}@");
                Self::Redis(Engine::start(kind).await)
            }
            other => Self::start(other, false).await?,
        })
    }

    /// The address with a wrong password; none where there is no password.
    pub(crate) fn wrong_address(&self) -> Option<String> {
        let right = self.address()?;
        right
            .contains(ESCAPED)
            .then(|| right.replace(ESCAPED, WRONG))
    }
}

/// Lets in the user, who may do everything below `shop/`, and a root that nobody uses.
fn lock(etcd: &Engine<Etcd>) -> Result<(), Failure> {
    let (root, user) = (format!("root:{PASSWORD}"), format!("{USER}:{PASSWORD}"));
    // Some releases have the role from the start.
    let _ = etcd.try_etcdctl(&["role", "add", "root"]);
    let steps: [&[&str]; 7] = [
        &["user", "add", &root],
        &["user", "grant-role", "root", "root"],
        &["role", "add", "shop"],
        &[
            "role",
            "grant-permission",
            "shop",
            "--prefix=true",
            "readwrite",
            "shop/",
        ],
        &["user", "add", &user],
        &["user", "grant-role", USER, "shop"],
        &["auth", "enable"],
    ];
    for step in steps {
        said(&etcd.try_etcdctl(step))?;
    }
    Ok(())
}

/// The files below `folder`, by name, in which `wanted` finds something; by name.
fn files(folder: &Path, wanted: &dyn Fn(&str) -> bool) -> Result<Vec<String>, Failure> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(files(&path, wanted)?);
        } else if wanted(&String::from_utf8_lossy(&std::fs::read(&path)?)) {
            let name = path.file_name().map(OsStr::to_string_lossy);
            found.push(name.unwrap_or_default().into_owned());
        }
    }
    found.sort();
    Ok(found)
}

/// The files below `folder` that have a password in them.
pub(crate) fn tellers(folder: &Path) -> Result<Vec<String>, Failure> {
    files(folder, &|said| said.contains(COMMON))
}

/// The files below `folder` that do not name the registry at this endpoint: there is no use in searching them.
pub(crate) fn silent(folder: &Path, endpoint: &str) -> Result<Vec<String>, Failure> {
    files(folder, &|said| !said.contains(endpoint))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_found_however_they_are_written() {
        for password in [PASSWORD, ESCAPED, WRONG] {
            assert!(password.contains(COMMON));
        }
        let folder = tempfile::tempdir().unwrap();
        let deeper = folder.path().join("views");
        std::fs::create_dir(&deeper).unwrap();
        let write = |name: &str, said: String| std::fs::write(folder.path().join(name), said);
        write("a1.log", "listed at redis://127.0.0.1:6379/shop".into()).unwrap();
        write("b1.log", format!("started\nError: redis://:{ESCAPED}@h")).unwrap();
        write("c1.log", format!("{:?}", PASSWORD.as_bytes())).unwrap();
        write("views/d.json", format!("{{\"password\":\"{PASSWORD}\"}}")).unwrap();
        assert_eq!(tellers(folder.path()).unwrap(), ["b1.log", "d.json"]);
        let silent = silent(folder.path(), "127.0.0.1:6379").unwrap();
        assert_eq!(silent, ["b1.log", "c1.log", "d.json"]);
    }
}
