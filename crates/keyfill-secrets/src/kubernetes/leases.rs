//! Leases, which elect a leader: of several replicas, the one that holds the Lease works, and the others wait.

use super::request::{Refused, Sent, send};
use super::{InCluster, check_name};
use crate::Error;
use keyfill_diag::Cx;
use serde_json::{Value, json};

const API: &str = "coordination.k8s.io/v1";

/// A Lease as the API server returned it. Fields that keyfill does not write stay as they are.
#[derive(Clone, Debug, PartialEq)]
pub struct Lease(Value);

impl Lease {
    /// A Lease that does not exist in the cluster yet.
    pub fn new(namespace: &str, name: &str) -> Self {
        let metadata = json!({"namespace": namespace, "name": name});
        Self(json!({"apiVersion": API, "kind": "Lease", "metadata": metadata, "spec": {}}))
    }

    /// The identity of the holder; empty if nobody holds the Lease.
    pub fn holder(&self) -> &str {
        self.0["spec"]["holderIdentity"].as_str().unwrap_or_default()
    }

    /// How long the Lease is held after each renewal, in seconds.
    pub fn seconds(&self) -> u64 {
        self.0["spec"]["leaseDurationSeconds"].as_u64().unwrap_or_default()
    }

    /// The resource version, which changes with each write; empty if the Lease does not exist in the cluster yet.
    pub fn resource_version(&self) -> &str {
        self.0["metadata"]["resourceVersion"].as_str().unwrap_or_default()
    }

    /// The value of an annotation; empty if there is none.
    pub fn annotation(&self, name: &str) -> &str {
        self.0["metadata"]["annotations"][name].as_str().unwrap_or_default()
    }

    /// Sets an annotation.
    pub fn annotate(&mut self, name: &str, text: &str) {
        self.part("metadata", "annotations")[name] = json!(text);
    }

    /// Takes the Lease over or renews it. `now` is the time in RFC 3339 with microseconds. An empty holder releases it.
    pub fn hold(&mut self, holder: &str, seconds: u64, now: &str) {
        let is_new = self.holder() != holder;
        let spec = self.spec();
        if is_new {
            let transitions = spec["leaseTransitions"].as_u64().unwrap_or_default();
            spec["leaseTransitions"] = json!(transitions + u64::from(!holder.is_empty()));
            spec["acquireTime"] = json!(now);
        }
        spec["holderIdentity"] = json!(holder);
        spec["leaseDurationSeconds"] = json!(seconds.max(1));
        spec["renewTime"] = json!(now);
    }

    fn spec(&mut self) -> &mut Value {
        if !self.0["spec"].is_object() {
            self.0["spec"] = json!({});
        }
        &mut self.0["spec"]
    }

    fn part(&mut self, outer: &str, inner: &str) -> &mut Value {
        if !self.0[outer][inner].is_object() {
            self.0[outer][inner] = json!({});
        }
        &mut self.0[outer][inner]
    }
}

/// The Lease with this name; `None` if there is none.
pub async fn get(
    cluster: &InCluster,
    namespace: &str,
    name: &str,
    cx: &Cx,
) -> Result<Option<Lease>, Refused> {
    let path = path(namespace, Some(name))?;
    let what = format!("cannot read the Lease {namespace}/{name}");
    match send(cluster, Sent::get(&path), &what, cx).await {
        Ok(answer) => lease(&answer, &what).map(Some),
        Err(Refused::Absent) => Ok(None),
        Err(refused) => Err(refused),
    }
}

/// Writes a Lease: creates it if it has no resource version, else updates it. If it has changed in the cluster since it
/// was read, the error is [`Refused::Conflict`].
pub async fn put(
    cluster: &InCluster,
    namespace: &str,
    name: &str,
    wanted: &Lease,
    cx: &Cx,
) -> Result<Lease, Refused> {
    let is_new = wanted.resource_version().is_empty();
    let path = path(namespace, (!is_new).then_some(name))?;
    let what = format!("cannot write the Lease {namespace}/{name}");
    let method = if is_new { http::Method::POST } else { http::Method::PUT };
    let answer = send(cluster, Sent::json(method, &path, &wanted.0), &what, cx).await?;
    lease(&answer, &what)
}

fn path(namespace: &str, name: Option<&str>) -> Result<String, Refused> {
    check_name("namespace", namespace).map_err(Refused::Failed)?;
    let all = format!("/apis/{API}/namespaces/{namespace}/leases");
    let Some(name) = name else { return Ok(all) };
    check_name("name", name).map_err(Refused::Failed)?;
    Ok(format!("{all}/{name}"))
}

fn lease(answer: &keyfill_http::Answer, what: &str) -> Result<Lease, Refused> {
    let value: Option<Value> = serde_json::from_slice(&answer.body).ok();
    let lease = value.filter(Value::is_object).map(Lease);
    let lease = lease.filter(|lease| !lease.resource_version().is_empty());
    lease.ok_or_else(|| Refused::Failed(Error::store(format!("{what}: the answer is not a Lease"))))
}

#[cfg(test)]
mod tests {
    use super::Lease;
    use serde_json::json;

    #[test]
    fn a_new_holder_is_counted_as_a_transition_and_other_fields_stay() {
        let mut lease = Lease(json!({
            "metadata": {"resourceVersion": "7", "labels": {"a": "b"}},
            "spec": {"holderIdentity": "one", "leaseTransitions": 3, "acquireTime": "t0", "strategy": "x"},
        }));
        lease.hold("one", 15, "t1");
        assert_eq!((lease.0["spec"]["leaseTransitions"].as_u64(), lease.seconds()), (Some(3), 15));
        assert_eq!(lease.0["spec"]["acquireTime"], "t0");
        lease.hold("", 0, "t2");
        assert_eq!((lease.holder(), lease.seconds()), ("", 1));
        lease.hold("two", 15, "t3");
        lease.annotate("n", "text");
        let want = json!({
            "metadata": {"resourceVersion": "7", "labels": {"a": "b"}, "annotations": {"n": "text"}},
            "spec": {
                "holderIdentity": "two", "leaseTransitions": 4, "leaseDurationSeconds": 15, "acquireTime": "t3",
                "renewTime": "t3", "strategy": "x",
            },
        });
        assert_eq!(lease.0, want);
    }
}
