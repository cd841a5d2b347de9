//! The calls.

use bytes::Bytes;
use rig::{Client, Result};
use tokio_stream::Stream;
use tonic::Streaming;
use tonic::transport::Channel;

use crate::rpc::echo_client::EchoClient;
use crate::rpc::{Messages, Micros, Payload, Size};

#[derive(Clone)]
pub(crate) struct Caller(pub(crate) EchoClient<Channel>);

impl Client for Caller {
    type Reply = Bytes;

    async fn echo(&self, payload: Bytes) -> Result<Bytes> {
        let reply = self.0.clone().echo(Payload { payload }).await?;
        Ok(reply.into_inner().payload)
    }

    async fn echo_pending(&self, payload: Bytes) -> Result<Bytes> {
        let reply = self.0.clone().echo_pending(Payload { payload }).await?;
        Ok(reply.into_inner().payload)
    }

    async fn fetch(&self, size: usize) -> Result<Bytes> {
        let size = Size { bytes: size as u64 };
        Ok(self.0.clone().fetch(size).await?.into_inner().payload)
    }

    async fn compute(&self, micros: u64) -> Result<()> {
        self.0.clone().compute(Micros { micros }).await?;
        Ok(())
    }

    async fn server_stream(&self, messages: u64) -> Result<u64> {
        let messages = Messages { messages };
        count(self.0.clone().server_stream(messages).await?.into_inner()).await
    }

    async fn client_stream(&self, messages: u64) -> Result<u64> {
        let reply = self.0.clone().client_stream(stream(messages)).await?;
        Ok(reply.into_inner().messages)
    }

    async fn bidi_stream(&self, messages: u64) -> Result<u64> {
        let replies = self.0.clone().bidi_stream(stream(messages)).await?;
        count(replies.into_inner()).await
    }
}

fn stream(messages: u64) -> impl Stream<Item = Payload> + Send + 'static {
    let payload = rig::payload(rig::STREAM_MESSAGE);
    tokio_stream::iter((0..messages).map(move |_| Payload {
        payload: payload.clone(),
    }))
}

async fn count(mut stream: Streaming<Payload>) -> Result<u64> {
    let mut messages = 0;
    while let Some(message) = stream.message().await? {
        messages += u64::from(message.payload.len() == rig::STREAM_MESSAGE);
    }
    Ok(messages)
}
