//! Owns the table of connections: how many there are, which of them are idle and since when. When
//! there are as many as may be, the one that has been idle longest makes room: whoever opens many
//! and says nothing holds up nobody.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

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
    /// Counts what happens, as a clock that needs no time.
    moment: u64,
    entries: BTreeMap<u64, Entry>,
}

struct Entry {
    /// Since when it is idle; none while it is busy.
    idle_since: Option<u64>,
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
    /// busy.
    pub(crate) async fn enter(&self) -> Connection {
        loop {
            let changed = self.changed.notified();
            if let Some(connection) = self.try_enter() {
                return connection;
            }
            changed.await;
        }
    }

    fn try_enter(&self) -> Option<Connection> {
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        if table.entries.len() >= self.most {
            let number = table.idle_longest()?;
            let entry = table.entries.remove(&number)?;
            entry.cut.cancel();
            metrics::counter!("assay_http_connections_cut_total").increment(1);
        }
        let cut = CancellationToken::new();
        let idle_since = Some(table.next_moment());
        table.last_number += 1;
        let number = table.last_number;
        let entry = Entry {
            idle_since,
            cut: cut.clone(),
        };
        table.entries.insert(number, entry);
        table.show();
        drop(table);
        Some(Connection {
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
    fn next_moment(&mut self) -> u64 {
        self.moment += 1;
        self.moment
    }

    fn idle_longest(&self) -> Option<u64> {
        let idle = |(number, entry): (&u64, &Entry)| Some((entry.idle_since?, *number));
        self.entries.iter().filter_map(idle).min().map(|(_, n)| n)
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
            let moment = table.next_moment();
            if let Some(entry) = table.entries.get_mut(number) {
                entry.idle_since = Some(moment);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_one_that_has_been_idle_longest_makes_room_and_no_busy_one_does() {
        let connections = Connections::new(3);
        let mut three = Vec::new();
        for _ in 0..3 {
            three.push(Arc::new(connections.enter().await));
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
}
