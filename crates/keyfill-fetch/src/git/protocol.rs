//! Two commands of git's protocol version 2: `ls-refs`, which resolves a reference, and `fetch`, which gets a pack.

use super::packet::{self, Packet};
use super::{Address, check_reference, is_commit};
use crate::login::Login;
use crate::web::{Web, refused};
use http::{HeaderValue, Method, StatusCode, header};
use keyfill_diag::Class;
use keyfill_files::FetchError;
use keyfill_http::{Request, Sink, shown};
use std::io;
use url::Url;

/// The largest pack that is fetched, in bytes.
const MOST_PACK: u64 = 256 << 20;
/// The largest list of references that is fetched, in bytes.
const MOST_REFS: u64 = 32 << 20;

/// Resolves a reference to a commit. As in `git fetch`, the name is tried as it is, as a tag, and as a branch.
/// Returns also the URLs that were requested.
pub(crate) async fn resolve(
    web: Web<'_>,
    at: &Address,
    login: Option<&Login>,
    reference: &str,
) -> Result<(String, Vec<String>), FetchError> {
    check_reference(reference)?;
    let candidates = candidates(reference);
    let (urls, listed) = list(web, at, login, &candidates).await?;
    let found = candidates.iter().find_map(|name| listed.iter().find(|(known, _)| known == name));
    if let Some((_, commit)) = found {
        return Ok((commit.clone(), urls));
    }
    let name = if reference.is_empty() { "HEAD" } else { reference };
    let error = FetchError::new(Class::Render, format!("it has no branch, tag or commit {name}"));
    let is_short = (4..40).contains(&reference.len()) && reference.bytes().all(|b| b.is_ascii_hexdigit());
    if !is_short {
        return Err(error);
    }
    // All references are listed only to suggest the full name of the commit in the hint.
    let short = reference.to_ascii_lowercase();
    let all = list(web, at, login, &[]).await.map(|(_, all)| all).unwrap_or_default();
    let long = all.into_iter().find(|(_, commit)| commit.starts_with(&short));
    Err(match long {
        Some((_, commit)) => error.hint(format!("a commit needs all its digits: write {commit}")),
        None => error.hint("a commit needs all its 40 digits"),
    })
}

/// The full names that a short name may stand for, in the order in which they are tried.
fn candidates(reference: &str) -> Vec<String> {
    match reference {
        "" | "HEAD" => vec!["HEAD".to_owned()],
        name => ["", "refs/", "refs/tags/", "refs/heads/"]
            .iter()
            .map(|prefix| format!("{prefix}{name}"))
            .collect(),
    }
}

/// Lists references with their commits. For an annotated tag, it is the commit that the tag points to.
async fn list(
    web: Web<'_>,
    at: &Address,
    login: Option<&Login>,
    prefixes: &[String],
) -> Result<(Vec<String>, Vec<(String, String)>), FetchError> {
    let mut body = Vec::new();
    packet::put(&mut body, "command=ls-refs");
    packet::put(&mut body, "object-format=sha1");
    body.extend_from_slice(b"0001");
    packet::put(&mut body, "peel");
    packet::put(&mut body, "symrefs");
    for prefix in prefixes {
        packet::put(&mut body, &format!("ref-prefix {prefix}"));
    }
    body.extend_from_slice(b"0000");
    let mut answer = Vec::new();
    let urls = ask(web, at, login, body, MOST_REFS, &mut answer).await?;
    let mut rest = answer.as_slice();
    let mut listed = Vec::new();
    let wrong = |why: &str| FetchError::new(Class::Store, format!("{}: {why}", shown(&at.url)));
    while let Some(packet) = packet::take(&mut rest).map_err(wrong)? {
        let Packet::Data(data) = packet else { break };
        let line = String::from_utf8_lossy(packet::line(data)).into_owned();
        if let Some(error) = line.strip_prefix("ERR ") {
            return Err(said(&at.url, error));
        }
        let mut words = line.split(' ');
        let (Some(id), Some(name)) = (words.next(), words.next()) else { continue };
        let peeled = words.find_map(|word| word.strip_prefix("peeled:"));
        let id = peeled.unwrap_or(id);
        if is_commit(id) {
            listed.push((name.to_owned(), id.to_owned()));
        }
    }
    Ok((urls, listed))
}

/// Fetches the pack of one commit, without its history. Returns also the URLs that were requested.
pub(crate) async fn fetch(
    web: Web<'_>,
    at: &Address,
    login: Option<&Login>,
    commit: &str,
) -> Result<(Vec<u8>, Vec<String>), FetchError> {
    pack_of(web, at, login, &["deepen 1".to_owned(), format!("want {commit}")]).await
}

/// Fetches a pack. `lines` are the arguments of the `fetch` command, such as `want COMMIT`. Returns also the URLs
/// that were requested.
pub(super) async fn pack_of(
    web: Web<'_>,
    at: &Address,
    login: Option<&Login>,
    lines: &[String],
) -> Result<(Vec<u8>, Vec<String>), FetchError> {
    let mut body = Vec::new();
    packet::put(&mut body, "command=fetch");
    packet::put(&mut body, "object-format=sha1");
    body.extend_from_slice(b"0001");
    for line in ["no-progress", "ofs-delta"].into_iter().chain(lines.iter().map(String::as_str)) {
        packet::put(&mut body, line);
    }
    packet::put(&mut body, "done");
    body.extend_from_slice(b"0000");
    let mut sink = PackSink::default();
    let urls = ask(web, at, login, body, MOST_PACK, &mut sink).await?;
    if let Some(error) = sink.error {
        return Err(said(&at.url, &error));
    }
    if let Some(why) = sink.broken {
        return Err(FetchError::new(Class::Store, format!("{}: {why}", shown(&at.url))));
    }
    if sink.pack.is_empty() {
        return Err(FetchError::new(Class::Store, format!("{} sent no pack", shown(&at.url))));
    }
    Ok((sink.pack, urls))
}

