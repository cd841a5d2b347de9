//! A line whose other end is a map of nodes: for tests in paused time, of what takes minutes.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use bytes::{BufMut as _, BytesMut};
use tokio::sync::mpsc;

use super::jute::{Reader, Writer};
use super::line::{Command, Fault, Line};
use super::proto::{code, op};

/// Data, owner and version by path.
type Map = BTreeMap<String, (Vec<u8>, i64, i32)>;

/// The nodes at the other end.
#[derive(Clone, Default)]
pub(super) struct Nodes(Arc<Mutex<Map>>);

impl Nodes {
    /// A node, lasting as long as the session `owner` unless that is 0.
    pub(super) fn put(&self, path: &str, data: &[u8], owner: i64) {
        let mut nodes = self.0.lock().unwrap();
        let version = nodes.len().try_into().unwrap();
        nodes.insert(path.into(), (data.to_vec(), owner, version));
    }

    pub(super) fn paths(&self) -> Vec<String> {
        self.0.lock().unwrap().keys().cloned().collect()
    }

    /// A line to them.
    pub(super) fn line(&self) -> Line {
        let (commands, mut orders) = mpsc::unbounded_channel();
        let nodes = self.clone();
        tokio::spawn(async move {
            while let Some(order) = orders.recv().await {
                if let Command::Ask { frame, reply, .. } = order {
                    drop(reply.send(nodes.answer(&frame)));
                }
            }
        });
        Line {
            commands,
            address: "zookeeper://fake:1/shop".into(),
            connection: 1,
            session: 1,
        }
    }

    fn answer(&self, frame: &[u8]) -> Result<BytesMut, Fault> {
        let mut request = Reader::new(&frame[8..]);
        let asked = request.int().unwrap();
        let path = request.text().unwrap();
        let mut nodes = self.0.lock().unwrap();
        let mut body = Writer::default();
        if asked == op::CHILDREN {
            let below: Vec<_> = nodes
                .keys()
                .filter_map(|one| one.strip_prefix(&format!("{path}/")))
                .collect();
            body.length(below.len());
            for name in below {
                body.bytes(name.as_bytes());
            }
            return Ok(body.finish_body());
        }
        let missing = Fault::Refused(code::NO_NODE);
        let (data, owner, version) = nodes.get(&path).ok_or(missing)?.clone();
        match asked {
            op::EXISTS => {}
            op::READ => body.bytes(&data),
            op::DELETE => {
                if ![-1, version].contains(&request.int().unwrap()) {
                    return Err(Fault::Refused(code::BAD_VERSION));
                }
                nodes.remove(&path);
                return Ok(BytesMut::new());
            }
            other => panic!("nobody asks {other}"),
        }
        let mut body = body.finish_body();
        // The status: made, written, when; how often; whose; how long; what is below.
        body.put_i64(1);
        body.put_i64(version.into());
        body.put_bytes(0, 16);
        body.put_i32(version);
        body.put_bytes(0, 8);
        body.put_i64(owner);
        body.put_i32(data.len().try_into().unwrap());
        body.put_bytes(0, 12);
        Ok(body)
    }
}
