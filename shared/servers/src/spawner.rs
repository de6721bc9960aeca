//! Owns the one thread that starts every child, because a parent death signal is sent when the
//! *thread* that started the child ends, and this one ends with the process.

use std::io;
use std::process::{Child, Command};
use std::sync::OnceLock;
use std::sync::mpsc::{Sender, channel};
use std::thread;

struct Request {
    command: Command,
    reply: Sender<io::Result<Child>>,
}

/// Starts the command from the thread that lives as long as the process.
pub(crate) fn spawn(command: Command) -> io::Result<Child> {
    let (reply, started) = channel();
    let gone = |_| io::Error::other("the thread that starts children is gone");
    requests()
        .send(Request { command, reply })
        .map_err(|_| gone(()))?;
    started.recv().map_err(|_| gone(()))?
}

fn requests() -> &'static Sender<Request> {
    static REQUESTS: OnceLock<Sender<Request>> = OnceLock::new();
    REQUESTS.get_or_init(|| {
        let (sender, receiver) = channel::<Request>();
        // When no thread can be had the receiver is dropped, and `spawn` says so.
        let _ = thread::Builder::new()
            .name("children".to_owned())
            .spawn(move || {
                for mut request in receiver {
                    // Who asked may have gone; the child is then ended by nobody but the death signal.
                    let _ = request.reply.send(request.command.spawn());
                }
            });
        sender
    })
}
