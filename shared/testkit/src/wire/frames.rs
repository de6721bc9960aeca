//! Reads what passes on a wire, message by message: enough of the two protocols to know the moments
//! at which a test pulls the plug. No IO.

use bytes::{Buf as _, Bytes, BytesMut};

/// Which way a message goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Way {
    ToServer,
    ToClient,
}

/// Whose language is spoken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Language {
    Nats,
    Postgres,
}

/// What a message says, where a test may care.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Said {
    /// The client asks Postgres to commit.
    CommitAsked,
    /// Postgres has committed.
    CommitAnswered,
    /// The client publishes on this subject.
    Published(String),
    /// This stream has stored a message.
    PublishAnswered(String),
    /// The client acks a message of this stream.
    Acked(String),
    /// A message of this stream is given to the client.
    HandedOut(String),
    /// Anything else.
    Other,
}

/// Cuts a stream of bytes into messages.
#[derive(Debug)]
pub(crate) struct Framer {
    language: Language,
    way: Way,
    /// Postgres: whether the client's first message, which has no type, has passed.
    greeted: bool,
}

impl Framer {
    pub(crate) fn new(language: Language, way: Way) -> Self {
        let greeted = way == Way::ToClient;
        Self {
            language,
            way,
            greeted,
        }
    }

    /// The next whole message, taken out of `buffer`; `None` until there is one.
    pub(crate) fn next(&mut self, buffer: &mut BytesMut) -> Option<(Bytes, Said)> {
        match self.language {
            Language::Nats => next_of_nats(buffer),
            Language::Postgres => self.next_of_postgres(buffer),
        }
    }

    fn next_of_postgres(&mut self, buffer: &mut BytesMut) -> Option<(Bytes, Said)> {
        let typed = usize::from(self.greeted);
        let mut length = buffer.get(typed..typed + 4)?;
        let length = typed + length.get_u32() as usize;
        if buffer.len() < length {
            return None;
        }
        let message = buffer.split_to(length).freeze();
        if !self.greeted {
            self.greeted = true;
            return Some((message, Said::Other));
        }
        let body = &message[5..];
        let said = match (self.way, message[0]) {
            (Way::ToServer, b'Q') if is_commit(body) => Said::CommitAsked,
            (Way::ToClient, b'C') if is_commit(body) => Said::CommitAnswered,
            _ => Said::Other,
        };
        Some((message, said))
    }
}

fn is_commit(body: &[u8]) -> bool {
    body.get(..6)
        .is_some_and(|word| word.eq_ignore_ascii_case(b"COMMIT"))
}

fn next_of_nats(buffer: &mut BytesMut) -> Option<(Bytes, Said)> {
    let end = buffer.windows(2).position(|two| two == b"\r\n")?;
    let line = String::from_utf8_lossy(&buffer[..end]).into_owned();
    let words: Vec<&str> = line.split_ascii_whitespace().collect();
    let verb = words.first().copied().unwrap_or_default();
    let has_payload = ["PUB", "HPUB", "MSG", "HMSG"]
        .iter()
        .any(|one| verb.eq_ignore_ascii_case(one));
    if !has_payload {
        return Some((buffer.split_to(end + 2).freeze(), Said::Other));
    }
    let payload = words.last().and_then(|n| n.parse::<usize>().ok())?;
    let length = end + 2 + payload + 2;
    if buffer.len() < length {
        return None;
    }
    let message = buffer.split_to(length).freeze();
    let said = of_nats(&words, &message[end + 2..length - 2]);
    Some((message, said))
}

fn of_nats(words: &[&str], payload: &[u8]) -> Said {
    let subject = words.get(1).copied().unwrap_or_default();
    match words[0].to_ascii_uppercase().as_str() {
        "PUB" | "HPUB" => match stream_of_ack(subject) {
            Some(stream) if payload.is_empty() || payload.starts_with(b"+ACK") => {
                Said::Acked(stream)
            }
            Some(_) => Said::Other,
            None => Said::Published(subject.to_owned()),
        },
        // MSG subject sid [reply] bytes; HMSG has the headers' length before the last word.
        verb => {
            let reply_at = 3;
            let with_reply = reply_at + if verb == "HMSG" { 3 } else { 2 };
            let reply = (words.len() >= with_reply).then(|| words[reply_at]);
            if let Some(stream) = reply.and_then(stream_of_ack) {
                return Said::HandedOut(stream);
            }
            match stored_by(payload) {
                Some(stream) => Said::PublishAnswered(stream),
                None => Said::Other,
            }
        }
    }
}

