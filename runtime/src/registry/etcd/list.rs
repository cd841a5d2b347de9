//! Reading a span of keys whole, in pages, as of one revision, whatever somebody has put there.

use bytes::{BufMut as _, Bytes, BytesMut};

use super::api::{KeyValue, Range};
use super::cluster::Cluster;
use super::fault::Fault;
use super::keys::Span;

/// How many entries are asked for first: about 150 KiB of usual ones.
const FIRST_PAGE: i64 = 500;

/// How many are asked for at most: etcd walks over all that follow for each page, so many small ones would cost it more.
const LARGEST_PAGE: i64 = 4_000;

/// How many keys are read of one span: ten times what a view holds, so that records are found among rubbish; beyond
/// that it is the rubbish that must go.
const MAX_KEYS: i64 = 100_000;

/// How often a list begins anew because its revision was compacted meanwhile: etcd is compacted every few minutes, and a
/// list takes seconds at worst.
const RESTARTS: usize = 3;

/// What a list finds.
pub(super) trait Visit {
    /// It begins, or begins anew.
    fn clear(&mut self);

    /// An entry.
    fn put(&mut self, entry: KeyValue);

    /// An entry that is too large to be read.
    fn too_large(&mut self, key: Bytes, bytes: usize);

    /// So many entries were not read.
    fn unread(&mut self, count: usize);
}

/// Which part of the entries is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// All of it.
    Whole,
    /// Their keys.
    Keys,
}

/// Reads all of `span`; gives the revision that it was read at.
pub(super) async fn list(
    cluster: &Cluster,
    span: &Span,
    part: Part,
    visit: &mut impl Visit,
) -> Result<i64, Fault> {
    let mut restarts = 0;
    loop {
        visit.clear();
        match pages(cluster, span, part, visit).await {
            Err(fault) if fault.is_compacted() && restarts < RESTARTS => restarts += 1,
            result => return result,
        }
    }
}

async fn pages(
    cluster: &Cluster,
    span: &Span,
    part: Part,
    visit: &mut impl Visit,
) -> Result<i64, Fault> {
    let mut request = Range {
        key: span.start.clone(),
        end: span.end.clone(),
        limit: FIRST_PAGE,
        revision: 0,
        keys_only: part == Part::Keys,
    };
    let mut read = 0;
    loop {
        let mut too_large = None;
        let answer = match cluster.call(&request).await {
            Err(Fault::TooLarge(_)) if request.limit > 1 => {
                request.limit = (request.limit / 8).max(1);
                continue;
            }
            Err(Fault::TooLarge(bytes)) => {
                too_large = Some(bytes);
                let name = Range {
                    keys_only: true,
                    ..request.clone()
                };
                cluster.call(&name).await?
            }
            result => result?,
        };
        if request.revision == 0 {
            // The pages behind the first are of the same moment.
            request.revision = answer.header.unwrap_or_default().revision;
        }
        let Some(last) = answer.kvs.last().map(|entry| entry.key.clone()) else {
            return Ok(request.revision);
        };
        let found = i64::try_from(answer.kvs.len()).unwrap_or(i64::MAX);
        read += found;
        for entry in answer.kvs {
            match too_large {
                Some(bytes) => visit.too_large(entry.key, bytes),
                None => visit.put(entry),
            }
        }
        if !answer.more {
            return Ok(request.revision);
        }
        if read >= MAX_KEYS {
            let unread = answer.count.saturating_sub(found);
            visit.unread(usize::try_from(unread).unwrap_or_default());
            return Ok(request.revision);
        }
        request.key = after(&last);
        request.limit = (request.limit * 2).min(LARGEST_PAGE);
    }
}

/// The first key behind `key`.
fn after(key: &Bytes) -> Bytes {
    let mut next = BytesMut::with_capacity(key.len() + 1);
    next.put_slice(key);
    next.put_u8(0);
    next.freeze()
}
