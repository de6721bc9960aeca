//! Owns somebody who has one user's key of NATS and none of our code: what a thief could try.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_nats::{Client, ConnectOptions, Event, Subscriber};

use bus::rights::OPERATOR;

use crate::house::House;
use crate::wait;

/// How long an answer is waited for, in seconds.
const ANSWER_SECS_MAX: u64 = 5;

/// Whoever stole a key.
pub struct Stranger {
    client: Client,
    refused: Arc<Mutex<Vec<String>>>,
    /// Held, so that none ends before the connection does.
    subscribed: Vec<Subscriber>,
}

impl Stranger {
    /// Connects with the key of this user, waiting for answers in the user's own inbox.
    pub async fn with_key_of(house: &House, user: &str) -> Self {
        let refused = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&refused);
        // Operators share one inbox, whatever names they give orders in.
        let inbox = match user.split_once('-') {
            Some((operator, _)) if operator == OPERATOR => OPERATOR,
            _ => user,
        };
        let options = ConnectOptions::with_nkey(house.key_of(user).seed.clone())
            .custom_inbox_prefix(bus::rights::inbox_prefix(inbox))
            .request_timeout(Some(Duration::from_secs(ANSWER_SECS_MAX)))
            .event_callback(move |event| {
                if let Event::ServerError(error) = event {
                    let mut heard = heard.lock().expect("nobody panics with it");
                    heard.push(error.to_string().to_ascii_lowercase());
                }
                async {}
            });
        let client = options.connect(house.nats().url()).await;
        Self {
            client: client.expect("the key's user may connect"),
            refused,
            subscribed: Vec::new(),
        }
    }

    /// Publishes, without waiting for anything.
    pub async fn publish(&self, subject: &str, payload: &str) {
        let published = self
            .client
            .publish(subject.to_owned(), payload.to_owned().into());
        published.await.expect("it goes into the buffer");
        self.client.flush().await.expect("it goes out");
    }

    /// The same, with an answer to be sent elsewhere.
    pub async fn publish_for(&self, subject: &str, answer_to: &str, payload: &str) {
        let (subject, reply) = (subject.to_owned(), answer_to.to_owned());
        let published = self
            .client
            .publish_with_reply(subject, reply, payload.to_owned().into());
        published.await.expect("it goes into the buffer");
        self.client.flush().await.expect("it goes out");
    }

    /// Asks, and gives the answer, if there is one.
    pub async fn ask(&self, subject: &str, payload: &str) -> Result<String, String> {
        let asked = self
            .client
            .request(subject.to_owned(), payload.to_owned().into());
        let answer = asked.await.map_err(|error| error.to_string())?;
        Ok(String::from_utf8_lossy(&answer.payload).into_owned())
    }

    /// Subscribes, and does not listen.
    pub async fn subscribe(&mut self, subject: &str) {
        let subscribed = self.client.subscribe(subject.to_owned()).await;
        self.subscribed
            .push(subscribed.expect("it goes into the buffer"));
        self.client.flush().await.expect("it goes out");
    }

    /// Waits until the server has refused something to this subject (`publish` or `subscription`).
    pub async fn until_refused(&self, act: &str, subject: &str) {
        let wanted = format!(
            "permissions violation for {act} to \"{}\"",
            subject.to_lowercase()
        );
        wait::until(&format!("the server refuses: {wanted}"), async || {
            let heard = self.refused.lock().expect("nobody panics with it").clone();
            let found = heard.iter().any(|said| said.contains(&wanted));
            found.then_some(()).ok_or_else(|| format!("{heard:?}"))
        })
        .await;
    }

    /// What the server refused so far, in its words.
    pub fn refused(&self) -> Vec<String> {
        self.refused.lock().expect("nobody panics with it").clone()
    }
}
