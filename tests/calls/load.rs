//! Calls that go on while servers come and go.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use callsheet_tests::rpc::shop::orders::v1::OrdersClient;
use tokio::time::timeout;

use crate::keeper::LIMIT;

/// Callers of one client, each of which asks again when it is answered.
pub(crate) const CALLERS: usize = 8;

/// Calls without a pause.
pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    answered: Arc<AtomicUsize>,
    callers: Vec<tokio::task::JoinHandle<Vec<callsheet::Status>>>,
}

impl Load {
    pub(crate) fn of(orders: &OrdersClient) -> Self {
        let stop = Arc::<AtomicBool>::default();
        let answered = Arc::<AtomicUsize>::default();
        let callers = (0..CALLERS)
            .map(|_| {
                let (orders, stop) = (orders.clone(), Arc::clone(&stop));
                let answered = Arc::clone(&answered);
                tokio::spawn(async move {
                    let mut failures = Vec::new();
                    while !stop.load(Ordering::Relaxed) {
                        match orders.get(7).timeout(LIMIT).await {
                            Ok(_) => _ = answered.fetch_add(1, Ordering::Relaxed),
                            Err(error) => failures.push(error.into_status()),
                        }
                    }
                    failures
                })
            })
            .collect();
        Self {
            stop,
            answered,
            callers,
        }
    }

    /// Waits until this many more calls are answered.
    pub(crate) async fn answers(&self, more: usize) {
        let enough = self.answered.load(Ordering::Relaxed) + more;
        let answered = timeout(LIMIT, async {
            while self.answered.load(Ordering::Relaxed) < enough {
                tokio::task::yield_now().await;
            }
        });
        answered.await.expect("calls are answered");
    }

    /// Ends the calls; the failures among them.
    pub(crate) async fn failures(self) -> Vec<callsheet::Status> {
        self.stop.store(true, Ordering::Relaxed);
        let mut failures = Vec::new();
        for caller in self.callers {
            failures.extend(caller.await.unwrap());
        }
        failures
    }
}
