//! Plain YAML and JSON: nothing is rendered, the text is split into documents as it stands.

use anyhow::{Result, bail};
use bytes::Bytes;
use keyfill_files::{Files, TreePath};
use keyfill_yaml::{Body, Document, Origin, split_stream};
use std::sync::Arc;

/// The documents of one text. They share its bytes.
pub fn documents(text: &Bytes, name: &str) -> Vec<Document> {
    let name: Arc<str> = name.into();
    let parts = split_stream(text).enumerate();
    let document = |(index, part): (usize, keyfill_yaml::Part)| Document {
        before: text.slice(part.before),
        body: Body::Raw(text.slice(part.body)),
        origin: Origin { file: Some(Arc::clone(&name)), line: part.line, index: index + 1 },
    };
    parts.map(document).collect()
}

/// The documents of one file.
pub fn file(files: &dyn Files, path: &TreePath) -> Result<Vec<Document>> {
    let text = files.read(path)?;
    if text.contains(&0) {
        bail!("{path} is a binary file, not YAML or JSON");
    }
    Ok(documents(&text, path.as_str()))
}

/// The documents of a folder: its .yaml, .yml and .json files at any depth, by their whole paths in byte
/// order, as argocd-vault-plugin reads a folder.
pub fn folder(files: &dyn Files, dir: &TreePath) -> Result<Vec<Document>> {
    let mut paths = files.walk(dir);
    paths.retain(|path| crate::discover::is_manifest_name(path.name()));
    if paths.is_empty() {
        bail!("{dir} holds no kustomization, no chart, and no .yaml, .yml or .json file");
    }
    let mut all = Vec::new();
    for path in &paths {
        let mut documents = file(files, path)?;
        // Only the first file's beginning is the stream's; the others are set apart.
        if let (false, Some(first)) = (all.is_empty(), documents.first_mut())
            && first.before.is_empty()
        {
            first.before = Bytes::from_static(b"---\n");
        }
        all.append(&mut documents);
    }
    for (index, document) in all.iter_mut().enumerate() {
        document.origin.index = index + 1;
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::folder;
    use keyfill_files::{MemoryFiles, TreePath};

    #[test]
    fn a_folder_is_read_in_path_order() {
        let files: MemoryFiles =
            [("b.yaml", "b: 1"), ("a/z.yml", "z: 1\n---\ny: 1\n"), ("c.txt", "no"), ("a.json", "{}")]
                .into_iter()
                .collect();
        let documents = folder(&files, &TreePath::root()).unwrap();
        let output = crate::emit::Output::of(&documents).to_bytes();
        assert_eq!(String::from_utf8(output).unwrap(), "{}\n---\nz: 1\n---\ny: 1\n---\nb: 1");
        assert!(folder(&MemoryFiles::new(), &TreePath::root()).is_err());
    }
}
