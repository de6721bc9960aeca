//! Owns the moods of the stand-in for GitHub's API: what it answers instead of what was asked.

use std::time::{Duration, Instant, SystemTime};

use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};

/// A mood.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mood {
    /// It answers as it should.
    Good,
    /// The next request is told to come back after so many seconds (429 with `Retry-After`), and
    /// then it is good. Whoever comes earlier is counted.
    RetryAfter(u64),
    /// The same as GitHub's primary limit says it: 403, nothing left, and when there is more.
    UsedUp(u64),
    /// The next request is answered well, and told that it was the last for so many seconds.
    LastOne(u64),
    /// Every request is answered with this status, and nothing that it means.
    Broken(u16),
    /// Every request is answered 200, with what is no JSON.
    Garbage,
}

/// The mood, and until when a limit holds.
#[derive(Debug)]
pub(crate) struct Moods {
    mood: Mood,
    /// Requests before the mood counts.
    good_for: u64,
    limited_until: Option<Instant>,
    too_early: u64,
}

/// What is answered instead.
#[derive(Debug)]
pub(crate) enum Instead {
    Limit(StatusCode, HeaderMap),
    Status(u16),
    Garbage,
}

impl Default for Moods {
    fn default() -> Self {
        Self {
            mood: Mood::Good,
            good_for: 0,
            limited_until: None,
            too_early: 0,
        }
    }
}

impl Moods {
    pub(crate) fn set(&mut self, good_for: u64, mood: Mood) {
        self.good_for = good_for;
        self.mood = mood;
    }

    pub(crate) fn too_early(&self) -> u64 {
        self.too_early
    }

    /// What a request at `now` is answered instead of what it asks for.
    pub(crate) fn answer(&mut self, now: Instant) -> Option<Instead> {
        if let Some(until) = self.limited_until {
            if now < until {
                self.too_early += 1;
                return Some(retry_after((until - now).as_secs() + 1));
            }
            self.limited_until = None;
        }
        if self.good_for > 0 {
            self.good_for -= 1;
            return None;
        }
        match self.mood {
            Mood::Good | Mood::LastOne(_) => None,
            Mood::RetryAfter(seconds) => {
                self.limit(now, seconds);
                Some(retry_after(seconds))
            }
            Mood::UsedUp(seconds) => {
                self.limit(now, seconds);
                Some(Instead::Limit(StatusCode::FORBIDDEN, used_up(seconds)))
            }
            Mood::Broken(status) => Some(Instead::Status(status)),
            Mood::Garbage => Some(Instead::Garbage),
        }
    }

    /// What a good answer at `now` says of those after it.
    pub(crate) fn farewell(&mut self, now: Instant) -> HeaderMap {
        let Mood::LastOne(seconds) = self.mood else {
            return HeaderMap::new();
        };
        self.limit(now, seconds);
        used_up(seconds)
    }

    fn limit(&mut self, now: Instant, seconds: u64) {
        self.limited_until = Some(now + Duration::from_secs(seconds));
        self.mood = Mood::Good;
    }
}

impl Instead {
    pub(crate) fn give(self) -> Response {
        match self {
            Self::Limit(status, headers) => (status, headers).into_response(),
            Self::Status(status) => {
                let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
                (status, "<html>no API here</html>").into_response()
            }
            Self::Garbage => (StatusCode::OK, "[{\"id\": \"no number\"").into_response(),
        }
    }
}

fn retry_after(seconds: u64) -> Instead {
    let mut headers = HeaderMap::new();
    headers.insert("retry-after", seconds.into());
    Instead::Limit(StatusCode::TOO_MANY_REQUESTS, headers)
}

fn used_up(seconds: u64) -> HeaderMap {
    let now = SystemTime::UNIX_EPOCH.elapsed();
    let now = now.expect("the clock is past 1970").as_secs();
    let mut headers = HeaderMap::new();
    headers.insert("x-ratelimit-remaining", 0.into());
    headers.insert("x-ratelimit-reset", (now + seconds + 1).into());
    headers
}
