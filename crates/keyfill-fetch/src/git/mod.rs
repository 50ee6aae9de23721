//! Trees of git repositories over https and ssh: git's protocol version 2, one commit without its history, and only
//! the files that are needed if the server can filter.
//!
//! Protocol and packs are implemented here. gitoxide would add 8 MB to the binary and 81 packages, and would still
//! need a transport that checks the host policy at every request. What fetching a single commit needs of git is
//! small.

mod delta;
mod folder;
mod local;
mod object;
mod pack;
mod packet;
mod partial;
mod protocol;
mod snapshot;
#[cfg(unix)]
mod ssh;
mod tree;

pub use local::{Changes, LocalRepository, Revision, RevisionFiles, changes};
pub use pack::Pack;
pub use snapshot::Snapshot;
pub use tree::{AskFolder, Others, Tree};

pub(crate) use folder::Folder;
pub(crate) use object::Id;
pub(crate) use partial::{files, filters, names};
pub(crate) use protocol::{fetch, resolve};
pub(crate) use tree::{Folders, not_locked, of_repository};

use keyfill_diag::Class;
use keyfill_files::FetchError;
use url::Url;

/// Whether bytes are those of a folder, with all its files. For fuzzing.
#[doc(hidden)]
pub fn folder_of(bytes: Vec<u8>) -> bool {
    Folder::read(&bytes.into()).is_some()
}

/// The error for a pack that is not valid or lacks what was requested.
fn unusable(why: impl Into<String>) -> FetchError {
    let message = format!("the server sent a pack that cannot be used: {}", why.into());
    FetchError::new(Class::Render, message)
}

/// Whether a reference is the full name of a commit: 40 hexadecimal digits.
pub(crate) fn is_commit(reference: &str) -> bool {
    reference.len() == 40 && reference.bytes().all(|b| b.is_ascii_hexdigit())
}

/// Whether a reference looks like the tag of a release, which seldom moves.
pub(crate) fn is_version_tag(reference: &str) -> bool {
    let name = reference.strip_prefix("refs/tags/").unwrap_or(reference);
    let version = name.rsplit('/').next().unwrap_or(name).trim_start_matches(['v', 'V']);
    version.split('.').count() >= 3 && keyfill_go::semver::Version::parse(version).is_ok()
}

/// The address of a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    /// `https://HOST/PATH` or `ssh://USER@HOST/PATH`, which the host policy must allow.
    pub(crate) url: Url,
    /// The path that `git-upload-pack` gets over ssh; `None` over https.
    path: Option<String>,
}

/// Parses an address; the host policy is checked later. An ssh address is an error unless `has_ssh`: ssh is
/// configured.
pub(crate) fn address(text: &str, has_ssh: bool) -> Result<Address, FetchError> {
    if let Some(address) = ssh_address(text) {
        if !has_ssh {
            return Err(FetchError::off(
                "repositories over ssh are not fetched: KEYFILL_FETCH_SSH is not set",
            )
            .hint("write the address as https://HOST/PATH, or let an administrator set KEYFILL_FETCH_SSH"));
        }
        return address;
    }
    // With an `off` error the official binary is used, which may clone from other addresses.
    match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "https" | "http") && url.has_host() => {
            Ok(Address { url, path: None })
        }
        Ok(url) if url.scheme() == "file" => Err(FetchError::off("a repository on this machine is not read")
            .hint("name the folder by a relative path")),
        _ => Err(FetchError::off("only repositories at an https address are fetched")
            .hint("write the address as https://HOST/PATH, with a login in .netrc or git's credential file")),
    }
}

/// Parses `ssh://USER@HOST/PATH` or `USER@HOST:PATH`; `None` for other addresses.
fn ssh_address(text: &str) -> Option<Result<Address, FetchError>> {
    let wrong = || {
        let shown = keyfill_diag::without_users(text);
        FetchError::new(Class::Render, format!("{shown} is not an address over ssh"))
            .hint("write ssh://USER@HOST/PATH or USER@HOST:PATH")
    };
    let (user, host, path, is_of_home) = match text.split_once("://") {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("ssh") => {
            let (server, path) = rest.split_once('/').unwrap_or((rest, ""));
            let (user, host) = server.split_once('@').unwrap_or(("", server));
            (user, host, path, path.starts_with('~'))
        }
        Some(_) => return None,
        None => {
            let (server, path) = text.split_once(':')?;
            let (user, host) = server.split_once('@').filter(|_| !server.contains('/'))?;
            (user, host, path.trim_start_matches('/'), !path.starts_with('/'))
        }
    };
    // A shell on the server parses the path, and no part may look like an option of `ssh` or `git-upload-pack`.
    let is_plain = |text: &str, more: &str| {
        !text.starts_with('-') && text.chars().all(|c| c.is_ascii_alphanumeric() || more.contains(c))
    };
    if !is_plain(user, "._-") || !is_plain(host, ".-:[]") || !is_plain(path, "._-/~+,=@") || path.is_empty() {
        return Some(Err(wrong()));
    }
    let at = if user.is_empty() { "" } else { "@" };
    let Ok(mut url) = Url::parse(&format!("ssh://{user}{at}{host}/{path}")) else {
        return Some(Err(wrong()));
    };
    if url.port() == Some(22) && url.set_port(None).is_err() {
        return Some(Err(wrong()));
    }
    // The path as the url crate normalizes it, without `..`.
    let path = if is_of_home { url.path().trim_start_matches('/') } else { url.path() };
    let path = path.to_owned();
    Some(if url.has_host() && !path.starts_with('-') {
        Ok(Address { url, path: Some(path) })
    } else {
        Err(wrong())
    })
}

/// Checks that a text is valid as the name of a branch, a tag or a commit.
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
    fn commits_version_tags_and_invalid_references_are_recognized() {
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
    fn https_addresses_are_accepted_and_ssh_ones_where_ssh_is_configured() {
        assert!(address("https://github.com/a/b", false).is_ok());
        for other in ["git@github.com:a/b", "ssh://git@h/a", "file:///srv/a", "../a", "ext::sh -c x"] {
            assert!(address(other, false).is_err_and(|error| error.is_off()), "{other}");
        }
        for (text, url, path) in [
            ("git@github.com:org/repo.git", "ssh://git@github.com/org/repo.git", "org/repo.git"),
            ("git@h.example:/srv/repo", "ssh://git@h.example/srv/repo", "/srv/repo"),
            ("ssh://git@h.example:22/org/repo", "ssh://git@h.example/org/repo", "/org/repo"),
            ("SSH://h.example:2222/a/../b", "ssh://h.example:2222/b", "/b"),
            ("ssh://git@[::1]:2222/a", "ssh://git@[::1]:2222/a", "/a"),
            ("ssh://git@h.example/~/a", "ssh://git@h.example/~/a", "~/a"),
        ] {
            let at = address(text, true).unwrap_or_else(|e| panic!("{text}: {e}"));
            assert_eq!((at.url.as_str(), at.path.as_deref()), (url, Some(path)), "{text}");
        }
        for wrong in [
            "ssh://-oProxyCommand=x/a",
            "ssh://git@-h/a",
            "-x@h:a",
            "git@h:-x",
            "git@h:a'b",
            "ssh://git@h/a b",
            "ssh://git@h/a$(x)",
            "ssh://git:pass@h/a",
            "git@h:",
            "ssh://git@h",
            "ssh://git@h/a%27b",
        ] {
            assert!(address(wrong, true).is_err(), "{wrong}");
        }
    }
}
