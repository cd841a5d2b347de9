//! The service.

use std::pin::Pin;

use bytes::Bytes;
use tokio_stream::{Stream, StreamExt};
use tonic::{Request, Response, Status, Streaming};

use crate::rpc::echo_server::Echo;
use crate::rpc::{Messages, Micros, Payload, Size};

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

type Reply<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl Echo for Service {
    async fn echo(&self, request: Request<Payload>) -> Reply<Payload> {
        Ok(Response::new(request.into_inner()))
    }

    async fn echo_pending(&self, request: Request<Payload>) -> Reply<Payload> {
        tokio::task::yield_now().await;
        Ok(Response::new(request.into_inner()))
    }

    async fn fetch(&self, request: Request<Size>) -> Reply<Payload> {
        let size = usize::try_from(request.into_inner().bytes).unwrap_or(usize::MAX);
        Ok(Response::new(Payload {
            payload: self.bytes.slice(..size.min(self.bytes.len())),
        }))
    }

    async fn compute(&self, request: Request<Micros>) -> Reply<Messages> {
        rig::compute(request.into_inner().micros);
        Ok(Response::new(Messages::default()))
    }

    type ServerStreamStream = Pin<Box<dyn Stream<Item = Result<Payload, Status>> + Send>>;

    async fn server_stream(&self, request: Request<Messages>) -> Reply<Self::ServerStreamStream> {
        let payload = self.message.clone();
        let messages = (0..request.into_inner().messages).map(move |_| {
            Ok(Payload {
                payload: payload.clone(),
            })
        });
        Ok(Response::new(Box::pin(tokio_stream::iter(messages))))
    }

    async fn client_stream(&self, request: Request<Streaming<Payload>>) -> Reply<Messages> {
        let mut requests = request.into_inner();
        let mut messages = 0;
        while let Some(message) = requests.next().await {
            messages += u64::from(message?.payload.len() == rig::STREAM_MESSAGE);
        }
        Ok(Response::new(Messages { messages }))
    }

    type BidiStreamStream = Streaming<Payload>;

    async fn bidi_stream(
        &self,
        request: Request<Streaming<Payload>>,
    ) -> Reply<Self::BidiStreamStream> {
        Ok(Response::new(request.into_inner()))
    }
}
