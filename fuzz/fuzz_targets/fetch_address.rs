//! Any entry of a kustomization is an address or a path, and the folder that an address names is never outside its
//! repository.
#![no_main]

use keyfill_files::TreePath;
use keyfill_kustomize::Repository;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Some(repository) = Repository::parse(text) {
        assert!(!repository.git.url.is_empty());
        let inside = TreePath::new("repo").and_then(|root| root.join(&repository.path));
        assert!(inside.is_none_or(|path| path.as_str().starts_with("repo")), "{text:?}");
    }
});
