//! The service.

use bytes::Bytes;
use callsheet::{Error, Streaming};

use crate::rpc::peers::echo::v1::Echo;
use crate::rpc::peers::echo::{Messages, Micros, Payload, Size};

pub(crate) struct Service {
    /// What replies are cut from.
    bytes: Bytes,
    message: Bytes,
}

impl Service {
    pub(crate) fn new() -> Self {
        Self {
            bytes: rig::payload(rig::MOST_FETCHED),
            message: rig::payload(rig::STREAM_MESSAGE),
        }
    }
}

impl Echo for Service {
    async fn echo(&self, request: Payload) -> Result<Payload, Error> {
        Ok(request)
    }

    async fn echo_pending(&self, request: Payload) -> Result<Payload, Error> {
        tokio::task::yield_now().await;
        Ok(request)
    }

    async fn fetch(&self, request: Size) -> Result<Payload, Error> {
        let size = usize::try_from(request.bytes).unwrap_or(usize::MAX);
        Ok(Payload {
            payload: self.bytes.slice(..size.min(self.bytes.len())),
        })
    }

    async fn compute(&self, request: Micros) -> Result<Messages, Error> {
        rig::compute(request.micros);
        Ok(Messages::default())
    }

    async fn server_stream(&self, request: Messages) -> Result<Streaming<Payload>, Error> {
        let payload = self.message.clone();
        Ok(Streaming::from((0..request.messages).map(move |_| {
            Payload {
                payload: payload.clone(),
            }
        })))
    }

    async fn client_stream(&self, mut requests: Streaming<Payload>) -> Result<Messages, Error> {
        let mut messages = 0;
        while let Some(message) = requests.next().await {
            messages += u64::from(message?.payload.len() == rig::STREAM_MESSAGE);
        }
        Ok(Messages { messages })
    }

    async fn bidi_stream(&self, requests: Streaming<Payload>) -> Result<Streaming<Payload>, Error> {
        Ok(requests)
    }
}
