//! Echoes.

use bytes::BytesMut;
use rig::Result;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::frame;

pub(crate) async fn accept(listener: TcpListener) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(echo(stream));
    }
}

/// Answers all frames of a read with one write.
async fn echo(mut stream: TcpStream) -> Result<()> {
    stream.set_nodelay(true)?;
    let (mut read, mut write) = (BytesMut::new(), BytesMut::new());
    let (mut room, mut last) = (frame::LEAST_ROOM, 0);
    loop {
        frame::make_room(&mut read, &mut room, last);
        last = stream.read_buf(&mut read).await?;
        if last == 0 {
            return Ok(());
        }
        while let Some((number, message)) = frame::decode(&mut read)? {
            frame::encode(number, &message, &mut write);
        }
        stream.write_all_buf(&mut write).await?;
    }
}
