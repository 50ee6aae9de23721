//! What the protocol asks of the program that renders.

use crate::Answer;
use crate::archive::Archive;
use keyfill_diag::{Class, Cx};
use keyfill_files::TreePath;
use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;

/// A future that may be sent between threads and borrows its inputs.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The variable of a request that names the project.
pub(crate) const APP_NAME: &str = "ARGOCD_APP_NAME";

/// The variable of a request that names the app.
pub(crate) const PROJECT: &str = "ARGOCD_APP_PROJECT_NAME";

/// One request: whose app it is and where it lies in the archive.
#[derive(Clone)]
pub struct AppRequest {
    /// The app's folder in the archive; whether it is there shows when the archive is opened.
    pub path: TreePath,
    /// The request's environment, as repo-server sent it: never another request's.
    pub env: Vec<(String, String)>,
    /// SHA-256 of the archive: equal for equal content.
    pub checksum: [u8; 32],
    /// The caller's span: the header `traceparent` of W3C's Trace Context, as it came.
    pub trace_parent: Option<String>,
}

impl fmt::Debug for AppRequest {
    /// Names of variables only: their values may be credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.env.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("AppRequest").field("path", &self.path).field("env", &names).finish_non_exhaustive()
    }
}

impl AppRequest {
    /// A variable of the request's environment.
    pub fn var(&self, name: &str) -> Option<&str> {
        self.env.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    /// What the app is called in logs, metrics and the queue: `ARGOCD_APP_NAME`, or the folder where the
    /// request carries no app.
    pub fn app(&self) -> &str {
        self.var(APP_NAME).unwrap_or_else(|| self.path.as_str())
    }

    /// The app's project; empty where the request carries none.
    pub fn project(&self) -> &str {
        self.var(PROJECT).unwrap_or_default()
    }
}

/// Whether a folder is for this plugin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Matched {
    /// It is.
    pub supported: bool,
    /// Whether discovery decides for apps that name the plugin too: Argo CD refuses those that are not supported. Where
    /// it is false, it takes them, and leaves the others.
    pub discovery_enabled: bool,
}

/// A parameter that an app can set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// What it is called in Argo CD's UI.
    pub title: String,
    /// What it means.
    pub tooltip: String,
    /// Whether an app must set it.
    pub required: bool,
    /// The type of one item: `string`, `number`, `boolean`.
    pub item_type: String,
    /// `string`, `array` or `map`.
    pub collection_type: String,
    /// Its default, when it is a string.
    pub string: String,
    /// Its default, when it is an array.
    pub array: Vec<String>,
    /// Its default, when it is a map.
    pub map: BTreeMap<String, String>,
}

/// Why a request failed, as Argo CD's UI shows it. It holds no secret value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The class; it picks the code of the answer.
    pub class: Class,
    /// The whole text.
    pub message: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// Renders and fills. Calls run side by side, each with its own request, archive and circumstances.
pub trait Generator: Send + Sync + 'static {
    /// The app's manifests.
    fn generate<'a>(
        &'a self,
        request: &'a AppRequest,
        archive: Archive,
        cx: &'a Cx,
    ) -> BoxFuture<'a, Result<Answer, Refusal>>;

    /// Whether the app's folder is for this plugin.
    fn matches<'a>(
        &'a self,
        request: &'a AppRequest,
        archive: Archive,
        cx: &'a Cx,
    ) -> BoxFuture<'a, Result<Matched, Refusal>>;

    /// The parameters that the app can set.
    fn parameters<'a>(
        &'a self,
        request: &'a AppRequest,
        archive: Archive,
        cx: &'a Cx,
    ) -> BoxFuture<'a, Result<Vec<Parameter>, Refusal>>;

    /// A request ended before one of the calls above: it broke the protocol, exceeded a limit, or waited in the
    /// queue until its deadline. `app` is empty where the request ended before it named one.
    fn turned_away(&self, app: &str, refusal: &Refusal);
}
