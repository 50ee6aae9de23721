//! The cache of renderings, by content and settings. They hold only what is in git: filled manifests are never
//! cached.

use super::environment;
use super::fields::Fields;
use super::orders::{self, Numbered, Rendered};
use crate::hydrated::FillWhen;
use bytes::Bytes;
use keyfill_cmp::AppRequest;
use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// A hash of all that a rendering depends on: the archive, the app's folder in it, and the request's variables and
/// settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key([u8; 32]);

impl Key {
    /// The key of a request. `chosen` is `KEYFILL_ENGINE`, `KEYFILL_HELM_COMPAT` and `KEYFILL_PREFER`; the last
    /// parameter decides which documents are packed for filling.
    pub fn of(
        request: &AppRequest,
        with_git: bool,
        chosen: [Option<&str>; 3],
        (compat_avp, filling): (bool, FillWhen),
    ) -> Self {
        let mut fields = Fields::default();
        fields.add(request.checksum);
        let mut field = |text: &str| fields.add(text);
        field(request.path.as_str());
        chosen.into_iter().for_each(|chosen| field(chosen.unwrap_or_default()));
        field(if compat_avp { "avp" } else { "" });
        field(match filling {
            FillWhen::Always => "",
            FillWhen::IfHydrated => "if hydrated",
            FillWhen::Never => "never",
        });
        for (name, value) in environment::for_rendering(request, with_git) {
            field(name);
            field(value);
        }
        Self(fields.hash())
    }
}

/// A rendering as its worker sent it: manifests that are ready to be sent, and documents that are packed for the
/// worker that fills them.
#[derive(Debug, Default)]
pub struct Kept {
    /// Manifests that need no filling.
    pub ready: Numbered,
    /// The documents that are to be filled, packed.
    pub open: Bytes,
    /// How many documents are to be filled.
    pub to_fill: u32,
    /// Warnings for the app's author or the administrator.
    pub warnings: Vec<String>,
    /// The engine that rendered.
    pub engine: String,
}

impl Kept {
    /// A rendering from a worker's report and its tail; `None` if the two do not fit together.
    pub fn new(rendered: Rendered, mut tail: Bytes) -> Option<Self> {
        let Rendered { ready, to_fill, warnings, engine, .. } = rendered;
        let ready = orders::cut(&ready, &mut tail)?;
        Some(Self { ready, open: tail, to_fill, warnings, engine })
    }

    /// The bytes of memory that the rendering takes.
    pub fn bytes(&self) -> u64 {
        /// The bytes that the allocator and the table need for each string.
        const EACH: usize = 40;
        // The manifests and packed documents share the report's tail, which is freed with the last of them.
        let ready: usize = self.ready.iter().map(|(_, json)| json.len() + EACH).sum();
        let warnings: usize = self.warnings.iter().map(|warning| warning.len() + EACH).sum();
        (ready + warnings + self.open.len() + size_of::<Self>() + EACH) as u64
    }
}

/// A cache that removes the oldest rendering first.
pub struct RenderCache {
    most: u64,
    inner: Mutex<Inner>,
    hits: AtomicU64,
}

#[derive(Default)]
struct Inner {
    results: HashMap<Key, (Arc<Kept>, u64)>,
    order: VecDeque<Key>,
    bytes: u64,
}

impl RenderCache {
    /// A cache of at most `most` bytes; with 0 it stays empty.
    pub fn new(most: u64) -> Self {
        Self { most, inner: Mutex::default(), hits: AtomicU64::new(0) }
    }

    /// The cached rendering of a key.
    pub fn get(&self, key: &Key) -> Option<Arc<Kept>> {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let found = inner.results.get(key).map(|(rendered, _)| Arc::clone(rendered));
        self.hits.fetch_add(u64::from(found.is_some()), Ordering::Relaxed);
        found
    }

    /// Caches a rendering, unless it would take more than a quarter of the cache.
    pub fn put(&self, key: Key, rendered: Arc<Kept>) {
        let size = rendered.bytes();
        if size > self.most_kept() {
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

    /// The most bytes that a single rendering may have to be cached.
    pub fn most_kept(&self) -> u64 {
        self.most / 4
    }

    /// The bytes of all cached renderings.
    pub fn bytes(&self) -> u64 {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).bytes
    }

    /// How often a rendering was found.
    pub fn hits(&self) -> u64 {
        self.hits.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::{FillWhen, Kept, Key, RenderCache};
    use bytes::Bytes;
    use keyfill_cmp::AppRequest;
    use keyfill_files::TreePath;
    use std::sync::Arc;

    #[test]
    fn the_cache_stays_in_its_bounds() {
        let rendered = || {
            let ready = vec![(0, Bytes::from("x".repeat(1_000)))];
            Arc::new(Kept { ready, ..Kept::default() })
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

    #[test]
    fn what_decides_a_rendering_decides_its_key() {
        let request = |path: &str, env: &[(&str, &str)]| AppRequest {
            path: TreePath::new(path).unwrap(),
            env: env.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
            checksum: [7; 32],
            trace_parent: None,
        };
        let key = |path: &str, env: &[(&str, &str)]| {
            Key::of(&request(path, env), false, [None; 3], (false, FillWhen::Always))
        };
        let one = key("a", &[("ARGOCD_APP_NAME", "x"), ("ARGOCD_APP_REVISION", "1")]);
        assert_eq!(one, key("a", &[("ARGOCD_APP_NAME", "x"), ("ARGOCD_APP_REVISION", "2"), ("OTHER", "y")]));
        for other in [
            key("b", &[("ARGOCD_APP_NAME", "x")]),
            key("a", &[("ARGOCD_APP_NAME", "y")]),
            key("a", &[("ARGOCD_APP_NAME", "x"), ("ARGOCD_ENV_HELM_VALUES", "a: 1")]),
            Key::of(
                &request("a", &[("ARGOCD_APP_NAME", "x")]),
                false,
                [Some("exec"), None, None],
                (false, FillWhen::Always),
            ),
            Key::of(&request("a", &[("ARGOCD_APP_NAME", "x")]), false, [None; 3], (true, FillWhen::Always)),
            Key::of(&request("a", &[("ARGOCD_APP_NAME", "x")]), false, [None; 3], (false, FillWhen::Never)),
        ] {
            assert_ne!(one, other);
        }
    }
}