/// `$JS.ACK.<stream>.…`, or `$JS.ACK.<domain>.<account>.<stream>.…`, which has more words.
fn stream_of_ack(subject: &str) -> Option<String> {
    let words: Vec<&str> = subject.strip_prefix("$JS.ACK.")?.split('.').collect();
    let at = if words.len() >= 9 { 2 } else { 0 };
    words.get(at).map(|stream| (*stream).to_owned())
}

/// The stream of an ack of a publish, `{"stream":"JOBS", "seq":7}`.
fn stored_by(payload: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(payload).ok()?;
    let (stream, rest) = text.strip_prefix("{\"stream\":\"")?.split_once('"')?;
    rest.contains("\"seq\":").then(|| stream.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(language: Language, way: Way, bytes: &[u8]) -> Vec<Said> {
        let mut framer = Framer::new(language, way);
        let (mut buffer, mut passed, mut said) = (BytesMut::new(), Vec::new(), Vec::new());
        // Byte by byte, as a slow network would.
        for byte in bytes {
            buffer.extend_from_slice(&[*byte]);
            while let Some((message, what)) = framer.next(&mut buffer) {
                passed.extend_from_slice(&message);
                said.push(what);
            }
        }
        assert_eq!(passed, bytes, "what comes out is what went in");
        said
    }

    #[test]
    fn what_a_client_of_nats_says_is_understood() {
        let bytes =
            b"CONNECT {}\r\nPING\r\nHPUB assay.job.x _INBOX.1 12 14\r\nNATS/1.0\r\n\r\nhi\r\n\
            PUB $JS.ACK.DELIVERIES.attempt-writer.1.2.3.4.5 4\r\n+ACK\r\n\
            PUB $JS.ACK._.hash.JOBS.verifier-live.1.2.3.4.5 4\r\n+WPI\r\n\
            PUB $JS.ACK._.hash.JOBS.verifier-live.1.2.3.4.5 0\r\n\r\n";
        let said = all(Language::Nats, Way::ToServer, bytes);
        let wanted = [
            Said::Other,
            Said::Other,
            Said::Published("assay.job.x".into()),
            Said::Acked("DELIVERIES".into()),
            Said::Other,
            Said::Acked("JOBS".into()),
        ];
        assert_eq!(said, wanted);
    }

    #[test]
    fn what_nats_says_is_understood() {
        let bytes =
            b"INFO {}\r\n+OK\r\nMSG _INBOX.1.2 1 32\r\n{\"stream\":\"DELIVERIES\", \"seq\":17}\r\n\
            HMSG assay.x 1 $JS.ACK.JOBS.v.1.2.3.4.5 12 14\r\nNATS/1.0\r\n\r\nhi\r\n\
            MSG _INBOX.1.3 1 2\r\n{}\r\n";
        let said = all(Language::Nats, Way::ToClient, bytes);
        let wanted = [
            Said::Other,
            Said::Other,
            Said::PublishAnswered("DELIVERIES".into()),
            Said::HandedOut("JOBS".into()),
            Said::Other,
        ];
        assert_eq!(said, wanted);
    }

    fn message(kind: Option<u8>, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(body.len() + 4).unwrap();
        let mut bytes: Vec<u8> = kind.into_iter().collect();
        bytes.extend(length.to_be_bytes());
        bytes.extend(body);
        bytes
    }

    #[test]
    fn a_commit_and_its_answer_are_understood() {
        let asked = [
            message(None, b"\0\x03\0\0user\0x\0\0"),
            message(Some(b'Q'), b"BEGIN\0"),
            message(Some(b'Q'), b"COMMIT\0"),
        ];
        let said = all(Language::Postgres, Way::ToServer, &asked.concat());
        assert_eq!(said, [Said::Other, Said::Other, Said::CommitAsked]);
        let answered = [
            message(Some(b'C'), b"BEGIN\0"),
            message(Some(b'C'), b"COMMIT\0"),
            message(Some(b'Z'), b"I"),
        ];
        let said = all(Language::Postgres, Way::ToClient, &answered.concat());
        assert_eq!(said, [Said::Other, Said::CommitAnswered, Said::Other]);
    }
}