/// The HTTP header with the version of git's protocol.
pub(super) const GIT_VERSION: header::HeaderName = header::HeaderName::from_static("git-protocol");
/// The user agent. Some git servers accept requests of git clients only.
pub(super) const USER_AGENT: &str = concat!("git/2.39 (keyfill/", env!("CARGO_PKG_VERSION"), ")");

/// Sends a request, and returns the URLs that were requested. `most` is the largest response, in bytes.
async fn ask(
    web: Web<'_>,
    at: &Address,
    login: Option<&Login>,
    body: Vec<u8>,
    most: u64,
    sink: &mut dyn Sink,
) -> Result<Vec<String>, FetchError> {
    if at.path.is_some() {
        return over_ssh(web, at, body, most, sink).await;
    }
    let url = &at.url;
    let mut service = url.clone();
    service.set_path(&format!("{}/git-upload-pack", url.path().trim_end_matches('/')));
    service.set_query(None);
    let login = web.known(login).await?;
    let mut request = Web::get(&service, login.as_ref(), most);
    request.method = Method::POST;
    request.body = body.into();
    for (name, value) in [
        (header::CONTENT_TYPE, "application/x-git-upload-pack-request"),
        (header::ACCEPT, "application/x-git-upload-pack-result"),
        (GIT_VERSION, "version=2"),
        (header::USER_AGENT, USER_AGENT),
    ] {
        request.headers.insert(name, HeaderValue::from_static(value));
    }
    let request: Request = request;
    let reply = web.send(&request, sink).await?;
    if reply.status != StatusCode::OK {
        return Err(refused(&reply, request.credential.is_some()));
    }
    if !reply
        .header(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.starts_with("application/x-git-upload-pack-result"))
    {
        return Err(FetchError::new(
            Class::Store,
            format!("{} does not answer as a git server does", shown(url)),
        )
        .hint(
            "check that the address is that of a repository, and that its server speaks protocol version 2",
        ));
    }
    Ok(reply.urls.iter().map(shown).collect())
}

#[cfg(unix)]
async fn over_ssh(
    web: Web<'_>,
    at: &Address,
    request: Vec<u8>,
    most: u64,
    sink: &mut dyn Sink,
) -> Result<Vec<String>, FetchError> {
    super::ssh::ask(web, at, request, most, sink).await
}

#[cfg(not(unix))]
async fn over_ssh(
    _: Web<'_>,
    at: &Address,
    _: Vec<u8>,
    _: u64,
    _: &mut dyn Sink,
) -> Result<Vec<String>, FetchError> {
    Err(FetchError::off(format!("{} is not asked: there is no ssh on this system", shown(&at.url))))
}

/// The error that a server reports. Its text may be anything: it is cut, and control characters are removed.
fn said(url: &Url, words: &str) -> FetchError {
    let plain: String = words.chars().filter(|c| !c.is_control()).take(200).collect();
    FetchError::new(Class::Render, format!("{}: the server says: {plain}", shown(url)))
}

/// Extracts the pack from the packets of a response while it is received.
#[derive(Default)]
struct PackSink {
    /// The bytes of a packet that is not complete yet.
    part: Vec<u8>,
    in_pack: bool,
    pack: Vec<u8>,
    error: Option<String>,
    /// The error, if the response does not consist of valid packets.
    broken: Option<&'static str>,
}

impl Sink for PackSink {
    fn start(&mut self) -> io::Result<()> {
        *self = Self::default();
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut part = std::mem::take(&mut self.part);
        part.extend_from_slice(bytes);
        let mut rest = part.as_slice();
        while self.broken.is_none() {
            match packet::take(&mut rest) {
                Ok(Some(packet)) => self.packet(&packet),
                Ok(None) => break,
                Err(why) => self.broken = Some(why),
            }
        }
        self.part = rest.to_vec();
        // After an error, neither the pack nor the remaining bytes are needed.
        if self.broken.is_some() {
            (self.pack, self.part) = (Vec::new(), Vec::new());
        }
        Ok(())
    }
}

impl PackSink {
    fn packet(&mut self, packet: &Packet<'_>) {
        let Packet::Data(data) = packet else { return };
        if let Some(error) = data.strip_prefix(b"ERR ") {
            self.error = Some(String::from_utf8_lossy(error).into_owned());
        } else if !self.in_pack {
            self.in_pack = packet::line(data) == b"packfile";
        } else {
            match data.split_first() {
                Some((1, pack)) => self.pack.extend_from_slice(pack),
                Some((3, error)) => self.error = Some(String::from_utf8_lossy(error).into_owned()),
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::PackSink;
    use keyfill_http::Sink;

    #[test]
    fn a_pack_is_extracted_from_the_packets_of_a_response() {
        let answer = "0011shallow-info\n0001000dpackfile\n0006\x01P0007\x02hm0008\x01ACK0000";
        for step in [1, 3, 7, 1000] {
            let mut sink = PackSink::default();
            sink.start().expect("starts");
            for part in answer.as_bytes().chunks(step) {
                sink.write(part).expect("packets");
            }
            assert_eq!(sink.pack, b"PACK", "in steps of {step}");
        }
    }

    #[test]
    fn errors_of_the_server_and_invalid_packets_are_noted() {
        let mut sink = PackSink::default();
        sink.write(b"0013ERR not our ref").expect("packets");
        assert_eq!(sink.error.as_deref(), Some("not our ref"));
        let mut broken = PackSink::default();
        broken.write(b"<html>").expect("it is looked at later");
        assert!(broken.broken.is_some());
    }
}
