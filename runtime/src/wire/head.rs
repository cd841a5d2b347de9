//! The heads of OPEN and END: what stands before their message.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};

use super::Fault;
use super::frame::{self, FrameKind, Header};
use super::varint::{Numbers, Reader, put_slice, put_varint, varint_len};
use crate::metadata::{Metadata, Value};
use crate::status::{Code, Detail, Progress, Status};

/// What a call is for: sent in full once per connection, by number after that.
#[derive(Clone, Debug, Eq)]
pub struct Route {
    path: Box<str>,
    group: Box<str>,
    codec: Box<str>,
    hash: u64,
}

impl Route {
    /// The most bytes of a path.
    pub const MAX_PATH: usize = 1024;
    /// The most bytes of a group.
    pub const MAX_GROUP: usize = 256;
    /// The most bytes of a codec's name.
    pub const MAX_CODEC: usize = 64;

    /// The route to `path` (`package.vN.Service/method`) in `group` (empty: none), with messages in `codec`.
    ///
    /// # Errors
    /// [`Fault::RouteLong`]
    pub fn new(path: &str, group: &str, codec: &str) -> Result<Self, Fault> {
        for (field, text, limit) in [
            ("path", path, Self::MAX_PATH),
            ("group", group, Self::MAX_GROUP),
            ("codec", codec, Self::MAX_CODEC),
        ] {
            if text.len() > limit {
                return Err(Fault::RouteLong { field, limit });
            }
        }
        // FNV-1a, computed once so that a lookup per call costs a comparison.
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        for byte in [path, "\0", group, "\0", codec]
            .into_iter()
            .flat_map(str::bytes)
        {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        Ok(Self {
            path: path.into(),
            group: group.into(),
            codec: codec.into(),
            hash,
        })
    }

    /// `package.vN.Service/method`
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The group asked for; empty for none.
    pub fn group(&self) -> &str {
        &self.group
    }

    /// The codec of its messages.
    pub fn codec(&self) -> &str {
        &self.codec
    }

    /// Bytes that it takes in a route table.
    pub fn text_len(&self) -> usize {
        self.path.len() + self.group.len() + self.codec.len()
    }

    fn put(&self, out: &mut BytesMut) {
        put_slice(out, self.path.as_bytes());
        put_slice(out, self.group.as_bytes());
        put_slice(out, self.codec.as_bytes());
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Arc<Self>, Fault> {
        let path = reader.text("path")?;
        let group = reader.text("group")?;
        let codec = reader.text("codec")?;
        Self::new(path, group, codec).map(Arc::new)
    }
}

impl PartialEq for Route {
    fn eq(&self, other: &Self) -> bool {
        self.hash == other.hash
            && self.path == other.path
            && self.group == other.group
            && self.codec == other.codec
    }
}

impl Hash for Route {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path)?;
        if !self.group.is_empty() {
            write!(f, " of group {}", self.group)?;
        }
        Ok(())
    }
}

/// How OPEN names its route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RouteRef {
    /// In full, and not kept.
    Once(Arc<Route>),
    /// In full; it gets the next free number, from 0.
    Learn(Arc<Route>),
    /// By its number.
    Known(u32),
}

/// What stands before the message of an OPEN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenHead<M = Metadata> {
    /// Where it goes.
    pub route: RouteRef,
    /// How many attempts of this call came before.
    pub attempt: u32,
    /// What is left of its time in µs; 0 is nothing, `None` no deadline.
    pub deadline: Option<u64>,
    /// Nobody waits for the reply.
    pub one_way: bool,
    /// What travels beside the message.
    pub metadata: M,
}

/// Limits for what a head may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeadLimits {
    /// The most bytes of a metadata block as encoded.
    pub metadata_bytes: usize,
    /// The most entries of metadata.
    pub metadata_entries: usize,
}

#[inline]
fn flag(flag: u8, set: bool) -> u8 {
    if set { flag } else { 0 }
}

