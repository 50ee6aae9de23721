//! Fetching of what an engine needs and the tree does not contain: charts, repositories and remote files.
//!
//! Engines call a [`Fetch`] and do not know where it gets the data: from a cache, over the network, or from
//! another process. The implementation decides whether something may be fetched at all.

use crate::Files;
use bytes::Bytes;
use keyfill_diag::{Class, Cx, Diagnostic, Report};
use std::fmt;
use std::sync::Arc;

/// A chart as a `Chart.yaml` or a kustomization refers to it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChartRef {
    /// `https://HOST/PATH`, `oci://HOST/PATH` (the name is appended), `@NAME` or `alias:NAME`.
    pub repository: String,
    /// The chart's name.
    pub name: String,
    /// A version or a range of versions in Helm's syntax; empty for the newest release.
    pub version: String,
}

/// A reference to the tree of a git repository.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GitRef {
    /// The URL as for `git clone`: `https://HOST/PATH`, `ssh://...` or `USER@HOST:PATH`.
    pub url: String,
    /// A branch, a tag, a full name such as `refs/pull/1/head`, or a commit's 40 digits; empty for the
    /// repository's default branch.
    pub reference: String,
}

/// A fetched chart.
#[derive(Clone)]
pub struct FetchedChart {
    /// The selected version, as the repository writes it.
    pub version: String,
    /// The file name that Helm gives the archive in `charts/`: the last segment of its URL, or `NAME-VERSION.tgz`.
    pub file_name: String,
    /// The packed `.tgz` archive.
    pub archive: Bytes,
}

/// The fetched tree of a git repository.
#[derive(Clone)]
pub struct FetchedTree {
    /// The commit's hash, 40 hexadecimal digits.
    pub commit: String,
    /// All files of the commit; links stay inside it.
    pub files: Arc<dyn Files>,
}

/// Fetches what a tree does not contain. Each result is pinned to a digest before it is returned, so that the same
/// request in one run has the same result.
pub trait Fetch: Send + Sync {
    /// Fetches the archive of a chart.
    fn chart(&self, want: &ChartRef, cx: &Cx) -> Result<FetchedChart, FetchError>;

    /// Fetches the tree of a repository at a reference.
    fn git(&self, want: &GitRef, cx: &Cx) -> Result<FetchedTree, FetchError>;

    /// Fetches the bytes of a file at an http or https URL.
    fn file(&self, url: &str, cx: &Cx) -> Result<Bytes, FetchError>;

    /// Reports where the official tools expect a fetched chart: the path of an archive that ends in `.tgz`, or the
    /// folder of the unpacked chart.
    fn placed(&self, _place: &crate::TreePath, _chart: &FetchedChart) {}

    /// Whether a policy or a lock decides what may be fetched. Then programs that ignore both, such as `helm`,
    /// must not fetch instead.
    fn is_bound(&self) -> bool {
        false
    }

    /// Whether charts of `file://` repositories are to be packed and reported with [`Self::placed`] too.
    fn wants_packed(&self) -> bool {
        false
    }

    /// Returns and removes the warnings of the fetches so far.
    fn take_warnings(&self) -> Vec<Diagnostic> {
        Vec::new()
    }

    /// The URL of a repository that is given by name (`@NAME`, `alias:NAME`); `None` for anything else.
    fn repository(&self, _name: &str) -> Option<String> {
        None
    }
}

/// Why something was not fetched. Pointer-sized. Its texts contain no credentials.
#[derive(Clone, Debug)]
pub struct FetchError(Box<Inner>);

#[derive(Clone, Debug)]
struct Inner {
    class: Class,
    message: String,
    hint: Option<String>,
    off: bool,
}

impl FetchError {
    /// An error with a class and a message: one sentence without a full stop.
    pub fn new(class: Class, message: impl Into<String>) -> Self {
        Self(Box::new(Inner { class, message: message.into(), hint: None, off: false }))
    }

    /// The error if fetching is switched off. The engine may then try another way, such as an official binary.
    pub fn off(message: impl Into<String>) -> Self {
        let mut error = Self::new(Class::Render, message);
        error.0.off = true;
        error
    }

    /// Sets the hint: what to do about the error.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// Prefixes the message with what was being done.
    #[must_use]
    pub fn context(mut self, doing: impl fmt::Display) -> Self {
        self.0.message = format!("{doing}: {}", self.0.message);
        self
    }

    /// The hint: what to do about the error.
    pub fn help(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    /// Whether the reason is that fetching is switched off.
    pub fn is_off(&self) -> bool {
        self.0.off
    }
}

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl std::error::Error for FetchError {}

impl Report for FetchError {
    fn class(&self) -> Class {
        self.0.class
    }

    fn diagnostics(&self) -> Vec<Diagnostic> {
        let mut diagnostic = Diagnostic::error(self.0.class, self.to_string());
        diagnostic.hint = self.0.hint.clone();
        vec![diagnostic]
    }
}

/// An implementation that fetches nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoFetch;

impl NoFetch {
    fn refuse(what: &str) -> FetchError {
        FetchError::off(format!("{what} is not in the tree, and nothing is fetched"))
    }
}

impl Fetch for NoFetch {
    fn chart(&self, want: &ChartRef, _: &Cx) -> Result<FetchedChart, FetchError> {
        Err(Self::refuse(&format!("the chart {} {} of {}", want.name, want.version, want.repository)))
    }

    fn git(&self, want: &GitRef, _: &Cx) -> Result<FetchedTree, FetchError> {
        Err(Self::refuse(&format!("the repository {}", want.url)))
    }

    fn file(&self, url: &str, _: &Cx) -> Result<Bytes, FetchError> {
        Err(Self::refuse(url))
    }
}

#[cfg(test)]
mod tests {
    use super::{ChartRef, Fetch, FetchError, NoFetch};
    use keyfill_diag::{Class, Cx, Report as _};

    #[test]
    fn an_error_names_what_was_done_and_what_to_do() {
        let error = FetchError::new(Class::Forbidden, "the host is not allowed")
            .context("https://host.example/a")
            .hint("list it");
        assert_eq!(error.to_string(), "https://host.example/a: the host is not allowed");
        assert_eq!((error.class(), error.help(), error.is_off()), (Class::Forbidden, Some("list it"), false));
    }

    #[test]
    fn fetching_nothing_says_what_was_wanted() {
        let want =
            ChartRef { repository: "https://charts.example".into(), name: "db".into(), version: "~1".into() };
        let refused = NoFetch.chart(&want, &Cx::default()).err().expect("nothing is fetched");
        assert!(refused.is_off());
        assert!(refused.to_string().contains("db ~1 of https://charts.example"), "{refused}");
    }
}
