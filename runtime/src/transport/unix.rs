//! Unix sockets: the file is ours while we listen, and no longer.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use tokio::net::{UnixListener, UnixSocket, UnixStream};

/// A listener and its socket file, which goes when the listener does.
#[derive(Debug)]
pub(super) struct UnixFile {
    listener: UnixListener,
    path: PathBuf,
    /// Device and inode: a file that somebody else put in the place of ours is not ours to remove.
    identity: Option<(u64, u64)>,
}

impl UnixFile {
    pub(super) async fn bind(path: &Path) -> io::Result<Self> {
        if let Ok(found) = fs::symlink_metadata(path) {
            if !found.file_type().is_socket() {
                return Err(io::Error::new(
                    io::ErrorKind::AlreadyExists,
                    "the file is there and is no socket; it is left alone",
                ));
            }
            match UnixStream::connect(path).await {
                // What a process that was killed leaves behind.
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                    fs::remove_file(path)?;
                }
                Ok(_) => {
                    return Err(io::Error::new(
                        io::ErrorKind::AddrInUse,
                        "a process listens on the socket file",
                    ));
                }
                Err(error) => return Err(error),
            }
        }
        let socket = UnixSocket::new_stream()?;
        socket.bind(path)?;
        let identity = identity(path);
        Ok(Self {
            listener: socket.listen(super::BACKLOG)?,
            path: path.into(),
            identity,
        })
    }

    pub(super) async fn accept(&self) -> io::Result<UnixStream> {
        self.listener.accept().await.map(|(stream, _)| stream)
    }
}

fn identity(path: &Path) -> Option<(u64, u64)> {
    let found = fs::symlink_metadata(path).ok()?;
    Some((found.dev(), found.ino()))
}

impl Drop for UnixFile {
    fn drop(&mut self) {
        if self.identity.is_some() && identity(&self.path) == self.identity {
            // Nobody is left to tell; the next to bind finds a stale file and replaces it.
            let _ = fs::remove_file(&self.path);
        }
    }
}
