//! Owns the two kinds of connection that a wire is made of: TCP, and unix sockets.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

/// Where clients come to.
#[derive(Debug)]
pub(crate) enum Near {
    Tcp(TcpListener),
    Unix(UnixListener),
}

/// Where the server is.
#[derive(Clone, Debug)]
pub(crate) enum Far {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

/// One connection.
#[derive(Debug)]
pub(crate) enum Line {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Near {
    pub(crate) async fn accept(&self) -> io::Result<Line> {
        match self {
            Self::Tcp(listener) => listener.accept().await.map(|(line, _)| Line::of(line)),
            Self::Unix(listener) => listener.accept().await.map(|(line, _)| Line::Unix(line)),
        }
    }
}

impl Far {
    pub(crate) async fn connect(&self) -> io::Result<Line> {
        match self {
            Self::Tcp(address) => TcpStream::connect(address).await.map(Line::of),
            Self::Unix(path) => UnixStream::connect(path).await.map(Line::Unix),
        }
    }
}

impl Line {
    fn of(stream: TcpStream) -> Self {
        // A wire adds no wait of its own.
        let _ = stream.set_nodelay(true);
        Self::Tcp(stream)
    }

    /// Ends the connection as a broken network does: by a reset, where there is such a thing.
    pub(crate) fn reset(self) {
        if let Self::Tcp(stream) = self {
            let _ = stream.set_zero_linger();
        }
    }
}

impl AsyncRead for Line {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(line) => Pin::new(line).poll_read(cx, buf),
            Self::Unix(line) => Pin::new(line).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Line {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(line) => Pin::new(line).poll_write(cx, buf),
            Self::Unix(line) => Pin::new(line).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(line) => Pin::new(line).poll_flush(cx),
            Self::Unix(line) => Pin::new(line).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(line) => Pin::new(line).poll_shutdown(cx),
            Self::Unix(line) => Pin::new(line).poll_shutdown(cx),
        }
    }
}
