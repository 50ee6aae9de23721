//! Charts: from repositories with an `index.yaml`, and from OCI registries.

mod index;
mod oci;
mod repository;

pub use index::{Index, Listed, NotFound};
pub(crate) use oci::Registry;
#[doc(hidden)]
pub use oci::manifest_of;
pub(crate) use repository::Repository;

use crate::Digest;
use bytes::Bytes;
use keyfill_diag::{Class, nearest, without_users};
use keyfill_files::{ChartRef, FetchError};

/// The largest archive that is fetched, in bytes. It is helm's limit for an unpacked archive.
pub(crate) const MOST_ARCHIVE: u64 = 100 << 20;

/// A chart that was fetched.
pub(crate) struct Taken {
    /// The version that was chosen.
    pub(crate) version: String,
    /// The absolute URL of the archive; empty for OCI.
    pub(crate) url: String,
    /// The digest of the archive.
    pub(crate) digest: Digest,
    /// The bytes of the archive.
    pub(crate) archive: Bytes,
    /// Every URL that was requested for the archive, with redirects.
    pub(crate) urls: Vec<String>,
    /// Identifies the login with which the archive was fetched.
    pub(crate) login: String,
}

/// The error for a chart or a version that a repository does not have.
pub(crate) fn not_found<'a>(
    want: &ChartRef,
    why: &NotFound,
    names: impl Iterator<Item = &'a str>,
) -> FetchError {
    let ChartRef { repository, name, version } = want;
    let repository = without_users(repository);
    let render = |message: String| FetchError::new(Class::Render, message);
    match why {
        NotFound::Chart => {
            let error = render(format!("{repository} has no chart {name}"));
            match nearest(name, names) {
                Some(near) => error.hint(format!("did you mean {near}?")),
                None => error,
            }
        }
        NotFound::Version => render(format!("{repository} has no version of {name} that fits {version:?}"))
            .hint("helm takes a version with a prerelease only for a range that names one"),
        NotFound::Constraint => render(format!("{version:?} is neither a version nor a range of versions")),
    }
}
