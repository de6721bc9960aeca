//! Says enough of each protocol to hear whether somebody answers.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

/// Longest wait for what should happen at once, in seconds.
const WAIT_SECS_MAX: u64 = 120;

/// The first line that a nats-server says.
pub(crate) fn nats(url: &str) -> Result<String, String> {
    let address = url.strip_prefix("nats://").ok_or("not a NATS address")?;
    let stream = TcpStream::connect(address).map_err(|error| error.to_string())?;
    let mut line = String::new();
    let read = BufReader::new(stream).read_line(&mut line);
    read.map_err(|error| error.to_string())?;
    if line.starts_with("INFO ") {
        Ok(line)
    } else {
        Err(line)
    }
}

/// Asks Postgres to let the user of the address in: `Z` says that it waits for a query, `E` that
/// it refuses.
pub(crate) fn postgres(url: &str) -> Result<char, String> {
    let (user, rest) = url
        .strip_prefix("postgres://")
        .and_then(|rest| rest.split_once('@'))
        .ok_or("not a Postgres address")?;
    let (sockets, database) = rest.rsplit_once('/').ok_or("no database")?;
    let socket = Path::new(&sockets.replace("%2F", "/")).join(".s.PGSQL.5432");
    login(&socket, user, database).map_err(|error| format!("{}: {error}", socket.display()))
}

fn login(socket: &Path, user: &str, database: &str) -> io::Result<char> {
    let mut body = 196_608_u32.to_be_bytes().to_vec();
    body.extend(format!("user\0{user}\0database\0{database}\0\0").bytes());
    let length = u32::try_from(body.len() + 4).unwrap().to_be_bytes();
    let mut stream = UnixStream::connect(socket)?;
    stream.write_all(&length)?;
    stream.write_all(&body)?;
    loop {
        let mut head = [0; 5];
        stream.read_exact(&mut head)?;
        let [kind, length @ ..] = head;
        if kind == b'Z' || kind == b'E' {
            return Ok(char::from(kind));
        }
        let mut rest = vec![0; u32::from_be_bytes(length) as usize - 4];
        stream.read_exact(&mut rest)?;
    }
}

/// Tries again until it holds; panics with what was last seen.
pub(crate) fn until<T>(what: &str, mut look: impl FnMut() -> Result<T, String>) -> T {
    let until = Instant::now() + Duration::from_secs(WAIT_SECS_MAX);
    loop {
        match look() {
            Ok(seen) => return seen,
            Err(seen) if Instant::now() > until => panic!("{what}: last seen: {seen}"),
            Err(_) => std::thread::sleep(Duration::from_millis(10)),
        }
    }
}
