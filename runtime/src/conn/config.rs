//! What a connection may be asked to hold, and how long it waits. Every bound a peer can run into stands here, with its
//! default and the reason for it.

use std::time::Duration;

use crate::wire::{HeadLimits, Preface};

/// How a connection behaves.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Config {
    /// What the peer may make this side hold or do.
    pub limits: Limits,
    /// When this side asks for a sign of life.
    pub keepalive: Keepalive,
}

/// Bounds on what a peer can make this side hold or do.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Limits {
    /// Payload bytes of a frame, taken as a power of two from 2^16 to 2^24. 128 KiB: a call with 64 KiB each way is one frame
    /// each way, with as much metadata as it may have.
    pub frame: usize,
    /// Bytes of a message. 4 MiB, what gRPC users know.
    pub message: usize,
    /// Bytes of a metadata block. 16 KiB: a few tokens and a trace context.
    pub metadata_bytes: usize,
    /// Entries of metadata. 100, as browsers and proxies allow headers.
    pub metadata_entries: usize,
    /// Calls open at once on a connection, at most 65 535. 1024: calls of 1 ms still give a million per second.
    pub streams: usize,
    /// Message bytes in flight per stream, taken as a power of two from 2^16. 128 KiB: the largest message that travels
    /// whole never has to be cut for its stream's sake.
    pub stream_window: usize,
    /// Message bytes in flight to which a stream's window grows while its reader keeps up and the connection has room, at
    /// most 2^30. 256 KiB: 2 Gbit/s over 1 ms, and an eighth of the connection's window. Streams whose readers stand still keep
    /// the window they began with, so that many of them fit into a connection.
    pub wide_stream_window: usize,
    /// Message bytes in flight per connection, taken as a power of two from 2^17. 2 MiB: 1 Gbit/s over 16 ms, or 32
    /// calls with 64 KiB; more are on their way at once than stay in a cache.
    pub connection_window: usize,
    /// Bytes of messages that are larger than a fragment and not whole, or not consumed. From half of it on, one such
    /// message at a time gets credit; at all of it the call is refused. 16 MiB: four of the largest messages at once.
    pub reassembly: usize,
    /// Bytes of messages waiting to be sent on one stream before `send` says that it is not ready. 256 KiB: one flush.
    /// A single message may be larger.
    pub stream_queue: usize,
    /// Bytes of messages waiting to be sent on all streams before each gets room for one at a time. 4 MiB: sixteen full
    /// queues.
    pub connection_queue: usize,
    /// Bytes of frames ready for the transport before `open` says that the connection is full, and before a
    /// server stops to read. 1 MiB, a window.
    pub send_buffer: usize,
    /// Bytes of answers to control frames that the peer does not read. 64 KiB: over 3000 PONGs.
    pub control_queue: usize,
    /// Time to the peer's preface. 5 s: a few lost packets; what comes later is no client.
    pub preface_timeout: Duration,
    /// Time to finish a frame, or to send the next fragment of a message though there is credit for it. 30 s: 64 KiB at
    /// 2 KiB/s.
    pub frame_timeout: Duration,
    /// Time that a server which said GOAWAY waits for its idle client to hang up. 1 s: GOAWAY arrives in a round trip, and
    /// hanging up first could destroy it on its way.
    pub linger: Duration,
    /// Calls that a peer may cancel at once within 10 ms of opening them; each call answered adds one, and each second [`Limits::CANCELS_PER_SECOND`].
    /// 1024: a caller may drop all it has open.
    pub cancels: u32,
    /// PINGs that a peer may send at once; each second adds [`Limits::PINGS_PER_SECOND`]. 20.
    pub pings: u32,
    /// CREDITs that a peer may send at once; each KiB sent to it adds one. 1024, as many as streams: it may widen the
    /// window of each.
    pub credits: u32,
    /// Frames for calls that are over, and of kinds to be ignored, at once; each call that ends adds one, and each second
    /// [`Limits::IGNORED_PER_SECOND`]. 10 000: a stream's window holds 6553 empty messages when its call ends.
    pub ignored: u32,
}

