//! Owns the table of connections: how many there are, which of them are idle and since when. When
//! there are as many as may be, the one that has been idle longest makes room: whoever opens many
//! and says nothing holds up nobody for long. One that has just come or was just answered has a moment:
//! its request may lie there, unread.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

/// How long a connection is idle before it makes room, if the one that needs it need not wait longer
/// than that: a request comes right behind a connection, and the next one right behind an answer.
const MOMENT: Duration = Duration::from_millis(250);

/// The connections. Clones share them.
#[derive(Clone)]
pub(crate) struct Connections {
    table: Arc<Mutex<Table>>,
    changed: Arc<Notify>,
    most: usize,
}

/// One connection; dropping it takes it out of the table.
pub(crate) struct Connection {
    connections: Connections,
    number: u64,
    cut: CancellationToken,
}

/// A request of a connection that is under way; dropping it makes the connection idle.
pub(crate) struct Busy(Arc<Connection>);

#[derive(Default)]
struct Table {
    last_number: u64,
    entries: BTreeMap<u64, Entry>,
}

struct Entry {
    /// Since when it is idle; none while it is busy.
    idle_since: Option<Instant>,
    cut: CancellationToken,
}

impl Connections {
    /// A table for `most` connections.
    pub(crate) fn new(most: usize) -> Self {
        Self {
            table: Arc::default(),
            changed: Arc::default(),
            most,
        }
    }

    /// Takes a connection in, idle at first; waits while there are as many as may be and all are
    /// busy, and a moment where none has been idle for one.
    pub(crate) async fn enter(&self) -> Connection {
        let patient_until = Instant::now() + MOMENT;
        loop {
            let changed = self.changed.notified();
            match self.try_enter(patient_until) {
                Ok(connection) => return connection,
                // Whichever comes first: it is tried again.
                Err(Some(until)) => drop(timeout_at(until, changed).await),
                Err(None) => changed.await,
            }
        }
    }

    /// Takes a connection in, or says when one that is idle will make room.
    fn try_enter(&self, patient_until: Instant) -> Result<Connection, Option<Instant>> {
        let now = Instant::now();
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        if table.entries.len() >= self.most {
            let (since, number) = table.idle_longest().ok_or(None)?;
            let until = patient_until.min(since + MOMENT);
            if now < until {
                return Err(Some(until));
            }
            if let Some(entry) = table.entries.remove(&number) {
                entry.cut.cancel();
                metrics::counter!("assay_http_connections_cut_total").increment(1);
            }
        }
        let cut = CancellationToken::new();
        table.last_number += 1;
        let number = table.last_number;
        let entry = Entry {
            idle_since: Some(now),
            cut: cut.clone(),
        };
        table.entries.insert(number, entry);
        table.show();
        drop(table);
        Ok(Connection {
            connections: self.clone(),
            number,
            cut,
        })
    }

    /// How many have a request that is not answered.
    pub(crate) fn busy(&self) -> usize {
        let table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        let busy = |entry: &&Entry| entry.idle_since.is_none();
        table.entries.values().filter(busy).count()
    }

    fn change(&self, change: impl FnOnce(&mut Table)) {
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut table);
        table.show();
        drop(table);
        self.changed.notify_waiters();
    }
}

impl Table {
    fn idle_longest(&self) -> Option<(Instant, u64)> {
        let idle = |(number, entry): (&u64, &Entry)| Some((entry.idle_since?, *number));
        self.entries.iter().filter_map(idle).min()
    }

    fn show(&self) {
        metrics::gauge!("assay_http_connections").set(self.entries.len() as f64);
    }
}

impl Connection {
    /// A request has come. A connection that was cut at the same moment is cut all the same: it
    /// was idle, and its sender has to be ready for that.
    pub(crate) fn busy(self: &Arc<Self>) -> Busy {
        self.connections.change(|table| {
            if let Some(entry) = table.entries.get_mut(&self.number) {
                entry.idle_since = None;
            }
        });
        Busy(Arc::clone(self))
    }

    /// Waits until it has to make room for another.
    pub(crate) async fn cut(&self) {
        self.cut.cancelled().await;
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.connections.change(|table| {
            table.entries.remove(&self.number);
        });
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        let Connection {
            connections,
            number,
            ..
        } = &*self.0;
        connections.change(|table| {
            if let Some(entry) = table.entries.get_mut(number) {
                entry.idle_since = Some(Instant::now());
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_one_that_has_been_idle_longest_makes_room_and_no_busy_one_does() {
        let connections = Connections::new(3);
        let mut three = Vec::new();
        for _ in 0..3 {
            three.push(Arc::new(connections.enter().await));
            tokio::time::advance(Duration::from_millis(1)).await;
        }
        // The first was busy and is idle again, the second is busy still, the third was idle all
        // the time.
        drop(three[0].busy());
        let busy = three[1].busy();
        assert_eq!(connections.busy(), 1);
        let is_cut = |connection: &Arc<Connection>| connection.cut.is_cancelled();
        let fourth = Arc::new(connections.enter().await);
        assert_eq!(
            three.iter().map(is_cut).collect::<Vec<_>>(),
            [false, false, true]
        );
        let fifth = connections.enter().await;
        assert_eq!(
            three.iter().map(is_cut).collect::<Vec<_>>(),
            [true, false, true]
        );
        assert!(!is_cut(&fourth));
        // What was cut leaves later than its place does, and leaves others alone.
        drop(three.remove(2));
        drop(three.remove(0));
        drop(fifth);
        let also_busy = fourth.busy();
        let sixth = Arc::new(connections.enter().await);
        let last_busy = sixth.busy();
        assert_eq!(connections.busy(), 3);

        let entering = tokio::spawn({
            let connections = connections.clone();
            async move { drop(connections.enter().await) }
        });
        tokio::task::yield_now().await;
        assert!(!entering.is_finished(), "all are busy");
        drop(also_busy);
        entering.await.unwrap();
        assert!(is_cut(&fourth));
        drop((busy, last_busy));
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_has_just_come_or_was_just_answered_has_a_moment() {
        let connections = Connections::new(2);
        let is_cut = |connection: &Arc<Connection>| connection.cut.is_cancelled();
        let began = Instant::now();
        let answered = Arc::new(connections.enter().await);
        let new = Arc::new(connections.enter().await);
        tokio::time::advance(MOMENT / 2).await;
        drop(answered.busy());
        let third = Arc::new(connections.enter().await);
        assert!(is_cut(&new) && !is_cut(&answered));
        assert_eq!(began.elapsed(), MOMENT);

        // Whoever needs room does not wait for ever, though none is idle for long.
        let entering = tokio::spawn({
            let connections = connections.clone();
            async move { connections.enter().await }
        });
        tokio::task::yield_now().await;
        for _ in 0..9 {
            tokio::time::advance(MOMENT / 10).await;
            drop((answered.busy(), third.busy()));
            tokio::task::yield_now().await;
        }
        assert!(!entering.is_finished());
        tokio::time::advance(MOMENT / 10).await;
        drop(entering.await.unwrap());
        assert_eq!(began.elapsed(), MOMENT * 2);
        assert!(is_cut(&answered) || is_cut(&third));
    }
}