/// Fills in the header of the frame that begins at `start`, whose head is whole: `body` more bytes follow.
#[inline]
fn put_header(
    out: &mut BytesMut,
    start: usize,
    kind: FrameKind,
    flags: u8,
    stream: u32,
    body: Option<usize>,
) {
    let payload = out.len() - start - frame::HEADER + body.unwrap_or(0);
    let header = Header::encode(kind, flags, stream, payload);
    out[start..start + frame::HEADER].copy_from_slice(&header);
}

impl OpenHead<&Metadata> {
    /// Appends OPEN without its message, which has to follow: `body` bytes if any, and no more requests if `last`.
    #[inline]
    pub fn put(&self, out: &mut BytesMut, stream: u32, body: Option<usize>, last: bool) {
        let flags = flag(frame::LAST, last)
            | flag(frame::BODY, body.is_some())
            | flag(frame::ONE_WAY, self.one_way)
            | flag(frame::DEADLINE, self.deadline.is_some());
        let start = out.len();
        let mut numbers = Numbers::new();
        numbers.skip(frame::HEADER);
        match &self.route {
            RouteRef::Known(number) => numbers.varint(u64::from(*number) + 2),
            RouteRef::Once(route) => numbers = put_route(out, numbers, 0, route),
            RouteRef::Learn(route) => numbers = put_route(out, numbers, 1, route),
        }
        numbers.varint(self.attempt.into());
        if let Some(deadline) = self.deadline {
            numbers.varint(deadline);
        }
        put_metadata(out, numbers, self.metadata);
        put_header(out, start, FrameKind::Open, flags, stream, body);
    }
}

#[cold]
fn put_route(out: &mut BytesMut, mut before: Numbers, how: u8, route: &Route) -> Numbers {
    before.byte(how);
    before.put(out);
    route.put(out);
    Numbers::new()
}

impl OpenHead<Result<Metadata, Status>> {
    /// The head of an OPEN, and its message if it has one. Metadata that breaks a rule is no fault of the connection:
    /// it comes back as the status to end the call with.
    ///
    /// # Errors
    /// A payload that is no OPEN.
    #[inline]
    pub fn decode(
        header: Header,
        payload: &[u8],
        limits: HeadLimits,
    ) -> Result<(Self, Option<&[u8]>), Fault> {
        let mut reader = Reader::new(payload);
        let route = match reader.varint32("route")? {
            0 => RouteRef::Once(Route::decode(&mut reader)?),
            1 => RouteRef::Learn(Route::decode(&mut reader)?),
            number => RouteRef::Known(number - 2),
        };
        let attempt = reader.varint32("attempt")?;
        let deadline = if header.has(frame::DEADLINE) {
            Some(reader.varint("deadline")?)
        } else {
            None
        };
        let metadata = read_metadata(&mut reader, limits)?;
        let body = read_body(header, &reader)?;
        let one_way = header.has(frame::ONE_WAY);
        Ok((
            Self {
                route,
                attempt,
                deadline,
                one_way,
                metadata,
            },
            body,
        ))
    }
}

/// The most bytes of an OPEN's head.
#[inline]
pub fn open_head_bound(route: &Route, metadata: &Metadata) -> usize {
    HEAD_NUMBERS + route.text_len() + metadata_len(metadata)
}

/// The most bytes of an END's head.
#[inline]
pub fn end_head_bound(outcome: Result<&Metadata, &Status>) -> usize {
    match outcome {
        Ok(trailers) => HEAD_NUMBERS + metadata_len(trailers),
        Err(status) => {
            let detail = status
                .detail()
                .map_or(0, |detail| detail.type_name.len() + detail.value.len());
            let text =
                status.message().len() + status.setting().map_or(0, |setting| setting.len() + 7);
            HEAD_NUMBERS + text + detail + metadata_len(status.trailers())
        }
    }
}

/// The most bytes of all numbers and lengths in a head: seven varints at most.
const HEAD_NUMBERS: usize = 7 * 10;

