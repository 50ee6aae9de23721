//! Counts how refreshes ended, for metrics.

use crate::serve::metrics;
use prometheus_client::metrics::counter::Counter;

/// How a refresh ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The Application was annotated, so that Argo CD refreshes it.
    Refreshed,
    /// Another replica had refreshed the app.
    Elsewhere,
    /// The service account has no right to change the Application.
    Denied,
    /// The request to the API server failed.
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

/// Counters of refreshes, and of apps that are not watched.
#[derive(Debug)]
pub struct Counters {
    /// Refreshes by how they ended.
    pub ended: metrics::Counters,
    /// Apps that were served with more references than are watched.
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
    /// Counts a refresh.
    pub fn count(&self, ended: Ended) {
        self.ended.get_or_create(&ended.label()).inc();
    }
}
