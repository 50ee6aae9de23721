//! A repository's archive as repo-server sends it: gzip tar, metadata first, then pieces of 1,024 bytes.

use flate2::Compression;
use flate2::write::GzEncoder;
use keyfill_cmp::proto::plugin::app_stream_request::Request;
use keyfill_cmp::proto::plugin::{AppStreamRequest, EnvEntry, File, ManifestRequestMetadata};
use sha2::{Digest as _, Sha256};
use std::sync::Arc;

/// Number of bytes of the archive that one message carries.
const PIECE: usize = 1_024;

/// A folder of a repository to render, as the messages of a request.
#[derive(Clone)]
pub struct App {
    /// Name of the app.
    pub name: String,
    /// The messages of its request, the metadata first.
    pub messages: Arc<Vec<AppStreamRequest>>,
    /// A filled value that the answer's manifests must contain.
    pub expects: String,
}

/// The files of a repository, with their paths.
pub type Tree = Vec<(String, Vec<u8>)>;

/// Packs a tree as tar.gz.
pub fn pack(tree: &Tree) -> Vec<u8> {
    // Go's default level, which repo-server uses.
    let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::new(6)));
    for (path, content) in tree {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        header.set_mtime(1_700_000_000);
        tar.append_data(&mut header, path, &content[..]).expect("memory takes it");
    }
    tar.into_inner().and_then(GzEncoder::finish).expect("memory takes it")
}

impl App {
    /// The app in the folder `path` of a packed repository.
    pub fn new(name: &str, path: &str, packed: &[u8], expects: &str) -> Self {
        Self::of_project("team", name, path, packed, &[], expects)
    }

    /// The app with a project's name and further variables in its request.
    pub fn of_project(
        project: &str,
        name: &str,
        path: &str,
        packed: &[u8],
        own: &[(&str, &str)],
        expects: &str,
    ) -> Self {
        let checksum: String = Sha256::digest(packed).iter().map(|byte| format!("{byte:02x}")).collect();
        let env = [
            ("ARGOCD_APP_NAME", name),
            ("ARGOCD_APP_NAMESPACE", "apps"),
            ("ARGOCD_APP_PROJECT_NAME", project),
            ("ARGOCD_APP_REVISION", "0123456789abcdef0123456789abcdef01234567"),
            ("ARGOCD_APP_SOURCE_REPO_URL", "https://git.example.com/team/apps.git"),
            ("ARGOCD_APP_SOURCE_PATH", path),
            ("ARGOCD_APP_SOURCE_TARGET_REVISION", "HEAD"),
            ("KUBE_VERSION", "1.34.0"),
            ("KUBE_API_VERSIONS", "v1,apps/v1,batch/v1,networking.k8s.io/v1"),
        ];
        let entry =
            |(name, value): &(&str, &str)| EnvEntry { name: (*name).to_owned(), value: (*value).to_owned() };
        let metadata = ManifestRequestMetadata {
            app_name: path.rsplit('/').next().unwrap_or(path).to_owned(),
            app_rel_path: path.to_owned(),
            checksum,
            size: packed.len() as i64,
            env: env.iter().chain(own).map(entry).collect(),
        };
        let message = |request| AppStreamRequest { request: Some(request) };
        let pieces = packed.chunks(PIECE).map(|piece| message(Request::File(File { chunk: piece.to_vec() })));
        let messages = std::iter::once(message(Request::Metadata(metadata))).chain(pieces).collect();
        Self { name: name.to_owned(), messages: Arc::new(messages), expects: expects.to_owned() }
    }
}
