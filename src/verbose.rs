//! `-v`: prints on stderr what a run reads and with which settings. Only names, paths and versions, never a secret.

use crate::discover::{Root, RootKind};
use crate::escape;
use crate::settings::Settings;
use crate::settings::authority::SetBy;
use crate::settings::table::setting;
use crate::values::count;
use keyfill_diag::{Cx, Diagnostic};
use keyfill_secrets::{BoxFuture, Error, Keys, SecretData, SecretRef, Source};
use std::sync::Arc;

/// Prints the effective settings and who set them, the login method, and where tokens are cached. Credentials are
/// printed as `(secret)`.
pub fn settings(settings: &Settings) {
    let effective = &settings.effective;
    for (name, set) in effective.iter() {
        let by = match set.set_by {
            SetBy::Administrator => "administrator",
            SetBy::AppSecret => "Secret of the app",
            SetBy::Author => "app",
        };
        let shown =
            if setting(name).is_some_and(|v| !v.is_secret()) { set.value.as_str() } else { "(secret)" };
        say(&format!("setting {name} = {shown} (set by {by})"));
    }
    if let Some(method) = effective.method() {
        say(&format!("login method {}", method.name()));
        say(&match &settings.token_cache {
            Some(folder) => format!("tokens are kept in {}", folder.display()),
            None => "no token is kept".to_owned(),
        });
    }
}

/// Prints the root that is checked.
pub fn root(root: &Root) {
    let kind = match root.kind {
        RootKind::Kustomization => "kustomization",
        RootKind::Chart => "chart",
        RootKind::Yaml => "plain YAML",
    };
    say(&format!("checking {} ({kind})", root.dir));
}

#[allow(clippy::print_stderr)]
fn say(line: &str) {
    eprintln!("keyfill: {}", escape::one_line(line));
}

/// A source that prints each path before it is read, and the result after it.
pub struct Announced(pub Arc<dyn Source>);

impl Source for Announced {
    fn read<'a>(
        &'a self,
        secret: &'a SecretRef,
        cx: &'a Cx,
    ) -> BoxFuture<'a, Result<Arc<SecretData>, Error>> {
        Box::pin(async move { announced(secret, self.0.read(secret, cx)).await })
    }

    fn read_keys<'a>(
        &'a self,
        secret: &'a SecretRef,
        keys: &'a Keys,
        cx: &'a Cx,
    ) -> BoxFuture<'a, Result<Arc<SecretData>, Error>> {
        Box::pin(async move { announced(secret, self.0.read_keys(secret, keys, cx)).await })
    }

    fn has_namespaces(&self, secret: &SecretRef) -> bool {
        self.0.has_namespaces(secret)
    }

    fn take_warnings(&self) -> Vec<Diagnostic> {
        self.0.take_warnings()
    }
}

async fn announced(
    secret: &SecretRef,
    read: BoxFuture<'_, Result<Arc<SecretData>, Error>>,
) -> Result<Arc<SecretData>, Error> {
    let version = secret.version.as_deref().unwrap_or("latest");
    let name = SecretRef { version: None, ..secret.clone() };
    say(&format!("reading {name} (version {version})"));
    let answer = read.await;
    match &answer {
        Ok(data) => say(&format!("{name} was read: {}", count(data.iter().count(), "key"))),
        Err(error) => say(&format!("{name} was not read: {error}")),
    }
    answer
}
