//! Owns how full a stream is, for those who are about to fill it: who takes work in from elsewhere
//! stops before the bound, so that who works within the stream still finds room to go on.

use crate::connect::Bus;
use crate::error::TopologyError;
use crate::room::percent;
use crate::topology::STREAMS;

/// From this part of its bounds on nothing more is brought into a stream from outside it. What
/// follows the messages in it, and lies in it too, has the rest.
pub const INTAKE_PERCENT_MAX: u64 = 80;
/// From this part of its bounds on a stream that refused a message counts as full still.
pub const FULL_PERCENT: u64 = 98;

/// The stream that takes a subject.
pub fn stream_of(subject: &str) -> Option<&'static str> {
    let spec = STREAMS.iter().find(|spec| spec.takes(subject))?;
    Some(spec.name)
}

impl Bus {
    /// How much of a stream's room is used, in percent: by bytes or by messages, whichever is more.
    ///
    /// # Errors
    /// [`TopologyError::Server`] if the server does not answer.
    pub async fn fullness(&self, stream: &str) -> Result<u64, TopologyError> {
        let found = self.jetstream.get_stream(stream).await;
        let found = found.map_err(|error| TopologyError::Server {
            what: format!("the stream {stream}"),
            source: error.into(),
        })?;
        let info = found.cached_info();
        let (state, config) = (&info.state, &info.config);
        let by_bytes = percent(state.bytes, config.max_bytes);
        Ok(by_bytes.max(percent(state.messages, config.max_messages)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_leads_to_its_stream() {
        assert_eq!(stream_of("assay.job.verify.live"), Some("JOBS"));
        assert_eq!(stream_of("assay.delivery.github"), Some("DELIVERIES"));
        assert_eq!(stream_of("somebody.elses"), None);
    }
}
