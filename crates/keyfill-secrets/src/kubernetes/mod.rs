//! Requests to the API server of the cluster that keyfill runs in, with the service account of the pod.
//!
//! They read settings from a Secret (`-s NAMESPACE:NAME`) and the logins that Argo CD keeps in Secrets;
//! [`applications`] and [`leases`] are for `serve --refresh`. There are so few kinds of requests that no client
//! library is used.

pub mod applications;
pub mod leases;
mod request;

use crate::Secret;
use crate::error::Error;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use keyfill_diag::Cx;
use keyfill_http::Answer;
use std::collections::BTreeMap;
use std::path::PathBuf;
use zeroize::Zeroizing;

pub use request::Refused;
pub(crate) use request::ask;

/// Where Kubernetes mounts the token of a pod's service account and the CA certificate of the API server.
pub const SERVICE_ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// How a pod reaches the API of its cluster.
#[derive(Clone, Debug)]
pub struct InCluster {
    /// The URL of the API server: `https://host:port`.
    pub address: String,
    /// The folder that holds `token`, `ca.crt` and `namespace`.
    pub folder: PathBuf,
}

impl InCluster {
    /// From the values of `KUBERNETES_SERVICE_HOST` and `KUBERNETES_SERVICE_PORT`, which every pod has.
    pub fn new(host: Option<&str>, port: Option<&str>) -> Result<Self, Error> {
        let (Some(host), Some(port)) = (host.filter(|h| !h.is_empty()), port.filter(|p| !p.is_empty()))
        else {
            return Err(Error::usage(
                "not running in a cluster: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set",
            )
            .hint("-s reads a Secret of the cluster; outside of one use -c with a file"));
        };
        let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
        Ok(Self { address: format!("https://{host}:{port}"), folder: SERVICE_ACCOUNT.into() })
    }

    /// The namespace of the pod, from the file beside the token.
    pub fn namespace(&self) -> Result<String, Error> {
        let text = request::file(self, "namespace")?;
        let name = String::from_utf8_lossy(&text).trim().to_owned();
        check_name("namespace", &name)?;
        Ok(name)
    }
}

/// The keys and values of a Secret.
pub async fn read_secret(
    cluster: &InCluster,
    namespace: &str,
    name: &str,
    cx: &Cx,
) -> Result<BTreeMap<String, Secret>, Error> {
    check_name("namespace", namespace)?;
    check_name("name", name)?;
    let what = format!("cannot read the Secret {namespace}:{name} from the cluster at {}", cluster.address);
    let answer = ask(cluster, &format!("/api/v1/namespaces/{namespace}/secrets/{name}"), &what, cx).await?;
    match answer.status.as_u16() {
        200 => keys(&answer, &what),
        404 => Err(Error::usage(format!("{what}: there is none")).hint("check its namespace and name")),
        status @ (401 | 403) => Err(Error::store(format!("{what}: the API answered {status}")).hint(format!(
            "let the service account get secrets in {namespace}: a Role with verb get on this Secret, and a RoleBinding"
        ))),
        status => Err(Error::store(format!("{what}: the API answered {status}"))),
    }
}

/// How many Secrets one request lists, and the most requests for one list.
const PAGE: usize = 500;
const MOST_PAGES: usize = 40;

/// A Secret from a list: its name, its labels, and its keys with their values.
#[derive(Clone, Debug)]
pub struct Listed {
    /// The name of the Secret.
    pub name: String,
    /// The labels of the Secret.
    pub labels: BTreeMap<String, String>,
    /// The keys with their values. Keys whose values are not UTF-8 are left out.
    pub keys: BTreeMap<String, Secret>,
}

