//! GitLab's CI/CD variables (`gitlab`).
//!
//! A path is `projects/ID` or `groups/ID`, where ID is a number or a path as in `projects/team/app`. The keys are the
//! names of variables. A version is an environment scope; without one, the variable for all environments (`*`) is
//! read.

use crate::rest::{Network, Rest, Verdict};
use crate::source::Store;
use crate::web::{escaped, get, json, refused};
use crate::{Error, Keys, Secret, SecretData, SecretRef, SecretValue};
use keyfill_diag::Cx;
use keyfill_http::Answer;
use std::sync::Arc;
use zeroize::Zeroizing;

/// The name of the store in errors.
const NAME: &str = "GitLab";

/// Variables per page of a list.
const PAGE: usize = 100;

/// The most pages of a list that are read.
const MOST_PAGES: usize = 50;

/// Settings for GitLab, with the environment variables that set them. Only the administrator may set them.
#[derive(Clone)]
pub struct GitLabSettings {
    /// `GITLAB_URL`
    pub address: Option<String>,
    /// `GITLAB_TOKEN`
    pub token: Secret,
    /// Proxies and certificates.
    pub network: Network,
}

/// A source that reads variables from GitLab.
pub struct GitLab {
    settings: GitLabSettings,
    rest: Rest,
}

#[derive(serde::Deserialize)]
struct Variable {
    key: String,
    value: Option<Zeroizing<String>>,
    #[serde(default = "everywhere")]
    environment_scope: String,
}

fn everywhere() -> String {
    "*".to_owned()
}

impl Variable {
    fn entry(self) -> (String, SecretValue) {
        // GitLab does not return the value of a hidden variable.
        let value = self.value.map_or(SecretValue::Null, |text| SecretValue::Str(Secret::new(text.as_str())));
        (self.key, value)
    }
}

impl GitLab {
    /// A source with these settings. No request is sent before the first read.
    pub fn new(settings: GitLabSettings) -> Self {
        let rest = Rest::new(NAME, &settings.network);
        Self { settings, rest }
    }

    async fn ask(&self, address: &str, cx: &Cx) -> Result<Answer, Error> {
        let make = || get(address, "private-token", &self.settings.token, "GITLAB_TOKEN");
        self.rest.send(make, |_| Verdict::Final, cx).await
    }

    /// All variables of an environment scope.
    async fn list(
        &self,
        variables: &str,
        secret: &SecretRef,
        scope: &str,
        cx: &Cx,
    ) -> Result<Arc<SecretData>, Error> {
        let mut all = Vec::new();
        for page in 1..=MOST_PAGES {
            let answer = self.ask(&format!("{variables}?per_page={PAGE}&page={page}"), cx).await?;
            if answer.status != http::StatusCode::OK {
                return Err(failed(&answer, secret));
            }
            let listed: Vec<Variable> = json(&answer, NAME)?;
            let is_last = listed.len() < PAGE;
            all.extend(listed.into_iter().filter(|v| v.environment_scope == scope).map(Variable::entry));
            if is_last {
                break;
            }
        }
        Ok(Arc::new(all.into_iter().collect()))
    }
}

fn failed(answer: &Answer, secret: &SecretRef) -> Error {
    let hint = "check GITLAB_TOKEN: it needs the scope read_api or api, and the role Maintainer there";
    refused(answer, NAME, &secret.path, hint)
}

impl Store for GitLab {
    async fn get(&self, secret: &SecretRef, keys: &Keys, cx: &Cx) -> Result<Arc<SecretData>, Error> {
        let parts = secret.path.split_once('/').filter(|(kind, _)| matches!(*kind, "projects" | "groups"));
        let Some((kind, id)) = parts else {
            return Err(Error::usage(format!("{} is not a path of GitLab", secret.path))
                .hint("write it as projects/ID or groups/ID, where ID is a number or a path"));
        };
        let base = self.settings.address.as_deref().unwrap_or("https://gitlab.com").trim_end_matches('/');
        let variables = format!("{base}/api/v4/{kind}/{}/variables", escaped(id));
        let scope = secret.version.as_deref().unwrap_or("*");
        let Keys::These(names) = keys else { return self.list(&variables, secret, scope, cx).await };
        let mut all = Vec::with_capacity(names.len());
        for name in names {
            let filter = escaped("filter[environment_scope]");
            let address = format!("{variables}/{}?{filter}={}", escaped(name), escaped(scope));
            let answer = self.ask(&address, cx).await?;
            match answer.status.as_u16() {
                200 => all.push(json::<Variable>(&answer, NAME)?.entry()),
                404 => {}
                _ => return Err(failed(&answer, secret)),
            }
        }
        Ok(Arc::new(all.into_iter().collect()))
    }

    fn reads_by_key(&self, _: &SecretRef) -> bool {
        true
    }
}
