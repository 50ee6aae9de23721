//! Requests that crash their workers: the same request is then refused for a while, and takes no worker.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Identifies a request by the archive's checksum, the project, and the app's folder in the archive. The project is
/// a part of it, since another project may render the same archive in a way that works.
pub type Key = ([u8; 32], String, String);

/// How many workers a request may crash before it is refused.
const DEATHS: u32 = 2;

/// How long a request is refused.
const REST: Duration = Duration::from_secs(60);

/// The most requests that are remembered.
const MOST: usize = 1_000;

/// The requests that have crashed their workers in the last minute, and why.
#[derive(Debug, Default)]
pub struct Crashes(Mutex<HashMap<Key, Crash>>);

#[derive(Debug)]
struct Crash {
    deaths: u32,
    last: Instant,
    why: String,
}

impl Crashes {
    /// Notes that a request has crashed its worker.
    pub fn note(&self, key: &Key, why: &str) {
        self.note_at(key, why, Instant::now());
    }

    /// Why a request is refused now; `None` if it is not.
    pub fn refuses(&self, key: &Key) -> Option<String> {
        self.refuses_at(key, Instant::now())
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Crash>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note_at(&self, key: &Key, why: &str, now: Instant) {
        let mut crashes = self.lock();
        crashes.retain(|_, crash| now.duration_since(crash.last) < REST);
        if crashes.len() >= MOST && !crashes.contains_key(key) {
            let oldest = crashes.iter().min_by_key(|(_, crash)| crash.last).map(|(key, _)| key.clone());
            oldest.and_then(|oldest| crashes.remove(&oldest));
        }
        let crash =
            crashes.entry(key.clone()).or_insert_with(|| Crash { deaths: 0, last: now, why: String::new() });
        crash.deaths += 1;
        crash.last = now;
        why.clone_into(&mut crash.why);
    }

    fn refuses_at(&self, key: &Key, now: Instant) -> Option<String> {
        let crashes = self.lock();
        let crash = crashes.get(key).filter(|crash| crash.deaths >= DEATHS)?;
        let left = REST.checked_sub(now.duration_since(crash.last))?;
        Some(format!(
            "this app has ended {} workers in the last minute, and is refused for {} s: {}",
            crash.deaths,
            left.as_secs().max(1),
            crash.why
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::{Crashes, MOST, REST};
    use std::time::{Duration, Instant};

    #[test]
    fn the_third_time_is_refused_for_a_minute() {
        let (crashes, now) = (Crashes::default(), Instant::now());
        let key = |path: &str| ([1; 32], "blue".to_owned(), path.to_owned());
        crashes.note_at(&key("a"), "memory", now);
        assert_eq!(crashes.refuses_at(&key("a"), now), None);
        crashes.note_at(&key("a"), "the deadline", now + Duration::from_secs(5));
        let why = crashes.refuses_at(&key("a"), now + Duration::from_secs(15)).unwrap();
        assert!(why.contains("2 workers") && why.contains("50 s") && why.ends_with("the deadline"), "{why}");
        assert_eq!(crashes.refuses_at(&key("b"), now), None, "another folder of the same archive");
        assert_eq!(crashes.refuses_at(&key("a"), now + REST + Duration::from_secs(6)), None);
    }

    #[test]
    fn the_number_of_remembered_requests_is_bounded() {
        let (crashes, now) = (Crashes::default(), Instant::now());
        for i in 0..MOST + 10 {
            crashes.note_at(&([0; 32], i.to_string(), String::new()), "", now);
        }
        assert!(crashes.0.lock().unwrap().len() <= MOST);
    }
}
