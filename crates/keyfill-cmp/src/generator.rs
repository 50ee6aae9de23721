//! The interface between the protocol and the program that renders.

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

/// The variable of a request that names the app.
pub(crate) const APP_NAME: &str = "ARGOCD_APP_NAME";

/// The variable of a request that names the project.
pub(crate) const PROJECT: &str = "ARGOCD_APP_PROJECT_NAME";

/// A request: the app's variables, and its folder in the archive.
#[derive(Clone)]
pub struct AppRequest {
    /// The app's folder in the archive. Whether it exists is checked when the archive is opened.
    pub path: TreePath,
    /// The request's environment, as repo-server sent it.
    pub env: Vec<(String, String)>,
    /// SHA-256 of the archive: equal for equal content.
    pub checksum: [u8; 32],
    /// The header `traceparent` of W3C's Trace Context, unparsed: it names the caller's span.
    pub trace_parent: Option<String>,
}

impl fmt::Debug for AppRequest {
    /// Shows only the names of variables: their values may be credentials.
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

    /// The app's name in logs, metrics and the queue: `ARGOCD_APP_NAME`, or the folder if the request has no such
    /// variable.
    pub fn app(&self) -> &str {
        self.var(APP_NAME).unwrap_or_else(|| self.path.as_str())
    }

    /// The app's project; empty if the request names none.
    pub fn project(&self) -> &str {
        self.var(PROJECT).unwrap_or_default()
    }
}

/// Whether a folder is for this plugin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Matched {
    /// Whether the folder is for this plugin.
    pub supported: bool,
    /// Whether discovery decides about apps that name the plugin too. If so, Argo CD refuses such an app unless it
    /// is supported. If not, Argo CD uses the plugin for such an app in any case.
    pub discovery_enabled: bool,
}

/// A parameter that an app can set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parameter {
    /// The parameter's name.
    pub name: String,
    /// The parameter's title in Argo CD's UI.
    pub title: String,
    /// The parameter's description in Argo CD's UI.
    pub tooltip: String,
    /// Whether an app must set it.
    pub required: bool,
    /// The type of one item: `string`, `number`, `boolean`.
    pub item_type: String,
    /// `string`, `array` or `map`.
    pub collection_type: String,
    /// The default of a string.
    pub string: String,
    /// The default of an array.
    pub array: Vec<String>,
    /// The default of a map.
    pub map: BTreeMap<String, String>,
}

/// Why a request failed, as Argo CD's UI shows it. It holds no secret value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The error's class, from which the gRPC code follows.
    pub class: Class,
    /// The whole message.
    pub message: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// Renders and fills. Calls run concurrently, each with its own request, archive, deadline and limits.
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

    /// Notes a request that was refused before one of the calls above: it violated the protocol, exceeded a limit,
    /// or waited in the queue until its deadline. `app` is empty if the request had not named one yet.
    fn turned_away(&self, app: &str, refusal: &Refusal);
}
