//! Owns asking a forge again where it does not answer, and after its rate limit where that is short.
//! What it asks, and how time passes, is the caller's.

use std::time::Duration;

use forge_api::error::ApiError;
use futures::future::BoxFuture;
use retry::delays::Delays;
use retry::policy::FORGE;

use crate::desk::Stopped;

/// How often a forge is asked that does not answer.
const TRIES_MAX: u32 = 4;
/// Longest rate limit that is waited for within a comparison, in seconds; a longer one leaves it
/// incomplete.
const LIMIT_SECS_MAX: u64 = 90;

/// Asks until there is an answer, or an error that patience does not help with.
pub(crate) async fn ask<'a, T>(
    pause: impl Fn(Duration) -> BoxFuture<'a, Result<(), Stopped>>,
    question: impl Fn() -> BoxFuture<'a, Result<T, ApiError>>,
) -> Result<Result<T, ApiError>, Stopped> {
    let mut delays = Delays::new(&FORGE);
    let mut tries = 1;
    loop {
        let error = match question().await {
            Ok(answer) => return Ok(Ok(answer)),
            Err(error) => error,
        };
        let wait = match &error {
            ApiError::Limited { wait } if wait.as_secs() <= LIMIT_SECS_MAX => *wait,
            ApiError::Limited { .. } => return Ok(Err(error)),
            error if error.is_transient() => delays.next(),
            _ => return Ok(Err(error)),
        };
        if tries == TRIES_MAX {
            return Ok(Err(error));
        }
        tries += 1;
        pause(wait).await?;
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::sync::Mutex;

    use super::*;

    /// What a forge answers: a wait in seconds, that it is away, that it refuses, or well.
    #[derive(Clone, Copy)]
    enum Answer {
        Limited(u64),
        Away,
        Refused,
        Good,
    }

    /// Asks a forge that answers so, one after the other; gives whether it answered well in the
    /// end, and the seconds at which it was asked.
    async fn asked_at(answers: &[Answer]) -> (bool, Vec<u64>) {
        // Time passes in the pauses alone.
        let time = Mutex::new(Duration::ZERO);
        let left = Mutex::new(answers.iter().copied());
        let asked = Mutex::new(Vec::new());
        let question = || -> BoxFuture<'_, Result<(), ApiError>> {
            let now = *time.lock().unwrap();
            asked.lock().unwrap().push(now);
            let answer = left.lock().unwrap().next().expect("one more answer");
            Box::pin(async move {
                Err(match answer {
                    Answer::Good => return Ok(()),
                    Answer::Limited(secs) => ApiError::Limited {
                        wait: Duration::from_secs(secs),
                    },
                    Answer::Away => ApiError::Unreachable("gone".to_owned()),
                    Answer::Refused => ApiError::NotFound {
                        what: "it".to_owned(),
                    },
                })
            })
        };
        let pause = |pause| -> BoxFuture<'_, Result<(), Stopped>> {
            *time.lock().unwrap() += pause;
            Box::pin(async { Ok(()) })
        };
        let good = ask(pause, question).await.unwrap().is_ok();
        assert!(left.lock().unwrap().next().is_none(), "asked too little");
        let seconds = asked
            .lock()
            .unwrap()
            .iter()
            .map(Duration::as_secs)
            .collect();
        (good, seconds)
    }

    #[tokio::test]
    async fn nothing_is_asked_before_the_time_that_a_limit_gives() {
        use Answer::{Good, Limited};
        assert_eq!(asked_at(&[Good]).await, (true, vec![0]));
        assert_eq!(asked_at(&[Limited(7), Good]).await, (true, vec![0, 7]));
        let twice = asked_at(&[Limited(90), Limited(3), Good]).await;
        assert_eq!(twice, (true, vec![0, 90, 93]));
        // Too long to wait for: the next comparison asks.
        assert_eq!(asked_at(&[Limited(91)]).await, (false, vec![0]));
        let always = [Limited(1); TRIES_MAX as usize];
        assert_eq!(asked_at(&always).await, (false, vec![0, 1, 2, 3]));
    }

    #[tokio::test]
    async fn who_is_away_is_asked_a_few_times_and_who_refuses_once() {
        use Answer::{Away, Good, Refused};
        let (good, asked) = asked_at(&[Away, Away, Good]).await;
        assert!(good && asked.len() == 3);
        let (good, asked) = asked_at(&[Away; TRIES_MAX as usize]).await;
        assert!(!good && asked.len() == TRIES_MAX as usize);
        assert_eq!(asked_at(&[Refused]).await, (false, vec![0]));
    }

    #[tokio::test]
    async fn the_stop_signal_ends_the_wait() {
        let tries = RefCell::new(0);
        let pause = |_| -> BoxFuture<'_, Result<(), Stopped>> {
            *tries.borrow_mut() += 1;
            Box::pin(async { Err(Stopped) })
        };
        let question = || -> BoxFuture<'_, Result<(), ApiError>> {
            Box::pin(async { Err(ApiError::Unreachable("gone".to_owned())) })
        };
        assert!(ask(pause, question).await.is_err());
        assert_eq!(tries.into_inner(), 1);
    }
}
