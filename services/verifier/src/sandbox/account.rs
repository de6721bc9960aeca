//! Owns whom a box's processes belong to on the machine.

/// First user id of the boxes of a verifier that runs as root. Nobody hands these out: they lie
/// between the ranges that systemd uses for containers' users and for dynamic ones.
const FIRST_USER: u32 = 60_706;
/// Most slots, so that no id reaches the next range.
pub const SLOTS_MAX: u16 = 400;

/// The user and group that a box's processes are outside it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Account {
    /// User id; the group has the same.
    pub id: u32,
}

impl Account {
    /// The account of a slot: one of its own for each, so that no two boxes share one, when this
    /// process is root; `None`, this process's own user, when it is not.
    pub fn of_slot(slot: u16) -> Option<Self> {
        let id = FIRST_USER + u32::from(slot % SLOTS_MAX);
        is_root().then_some(Self { id })
    }
}

/// Whether this process is root.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
