//! A wire that a test can cut, between a client and etcd.

use std::sync::{Arc, Mutex};

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// Passes bytes on, both ways, until it is cut.
pub(super) struct Relay {
    port: u16,
    /// The connections; none while it is cut.
    passed: Arc<Mutex<Option<JoinSet<()>>>>,
    listening: JoinHandle<()>,
}

impl Relay {
    /// A wire to this port.
    pub(super) async fn to(port: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let own = listener.local_addr().unwrap().port();
        let passed = Arc::new(Mutex::new(Some(JoinSet::new())));
        let taken = Arc::clone(&passed);
        let listening = tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                if let Some(connections) = &mut *taken.lock().unwrap() {
                    connections.spawn(async move {
                        if let Ok(mut far) = TcpStream::connect(("127.0.0.1", port)).await {
                            let _ = copy_bidirectional(&mut near, &mut far).await;
                        }
                    });
                }
            }
        });
        Self {
            port: own,
            passed,
            listening,
        }
    }

    pub(super) fn address(&self) -> String {
        format!("etcd://127.0.0.1:{}/shop", self.port)
    }

    /// Ends all connections, and each new one at once.
    pub(super) fn cut(&self) {
        *self.passed.lock().unwrap() = None;
    }

    pub(super) fn mend(&self) {
        *self.passed.lock().unwrap() = Some(JoinSet::new());
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.listening.abort();
    }
}
