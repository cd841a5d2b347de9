//! The service that is called: it does as little as a handler can.

use callsheet::{Error, Streaming};
use tokio::sync::{mpsc, oneshot};

use crate::rpc::gauge::v1::Gauge;
use crate::rpc::gauge::{Parcel, Pour, Poured};

/// The handlers, and the task that those of `later` wait for.
#[derive(Clone, Debug)]
pub struct Echo {
    questions: mpsc::UnboundedSender<oneshot::Sender<()>>,
}

impl Echo {
    /// Starts the task on the current runtime.
    pub fn start() -> Self {
        let (questions, mut asked) = mpsc::unbounded_channel::<oneshot::Sender<()>>();
        tokio::spawn(async move {
            while let Some(question) = asked.recv().await {
                // A handler that is gone needs no answer.
                let _ = question.send(());
            }
        });
        Self { questions }
    }
}

impl Gauge for Echo {
    async fn echo(&self, request: Parcel) -> Result<Parcel, Error> {
        Ok(request)
    }

    async fn later(&self, request: Parcel) -> Result<Parcel, Error> {
        let (answer, answered) = oneshot::channel();
        let gone = || callsheet::Status::internal("the task that answers is gone");
        self.questions.send(answer).map_err(|_| gone())?;
        answered.await.map_err(|_| gone())?;
        Ok(request)
    }

    async fn down(&self, request: Pour) -> Result<Streaming<Parcel>, Error> {
        let Pour { messages, payload } = request;
        Ok(Streaming::from((0..messages).map(move |_| Parcel {
            payload: payload.clone(),
        })))
    }

    async fn up(&self, mut requests: Streaming<Parcel>) -> Result<Poured, Error> {
        let mut messages = 0;
        while let Some(parcel) = requests.next().await {
            parcel?;
            messages += 1;
        }
        Ok(Poured { messages })
    }

    async fn both(&self, requests: Streaming<Parcel>) -> Result<Streaming<Parcel>, Error> {
        Ok(requests)
    }
}
