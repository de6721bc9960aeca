//! Owns the way to a Postgres that is recognised by its certificate. What is asked for stands in the
//! URL, in libpq's words, so that `psql` and `pg_dump` read the same: `sslmode=verify-full` with
//! `sslrootcert`, and `sslcert` with `sslkey` where the server asks for our own. The files are read
//! for each connection, so that a certificate that is replaced needs no restart.
//! Must never fall back to plain text.

use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use diesel::ConnectionError::BadConnection;
use diesel::ConnectionResult;
use diesel_async::{AsyncConnection, AsyncPgConnection};
use rustls::ClientConfig;
use rustls::RootCertStore;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, InvalidDnsNameError, PrivateKeyDer, ServerName};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::Config;
use tokio_postgres::config::SslMode;
use tokio_postgres::tls::{ChannelBinding, MakeTlsConnect, TlsConnect, TlsStream};
use tokio_rustls::{TlsConnector, client};
use url::form_urlencoded;

/// How the parameters of the URL begin that are about certificates.
const OURS: &str = "ssl";

/// A URL with what it says of certificates apart.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Address {
    /// The rest, as the client library reads it.
    url: String,
    files: Option<Files>,
}

/// What servers are recognised by, and what they recognise us by.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Files {
    authorities: PathBuf,
    own: Option<(PathBuf, PathBuf)>,
}

/// A connection to `url`: by TLS where it asks for that, else in plain text.
pub(crate) async fn connect(url: &str) -> ConnectionResult<AsyncPgConnection> {
    let Address { url, files } = Address::read(url).map_err(BadConnection)?;
    let Some(files) = files else {
        return AsyncPgConnection::establish(&url).await;
    };
    let mut config: Config = url.parse().map_err(|error| bad(&error))?;
    config.ssl_mode(SslMode::Require);
    let tls = tokio::task::spawn_blocking(move || files.config()).await;
    let tls = tls.unwrap_or_else(|_| Err("read the certificates".to_owned()));
    let connector = Connector(TlsConnector::from(Arc::new(tls.map_err(BadConnection)?)));
    let connected = config.connect(connector).await;
    let (client, connection) = connected.map_err(|error| bad(&error))?;
    AsyncPgConnection::try_from_client_and_connection(client, connection).await
}

/// Diesel keeps a text alone: it says the causes too, of which an untrusted certificate is one.
fn bad(error: &tokio_postgres::Error) -> diesel::ConnectionError {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        let said = next.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        cause = next.source();
    }
    BadConnection(text)
}

impl Address {
    fn read(url: &str) -> Result<Self, String> {
        let (place, query) = url.split_once('?').unwrap_or((url, ""));
        let mut rest = form_urlencoded::Serializer::new(String::new());
        let (mut mode, mut authorities) = (None, None);
        let (mut certificate, mut key) = (None, None);
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "sslmode" => mode = Some(value.into_owned()),
                "sslrootcert" => authorities = Some(PathBuf::from(&*value)),
                "sslcert" => certificate = Some(PathBuf::from(&*value)),
                "sslkey" => key = Some(PathBuf::from(&*value)),
                name if name.starts_with(OURS) => return Err(format!("{name} is not known here")),
                name => drop(rest.append_pair(name, &value)),
            }
        }
        let rest = rest.finish();
        let url = match rest.as_str() {
            "" => place.to_owned(),
            rest => format!("{place}?{rest}"),
        };
        let own = match (certificate, key) {
            (Some(certificate), Some(key)) => Some((certificate, key)),
            (None, None) => None,
            _ => return Err("expected sslcert and sslkey, or neither".to_owned()),
        };
        let files = match (mode.as_deref(), authorities) {
            (None | Some("disable"), None) => None,
            (Some("verify-full"), Some(authorities)) => Some(Files { authorities, own }),
            _ => {
                return Err(
                    "expected sslmode=verify-full with sslrootcert, or sslmode=disable".to_owned(),
                );
            }
        };
        Ok(Self { url, files })
    }
}

impl Files {
    fn config(&self) -> Result<ClientConfig, String> {
        let mut roots = RootCertStore::empty();
        for certificate in certificates(&self.authorities)? {
            let added = roots.add(certificate);
            added.map_err(|error| format!("{}: {error}", self.authorities.display()))?;
        }
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_root_certificates(roots);
        let Some((own, key)) = &self.own else {
            return Ok(builder.with_no_client_auth());
        };
        let read = PrivateKeyDer::from_pem_file(key);
        let read = read.map_err(|error| format!("{}: {error}", key.display()))?;
        let config = builder.with_client_auth_cert(certificates(own)?, read);
        config.map_err(|error| format!("{}: {error}", own.display()))
    }
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let said = |error: &dyn Error| format!("{}: {error}", file.display());
    let read = CertificateDer::pem_file_iter(file).map_err(|error| said(&error))?;
    let read: Result<Vec<_>, _> = read.collect();
    match read {
        Ok(none) if none.is_empty() => Err(format!("{}: holds no certificate", file.display())),
        Ok(some) => Ok(some),
        Err(error) => Err(said(&error)),
    }
}

struct Connector(TlsConnector);

/// One handshake.
struct Handshake {
    connector: TlsConnector,
    name: ServerName<'static>,
}

/// What is said within TLS.
struct Sealed<S>(client::TlsStream<S>);

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> MakeTlsConnect<S> for Connector {
    type Stream = Sealed<S>;
    type TlsConnect = Handshake;
    type Error = InvalidDnsNameError;

    fn make_tls_connect(&mut self, host: &str) -> Result<Handshake, InvalidDnsNameError> {
        Ok(Handshake {
            connector: self.0.clone(),
            name: ServerName::try_from(host.to_owned())?,
        })
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> TlsConnect<S> for Handshake {
    type Stream = Sealed<S>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Sealed<S>>> + Send>>;

    fn connect(self, stream: S) -> Self::Future {
        Box::pin(async move { self.connector.connect(self.name, stream).await.map(Sealed) })
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> TlsStream for Sealed<S> {
    fn channel_binding(&self) -> ChannelBinding {
        ChannelBinding::none()
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Sealed<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Sealed<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_url_says_of_certificates_is_read_apart_from_the_rest() {
        let read = |url: &str| Address::read(url);
        let plain = "postgres://a@%2Ftmp%2Fx/assay";
        assert_eq!(read(plain).unwrap().url, plain);
        assert_eq!(read(plain).unwrap().files, None);
        let disabled = read("postgres://a@h/assay?sslmode=disable").unwrap();
        assert_eq!(
            (disabled.url.as_str(), disabled.files),
            ("postgres://a@h/assay", None)
        );
        let full = read(
            "postgres://a@h/assay?application_name=x&sslmode=verify-full&sslrootcert=%2Fa%20b",
        );
        let full = full.unwrap();
        assert_eq!(full.url, "postgres://a@h/assay?application_name=x");
        assert_eq!(full.files.unwrap().authorities, Path::new("/a b"));
    }

    #[test]
    fn what_would_not_recognise_the_server_is_refused() {
        for query in [
            "sslmode=require",
            "sslmode=prefer",
            "sslmode=verify-ca&sslrootcert=/a",
            "sslmode=verify-full",
            "sslrootcert=/a",
            "sslmode=verify-full&sslrootcert=/a&sslcert=/b",
            "sslmode=verify-full&sslrootcert=/a&sslpassword=x",
        ] {
            let read = Address::read(&format!("postgres://a@h/assay?{query}"));
            assert!(read.is_err(), "{query}");
        }
    }
}
