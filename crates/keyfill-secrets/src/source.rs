//! The trait that every store implements.

use crate::vault::Known;
use crate::{Error, Keys, SecretData, SecretRef};
use keyfill_diag::{Cx, Diagnostic};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

/// A future that may be sent between threads and borrows its inputs.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A store that only has to say how it reads a secret: the implementation of [`Source`] is the same for all of them.
pub(crate) trait Store: Send + Sync {
    /// Reads the secret of a reference; see [`Source::read_keys`].
    fn get(
        &self,
        secret: &SecretRef,
        keys: &Keys,
        cx: &Cx,
    ) -> impl Future<Output = Result<Arc<SecretData>, Error>> + Send;

    /// See [`Source::reads_by_key`].
    fn reads_by_key(&self, _secret: &SecretRef) -> bool {
        false
    }
}

/// Adds to each error which secret could not be read.
impl<S: Store> Source for S {
    fn read_keys<'a>(
        &'a self,
        secret: &'a SecretRef,
        keys: &'a Keys,
        cx: &'a Cx,
    ) -> BoxFuture<'a, Result<Arc<SecretData>, Error>> {
        Box::pin(async move {
            let read = self.get(secret, keys, cx).await;
            read.map_err(|error| error.about(format!("cannot read {secret}")))
        })
    }

    fn reads_by_key(&self, secret: &SecretRef) -> bool {
        Store::reads_by_key(self, secret)
    }
}

/// A secret store.
pub trait Source: Send + Sync {
    /// Reads all keys of the secret that a reference names.
    fn read<'a>(
        &'a self,
        secret: &'a SecretRef,
        cx: &'a Cx,
    ) -> BoxFuture<'a, Result<Arc<SecretData>, Error>> {
        self.read_keys(secret, &Keys::All, cx)
    }

    /// Reads the secret that a reference names, before the deadline of `cx`. `keys` are the keys that the caller needs:
    /// a store that reads each key with a request of its own returns these only; any other store may return all keys.
    /// Must be called in a tokio runtime with IO and time enabled. A source retries after temporary failures itself, so
    /// that its caller need not retry.
    fn read_keys<'a>(
        &'a self,
        secret: &'a SecretRef,
        keys: &'a Keys,
        cx: &'a Cx,
    ) -> BoxFuture<'a, Result<Arc<SecretData>, Error>>;

    /// Whether a secret exists, and which versions it has, without reading a value. `None` if a change of a secret in
    /// this store shows in its values only.
    fn known<'a>(
        &'a self,
        _secret: &'a SecretRef,
        _cx: &'a Cx,
    ) -> BoxFuture<'a, Result<Option<Known>, Error>> {
        Box::pin(std::future::ready(Ok(None)))
    }

    /// Whether each key of a secret is read with a request of its own, so that an answer contains the requested keys
    /// and no others.
    fn reads_by_key(&self, _secret: &SecretRef) -> bool {
        false
    }

    /// Whether a reference may name a namespace. A store without namespaces would return another value than the
    /// reference means, so that such a read is refused.
    fn has_namespaces(&self, _secret: &SecretRef) -> bool {
        false
    }

    /// Returns the warnings since the last call, for example that other users may read the secrets file, or that a
    /// cache cannot be used.
    fn take_warnings(&self) -> Vec<Diagnostic> {
        Vec::new()
    }
}
