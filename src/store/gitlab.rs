//! GitLab's CI/CD variables, from `GITLAB_*`.

use super::{Given, network::network};
use crate::settings::SourceKind;
use anyhow::Result;
use keyfill_secrets::gitlab::{GitLab, GitLabSettings};
use keyfill_secrets::{Secret, Source};
use std::sync::Arc;

/// `gitlab`
pub fn open(given: Given<'_>) -> Result<Arc<dyn Source>> {
    Ok(Arc::new(GitLab::new(GitLabSettings {
        address: given.owned("GITLAB_URL"),
        token: Secret::new(given.needed("GITLAB_TOKEN", SourceKind::GitLab)?),
        network: network(given),
    })))
}
