//! Finds the account without privileges that root's children run as.

use std::fs;
use std::path::Path;

/// Accounts that exist on usual machines and own nothing of worth here, best first.
const CANDIDATES: [&str; 2] = ["postgres", "nobody"];

/// An account of this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its user id.
    pub user: u32,
    /// Its group id.
    pub group: u32,
}

/// Whether this process runs as root.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// The account that children which refuse root, or should not have its powers, run as: `postgres`
/// where it exists, else `nobody`. `None` when this process is not root (children then run as
/// what it is), or when neither account exists.
pub fn unprivileged() -> Option<Account> {
    if !is_root() {
        return None;
    }
    let passwd = fs::read_to_string(Path::new("/etc/passwd")).ok()?;
    CANDIDATES.iter().find_map(|name| find(&passwd, name))
}

/// The account `name` in the text of a passwd file; root's own ids do not count.
fn find(passwd: &str, name: &str) -> Option<Account> {
    let line = passwd
        .lines()
        .find(|line| line.split(':').next() == Some(name))?;
    let mut fields = line.split(':').skip(2);
    let user = fields.next()?.parse().ok()?;
    let group = fields.next()?.parse().ok()?;
    (user != 0).then_some(Account { user, group })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/bash\n\
        toor:x:0:0::/root:/bin/sh\n\
        postgres:x:101:104:PostgreSQL:/var/lib/postgresql:/bin/bash\n\
        broken:x:abc\n";

    #[test]
    fn an_account_is_found_by_its_whole_name() {
        assert_eq!(
            find(PASSWD, "postgres"),
            Some(Account {
                user: 101,
                group: 104
            })
        );
        assert_eq!(find(PASSWD, "post"), None);
    }

    #[test]
    fn an_account_with_roots_id_or_a_broken_line_is_no_account() {
        assert_eq!(find(PASSWD, "toor"), None);
        assert_eq!(find(PASSWD, "broken"), None);
    }
}