/// The Secrets of a namespace that match a label selector.
pub async fn list_secrets(
    cluster: &InCluster,
    namespace: &str,
    selector: &str,
    cx: &Cx,
) -> Result<Vec<Listed>, Error> {
    check_name("namespace", namespace)?;
    let what = format!("cannot list the Secrets of {namespace} from the cluster at {}", cluster.address);
    let encoded = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let (mut found, mut next) = (Vec::new(), String::new());
    for _ in 0..MOST_PAGES {
        let path = format!(
            "/api/v1/namespaces/{namespace}/secrets?labelSelector={}&limit={PAGE}&continue={}",
            encoded(selector),
            encoded(&next)
        );
        let answer = ask(cluster, &path, &what, cx).await?;
        match answer.status.as_u16() {
            200 => next = add_page(&answer, &mut found, &what)?,
            status @ (401 | 403) => return Err(Error::store(format!("{what}: the API answered {status}")).hint(format!(
                "let the service account list secrets in {namespace}: a Role with the verb list, and a RoleBinding"
            ))),
            status => return Err(Error::store(format!("{what}: the API answered {status}"))),
        }
        if next.is_empty() {
            return Ok(found);
        }
    }
    Err(Error::store(format!("{what}: there are more than {}", PAGE * MOST_PAGES)))
}

/// Adds the Secrets of one answer to `found`. Returns the token for the next page, which is empty after the last one.
fn add_page(answer: &Answer, found: &mut Vec<Listed>, what: &str) -> Result<String, Error> {
    #[derive(serde::Deserialize, Default)]
    #[serde(default)]
    struct Metadata {
        name: String,
        labels: BTreeMap<String, String>,
        r#continue: Option<String>,
    }
    #[derive(serde::Deserialize)]
    struct Object {
        #[serde(default)]
        metadata: Metadata,
        #[serde(default)]
        data: Option<BTreeMap<String, Zeroizing<String>>>,
    }
    #[derive(serde::Deserialize)]
    struct List {
        #[serde(default)]
        metadata: Metadata,
        #[serde(default)]
        items: Vec<Object>,
    }
    let list: List = serde_json::from_slice(&answer.body)
        .map_err(|_| Error::store(format!("{what}: the answer is not a list of Secrets")))?;
    for Object { metadata, data } in list.items {
        let text = |encoded: &str| String::from_utf8(STANDARD.decode(encoded).ok()?).ok().map(Secret::new);
        let keys = data.unwrap_or_default().into_iter().filter_map(|(key, value)| Some((key, text(&value)?)));
        found.push(Listed { name: metadata.name, labels: metadata.labels, keys: keys.collect() });
    }
    Ok(list.metadata.r#continue.unwrap_or_default())
}

/// Refuses a text that is not a valid name in Kubernetes, since it becomes a part of a URL.
pub(crate) fn check_name(what: &str, text: &str) -> Result<(), Error> {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.';
    if text.is_empty() || text.len() > 253 || !text.chars().all(fits) || text.starts_with('.') {
        return Err(Error::usage(format!("{text:?} is not the {what} of a Secret"))
            .hint("write it as NAMESPACE:NAME"));
    }
    Ok(())
}

fn keys(answer: &Answer, what: &str) -> Result<BTreeMap<String, Secret>, Error> {
    #[derive(serde::Deserialize)]
    struct Object {
        #[serde(default)]
        data: Option<BTreeMap<String, Zeroizing<String>>>,
    }
    let object: Object = serde_json::from_slice(&answer.body)
        .map_err(|_| Error::store(format!("{what}: the answer is not a Secret")))?;
    let mut keys = BTreeMap::new();
    for (key, encoded) in object.data.unwrap_or_default() {
        let text = STANDARD.decode(encoded.as_bytes()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let text = text.ok_or_else(|| Error::usage(format!("{what}: its key {key} holds no text")))?;
        keys.insert(key, Secret::new(text));
    }
    Ok(keys)
}

#[cfg(test)]
mod tests {
    use super::InCluster;

    #[test]
    fn the_address_is_built_from_host_and_port_of_the_environment() {
        let address = |host, port| InCluster::new(host, port).map(|c| c.address);
        assert_eq!(address(Some("10.96.0.1"), Some("443")).expect("in a cluster"), "https://10.96.0.1:443");
        assert_eq!(address(Some("fd00::1"), Some("443")).expect("in a cluster"), "https://[fd00::1]:443");
        for (host, port) in [(None, None), (Some("h"), None), (Some(""), Some("443"))] {
            assert!(address(host, port).is_err_and(|e| e.to_string().contains("not running in a cluster")));
        }
    }
}
