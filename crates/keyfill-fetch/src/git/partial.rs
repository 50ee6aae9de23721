//! Requests to a server that can filter objects (partial clone): the trees of a commit without its files, and files
//! by their object names.

use super::object::Id;
use super::pack::Pack;
use super::packet::{self, Packet};
use super::protocol::{GIT_VERSION, USER_AGENT, pack_of};
use super::{Address, Snapshot, unusable};
use crate::login::Login;
use crate::web::Web;
use crate::{Digest, Store};
use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use keyfill_diag::{Class, Cx, Report as _};
use keyfill_files::FetchError;
use std::collections::BTreeMap;

/// The largest list of a server's capabilities that is read, in bytes.
const MOST_ABILITIES: u64 = 64 << 10;
/// The most files that one request names.
const MOST_WANTED: usize = 50_000;
/// The most bytes of files that are held in memory at once.
const MOST_HELD: usize = 256 << 20;

/// Whether a server can filter objects. If its answer is not usable, the whole commit is requested, and an error
/// comes from that request. Over ssh each request needs a new connection: there the whole commit is requested at
/// once.
pub(crate) async fn filters(web: Web<'_>, at: &Address, login: Option<&Login>) -> Result<bool, FetchError> {
    if at.path.is_some() {
        return Ok(false);
    }
    let mut url = at.url.clone();
    url.set_path(&format!("{}/info/refs", at.url.path().trim_end_matches('/')));
    url.set_query(Some("service=git-upload-pack"));
    let login = web.known(login).await?;
    let mut request = Web::get(&url, login.as_ref(), MOST_ABILITIES);
    request.headers.insert(GIT_VERSION, HeaderValue::from_static("version=2"));
    request.headers.insert(header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
    let mut answer = Vec::new();
    match web.send(&request, &mut answer).await {
        Ok(reply) => Ok(reply.status == StatusCode::OK && says_filter(&answer)),
        // A server without protocol version 2 lists all its references here, which may exceed the limit.
        Err(error) if error.class() == Class::Render => Ok(false),
        Err(error) => Err(error),
    }
}

/// Whether a list of capabilities includes filters.
fn says_filter(answer: &[u8]) -> bool {
    let mut rest = answer;
    while let Ok(Some(packet)) = packet::take(&mut rest) {
        if let Packet::Data(data) = packet
            && let Some(words) = packet::line(data).strip_prefix(b"fetch=")
        {
            return words.split(|byte| *byte == b' ').any(|word| word == b"filter");
        }
    }
    false
}

/// Fetches the names of a commit's files and the targets of its links into the store. Returns their digest in the
/// store, the number of bytes that were fetched, and the URLs that were requested.
pub(crate) async fn names(
    web: Web<'_>,
    at: &Address,
    login: Option<&Login>,
    store: &Store,
    commit: &str,
    cx: &Cx,
) -> Result<(Digest, u64, Vec<String>), FetchError> {
    let lines = ["deepen 1".to_owned(), "filter blob:none".to_owned(), format!("want {commit}")];
    let (pack, mut urls) = pack_of(web, at, login, &lines).await?;
    let trees = Pack::read(&pack, cx).map_err(unusable)?;
    let wanted = Snapshot::links(&trees, commit, cx)?;
    let (links, more) = if wanted.is_empty() {
        (empty_pack(), Vec::new())
    } else {
        pack_of(web, at, login, &wants(&wanted)?).await?
    };
    urls.extend(more);
    let size = (pack.len() + links.len()) as u64;
    let links = Pack::read(&links, cx).map_err(unusable)?;
    let digest = Snapshot::write_structure(store, &trees, &links, commit, cx)?;
    Ok((digest, size, urls))
}

/// Fetches files by their object names. Returns also the URLs that were requested.
pub(crate) async fn files(
    web: Web<'_>,
    at: &Address,
    login: Option<&Login>,
    wanted: &[Id],
    cx: &Cx,
) -> Result<(BTreeMap<Id, Bytes>, Vec<String>), FetchError> {
    if wanted.is_empty() {
        return Ok(Default::default());
    }
    let (pack, urls) = pack_of(web, at, login, &wants(wanted)?).await?;
    let pack = Pack::read(&pack, cx).map_err(unusable)?;
    let (mut found, mut held) = (BTreeMap::new(), 0);
    for id in wanted {
        let (_, content) = pack.get(id).map_err(unusable)?;
        held += content.len();
        if held > MOST_HELD {
            let message = format!("the files of its folders are more than {} MiB", MOST_HELD >> 20);
            return Err(FetchError::new(Class::Render, message));
        }
        found.insert(*id, Bytes::copy_from_slice(&content));
    }
    Ok((found, urls))
}

fn wants(wanted: &[Id]) -> Result<Vec<String>, FetchError> {
    if wanted.len() > MOST_WANTED {
        let message = format!("its folders hold more than {MOST_WANTED} files");
        return Err(FetchError::new(Class::Render, message));
    }
    Ok(wanted.iter().map(|id| format!("want {}", crate::digest::to_hex(id))).collect())
}

/// The bytes of a pack without objects.
fn empty_pack() -> Vec<u8> {
    use sha1::Digest as _;
    let mut pack = b"PACK\0\0\0\x02\0\0\0\0".to_vec();
    let sum = sha1::Sha1::digest(&pack);
    pack.extend_from_slice(&sum);
    pack
}

#[cfg(test)]
mod tests {
    use super::{empty_pack, says_filter};
    use crate::git::Pack;
    use keyfill_diag::Cx;

    #[test]
    fn the_capability_to_filter_is_found() {
        let answer = |fetch: &str| {
            let line = format!("fetch={fetch}\n");
            format!(
                "001e# service=git-upload-pack\n0000000eversion 2\n{:04x}{line}0017object-format=sha1\n0000",
                line.len() + 4
            )
        };
        assert!(says_filter(answer("shallow wait-for-done filter").as_bytes()));
        for other in [answer("shallow"), answer("shallow no-filter"), "<html>".to_owned(), String::new()] {
            assert!(!says_filter(other.as_bytes()), "{other}");
        }
    }

    #[test]
    fn a_pack_without_objects_is_valid() {
        assert!(Pack::read(&empty_pack(), &Cx::default()).is_ok_and(|pack| pack.is_empty()));
    }
}
