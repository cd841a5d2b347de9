//! What generated code names, and nothing else does. No part of the public interface: it changes with the compiler.
#![doc(hidden)]

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use prost::Message;

pub use core::convert::Infallible;

pub use bytes::Bytes;
pub use prost;
pub use prost_types;

pub use crate::client::{Call, Channel, Client, Group, Merge, MergedCall};
use crate::contract::REVISION;
pub use crate::contract::{
    Balance, Cluster, Compression, FieldPath, MethodDescriptor, MethodKind, Policy, Priority,
    Retry, ServiceDescriptor,
};
pub use crate::error::{Error, TypedError};
pub use crate::filter::Filter;
pub use crate::governance::Settings;
pub use crate::link::Placement;
pub use crate::release::{Release, ReleaseRange};
pub use crate::schema::Schema;
pub use crate::service::{Answer, Handler, Incoming, Offer};
pub use crate::status::{Code, Status};
pub use crate::streaming::Streaming;
pub use crate::validate::{MapKey, Pattern, Place, Validate, Violations, rules};

use crate::client::{Form, Plan, Received, Requests};
use crate::rope::Rope;

/// Stops the compilation of code that was generated for another contract.
///
/// # Panics
/// If the contracts differ: at compile time, in a constant.
pub const fn require_contract(generated: u32) {
    assert!(
        generated == REVISION,
        "this code was generated for another release of the callsheet runtime: use callsheet-build and callsheet of one \
         release, and generate again"
    );
}

/// The value of an enum with this number, for printing.
pub fn named<E>(number: i32) -> impl fmt::Debug
where
    E: TryFrom<i32> + fmt::Debug,
{
    Named::<E>(E::try_from(number).map_err(|_| number))
}

struct Named<E>(Result<E, i32>);

impl<E: fmt::Debug> fmt::Debug for Named<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Ok(value) => value.fmt(f),
            Err(number) => number.fmt(f),
        }
    }
}

/// Lets a request through to its handler if it keeps the rules of the contract.
///
/// # Errors
/// `invalid_argument` with every rule that it breaks.
pub fn accept<Q: Validate>(request: &Q) -> Result<(), Status> {
    request.validate().map_err(Status::from)
}

/// The same for each request of a stream. The first that breaks a rule is its end.
pub fn accept_each<Q: Validate + Send + 'static>(requests: Streaming<Q>) -> Streaming<Q> {
    Streaming::new(Accepted { requests })
}

struct Accepted<Q> {
    requests: Streaming<Q>,
}

impl<Q: Validate> Stream for Accepted<Q> {
    type Item = Result<Q, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let request = ready!(Pin::new(&mut self.requests).poll_next(cx));
        Poll::Ready(request.map(|request| {
            let request = request?;
            accept(&request)?;
            Ok(request)
        }))
    }
}

/// A call with one request and one reply.
pub fn unary<Q: Message, P: Message + Default, E: TypedError>(
    channel: &Channel,
    method: &'static MethodDescriptor,
    request: &Q,
) -> Call<P, E> {
    Call::new(one_request(channel, method, request), Received::message)
}

/// A call with one request and a stream of replies.
pub fn server_stream<Q: Message, P: Message + Default + 'static, E: TypedError>(
    channel: &Channel,
    method: &'static MethodDescriptor,
    request: &Q,
) -> Call<Streaming<P, E>, E> {
    Call::new(one_request(channel, method, request), Received::stream)
}

/// A call with a stream of requests and one reply.
pub fn client_stream<Q: Message + 'static, P: Message + Default, E: TypedError>(
    channel: &Channel,
    method: &'static MethodDescriptor,
    requests: Streaming<Q>,
) -> Call<P, E> {
    Call::new(many_requests(channel, method, requests), Received::message)
}

/// A call with a stream each way.
pub fn bidi_stream<Q: Message + 'static, P: Message + Default + 'static, E: TypedError>(
    channel: &Channel,
    method: &'static MethodDescriptor,
    requests: Streaming<Q>,
) -> Call<Streaming<P, E>, E> {
    Call::new(many_requests(channel, method, requests), Received::stream)
}

/// A call that nobody answers: it is done when the request has left.
pub fn one_way<Q: Message>(
    channel: &Channel,
    method: &'static MethodDescriptor,
    request: &Q,
) -> Call<()> {
    Call::new(one_request(channel, method, request), Received::nothing)
}

fn one_request<Q: Message>(
    channel: &Channel,
    method: &'static MethodDescriptor,
    request: &Q,
) -> Plan {
    let protobuf = Rope::encode(request);
    let hash = channel.hash_of(method, &protobuf);
    let body = channel
        .codec()
        .encode(channel.shape(method.request), protobuf);
    let body = body.map_err(|error| Status::internal(error.to_string()).not_started());
    Plan::new(channel.clone(), method, hash, body, None)
}

fn many_requests<Q: Message + 'static>(
    channel: &Channel,
    method: &'static MethodDescriptor,
    requests: Streaming<Q>,
) -> Plan {
    let form = Form {
        codec: channel.codec(),
        shape: channel.shape(method.request),
    };
    let requests = Requests::new(form, requests);
    Plan::new(
        channel.clone(),
        method,
        None,
        Ok(Rope::new()),
        Some(requests),
    )
}
