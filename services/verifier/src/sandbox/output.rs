//! Owns what is taken of a box's output, and the cap that ends the box.

use tokio::io::{AsyncRead, AsyncReadExt as _};

/// Bytes taken at a time.
const CHUNK_BYTES: usize = 16 * 1024;

/// Whoever hears what a box prints, while it prints it. One that does not keep up misses some.
pub type Listener = tokio::sync::mpsc::Sender<Heard>;

/// Something that a box printed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Heard {
    /// How many bytes it had printed before.
    pub at: u64,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// What a box printed.
#[derive(Debug, Default)]
pub(super) struct Output {
    /// Standard output.
    pub(super) stdout: Vec<u8>,
    /// Both, as they came.
    pub(super) log: Vec<u8>,
    bytes_max: usize,
    listener: Option<Listener>,
}

/// How the taking ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Taken {
    /// Nobody holds the pipes' other ends any more.
    All,
    /// There is more than the cap.
    TooMuch,
}

impl Output {
    pub(super) fn new(bytes_max: usize, listener: Option<Listener>) -> Self {
        Self {
            bytes_max,
            listener,
            ..Self::default()
        }
    }

    /// Takes from both pipes until both end, or until the cap. May be dropped between two chunks
    /// and called again.
    pub(super) async fn take(
        &mut self,
        stdout: &mut (impl AsyncRead + Unpin),
        stderr: &mut (impl AsyncRead + Unpin),
    ) -> std::io::Result<Taken> {
        let (mut out, mut err) = (vec![0; CHUNK_BYTES], vec![0; CHUNK_BYTES]);
        let (mut out_open, mut err_open) = (true, true);
        while out_open || err_open {
            tokio::select! {
                read = stdout.read(&mut out), if out_open => {
                    let chunk = &out[..read?];
                    out_open = !chunk.is_empty();
                    let room = self.bytes_max - self.log.len();
                    self.stdout.extend_from_slice(&chunk[..chunk.len().min(room)]);
                    if self.add(chunk) == Taken::TooMuch {
                        return Ok(Taken::TooMuch);
                    }
                }
                read = stderr.read(&mut err), if err_open => {
                    let chunk = &err[..read?];
                    err_open = !chunk.is_empty();
                    if self.add(chunk) == Taken::TooMuch {
                        return Ok(Taken::TooMuch);
                    }
                }
            }
        }
        Ok(Taken::All)
    }

    fn add(&mut self, chunk: &[u8]) -> Taken {
        let room = self.bytes_max - self.log.len();
        let kept = &chunk[..chunk.len().min(room)];
        let at = self.log.len() as u64;
        self.log.extend_from_slice(kept);
        if let Some(listener) = &self.listener
            && !kept.is_empty()
        {
            // A full queue is the listener's loss.
            let bytes = kept.to_vec();
            let _ = listener.try_send(Heard { at, bytes });
        }
        if chunk.len() > room {
            Taken::TooMuch
        } else {
            Taken::All
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn taken(stdout: &[u8], stderr: &[u8], bytes_max: usize) -> (Output, Taken) {
        let mut output = Output::new(bytes_max, None);
        let taken = output.take(&mut &*stdout, &mut &*stderr).await.unwrap();
        (output, taken)
    }

    #[tokio::test]
    async fn a_listener_that_does_not_keep_up_holds_nobody_up() {
        let (listener, mut heard) = tokio::sync::mpsc::channel(1);
        let mut output = Output::new(100_000, Some(listener));
        let printed = vec![b'a'; 3 * CHUNK_BYTES];
        let taken = output.take(&mut &*printed, &mut &b""[..]).await.unwrap();
        assert_eq!((taken, output.log.len()), (Taken::All, printed.len()));
        let first = heard.recv().await.unwrap();
        assert_eq!((first.at, first.bytes.len()), (0, CHUNK_BYTES));
        assert!(heard.try_recv().is_err());
    }

    #[tokio::test]
    async fn both_pipes_share_one_cap() {
        let (output, how) = taken(b"abc", b"def", 6).await;
        assert_eq!((how, output.stdout.as_slice()), (Taken::All, &b"abc"[..]));
        assert_eq!(output.log.len(), 6);

        let (output, how) = taken(b"abcdef", b"ghi", 8).await;
        assert_eq!((how, output.log.len()), (Taken::TooMuch, 8));

        let (output, how) = taken(b"abc", b"", 2).await;
        assert_eq!(
            (how, output.stdout.as_slice()),
            (Taken::TooMuch, &b"ab"[..])
        );
    }
}
