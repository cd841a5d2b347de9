//! Bytes of frames.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use prost::Message;
use rig::Result;

/// Request and reply.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Echo {
    #[prost(bytes = "bytes", tag = "1")]
    pub(crate) payload: Bytes,
}

const HEAD: usize = 8;

/// Room for the next read: as little as an idle connection should hold.
pub(crate) const LEAST_ROOM: usize = 4 * 1024;

/// Room where reads fill what they get: large enough that the kernel's part is most of a read's cost.
const MOST_ROOM: usize = 256 * 1024;

pub(crate) fn encode(number: u32, message: &Echo, frames: &mut BytesMut) {
    let length = message.encoded_len();
    frames.reserve(HEAD + length);
    frames.put_u32_le(u32::try_from(length).unwrap_or(u32::MAX));
    frames.put_u32_le(number);
    // The room is reserved, which is all that can fail.
    let _ = message.encode(frames);
}

/// Takes the first frame off what was read, if it is whole.
pub(crate) fn decode(read: &mut BytesMut) -> Result<Option<(u32, Echo)>> {
    let Some(mut head) = read.get(..HEAD) else {
        return Ok(None);
    };
    let length = head.get_u32_le() as usize;
    let number = head.get_u32_le();
    if read.len() < HEAD + length {
        read.reserve(HEAD + length - read.len());
        return Ok(None);
    }
    read.advance(HEAD);
    let message = Echo::decode(read.split_to(length).freeze())?;
    Ok(Some((number, message)))
}

/// Makes room for the next read, more where the last one filled its own.
pub(crate) fn make_room(read: &mut BytesMut, room: &mut usize, last: usize) {
    if last >= *room {
        *room = (*room * 2).min(MOST_ROOM);
    } else if last < *room / 4 {
        *room = (*room / 2).max(LEAST_ROOM);
    }
    read.reserve(*room);
}