/// What stands before the message of an END.
#[derive(Clone, Debug)]
pub struct EndHead {
    /// Trailers of a success, or how the call failed (with its own).
    pub outcome: Result<Metadata, Status>,
}

impl EndHead {
    /// Appends END without its message, which has to follow: `body` bytes if any.
    #[inline]
    pub fn put(
        out: &mut BytesMut,
        stream: u32,
        outcome: Result<&Metadata, &Status>,
        body: Option<usize>,
    ) {
        let flags = match outcome {
            Ok(_) => flag(frame::BODY, body.is_some()),
            Err(status) => {
                flag(
                    frame::NOT_STARTED,
                    status.progress() == Progress::NotStarted,
                ) | flag(frame::RETRYABLE, status.is_retryable())
                    | flag(frame::OVERLOADED, status.is_overloaded())
                    | flag(frame::SPENT, status.is_spent())
            }
        };
        let start = out.len();
        let mut numbers = Numbers::new();
        numbers.skip(frame::HEADER);
        match outcome {
            Ok(trailers) => {
                numbers.byte(0);
                put_metadata(out, numbers, trailers);
            }
            Err(status) => {
                numbers.byte(status.code() as u8);
                numbers.put(out);
                put_failure(out, status);
            }
        }
        put_header(out, start, FrameKind::End, flags, stream, body);
    }

    /// The head of an END, and its message if it has one. Trailers that break a rule fail the call, not the connection.
    ///
    /// # Errors
    /// A payload that is no END.
    #[inline]
    pub fn decode(
        header: Header,
        payload: &[u8],
        limits: HeadLimits,
    ) -> Result<(Self, Option<&[u8]>), Fault> {
        let mut reader = Reader::new(payload);
        let code = reader.varint("status code")?;
        if code == 0 {
            let outcome = read_metadata(&mut reader, limits)?;
            let body = read_body(header, &reader)?;
            return Ok((Self { outcome }, body));
        }
        if header.has(frame::BODY) {
            return Err(Fault::Flags {
                kind: "END of a failed call",
                flags: frame::BODY,
            });
        }
        Self::decode_failed(header, code, reader, limits).map(|failed| (failed, None))
    }

    fn decode_failed(
        header: Header,
        code: u64,
        mut reader: Reader<'_>,
        limits: HeadLimits,
    ) -> Result<Self, Fault> {
        let code = u8::try_from(code).map_or(Code::Unknown, Code::from_number);
        let mut status = Status::new(code, reader.text("status message")?);
        let retry_after = reader.varint("retry after")?;
        if retry_after > 0 {
            status = status.with_retry_after(Duration::from_millis(retry_after));
        }
        let type_name = reader.text("detail type")?;
        if !type_name.is_empty() {
            let value = Bytes::copy_from_slice(reader.bytes("detail")?);
            status = status.with_detail(Detail {
                type_name: type_name.into(),
                value,
            });
        }
        status = match read_metadata(&mut reader, limits)? {
            Ok(trailers) => status.with_trailers(trailers),
            Err(objection) => objection,
        };
        read_body(header, &reader)?;
        if header.has(frame::NOT_STARTED) {
            status = status.not_started();
        }
        if header.has(frame::RETRYABLE) {
            status = status.retryable();
        }
        if header.has(frame::OVERLOADED) {
            status = status.overloaded();
        }
        if header.has(frame::SPENT) {
            status = status.spent();
        }
        Ok(Self {
            outcome: Err(status),
        })
    }
}

/// What follows the code.
fn put_failure(out: &mut BytesMut, status: &Status) {
    put_message(out, status);
    put_varint(out, status.retry_after().map_or(0, whole_millis));
    match status.detail() {
        Some(detail) => {
            put_slice(out, detail.type_name.as_bytes());
            put_slice(out, &detail.value);
        }
        None => out.put_u8(0),
    }
    put_metadata(out, Numbers::new(), status.trailers());
}

/// The message, with the setting that would change the outcome: the peer's user cannot see it otherwise.
fn put_message(out: &mut BytesMut, status: &Status) {
    let message = status.message();
    match status.setting() {
        Some(setting) => put_slice(out, format!("{message} (see {setting})").as_bytes()),
        None => put_slice(out, message.as_bytes()),
    }
}

