//! One connection and the calls in flight on it.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

use bytes::{Bytes, BytesMut};
use rig::{Client, Result};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

use crate::frame::{self, Echo};

#[derive(Clone)]
pub(crate) struct Connection(Arc<Mutex<Shared>>);

#[derive(Default)]
struct Shared {
    /// Frames that are not written yet.
    frames: BytesMut,
    /// The writer, while it waits for frames.
    writer: Option<Waker>,
    /// By the call's number.
    calls: Vec<Call>,
    free: Vec<u32>,
    broken: bool,
}

#[derive(Default)]
struct Call {
    caller: Option<Waker>,
    reply: Option<Bytes>,
}

pub(crate) async fn connect(address: SocketAddr) -> Result<Connection> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (reads, writes) = stream.into_split();
    let connection = Connection(Arc::default());
    tokio::spawn(write(connection.clone(), writes));
    let reader = connection.clone();
    tokio::spawn(async move {
        let ended = read(&reader, reads).await;
        reader.fail();
        ended
    });
    Ok(connection)
}

impl Client for Connection {
    type Reply = Bytes;

    async fn echo(&self, payload: Bytes) -> Result<Bytes> {
        let number = self.send(&Echo { payload });
        poll_fn(|context| {
            let mut shared = self.lock();
            let call = &mut shared.calls[number as usize];
            if let Some(reply) = call.reply.take() {
                shared.free.push(number);
                return Poll::Ready(Ok(reply));
            }
            call.caller = Some(context.waker().clone());
            if shared.broken {
                return Poll::Ready(Err("the connection is broken".into()));
            }
            Poll::Pending
        })
        .await
    }
}

impl Connection {
    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn send(&self, message: &Echo) -> u32 {
        let mut shared = self.lock();
        let number = shared.free.pop().unwrap_or_else(|| {
            shared.calls.push(Call::default());
            u32::try_from(shared.calls.len() - 1).unwrap_or(u32::MAX)
        });
        frame::encode(number, message, &mut shared.frames);
        if let Some(writer) = shared.writer.take() {
            writer.wake();
        }
        number
    }

    fn fail(&self) {
        let mut shared = self.lock();
        shared.broken = true;
        for call in &mut shared.calls {
            if let Some(caller) = call.caller.take() {
                caller.wake();
            }
        }
    }
}

async fn write(connection: Connection, mut stream: OwnedWriteHalf) -> Result<()> {
    let mut frames = BytesMut::new();
    loop {
        poll_fn(|context| {
            let mut shared = connection.lock();
            if shared.frames.is_empty() {
                shared.writer = Some(context.waker().clone());
                return Poll::Pending;
            }
            Poll::Ready(())
        })
        .await;
        tokio::task::yield_now().await;
        std::mem::swap(&mut frames, &mut connection.lock().frames);
        stream.write_all_buf(&mut frames).await?;
    }
}

async fn read(connection: &Connection, mut stream: OwnedReadHalf) -> Result<()> {
    let mut read = BytesMut::new();
    let (mut room, mut last) = (frame::LEAST_ROOM, 0);
    loop {
        frame::make_room(&mut read, &mut room, last);
        last = stream.read_buf(&mut read).await?;
        if last == 0 {
            return Ok(());
        }
        let mut shared = connection.lock();
        while let Some((number, message)) = frame::decode(&mut read)? {
            let call = &mut shared.calls[number as usize];
            call.reply = Some(message.payload);
            if let Some(caller) = call.caller.take() {
                caller.wake();
            }
        }
    }
}
