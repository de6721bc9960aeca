//! Owns an authority of a test's own, and the certificates of its servers, by the program openssl.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Signs certificates; its own is what servers are recognised by.
#[derive(Clone, Debug)]
pub struct Authority {
    folder: PathBuf,
}

/// A certificate and its key, as files.
#[derive(Clone, Debug)]
pub struct Certificate {
    /// The certificate.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
}

impl Authority {
    /// A new authority whose files lie in `folder`.
    pub fn make(folder: &Path) -> Self {
        std::fs::create_dir_all(folder).expect("a folder of the test's own");
        let authority = Self {
            folder: folder.to_owned(),
        };
        // Each by another name: a client looks for an authority by that.
        let name = format!("/CN=authority {:x}", rand::random::<u64>());
        authority.request("ca", &["-subj", &name]);
        authority
    }

    /// The file with its certificate.
    pub fn file(&self) -> PathBuf {
        self.folder.join("ca.crt")
    }

    /// A certificate of a server with this name or address (`DNS:…`, `IP:…`).
    pub fn certificate(&self, name: &str, known_as: &str) -> Certificate {
        let ca = self.file().display().to_string();
        let key = self.folder.join("ca.key").display().to_string();
        let (subject, known_as) = (format!("/CN={name}"), format!("subjectAltName={known_as}"));
        self.request(
            name,
            &[
                "-subj",
                &subject,
                "-addext",
                &known_as,
                "-addext",
                "basicConstraints=critical,CA:FALSE",
                "-CA",
                &ca,
                "-CAkey",
                &key,
            ],
        );
        Certificate {
            certificate: self.folder.join(format!("{name}.crt")),
            key: self.folder.join(format!("{name}.key")),
        }
    }

    fn request(&self, name: &str, more: &[&str]) {
        let made = Command::new("openssl")
            .args(["req", "-x509", "-newkey", "ec", "-nodes", "-days", "2"])
            .args(["-pkeyopt", "ec_paramgen_curve:prime256v1"])
            .arg("-keyout")
            .arg(self.folder.join(format!("{name}.key")))
            .arg("-out")
            .arg(self.folder.join(format!("{name}.crt")))
            .args(more)
            .output();
        let made = made.expect("the program openssl, 3.0 or newer");
        assert!(
            made.status.success(),
            "openssl: {}",
            String::from_utf8_lossy(&made.stderr)
        );
    }
}
