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

/// The largest archive that is taken in, in bytes. helm lets an archive unpack to as much.
pub(crate) const MOST_ARCHIVE: u64 = 100 << 20;

/// A chart as it came from its source.
pub(crate) struct Taken {
    /// The version that was chosen.
    pub(crate) version: String,
    /// Where the archive was: absolute; empty for OCI.
    pub(crate) url: String,
    /// The digest of the archive.
    pub(crate) digest: Digest,
    /// The archive.
    pub(crate) archive: Bytes,
    /// Every URL that was asked for the archive.
    pub(crate) urls: Vec<String>,
    /// What tells the login that the archive needed.
    pub(crate) login: String,
}

/// The error for a version that is not there.
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
