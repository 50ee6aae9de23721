//! The trait that every store implements.

use crate::vault::Known;
use crate::{Error, Keys, SecretData, SecretRef};
use keyfill_diag::{Cx, Diagnostic};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

/// A future that may be sent between threads and borrows its inputs.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A store that reads a secret in one go: what makes it a [`Source`] is the same for all of them.
pub(crate) trait Store: Send + Sync {
    /// Reads what a reference names; see [`Source::read_keys`].
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

/// Errors say what could not be read.
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
    /// Reads what a reference names, with all of its keys.
    fn read<'a>(
        &'a self,
        secret: &'a SecretRef,
        cx: &'a Cx,
    ) -> BoxFuture<'a, Result<Arc<SecretData>, Error>> {
        self.read_keys(secret, &Keys::All, cx)
    }

    /// Reads what a reference names, before the deadline, where these keys are enough. A store whose keys are read
    /// one by one answers with these; any other may answer with all. It must run inside a tokio runtime with IO and
    /// time enabled. A source waits trouble out by itself; what it returns as an error is final.
    fn read_keys<'a>(
        &'a self,
        secret: &'a SecretRef,
        keys: &'a Keys,
        cx: &'a Cx,
    ) -> BoxFuture<'a, Result<Arc<SecretData>, Error>>;

    /// What the store knows of a secret's versions, without reading any; nothing where only its values tell a change.
    fn known<'a>(
        &'a self,
        _secret: &'a SecretRef,
        _cx: &'a Cx,
    ) -> BoxFuture<'a, Result<Option<Known>, Error>> {
        Box::pin(std::future::ready(Ok(None)))
    }

    /// Whether each key of a secret is a read of its own, so that an answer holds the keys that were asked for and no
    /// others.
    fn reads_by_key(&self, _secret: &SecretRef) -> bool {
        false
    }

    /// Whether a reference may name a namespace. To read it in a store that has none would give another value
    /// than was meant, so that such a read is refused.
    fn has_namespaces(&self, _secret: &SecretRef) -> bool {
        false
    }

    /// Takes the warnings since the last call: a file that others may read, a cache that cannot be used.
    fn take_warnings(&self) -> Vec<Diagnostic> {
        Vec::new()
    }
}
