//! Owns the account of what is sent and answered: the file that the checker reads. What is sent is
//! written down before it is sent.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use contract::time;
use serde_json::{Value, json};

/// The account of one run.
#[derive(Debug)]
pub struct Account {
    path: PathBuf,
    file: Mutex<File>,
    requests: AtomicU64,
    poison: Mutex<Vec<Poison>>,
}

/// A message that was put straight into a stream, and that nobody can handle.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Poison {
    /// The stream.
    pub stream: &'static str,
    /// Where it was published.
    pub subject: &'static str,
    /// Its id.
    pub message_id: String,
}

/// What a request was answered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Answered {
    /// By this status, with this body.
    With(u16, Value),
    /// Nobody knows what became of it.
    Not(String),
}

impl Account {
    /// Begins an account.
    pub fn begin(path: &Path) -> Self {
        let file = File::create(path).expect("a file for the account");
        Self {
            path: path.to_owned(),
            file: Mutex::new(file),
            requests: AtomicU64::new(0),
            poison: Mutex::default(),
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Notes a request that is about to be sent; gives its number. `what` has what the checker
    /// wants to know of it.
    pub fn sent(&self, what: &Value) -> u64 {
        let request = self.requests.fetch_add(1, Ordering::Relaxed) + 1;
        let mut line = what.clone();
        line["kind"] = json!("sent");
        line["request"] = json!(request);
        self.write(line);
        request
    }

    /// Notes what came back.
    pub fn answered(&self, request: u64, answered: &Answered) {
        self.write(match answered {
            Answered::With(status, body) => json!({
                "kind": "answered", "request": request, "status": status,
                "delivery": body["delivery"], "duplicate": body["duplicate"] == true,
            }),
            Answered::Not(error) => {
                json!({ "kind": "unanswered", "request": request, "error": error })
            }
        });
    }

    /// Notes a push of which no webhook is sent.
    pub fn silent(&self, push: &Value) {
        self.write(json!({ "kind": "silent", "push": push }));
    }

    /// Notes a message that was put straight into a stream.
    pub fn poison(&self, poison: Poison) {
        let (stream, message_id) = (poison.stream, &poison.message_id);
        self.write(json!({ "kind": "poison", "stream": stream, "message_id": message_id }));
        let mut all = self.poison.lock().unwrap_or_else(PoisonError::into_inner);
        all.push(poison);
    }

    /// Every message so far that was put straight into a stream.
    pub fn poisoned(&self) -> Vec<Poison> {
        let all = self.poison.lock().unwrap_or_else(PoisonError::into_inner);
        all.clone()
    }

    /// Notes a fault.
    pub fn fault(&self, what: &str) {
        self.write(json!({ "kind": "fault", "what": what }));
    }

    fn write(&self, mut line: Value) {
        line["at"] = json!(time::to_text(time::now()));
        let text = format!("{line}\n");
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.write_all(text.as_bytes())
            .expect("the account can be written");
    }
}
