//! Records where the official tools expect fetched charts in the tree.

use bytes::Bytes;
use keyfill_diag::{Cx, Diagnostic};
use keyfill_files::{ChartRef, Fetch, FetchError, FetchedChart, FetchedTree, Files, GitRef, TreePath};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Forwards requests to another fetcher, and records the paths that engines report for charts.
pub struct Recorder {
    asked: Arc<dyn Fetch>,
    charts: Mutex<BTreeMap<TreePath, FetchedChart>>,
    /// The names of charts by their archives.
    names: Mutex<BTreeMap<String, String>>,
}

impl Recorder {
    /// Forwards to `asked`.
    pub fn new(asked: Arc<dyn Fetch>) -> Self {
        Self { asked, charts: Mutex::default(), names: Mutex::default() }
    }

    /// The charts by their paths in a tree: archives in `charts/`, and folders. Charts of a repository that was
    /// fetched itself are left out, since it is not in the tree.
    pub fn placed(&self, files: &dyn Files) -> BTreeMap<TreePath, FetchedChart> {
        let mut placed = held(&self.charts).clone();
        placed.retain(|place, _| {
            let first = place.parts().next().and_then(TreePath::new);
            first.is_some_and(|first| !first.as_str().contains(':') || files.resolve(&first).is_ok())
        });
        placed
    }

    /// The names of all fetched charts.
    pub fn names(&self) -> Vec<String> {
        held(&self.names).values().cloned().collect()
    }
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Fetch for Recorder {
    fn chart(&self, want: &ChartRef, cx: &Cx) -> Result<FetchedChart, FetchError> {
        let chart = self.asked.chart(want, cx)?;
        held(&self.names).insert(chart.file_name.clone(), want.name.clone());
        Ok(chart)
    }

    fn git(&self, want: &GitRef, cx: &Cx) -> Result<FetchedTree, FetchError> {
        self.asked.git(want, cx)
    }

    fn file(&self, url: &str, cx: &Cx) -> Result<Bytes, FetchError> {
        self.asked.file(url, cx)
    }

    fn placed(&self, place: &TreePath, chart: &FetchedChart) {
        if let Some(name) = chart.file_name.strip_suffix(&format!("-{}.tgz", chart.version)) {
            held(&self.names).insert(chart.file_name.clone(), name.to_owned());
        }
        held(&self.charts).insert(place.clone(), chart.clone());
    }

    fn wants_packed(&self) -> bool {
        true
    }

    fn is_bound(&self) -> bool {
        self.asked.is_bound()
    }

    fn take_warnings(&self) -> Vec<Diagnostic> {
        self.asked.take_warnings()
    }

    fn repository(&self, name: &str) -> Option<String> {
        self.asked.repository(name)
    }
}
