//! Owns a house whose servers take nobody but by TLS, each with a certificate of the test's own
//! authority.

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

use rand::Rng as _;
use servers::postgres::{DATABASE, Durability, OWNER, PostgresSettings, PrivatePostgres};

use crate::authority::{Authority, Certificate};
use crate::house::House;
use crate::template::{self, CONNECTIONS_MAX};

/// Whom a Postgres lets in: its folder's own, and over the network by TLS alone.
const LETS_IN: &str = "local all all trust\nhostssl all all 127.0.0.0/8 trust";

impl House {
    /// Both servers, NATS with the topology applied, Postgres migrated, by TLS alone. On Linux: the
    /// address is one of loopback's many, where nobody has the port.
    pub async fn start_with_tls() -> Self {
        let mut house = Self::empty(template::copy_into).await;
        let authority = Authority::make(&house.folder("tls"));
        let address = an_address();
        let known_as = authority.certificate("postgres", &format!("IP:{address}"));
        let settings = PostgresSettings::new(Durability::ForTests, CONNECTIONS_MAX);
        let started = PrivatePostgres::start(&house.data, settings.listening(address)).await;
        house.postgres = Some(started.expect("a private Postgres"));
        house.lets_in_by_tls(&known_as).await;
        house.known_by = Some((authority, address));
        house.start_nats().await;
        house.apply_topology().await;
        house
    }

    /// Where a role reaches Postgres by TLS, recognising it by this authority.
    pub fn tls_url(&self, role: &str, authority: &Path) -> String {
        let (_, address) = self
            .known_by
            .as_ref()
            .expect("this house was started with TLS");
        format!(
            "postgres://{role}@{address}/{DATABASE}?sslmode=verify-full&sslrootcert={}",
            authority.display()
        )
    }

    /// Postgres itself writes its files: they must be its account's own.
    async fn lets_in_by_tls(&self, known_as: &Certificate) {
        let read = |path: &Path| std::fs::read_to_string(path).expect("openssl wrote it");
        for (file, text) in [
            ("server.crt", read(&known_as.certificate)),
            ("server.key", read(&known_as.key)),
            ("pg_hba.conf", LETS_IN.to_owned()),
        ] {
            self.sql_as(
                OWNER,
                &format!(
                    "COPY (SELECT unnest(string_to_array('{text}', E'\\n'))) \
                     TO PROGRAM 'umask 077; cat > {file}'"
                ),
            )
            .await
            .expect("the server writes into its folder");
        }
        self.sql("ALTER SYSTEM SET ssl = on").await;
        self.sql("SELECT pg_reload_conf()").await;
    }
}

fn an_address() -> IpAddr {
    let mut random = rand::thread_rng();
    let mut part = || random.gen_range(1..=254);
    IpAddr::V4(Ipv4Addr::new(127, part(), part(), part()))
}
