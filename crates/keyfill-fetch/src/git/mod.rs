//! Trees of git repositories over https: protocol version 2, one commit deep.
//!
//! Protocol and pack are read by code of our own. gitoxide adds 8 MB to the binary and 81 packages, and a
//! transport that asks the host policy at every request would have to be written all the same; what is left
//! of git at a depth of one commit is small.

mod delta;
mod local;
mod object;
mod pack;
mod packet;
mod protocol;
mod snapshot;

pub use local::{Changes, LocalRepository, Revision, RevisionFiles, changes};
pub use pack::Pack;
pub use snapshot::Snapshot;

pub(crate) use protocol::{fetch, resolve};

use keyfill_diag::Class;
use keyfill_files::FetchError;
use url::Url;

/// Whether a reference is a commit's full name.
pub(crate) fn is_commit(reference: &str) -> bool {
    reference.len() == 40 && reference.bytes().all(|b| b.is_ascii_hexdigit())
}

/// Whether a reference looks like the tag of a release, which seldom moves.
pub(crate) fn is_version_tag(reference: &str) -> bool {
    let name = reference.strip_prefix("refs/tags/").unwrap_or(reference);
    let version = name.rsplit('/').next().unwrap_or(name).trim_start_matches(['v', 'V']);
    version.split('.').count() >= 3 && keyfill_go::semver::Version::parse(version).is_ok()
}

/// The address of a repository, which must be http or https: the policy decides about the rest.
pub(crate) fn address(text: &str) -> Result<Url, FetchError> {
    // `off` leaves it to the official binary, which may clone them.
    match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "https" | "http") && url.has_host() => Ok(url),
        Ok(url) if url.scheme() == "file" => Err(FetchError::off("a repository on this machine is not read")
            .hint("name the folder by a relative path")),
        _ => Err(FetchError::off("only repositories at an https address are fetched")
            .hint("write the address as https://HOST/PATH, with a login in .netrc or git's credential file")),
    }
}

/// Checks that a reference can be asked for.
pub(crate) fn check_reference(reference: &str) -> Result<(), FetchError> {
    let wrong = |c: char| c.is_control() || c.is_whitespace() || "~^:?*[\\".contains(c);
    if reference.starts_with('-')
        || reference.contains(wrong)
        || reference.contains("..")
        || reference.len() > 1000
    {
        return Err(FetchError::new(
            Class::Render,
            format!("{reference:?} is not the name of a branch, a tag or a commit"),
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{address, check_reference, is_commit, is_version_tag};

    #[test]
    fn references_by_their_kind() {
        assert!(is_commit(&"aB".repeat(20)) && !is_commit("abc123") && !is_commit(&"g".repeat(40)));
        for tag in ["v1.2.3", "1.2.3", "refs/tags/v1.2.3", "chart/v1.2.3-rc.1"] {
            assert!(is_version_tag(tag), "{tag}");
        }
        for other in ["main", "v1", "release-1.2", ""] {
            assert!(!is_version_tag(other), "{other}");
        }
        for bad in ["-x", "a b", "a..b", "a\nb", "a:b"] {
            assert!(check_reference(bad).is_err(), "{bad}");
        }
        assert!(check_reference("refs/pull/1/head").is_ok() && check_reference("").is_ok());
    }

    #[test]
    fn only_the_web_is_asked() {
        assert!(address("https://github.com/a/b").is_ok());
        for other in ["git@github.com:a/b", "ssh://git@h/a", "file:///srv/a", "../a"] {
            assert!(address(other).is_err(), "{other}");
        }
    }
}
