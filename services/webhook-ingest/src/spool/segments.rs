//! Owns the spool's folder: which files there are, how much they take, which one is written to, and
//! in which order they are drained. Everything here blocks on the disk.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::PathBuf;

use bus::outgoing::Outgoing;
use bytes::Bytes;
use process::settings::spool::Spool as Limits;

use crate::spool::message;
use crate::spool::record::{FILE_HEAD_BYTES, FRAME_HEAD_BYTES, Marker, frame_head};
use crate::spool::recover::{self, SpoolError};
use crate::spool::sealed::{Aside, Sealed};
use crate::spool::segment::{AppendError, Name, Segment, sync_folder};
use crate::spool::status::Status;

/// The folder, held by this process.
#[derive(Debug)]
pub(crate) struct Segments {
    folder: PathBuf,
    limits: Limits,
    active: Option<Active>,
    sealed: VecDeque<Sealed>,
    /// Bytes of files that wait for a person.
    aside_bytes: u64,
    /// The number of the next record.
    next: u64,
    /// Why the last record that came was not taken.
    refusing: Option<String>,
    _lock: File,
}

#[derive(Debug)]
struct Active {
    segment: Segment,
    records: u64,
    oldest_micros: u64,
}

/// A record was not kept: no room within the bound, or the disk failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct NotSpooled;

impl Segments {
    /// Takes the folder, and recovers what is in it.
    ///
    /// # Errors
    /// Another process has it, it cannot be read, or another version wrote it.
    pub(crate) fn open(limits: &Limits) -> Result<Self, SpoolError> {
        let (folder, lock) = recover::take(&limits.folder)?;
        let found = recover::recover(&folder)?;
        Ok(Self {
            folder,
            limits: limits.clone(),
            active: None,
            sealed: found.sealed,
            aside_bytes: found.aside_bytes,
            next: found.next,
            refusing: None,
            _lock: lock,
        })
    }

    /// What it holds now.
    pub(crate) fn status(&self) -> Status {
        let active = self.active.as_ref().filter(|active| active.records > 0);
        let records = self.sealed.iter().map(|sealed| sealed.records).sum::<u64>();
        let oldest = self.sealed.iter().map(|sealed| sealed.oldest_micros);
        let oldest = oldest
            .chain(active.map(|active| active.oldest_micros))
            .min();
        Status {
            records: records + active.map_or(0, |active| active.records),
            bytes: self.bytes(),
            oldest_micros: oldest,
            refusing: self.refusing.clone(),
        }
    }

    fn bytes(&self) -> u64 {
        let sealed: u64 = self.sealed.iter().map(|sealed| sealed.disk_bytes).sum();
        let active = self.active.as_ref();
        sealed + self.aside_bytes + active.map_or(0, |active| active.segment.bytes())
    }

    /// Appends the messages with one write and one sync. Each has its own answer; `Ok` means that
    /// it is on the disk.
    pub(crate) fn append(
        &mut self,
        group: &[Outgoing],
        at_micros: u64,
    ) -> Vec<Result<(), NotSpooled>> {
        let refused = || vec![Err(NotSpooled); group.len()];
        let Some(marker) = self.marker(at_micros) else {
            return refused();
        };
        let room = self.limits.bytes_max.saturating_sub(self.bytes());
        let (mut frames, mut body, mut results) = (Vec::new(), Vec::new(), Vec::new());
        let mut number = self.next;
        for message in group {
            body.clear();
            message::encode(message, &mut body);
            let bytes = frames.len() + FRAME_HEAD_BYTES + body.len();
            if bytes as u64 > room {
                self.refuse(format!(
                    "its bound of {} bytes is reached",
                    self.limits.bytes_max
                ));
                results.push(Err(NotSpooled));
                continue;
            }
            frames.extend(frame_head(marker, number, at_micros, &body));
            frames.extend(&body);
            number += 1;
            results.push(Ok(()));
        }
        let count = number - self.next;
        if count > 0 {
            if !self.write(&frames, count) {
                return refused();
            }
            if results.iter().all(Result::is_ok) {
                self.refusing = None;
            }
        }
        results
    }

