//! Owns the drain: what waits in the spool goes to the queue in order, under the same ids, as soon
//! as the queue is there. A file goes only when all that is in it is stored; a drain that is cut
//! short begins its file again, which is harmless, since ids stay.

use std::collections::HashSet;
use std::io;

use bus::outgoing::Outgoing;
use bytes::Bytes;
use contract::delivery::DELIVERY_HEADER;
use contract::ids::LaneId;
use retry::delays::Delays;
use retry::policy::DEPENDENCY;
use serde::Deserialize;
use tokio_util::sync::CancellationToken;

use crate::lane::Lane;
use crate::spool::keeper::Keeper;
use crate::spool::message;
use crate::spool::record::scan;
use crate::spool::recover::report;
use crate::spool::sealed::{Aside, Sealed};
use crate::spool::segment::Name;
use crate::stream::{Kept, NotStored, Stream};

/// Size of a batch from which on it is closed, in bytes.
const BATCH_BYTES_MAX: usize = 8 * 1024 * 1024;

/// What the drain works with.
pub(crate) struct Drain {
    pub(crate) keeper: Keeper,
    pub(crate) stream: Stream,
    pub(crate) lane: Lane,
    pub(crate) batch_messages_max: usize,
}

/// A file's messages.
struct Contents {
    messages: Vec<Outgoing>,
    /// Places that hold none.
    damage: usize,
}

impl Drain {
    /// Drains until `stop` is cancelled. What is left then waits for the next start.
    pub(crate) async fn run(self, stop: &CancellationToken) {
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.drain() => {}
        }
    }

    async fn drain(&self) {
        let mut status = self.keeper.watch();
        loop {
            // The sender lives in the keeper, so the channel cannot close while this waits.
            let _ = status.wait_for(|status| status.records > 0).await;
            self.stream.wait_there().await;
            if let Some(sealed) = self.keeper.with(|segments| segments.oldest()).await {
                self.file(sealed).await;
            }
        }
    }

    async fn file(&self, sealed: Sealed) {
        let wanted = sealed.clone();
        let read = self.keeper.with(move |segments| segments.read(&wanted));
        let aside = match read.await {
            Ok(bytes) => self.contents(&sealed, bytes).await,
            Err(error) => {
                self.unreadable(&sealed, &error);
                Some(Aside::Damaged)
            }
        };
        let done = sealed.clone();
        self.keeper
            .with(move |segments| segments.done(&done, aside))
            .await;
        if self.keeper.watch().borrow().records == 0 {
            tracing::info!("the spool is drained");
        }
    }

    fn unreadable(&self, sealed: &Sealed, error: &io::Error) {
        let file = sealed.name.file();
        tracing::error!(%error, file, "a file of the spool cannot be read");
        report(sealed.name, 1);
    }

    /// Stores what is in a file; says why it must be kept, if it must.
    async fn contents(&self, sealed: &Sealed, bytes: Bytes) -> Option<Aside> {
        let contents = match read(sealed.name, &bytes) {
            Ok(contents) => contents,
            Err(error) => {
                self.unreadable(sealed, &error);
                return Some(Aside::Damaged);
            }
        };
        if contents.damage > sealed.damage_known {
            report(sealed.name, contents.damage - sealed.damage_known);
        }
        let is_damaged = contents.damage > 0;
        let mut refused = 0;
        let mut rest = contents.messages.as_slice();
        while !rest.is_empty() {
            let (batch, after) = rest.split_at(self.batch(rest));
            refused += self.store(batch.to_vec()).await;
            rest = after;
        }
        if refused > 0 {
            let file = sealed.name.file();
            tracing::error!(
                file,
                refused,
                "the queue refuses what the spool kept; {file} stays"
            );
        }
        match (is_damaged, refused) {
            (true, _) => Some(Aside::Damaged),
            (false, 1..) => Some(Aside::Refused),
            (false, 0) => None,
        }
    }

    /// How many of the messages make the next batch. One id is in a batch but once.
    fn batch(&self, rest: &[Outgoing]) -> usize {
        let mut bytes = 0;
        let mut ids = HashSet::new();
        let mut count = 0;
        for message in rest.iter().take(self.batch_messages_max) {
            if bytes >= BATCH_BYTES_MAX || !ids.insert(message.message_id()) {
                break;
            }
            bytes += message.size();
            count += 1;
        }
        count
    }

    /// The number of a message is settled: it is kept under the one that it was given at first.
    fn settle(&self, message: &Outgoing, kept: Kept) {
        let (Kept::New(sequence) | Kept::Before(sequence)) = kept else {
            return;
        };
        let header = message.headers().find(|(name, _)| *name == DELIVERY_HEADER);
        let numbered = header.and_then(|(_, json)| serde_json::from_str::<Numbered>(json).ok());
        if let Some(Numbered { lane, number }) = numbered {
            self.lane.drained(lane, number, sequence);
        }
    }

    /// Stores messages, however long it takes; gives how many the queue refused for good.
    async fn store(&self, mut messages: Vec<Outgoing>) -> usize {
        let mut delays = Delays::new(&DEPENDENCY);
        let mut refused = 0;
        loop {
            let answers = self.stream.put_in_order(&messages).await;
            let mut left = Vec::new();
            for (message, answer) in messages.into_iter().zip(answers) {
                match answer {
                    Ok(kept) => {
                        metrics::counter!("assay_spool_drained_total").increment(1);
                        self.settle(&message, kept);
                    }
                    Err(NotStored::Refused) => refused += 1,
                    Err(NotStored::Away | NotStored::Full | NotStored::NoSpool) => {
                        left.push(message);
                    }
                }
            }
            if left.is_empty() {
                return refused;
            }
            messages = left;
            tokio::time::sleep(delays.next()).await;
            self.stream.wait_there().await;
        }
    }
}

/// The part of a delivery that says which number it has.
#[derive(Deserialize)]
struct Numbered {
    lane: LaneId,
    number: u64,
}

fn read(name: Name, bytes: &Bytes) -> io::Result<Contents> {
    let scan = scan(name.marker, bytes).map_err(io::Error::other)?;
    let mut contents = Contents {
        messages: Vec::with_capacity(scan.records.len()),
        damage: scan.damage.len(),
    };
    for record in scan.records {
        match message::decode(bytes.slice(record.body)) {
            Ok(message) => contents.messages.push(message),
            Err(error) => {
                tracing::error!(%error, number = record.number, "a record is no message");
                contents.damage += 1;
            }
        }
    }
    // What was synced once cannot be a write that was cut off.
    contents.damage += usize::from(scan.torn_at.is_some());
    Ok(contents)
}
