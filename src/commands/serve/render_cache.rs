//! Rendered results, kept by content and settings. What they hold is in git; nothing filled is ever kept.

use super::manifests::Manifest;
use crate::render::options::Options;
use keyfill_cmp::AppRequest;
use keyfill_diag::Diagnostic;
use keyfill_yaml::{Body, Document, Node};
use sha2::{Digest as _, Sha256};
use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// What decides a rendered result: the archive, the app's folder in it, and every option.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key([u8; 32]);

impl Key {
    /// The key of a request.
    pub fn of(request: &AppRequest, options: &Options) -> Self {
        let mut hash = Sha256::new();
        hash.update(request.checksum);
        // The Debug text names every field with its value, so that equal texts are equal options.
        hash.update(format!("{:?} {options:?}", request.path));
        Self(hash.finalize().into())
    }
}

/// What rendering gave, ready to be filled.
#[derive(Debug, Default)]
pub struct Rendered {
    /// The documents in their order.
    pub manifests: Vec<Manifest>,
    /// What a person should know though the run goes on.
    pub warnings: Vec<Diagnostic>,
    /// Who rendered.
    pub engine: &'static str,
}

/// A cache that forgets what was put in first.
pub struct RenderCache {
    most: u64,
    inner: Mutex<Inner>,
    hits: AtomicU64,
}

#[derive(Default)]
struct Inner {
    results: HashMap<Key, (Arc<Rendered>, u64)>,
    order: VecDeque<Key>,
    bytes: u64,
}

impl RenderCache {
    /// A cache of at most so many bytes; none keeps nothing.
    pub fn new(most: u64) -> Self {
        Self { most, inner: Mutex::default(), hits: AtomicU64::new(0) }
    }

    /// A result that was kept.
    pub fn get(&self, key: &Key) -> Option<Arc<Rendered>> {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let found = inner.results.get(key).map(|(rendered, _)| Arc::clone(rendered));
        self.hits.fetch_add(u64::from(found.is_some()), Ordering::Relaxed);
        found
    }

    /// Keeps a result, unless it would take more than a quarter of the cache.
    pub fn put(&self, key: Key, rendered: Arc<Rendered>) {
        let size = rendered.manifests.iter().map(size_of).sum::<u64>() + 256;
        if size > self.most / 4 {
            return;
        }
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let inner = &mut *inner;
        if inner.results.insert(key, (rendered, size)).is_none() {
            inner.order.push_back(key);
            inner.bytes += size;
        }
        while inner.bytes > self.most {
            let Some(oldest) = inner.order.pop_front() else { return };
            if let Some((_, size)) = inner.results.remove(&oldest) {
                inner.bytes -= size;
            }
        }
    }

    /// Bytes that are kept.
    pub fn bytes(&self) -> u64 {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).bytes
    }

    /// How often a result was found.
    pub fn hits(&self) -> u64 {
        self.hits.load(Ordering::Relaxed)
    }
}

/// About how much memory a document takes.
fn size_of(manifest: &Manifest) -> u64 {
    const OVERHEAD: u64 = 128;
    OVERHEAD
        + match manifest {
            Manifest::Ready(json) => json.len() as u64,
            Manifest::Open(Document { body: Body::Raw(text), .. }) => text.len() as u64,
            Manifest::Open(Document { body: Body::Tree(node), .. }) => node_size(node),
        }
}

fn node_size(node: &Node) -> u64 {
    const NODE: u64 = 64;
    NODE + match node {
        Node::Scalar(scalar) => scalar.text.len() as u64,
        Node::Seq(seq) => seq.items.iter().map(node_size).sum(),
        Node::Map(map) => map.iter().map(|(key, value)| NODE + key.len() as u64 + node_size(value)).sum(),
    }
}

#[cfg(test)]
mod tests {
    use super::{Key, RenderCache, Rendered};
    use crate::commands::serve::manifests::Manifest;
    use std::sync::Arc;

    #[test]
    fn the_cache_stays_in_its_bounds() {
        let rendered = || {
            let manifests = vec![Manifest::Ready("x".repeat(1_000).into())];
            Arc::new(Rendered { manifests, ..Rendered::default() })
        };
        let cache = RenderCache::new(6_000);
        for i in 0..20 {
            cache.put(Key([i; 32]), rendered());
            cache.put(Key([i; 32]), rendered());
            assert!(cache.bytes() <= 6_000);
        }
        assert!(cache.get(&Key([19; 32])).is_some() && cache.get(&Key([0; 32])).is_none());
        assert_eq!(cache.hits(), 1);
        let off = RenderCache::new(0);
        off.put(Key([1; 32]), rendered());
        assert!(off.get(&Key([1; 32])).is_none());
    }
}
