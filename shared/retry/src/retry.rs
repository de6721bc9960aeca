//! Owns the retrying of one operation. What is worth another try, the operation says itself.

use std::fmt::Display;

use backoff::backoff::Backoff as _;

use crate::delays::Spread;
use crate::policy::Policy;

/// Why an operation did not succeed, and whether it is worth another try. There is no `From` for
/// it on purpose: a bare `?` must not decide.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step<E> {
    /// It may succeed later.
    Again(E),
    /// It cannot succeed.
    Stop(E),
}

/// Runs `op` until it succeeds, says [`Step::Stop`], or the policy gives up; `what` names it in
/// the log. Dropping the future ends it at its next wait.
///
/// # Errors
/// What the last try said, whether it was `Stop` or the policy gave up.
pub async fn retry<T, E, Try>(
    policy: &Policy,
    what: &str,
    mut op: impl FnMut() -> Try,
) -> Result<T, E>
where
    E: Display,
    Try: Future<Output = Result<T, Step<E>>>,
{
    let mut spread = Spread::new(policy);
    let mut tries = 0_u32;
    loop {
        tries += 1;
        let err = match op().await {
            Ok(value) => return Ok(value),
            Err(Step::Stop(err)) => return Err(err),
            Err(Step::Again(err)) => err,
        };
        let Some(delay) = spread.next_backoff() else {
            tracing::warn!(tries, error = %err, "gave up on {what}");
            return Err(err);
        };
        let delay_ms = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
        tracing::debug!(tries, delay_ms, error = %err, "trying again to {what}");
        tokio::time::sleep(delay).await;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const POLICY: Policy = Policy {
        first: Duration::from_millis(1),
        factor: 1.0,
        max: Duration::from_millis(1),
        give_up_after: None,
    };

    #[tokio::test]
    async fn an_operation_is_tried_again_until_it_succeeds() {
        let mut calls = 0;
        let answer = retry(&POLICY, "count", || {
            calls += 1;
            let answer = if calls < 4 {
                Err(Step::Again("not yet"))
            } else {
                Ok(calls)
            };
            async move { answer }
        })
        .await;
        assert_eq!(answer, Ok(4));
    }

    #[tokio::test]
    async fn an_operation_that_says_stop_is_not_tried_again() {
        let mut calls = 0;
        let answer: Result<(), _> = retry(&POLICY, "count", || {
            calls += 1;
            async { Err(Step::Stop("never")) }
        })
        .await;
        assert_eq!((answer, calls), (Err("never"), 1));
    }

    #[tokio::test]
    async fn a_policy_that_gives_up_returns_what_the_last_try_said() {
        let policy = Policy {
            give_up_after: Some(Duration::ZERO),
            ..POLICY
        };
        let mut calls = 0;
        let answer: Result<(), _> = retry(&policy, "count", || {
            calls += 1;
            let said = format!("try {calls}");
            async { Err(Step::Again(said)) }
        })
        .await;
        assert_eq!(answer, Err(format!("try {calls}")));
    }
}
