//! Heads and headers to bytes and back.

use bytes::{Bytes, BytesMut};
use callsheet::Metadata;
use callsheet::wire::frame::Header;
use callsheet::wire::head::RouteRef;
use callsheet::wire::{EndHead, HeadLimits, OpenHead};
use divan::Bencher;

const LIMITS: HeadLimits = HeadLimits {
    metadata_bytes: 16 << 10,
    metadata_entries: 100,
};

/// Metadata with so many entries.
fn metadata(entries: usize) -> Metadata {
    let mut metadata = Metadata::new();
    for entry in 0..entries {
        metadata
            .append(format!("key-{entry}"), "some value")
            .unwrap();
    }
    metadata
}

fn put_open(out: &mut BytesMut, metadata: &Metadata) {
    let head = OpenHead {
        route: RouteRef::Known(3),
        attempt: 0,
        deadline: Some(5_000_000),
        one_way: false,
        metadata,
    };
    head.put(out, 7, Some(16), true);
    out.extend_from_slice(&[7; 16]);
}

fn put_end(out: &mut BytesMut, trailers: &Metadata) {
    EndHead::put(out, 7, Ok(trailers), Some(16));
    out.extend_from_slice(&[7; 16]);
}

#[divan::bench(args = [0, 4])]
fn encode_open(bencher: Bencher<'_, '_>, entries: usize) {
    let metadata = metadata(entries);
    let mut out = BytesMut::with_capacity(1 << 10);
    bencher.bench_local(|| {
        out.clear();
        put_open(&mut out, &metadata);
        out.len()
    });
}

#[divan::bench(args = [0, 4])]
fn encode_end(bencher: Bencher<'_, '_>, entries: usize) {
    let trailers = metadata(entries);
    let mut out = BytesMut::with_capacity(1 << 10);
    bencher.bench_local(|| {
        out.clear();
        put_end(&mut out, &trailers);
        out.len()
    });
}

/// The frame, apart from its header.
fn frame(put: impl FnOnce(&mut BytesMut)) -> Bytes {
    let mut out = BytesMut::new();
    put(&mut out);
    out.freeze()
}

/// A frame as it lies in the receive buffer, once its length and its kind are known.
fn open(frame: &[u8]) -> (Header, &[u8]) {
    let span = Header::span(frame, 64 << 10).unwrap().unwrap();
    let (header, payload) = Header::split(&frame[..span]).unwrap();
    header.known().unwrap().unwrap();
    (header, payload)
}

#[divan::bench(args = [0, 4])]
fn decode_open(bencher: Bencher<'_, '_>, entries: usize) {
    let frame = frame(|out| put_open(out, &metadata(entries)));
    bencher.bench_local(|| {
        let (header, payload) = open(&frame);
        OpenHead::decode(header, payload, LIMITS).unwrap()
    });
}

#[divan::bench(args = [0, 4])]
fn decode_end(bencher: Bencher<'_, '_>, entries: usize) {
    let frame = frame(|out| put_end(out, &metadata(entries)));
    bencher.bench_local(|| {
        let (header, payload) = open(&frame);
        EndHead::decode(header, payload, LIMITS).unwrap()
    });
}
