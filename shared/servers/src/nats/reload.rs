//! Owns changing the users of a running server, without a restart.

use rustix::process::Signal;

use super::PrivateNats;
use super::config::Config;
use crate::error::ServerError;

impl PrivateNats {
    /// Lets these users in beside its owner from now on, in the place of those before. The server
    /// closes the connections of who is gone, and no others. That it has happened is in its log.
    ///
    /// # Errors
    /// The configuration cannot be written.
    pub fn let_in(&mut self, users: String) -> Result<(), ServerError> {
        self.settings.users = users;
        let config = Config {
            folder: &self.data.path().join("nats"),
            identity: &self.identity,
            // A server that chose its ports keeps them, and refuses to be told any.
            ports: self.told,
            store_bytes_max: self.settings.store_bytes_max,
            users: &self.settings.users,
            more: &self.settings.more,
        };
        config.write()?;
        self.child.signal(Signal::HUP);
        Ok(())
    }
}
