//! Owns the named policies: how long the first wait is, how waits grow, and when to give up.

use std::time::Duration;

/// How an operation is tried again.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Policy {
    /// The first wait, before it is spread.
    pub first: Duration,
    /// What each wait is multiplied by to give the next; at least 1.
    pub factor: f64,
    /// The longest wait; no spread exceeds it.
    pub max: Duration,
    /// How long after the first try no further one is begun. `None` never gives up.
    pub give_up_after: Option<Duration>,
}

/// Part of a wait by which it is spread to both sides, so that many processes that failed together
/// do not come back together.
pub const SPREAD: f64 = 0.5;

/// For a dependency that this process cannot work without: never gives up, asks at least twice a
/// minute. For loops that watch a stop signal.
pub const DEPENDENCY: Policy = Policy {
    first: Duration::from_millis(100),
    factor: 2.0,
    max: Duration::from_secs(30),
    give_up_after: None,
};

/// For a dependency at the start of a process: half a minute, in which it may come up beside us.
pub const START: Policy = Policy {
    first: Duration::from_millis(100),
    factor: 1.5,
    max: Duration::from_secs(2),
    give_up_after: Some(Duration::from_secs(30)),
};

/// For a conflict with a neighbour that is over in milliseconds, such as a serialization failure.
pub const QUICK: Policy = Policy {
    first: Duration::from_millis(5),
    factor: 2.0,
    max: Duration::from_millis(200),
    give_up_after: Some(Duration::from_secs(5)),
};

/// For a request over a network whose answer somebody is waiting for.
pub const REQUEST: Policy = Policy {
    first: Duration::from_millis(50),
    factor: 2.0,
    max: Duration::from_secs(1),
    give_up_after: Some(Duration::from_secs(10)),
};

/// For asking a forge, which may be busy or limit our rate.
pub const FORGE: Policy = Policy {
    first: Duration::from_millis(500),
    factor: 2.0,
    max: Duration::from_secs(15),
    give_up_after: Some(Duration::from_secs(60)),
};