    /// The marker of the file that is written to; begins one where there is none or it is full.
    fn marker(&mut self, at_micros: u64) -> Option<Marker> {
        let is_full = |active: &mut Active| active.segment.bytes() >= self.limits.segment_bytes_max;
        if let Some(active) = self.active.take_if(is_full) {
            self.seal(active);
        }
        if let Some(active) = &self.active {
            return Some(active.segment.name.marker);
        }
        let name = Name {
            first: self.next,
            marker: Marker(rand::random()),
        };
        if self.bytes() + FILE_HEAD_BYTES as u64 > self.limits.bytes_max {
            self.refuse(format!(
                "its bound of {} bytes is reached",
                self.limits.bytes_max
            ));
            return None;
        }
        match Segment::create(&self.folder, name) {
            Ok(segment) => {
                self.active = Some(Active {
                    segment,
                    records: 0,
                    oldest_micros: at_micros,
                });
                Some(name.marker)
            }
            Err(error) => {
                self.refuse(format!("begin a file: {error}"));
                None
            }
        }
    }

    /// Whether the frames are on the disk.
    fn write(&mut self, frames: &[u8], count: u64) -> bool {
        let Some(mut active) = self.active.take() else {
            return false;
        };
        let appended = active.segment.append(frames);
        match appended {
            Ok(()) => {
                active.records += count;
                self.next += count;
                self.active = Some(active);
                true
            }
            Err(error @ AppendError::Write(_)) => {
                self.refuse(reason(&error));
                self.active = Some(active);
                false
            }
            // What was synced before stays promised; the file is never written to again.
            Err(error @ AppendError::Broken(_)) => {
                self.refuse(reason(&error));
                self.seal(active);
                false
            }
        }
    }

    fn refuse(&mut self, reason: String) {
        if self.refusing.is_none() {
            tracing::error!(reason, "the spool takes nothing: {reason}");
        }
        self.refusing = Some(reason);
    }

    fn seal(&mut self, active: Active) {
        let bytes = active.segment.bytes();
        let path = self.folder.join(active.segment.name.file());
        let disk_bytes = fs::metadata(&path).map_or(bytes, |file| file.len());
        if active.records == 0 {
            if let Err(error) = fs::remove_file(&path) {
                tracing::warn!(%error, "an empty file of the spool stays");
                self.aside_bytes += disk_bytes;
            }
            return;
        }
        self.sealed.push_back(Sealed {
            name: active.segment.name,
            bytes,
            disk_bytes,
            records: active.records,
            oldest_micros: active.oldest_micros,
            damage_known: 0,
        });
    }

    /// The oldest file with records; from now on nothing is written to it.
    pub(crate) fn oldest(&mut self) -> Option<Sealed> {
        if self.sealed.is_empty()
            && let Some(active) = self.active.take_if(|active| active.records > 0)
        {
            self.seal(active);
        }
        self.sealed.front().cloned()
    }

    /// What a file holds.
    ///
    /// # Errors
    /// It cannot be read.
    pub(crate) fn read(&self, sealed: &Sealed) -> io::Result<Bytes> {
        let file = File::open(self.folder.join(sealed.name.file()))?;
        let mut bytes = Vec::with_capacity(usize::try_from(sealed.bytes).unwrap_or(0));
        file.take(sealed.bytes).read_to_end(&mut bytes)?;
        Ok(bytes.into())
    }

    /// Forgets the oldest file, whose records are all stored elsewhere: removed, or kept under
    /// another name for a person to look at.
    pub(crate) fn done(&mut self, sealed: &Sealed, aside: Option<Aside>) {
        if self
            .sealed
            .front()
            .is_none_or(|front| front.name != sealed.name)
        {
            return;
        }
        self.sealed.pop_front();
        let path = self.folder.join(sealed.name.file());
        let done = match aside {
            None => fs::remove_file(&path),
            Some(aside) => {
                let name = format!("{}{}", sealed.name.file(), aside.suffix());
                fs::rename(&path, self.folder.join(name)).and_then(|()| sync_folder(&self.folder))
            }
        };
        if aside.is_some() || done.is_err() {
            self.aside_bytes += sealed.disk_bytes;
        } else {
            self.refusing = None;
        }
        if let Err(error) = done {
            // It is published again at the next start, under the same ids.
            tracing::error!(%error, "a drained file of the spool could not be taken away");
        }
    }
}

fn reason(error: &AppendError) -> String {
    let (AppendError::Write(source) | AppendError::Broken(source)) = error;
    format!("{error}: {source}")
}

#[cfg(test)]
mod tests;
