//! The calls.

use bytes::Bytes;
use callsheet::Streaming;
use rig::{Client, Result};

use crate::rpc::peers::echo::v1::EchoClient;
use crate::rpc::peers::echo::{Messages, Micros, Payload, Size};

#[derive(Clone)]
pub(crate) struct Caller(pub(crate) EchoClient);

impl Client for Caller {
    type Reply = Bytes;

    async fn echo(&self, payload: Bytes) -> Result<Bytes> {
        Ok(self.0.echo(Payload { payload }).await?.payload)
    }

    async fn echo_pending(&self, payload: Bytes) -> Result<Bytes> {
        Ok(self.0.echo_pending(Payload { payload }).await?.payload)
    }

    async fn fetch(&self, size: usize) -> Result<Bytes> {
        let size = Size { bytes: size as u64 };
        Ok(self.0.fetch(size).await?.payload)
    }

    async fn compute(&self, micros: u64) -> Result<()> {
        self.0.compute(Micros { micros }).await?;
        Ok(())
    }

    async fn server_stream(&self, messages: u64) -> Result<u64> {
        count(self.0.server_stream(Messages { messages }).await?).await
    }

    async fn client_stream(&self, messages: u64) -> Result<u64> {
        let reply = self.0.client_stream(stream(messages)).await?;
        Ok(reply.messages)
    }

    async fn bidi_stream(&self, messages: u64) -> Result<u64> {
        count(self.0.bidi_stream(stream(messages)).await?).await
    }
}

fn stream(messages: u64) -> Streaming<Payload> {
    let payload = rig::payload(rig::STREAM_MESSAGE);
    Streaming::from((0..messages).map(move |_| Payload {
        payload: payload.clone(),
    }))
}

async fn count(mut stream: Streaming<Payload>) -> Result<u64> {
    let mut messages = 0;
    while let Some(message) = stream.next().await {
        messages += u64::from(message?.payload.len() == rig::STREAM_MESSAGE);
    }
    Ok(messages)
}
