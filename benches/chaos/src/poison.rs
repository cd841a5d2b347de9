//! What is no entry, among the entries: a few that break a rule each, and a flood of it.

use callsheet_tests::engine::etcd::Gateway;
use callsheet_tests::engine::zookeeper::Raw;
use chaos::Failure;
use tokio::task::block_in_place;

use crate::registry::{Registry, SERVICE, key, said};
use crate::secret::{PASSWORD, USER};

/// Entries of a flood that are put at once.
const TOGETHER: usize = 10_000;

/// Entries that break a rule each: a foreign type, control characters, no object, no UTF-8, more than 64 KiB, 10 MB.
fn poison() -> Vec<(&'static str, Vec<u8>)> {
    let control = format!(
        r#"{{"id":"control","service":"{SERVICE}","addresses":["tcp://127.0.0.1\u0007:1"]}}"#
    );
    vec![
        ("types", br#"{"id":7,"service":[],"addresses":{}}"#.to_vec()),
        ("control", control.into_bytes()),
        ("list", b"[1,2,3]".to_vec()),
        ("utf8", b"\xff\xfe\x80".to_vec()),
        ("long", vec![b'x'; 100_000]),
        ("longest", vec![b'x'; 10_000_000]),
    ]
}

/// Writes it past the back end, and `flood` entries of junk; gives how many there are in all.
pub(crate) async fn write(registry: &Registry, flood: usize) -> Result<usize, Failure> {
    let poison = poison();
    let junk = |number: usize| format!("junk{number}");
    match registry {
        Registry::File(folder) => {
            let folder = folder.path().join("services").join(SERVICE);
            for (name, value) in &poison {
                std::fs::write(folder.join(format!("{name}.json")), value)?;
            }
            for number in 0..flood {
                std::fs::write(folder.join(format!("{}.json", junk(number))), "junk")?;
            }
        }
        Registry::Redis(engine) => block_in_place(|| {
            let index = format!("shop/index/{SERVICE}");
            let cli = |words: &[&str], last: &[u8]| {
                let words = [&["-a", PASSWORD], words].concat();
                said(&engine.try_cli(&words, last))
            };
            for (name, value) in &poison {
                cli(&["SET", &key(name)[1..]], value)?;
            }
            // Listed for nearly as long as anything is believed to be: what is listed for longer is swept away at once. Those
            // that break a rule come first, and are read whatever the flood.
            let list = format!(
                "local now = redis.call('TIME')[1] * 1000 \
                 for _, name in ipairs(ARGV) do redis.call('ZADD', KEYS[2], now + 50000, name) end \
                 for i = 1, {flood} do redis.call('SET', KEYS[1] .. i, 'junk') \
                 redis.call('ZADD', KEYS[2], now + 58000, 'junk' .. i) end"
            );
            let junk = &key("junk")[1..];
            let names = poison.iter().map(|(name, _)| *name);
            let words: Vec<&str> = ["EVAL", &list, "2", junk, &index]
                .into_iter()
                .chain(names)
                .collect();
            cli(&words, b"")
        })
        .map(drop)?,
        Registry::Etcd(engine) => {
            let gateway = Gateway::login(engine, USER, PASSWORD).await;
            let place = |name: &str| key(name).as_bytes()[1..].to_vec();
            for (name, value) in &poison {
                gateway.put(&[(place(name), value.clone())]).await;
            }
            let flood: Vec<_> = (0..flood)
                .map(|number| (place(&junk(number)), b"junk".to_vec()))
                .collect();
            for some in flood.chunks(TOGETHER) {
                gateway.put(some).await;
            }
        }
        Registry::ZooKeeper(engine) => {
            let mut hand = Raw::connect(engine).await;
            hand.login(&format!("{USER}:{PASSWORD}")).await;
            for (name, value) in &poison {
                hand.create(&key(name), value).await;
            }
            hand.create_all((0..flood).map(|number| key(&junk(number))), b"junk")
                .await;
        }
        _ => return Err("nothing is written here".into()),
    }
    Ok(poison.len() + flood)
}
