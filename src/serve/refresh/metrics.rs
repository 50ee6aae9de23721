//! The metrics of secrets in use.

use super::Inner;
use crate::reference_table::{VersionState, unix_now};
use crate::serve::metrics::number;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use std::fmt;

const COUNTER: MetricType = MetricType::Counter;
const GAUGE: MetricType = MetricType::Gauge;

/// Encodes these metrics. The encoder adds `_total` to the names of counters.
pub(super) fn encode(inner: &Inner, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    let (apps, (states, oldest)) = {
        let table = inner.lock();
        (table.len(), table.summary(unix_now()))
    };
    let waiting = inner
        .queue()
        .values()
        .filter_map(|waiting| waiting.since)
        .map(|since| since.elapsed().as_secs())
        .max();
    let unwatched = inner.counters.unwatched.get();
    let numbers = [
        ("refs_apps", GAUGE, "Apps that were given secrets.", apps as u64),
        ("refs_unwatched", COUNTER, "Apps served with more references than are watched.", unwatched),
        (
            "refs_oldest_seconds",
            GAUGE,
            "Age of the oldest version of a secret in use.",
            oldest.max(0).unsigned_abs(),
        ),
        (
            "refresh_waiting_seconds",
            GAUGE,
            "How long an app with a changed secret has waited for its refresh.",
            waiting.unwrap_or(0),
        ),
    ];
    for (name, kind, help, value) in numbers {
        number(&mut encoder.encode_descriptor(name, help, None, kind)?, kind, value)?;
    }
    let help = "Secrets in use, counted for each app, by what their stores say of them.";
    let mut refs = encoder.encode_descriptor("refs", help, None, GAUGE)?;
    for kind in VersionState::ALL {
        let value = states.get(&kind).copied().unwrap_or(0) as u64;
        number(&mut refs.encode_family(&[("state", kind.name())])?, GAUGE, value)?;
    }
    let help = "Refreshes of apps whose secrets changed, by what became of them.";
    inner.counters.ended.encode(encoder.encode_descriptor("refreshes", help, None, COUNTER)?)
}