impl Limits {
    /// What [`Limits::cancels`] grows by.
    pub const CANCELS_PER_SECOND: u32 = 100;
    /// What [`Limits::pings`] grows by.
    pub const PINGS_PER_SECOND: u32 = 10;
    /// What [`Limits::ignored`] grows by.
    pub const IGNORED_PER_SECOND: u32 = 1000;

    pub(super) fn head(&self) -> HeadLimits {
        HeadLimits {
            metadata_bytes: self.metadata_bytes,
            metadata_entries: self.metadata_entries,
        }
    }

    pub(super) fn preface(&self) -> Preface {
        Preface {
            version_min: Preface::VERSION,
            version_max: Preface::VERSION,
            features: Preface::FEATURES,
            frame_log2: floor_log2(self.frame, 16, 24),
            stream_window_log2: floor_log2(self.stream_window, 16, 30),
            connection_window_log2: floor_log2(self.connection_window, 17, 30),
            message_log2: floor_log2(self.message.max(1) * 2 - 1, 10, 31),
            streams: u16::try_from(self.streams).unwrap_or(u16::MAX),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            frame: 128 << 10,
            message: 4 << 20,
            metadata_bytes: 16 << 10,
            metadata_entries: 100,
            streams: 1024,
            stream_window: 128 << 10,
            wide_stream_window: 256 << 10,
            connection_window: 2 << 20,
            reassembly: 16 << 20,
            stream_queue: 256 << 10,
            connection_queue: 4 << 20,
            send_buffer: 1 << 20,
            control_queue: 64 << 10,
            preface_timeout: Duration::from_secs(5),
            frame_timeout: Duration::from_secs(30),
            linger: Duration::from_secs(1),
            cancels: 1024,
            pings: 20,
            credits: 1024,
            ignored: 10_000,
        }
    }
}

/// When a side asks for a sign of life. Two PINGs without one, and the peer counts as dead: after three intervals. A client
/// suspects its server long before.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Keepalive {
    /// Client: silence before a first PING while calls are open, and then before the server is suspected; other instances
    /// are asked first until it is heard of again. 300 ms: more than a packet costs that is sent again (200 ms), and with as
    /// much again for the answer, calls go elsewhere within two thirds of a second. An answered PING doubles the
    /// silence before the next, up to three quarters of `busy`, so that calls which take long cost few of them.
    pub prompt: Duration,
    /// Silence before a PING while calls are open. 2 s: a dead peer is found in 6 s, and a process that stops for a
    /// garbage collection or a page-in is not taken for one.
    pub busy: Duration,
    /// Silence before a PING while none is. 15 s: below the idle timeouts of load balancers and NAT, and 10 000 idle
    /// connections cost 700 frames a second.
    pub idle: Duration,
}

impl Keepalive {
    /// The longest silence before a client's first PING: before its server would send one for the same silence.
    pub(super) fn patience(&self) -> Duration {
        (self.busy / 4 * 3).max(self.prompt)
    }
}

impl Default for Keepalive {
    fn default() -> Self {
        Self {
            prompt: Duration::from_millis(300),
            busy: Duration::from_secs(2),
            idle: Duration::from_secs(15),
        }
    }
}

fn floor_log2(value: usize, low: u8, high: u8) -> u8 {
    u8::try_from(value.max(1).ilog2()).map_or(high, |log2| log2.clamp(low, high))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_announced_rounded_down_and_the_message_limit_up() {
        let limits = Limits {
            stream_window: (128 << 10) - 1,
            connection_window: 5,
            message: (4 << 20) + 1,
            frame: usize::MAX,
            streams: 1 << 20,
            ..Limits::default()
        };
        let preface = limits.preface();
        assert_eq!(preface.stream_window_log2, 16);
        assert_eq!(preface.connection_window_log2, 17);
        assert_eq!(preface.message_log2, 23);
        assert_eq!(preface.frame_log2, 24);
        assert_eq!(preface.streams, u16::MAX);
        assert_eq!(Limits::default().preface().message_log2, 22);
    }
}
