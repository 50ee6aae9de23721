//! The application that a run renders.

/// The application, as Argo CD describes it in variables. A part that is not known is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct App {
    /// `ARGOCD_APP_NAME`.
    pub name: Option<String>,
    /// `ARGOCD_APP_NAMESPACE`: the namespace that it is deployed to.
    pub namespace: Option<String>,
    /// `ARGOCD_APP_PROJECT_NAME`.
    pub project: Option<String>,
}
