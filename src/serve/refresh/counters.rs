//! What became of refreshes, for metrics.

use crate::serve::metrics;
use prometheus_client::metrics::counter::Counter;

/// What became of a refresh.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The app was asked to refresh.
    Refreshed,
    /// Another replica had asked it.
    Elsewhere,
    /// The service account lacks the right.
    Denied,
    /// The API server did not follow.
    Failed,
}

impl Ended {
    const ALL: [Self; 4] = [Self::Refreshed, Self::Elsewhere, Self::Denied, Self::Failed];

    fn label(self) -> [(&'static str, &'static str); 1] {
        let name = match self {
            Self::Refreshed => "refreshed",
            Self::Elsewhere => "elsewhere",
            Self::Denied => "denied",
            Self::Failed => "failed",
        };
        [("result", name)]
    }
}

/// Counts them.
#[derive(Debug)]
pub struct Counters {
    /// Refreshes, by what became of them.
    pub ended: metrics::Counters,
    /// Apps that have more references than are watched.
    pub unwatched: Counter,
}

impl Default for Counters {
    fn default() -> Self {
        let ended = metrics::Counters::default();
        Ended::ALL.iter().for_each(|end| drop(ended.get_or_create(&end.label())));
        Self { ended, unwatched: Counter::default() }
    }
}

impl Counters {
    /// One more.
    pub fn count(&self, ended: Ended) {
        self.ended.get_or_create(&ended.label()).inc();
    }
}
