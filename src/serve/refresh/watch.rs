//! Asks the stores at intervals what they have of the secrets that apps were given: the versions, or a keyed hash
//! of the values if the store counts no versions.

use super::judge::Found;
use super::table::Watched;
use super::{Inner, announce};
use keyfill_diag::Cx;
use keyfill_secrets::Keys;
use keyfill_secrets::vault::Known;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// How many secrets are asked for at once.
const BATCH: usize = 16;

/// How long a question to a store may take.
const TIME: Duration = Duration::from_secs(20);

/// If a whole batch failed and took longer than this, the other batches wait for the next interval.
const GIVE_UP: Duration = Duration::from_secs(10);

/// Asks the stores at each interval, until the task is dropped.
pub async fn run(inner: &Arc<Inner>) {
    let mut had_failures = false;
    loop {
        // A random part keeps replicas that were started together from asking at the same time.
        tokio::time::sleep(inner.interval.mul_f64(0.9 + fastrand::f64() / 5.0)).await;
        let failures = ask_all(inner).await;
        if let Some((secrets, error)) = failures.as_ref().filter(|_| !had_failures) {
            tracing::warn!(secrets, error, "versions of secrets are not known");
        }
        had_failures = failures.is_some();
        if inner.cluster.is_some() {
            inner.list_unknown().await;
            let (changed, unknown) = (inner.lock().changed(), inner.unknown.left());
            announce::plan(&mut inner.queue(), &changed, &unknown, inner.rest, inner.spread);
        }
    }
}

/// Asks about all secrets. Returns how many stay unknown, and the error of the first of them.
async fn ask_all(inner: &Arc<Inner>) -> Option<(usize, String)> {
    let mut units = inner.lock().units();
    let mut unknown: Option<(usize, String)> = None;
    while !units.is_empty() {
        let start = Instant::now();
        let batch = units.split_off(units.len().saturating_sub(BATCH));
        let (mut asked, mut answered) = (JoinSet::new(), false);
        for watched in batch {
            let inner = Arc::clone(inner);
            asked.spawn(async move {
                let found = ask(&inner, &watched).await;
                (watched, found)
            });
        }
        while let Some(Ok((watched, found))) = asked.join_next().await {
            if let Found::Unknown(why) = &found {
                unknown.get_or_insert_with(|| (0, why.clone())).0 += 1;
            } else {
                answered = true;
            }
            inner.lock().found(&watched.unit, found, super::seconds());
        }
        if !answered && start.elapsed() > GIVE_UP {
            break;
        }
    }
    unknown
}

async fn ask(inner: &Inner, watched: &Watched) -> Found {
    let Watched { unit, source, versions } = watched;
    let cx = Cx::with_time(TIME);
    if unit.keys.is_none() {
        match source.known(&unit.secret, &cx).await {
            Ok(Some(known @ (Known::Versioned(_) | Known::Absent))) => {
                return Found::Known(known).with_only(versions);
            }
            Err(error) if cx.time_left().is_zero() => return Found::Unknown(error.to_string()),
            // If the login may read the secret and not its metadata, the version comes with the secret.
            _ => {}
        }
    }
    let all = Keys::All;
    let keys = unit.keys.as_ref().unwrap_or(&all);
    let answer = source.read_keys(&unit.secret, keys, &cx).await;
    match (inner.marks.of(keys, &answer), answer) {
        (Some(mark), _) => Found::Read(mark),
        (None, Err(error)) => Found::Unknown(error.to_string()),
        (None, Ok(_)) => Found::Unknown("its store gave nothing to compare".to_owned()),
    }
}
