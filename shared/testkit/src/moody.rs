//! Owns a proxy before a server that speaks HTTP: it carries on, refuses, or is silent, as it is
//! told. What it says itself, it says as a proxy of the world outside would.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

/// What is read at one time, in bytes.
const READ_BYTES: usize = 16 * 1024;
/// How a refused request is answered.
const REFUSAL: &[u8] = b"HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

/// What the proxy does with what comes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mood {
    /// It carries on both ways.
    Carries,
    /// It answers 503 itself.
    Refuses,
    /// It reads, and answers nothing.
    Silent,
    /// It carries on so many bytes of what the server says on a connection, and then no more.
    Stalls(usize),
}

/// A proxy that lives as long as this value.
#[derive(Debug)]
pub struct Moody {
    address: SocketAddr,
    mood: watch::Sender<Mood>,
    listening: JoinHandle<()>,
}

impl Moody {
    /// A proxy on a port of its own before `server`, which carries on.
    pub async fn before(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.expect("a port for the proxy");
        let address = listener.local_addr().expect("a bound port has an address");
        let mood = watch::Sender::new(Mood::Carries);
        let moods = mood.clone();
        let listening = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((near, _)) = listener.accept().await {
                connections.spawn(carry(near, server, moods.subscribe()));
                while connections.try_join_next().is_some() {}
            }
        });
        Self {
            address,
            mood,
            listening,
        }
    }

    /// Where clients go, as a URL.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on it does so. Connections that are open end.
    pub fn becomes(&self, mood: Mood) {
        self.mood.send_replace(mood);
    }
}

impl Drop for Moody {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

async fn carry(near: TcpStream, server: SocketAddr, mut moods: watch::Receiver<Mood>) {
    let mood = *moods.borrow_and_update();
    let carried = async {
        match mood {
            Mood::Carries => pass(near, server, usize::MAX).await,
            Mood::Stalls(bytes) => pass(near, server, bytes).await,
            Mood::Refuses => refuse(near).await,
            Mood::Silent => listen(near).await,
        }
    };
    tokio::select! {
        _ = carried => {}
        _ = moods.changed() => {}
    }
}

async fn pass(mut near: TcpStream, server: SocketAddr, bytes_max: usize) -> std::io::Result<()> {
    let mut far = TcpStream::connect(server).await?;
    let (mut said, mut heard) = (vec![0; READ_BYTES], vec![0; READ_BYTES]);
    let mut left = bytes_max;
    loop {
        tokio::select! {
            read = near.read(&mut said) => match read? {
                0 => return Ok(()),
                count => far.write_all(&said[..count]).await?,
            },
            read = far.read(&mut heard) => match read? {
                0 => return Ok(()),
                count => {
                    let passed = count.min(left);
                    near.write_all(&heard[..passed]).await?;
                    left -= passed;
                }
            },
        }
    }
}

async fn refuse(mut near: TcpStream) -> std::io::Result<()> {
    let mut said = vec![0; READ_BYTES];
    if near.read(&mut said).await? > 0 {
        near.write_all(REFUSAL).await?;
        near.shutdown().await?;
        // A connection that is closed with something unread is reset, and the answer lost.
        while near.read(&mut said).await? > 0 {}
    }
    Ok(())
}

async fn listen(mut near: TcpStream) -> std::io::Result<()> {
    let mut said = vec![0; READ_BYTES];
    while near.read(&mut said).await? > 0 {}
    Ok(())
}
