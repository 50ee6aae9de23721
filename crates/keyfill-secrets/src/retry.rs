//! When a request is retried, and how long to wait before a retry.
//!
//! Requests are retried after temporary failures until near the deadline: in a deployment an error costs more than a
//! slow answer. A setting can limit the number of retries.

use keyfill_http::{Answer, Failure, FailureKind};
use std::time::{Duration, Instant};

/// The longest wait before the first retry. It doubles with each retry, up to `LONGEST_WAIT`.
const FIRST_WAIT: Duration = Duration::from_millis(100);

/// The longest wait that the server did not ask for, so that a recovery is noticed soon.
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// The most time before the deadline that is kept free to report the error.
const LARGEST_MARGIN: Duration = Duration::from_secs(1);

/// The tries of one request.
pub(crate) struct Tries {
    /// No try starts after this moment or lasts beyond it.
    until: Instant,
    left: Option<u32>,
    made: u32,
}

/// Why there is no further try.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum GaveUp {
    /// The next try would start too close to the deadline, or after it.
    Deadline,
    /// The number of retries is used up.
    Retries,
    /// The server could not be connected to for as long as the setting `patience` allows.
    Patience,
}

impl Tries {
    pub(crate) fn new(now: Instant, deadline: Instant, max_retries: Option<u32>) -> Self {
        let time = deadline.saturating_duration_since(now);
        let until = deadline.checked_sub((time / 10).min(LARGEST_MARGIN)).unwrap_or(deadline);
        Self { until, left: max_retries, made: 0 }
    }

    /// The time for a try that starts now.
    pub(crate) fn time_left(&self, now: Instant) -> Duration {
        self.until.saturating_duration_since(now)
    }

    /// When the last try must have ended.
    pub(crate) fn until(&self) -> Instant {
        self.until
    }

    /// How many retries were made.
    pub(crate) fn retries(&self) -> u32 {
        self.made
    }

    /// How long to wait before the next try. `asked` is the wait that the server asks for: the shortest one.
    pub(crate) fn next(&mut self, now: Instant, asked: Option<Duration>) -> Result<Duration, GaveUp> {
        if self.left == Some(0) {
            return Err(GaveUp::Retries);
        }
        let longest = FIRST_WAIT.saturating_mul(1 << self.made.min(10)).min(LONGEST_WAIT);
        // Half of the wait is random, so that clients that failed at the same time do not retry at the same time.
        let wait = longest.mul_f64(0.5 + fastrand::f64() / 2.0).max(asked.unwrap_or_default());
        if now + wait >= self.until {
            return Err(GaveUp::Deadline);
        }
        self.left = self.left.map(|left| left - 1);
        self.made += 1;
        Ok(wait)
    }
}

/// Whether an answer is a temporary failure: too many requests (429), Vault's replication that lags behind (412), and
/// server errors, for example of a sealed Vault. 501 and 505 are final, since the server does not support the request.
pub(crate) fn answer_may_pass(answer: &Answer) -> bool {
    match answer.status.as_u16() {
        412 | 429 => true,
        501 | 505 => false,
        status => (500..600).contains(&status),
    }
}

/// Whether a request that failed without an answer may succeed if it is retried.
pub(crate) fn failure_may_pass(failure: &Failure) -> bool {
    matches!(
        failure.kind,
        FailureKind::Connect | FailureKind::ProxyConnect | FailureKind::Broken | FailureKind::Timeout
    )
}

#[cfg(test)]
mod tests {
    use super::{GaveUp, Tries, answer_may_pass};
    use keyfill_http::Answer;
    use std::time::{Duration, Instant};

    #[test]
    fn waits_grow_and_end_before_the_deadline() {
        let mut now = Instant::now();
        let deadline = now + Duration::from_secs(20);
        let mut tries = Tries::new(now, deadline, None);
        let mut waits = Vec::new();
        loop {
            match tries.next(now, None) {
                Ok(wait) => {
                    waits.push(wait);
                    now += wait;
                }
                Err(gave_up) => break assert_eq!(gave_up, GaveUp::Deadline),
            }
        }
        assert!(waits[0] >= Duration::from_millis(50) && waits[0] <= Duration::from_millis(100), "{waits:?}");
        assert!(waits.iter().skip(5).all(|w| (1..=2).contains(&w.as_secs())), "{waits:?}");
        assert!((13..=24).contains(&waits.len()), "{waits:?}");
        assert!(now < deadline - Duration::from_secs(1));
    }

    #[test]
    fn the_wait_that_the_server_asks_for_is_used() {
        let now = Instant::now();
        let mut tries = Tries::new(now, now + Duration::from_secs(20), None);
        assert_eq!(tries.next(now, Some(Duration::from_secs(7))), Ok(Duration::from_secs(7)));
        assert_eq!(tries.next(now, Some(Duration::from_secs(70))), Err(GaveUp::Deadline));
    }

    #[test]
    fn the_number_of_retries_can_be_limited() {
        let now = Instant::now();
        let mut tries = Tries::new(now, now + Duration::from_secs(20), Some(2));
        assert!(tries.next(now, None).is_ok() && tries.next(now, None).is_ok());
        assert_eq!(tries.next(now, None), Err(GaveUp::Retries));
        assert_eq!(tries.retries(), 2);
    }

    #[test]
    fn only_412_429_and_most_server_errors_are_temporary() {
        let may_pass = |status: u16| {
            let status = http::StatusCode::from_u16(status).expect("a status");
            answer_may_pass(&Answer { status, headers: http::HeaderMap::new(), body: Vec::new().into() })
        };
        let passing: Vec<u16> = [200, 301, 400, 403, 404, 412, 429, 500, 501, 502, 503, 504, 505]
            .into_iter()
            .filter(|s| may_pass(*s))
            .collect();
        assert_eq!(passing, [412, 429, 500, 502, 503, 504]);
    }
}