/// At least 1, as 0 says that there is no wish.
fn whole_millis(pause: Duration) -> u64 {
    u64::try_from(pause.as_millis()).unwrap_or(u64::MAX).max(1)
}

#[inline]
fn read_body<'a>(header: Header, reader: &Reader<'a>) -> Result<Option<&'a [u8]>, Fault> {
    let body = reader.rest();
    if !header.has(frame::BODY) {
        return if body.is_empty() {
            Ok(None)
        } else if header.kind == FrameKind::Open as u8 {
            Err(Fault::Surplus { kind: "OPEN" })
        } else {
            Err(Fault::Surplus { kind: "END" })
        };
    }
    Ok(Some(body))
}

/// Bytes of a metadata block without its length.
#[inline]
pub fn metadata_len(metadata: &Metadata) -> usize {
    if metadata.is_empty() {
        return 0;
    }
    entries_len(metadata)
}

fn entries_len(metadata: &Metadata) -> usize {
    metadata
        .iter()
        .map(|(key, value)| {
            let value = value_bytes(value).len();
            varint_len((key.len() as u64) << 1) + key.len() + varint_len(value as u64) + value
        })
        .sum()
}

fn value_bytes(value: &Value) -> &[u8] {
    match value {
        Value::Text(text) => text.as_bytes(),
        Value::Binary(bytes) => bytes,
    }
}

/// Appends a metadata block behind the numbers before it.
#[expect(
    clippy::inline_always,
    reason = "the numbers would be copied for each of three callers, two of them in every call"
)]
#[inline(always)]
fn put_metadata(out: &mut BytesMut, mut before: Numbers, metadata: &Metadata) {
    before.varint(metadata_len(metadata) as u64);
    before.put(out);
    if !metadata.is_empty() {
        put_entries(out, metadata);
    }
}

fn put_entries(out: &mut BytesMut, metadata: &Metadata) {
    for (key, value) in metadata.iter() {
        let binary = u64::from(matches!(value, Value::Binary(_)));
        put_varint(out, (key.len() as u64) << 1 | binary);
        out.put_slice(key.as_bytes());
        put_slice(out, value_bytes(value));
    }
}

/// The outer result is about the frame, the inner about the call.
#[inline]
fn read_metadata(
    reader: &mut Reader<'_>,
    limits: HeadLimits,
) -> Result<Result<Metadata, Status>, Fault> {
    let block = reader.bytes("metadata")?;
    if block.is_empty() {
        Ok(Ok(Metadata::new()))
    } else {
        read_entries(block, limits)
    }
}

/// Copies what it keeps: a call may outlive by far what else was read with its metadata.
fn read_entries(block: &[u8], limits: HeadLimits) -> Result<Result<Metadata, Status>, Fault> {
    if block.len() > limits.metadata_bytes {
        return Ok(Err(Status::resource_exhausted(format!(
            "metadata of {} bytes is over the limit of {}",
            block.len(),
            limits.metadata_bytes
        ))
        .with_setting("Limits::metadata_bytes")));
    }
    let mut reader = Reader::new(block);
    let mut metadata = Metadata::new();
    while !reader.is_at_end() {
        if metadata.len() == limits.metadata_entries {
            return Ok(Err(Status::resource_exhausted(format!(
                "metadata has more entries than the limit of {}",
                limits.metadata_entries
            ))
            .with_setting("Limits::metadata_entries")));
        }
        let (key, binary) = reader.key()?;
        let value = if binary {
            Value::Binary(Bytes::copy_from_slice(reader.bytes("metadata value")?))
        } else {
            Value::from(reader.text("metadata value")?.to_owned())
        };
        if let Err(objection) = metadata.append(key.to_owned(), value) {
            return Ok(Err(Status::invalid_argument(objection.to_string())));
        }
    }
    Ok(Ok(metadata))
}
