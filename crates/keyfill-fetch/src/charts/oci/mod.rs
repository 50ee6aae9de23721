//! Charts in OCI registries: references, tags, manifests, and the ways in which registries require a login.
//!
//! The three types that are parsed are defined here: a crate with all types of OCI would add twenty dependencies.

mod signed;

use super::index::{NotFound, choose, sort_newest_first};
use super::{MOST_ARCHIVE, Taken, not_found};
use crate::Digest;
use crate::login::Login;
use crate::proof::Asked;
use crate::web::{Web, refused};
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, header};
use keyfill_diag::{Class, without_users};
use keyfill_files::{ChartRef, FetchError};
use keyfill_go::semver::Version;
use keyfill_http::{Credential, Origin, Reply, Request, shown};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::Mutex;
use url::Url;

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
const DOCKER_INDEX: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
/// The media types of a chart's layer: the current one, and the one of helm's first, experimental support of OCI.
const CHART_LAYERS: [&str; 2] =
    ["application/vnd.cncf.helm.chart.content.v1.tar+gzip", "application/tar+gzip"];
/// The largest manifest, list of tags or token that is fetched, in bytes.
const MOST_JSON: u64 = 4 << 20;
/// The most pages of tags that are requested.
const MOST_PAGES: usize = 100;

/// The repository in a registry that holds a chart.
pub(crate) struct Registry<'a> {
    web: Web<'a>,
    /// `oci://HOST/REPOSITORY`, which the host policy must allow.
    reference: Url,
    /// The base of the API's URLs: `https://HOST/v2/REPOSITORY/`.
    api: Url,
    login: Option<Login>,
    /// The rules about the chart's signature.
    asked: Asked<'a>,
    /// The credential that the registry required last: a login or a token.
    credential: Mutex<Option<Credential>>,
}

/// A manifest, or an index of manifests.
#[derive(Deserialize)]
struct Manifest {
    #[serde(default)]
    config: Option<Descriptor>,
    #[serde(default)]
    layers: Vec<Descriptor>,
    #[serde(default)]
    manifests: Vec<Descriptor>,
}

#[derive(Deserialize)]
struct Descriptor {
    #[serde(rename = "mediaType", default)]
    media_type: String,
    #[serde(rename = "artifactType", default)]
    artifact_type: String,
    digest: String,
    #[serde(default)]
    size: u64,
    #[serde(default)]
    annotations: Option<BTreeMap<String, String>>,
}

/// A manifest that was fetched, with its digest.
struct Described {
    digest: Digest,
    layers: Vec<Descriptor>,
    config: Option<Descriptor>,
}

#[derive(Deserialize)]
struct Tags {
    #[serde(default)]
    tags: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Token {
    #[serde(default)]
    token: String,
    #[serde(default)]
    access_token: String,
}

impl<'a> Registry<'a> {
    /// The repository that holds a chart. The chart's name is the last part of the repository.
    pub(crate) fn at(web: Web<'a>, want: &ChartRef) -> Result<Self, FetchError> {
        let text = format!("{}/{}", want.repository.trim_end_matches('/'), want.name);
        let wrong = || {
            FetchError::new(
                Class::Render,
                format!("{} is not a reference oci://HOST/REPOSITORY", without_users(&text)),
            )
        };
        let reference = Url::parse(&text).map_err(|_| wrong())?;
        let host = reference.host_str().filter(|host| !host.is_empty()).ok_or_else(wrong)?.to_owned();
        let host = if host == "docker.io" { "registry-1.docker.io".to_owned() } else { host };
        let port = reference.port().map_or_else(String::new, |port| format!(":{port}"));
        let plain_part = |c: char| c.is_ascii_alphanumeric() || "._-/".contains(c);
        if !reference.username().is_empty()
            || !reference.path().chars().all(plain_part)
            || reference.query().is_some()
        {
            return Err(wrong());
        }
        let at = |scheme: &str| Url::parse(&format!("{scheme}://{host}{port}/v2{}/", reference.path()));
        // http is used only for registries that the administrator listed with http. It is never a fallback for https.
        let plain = at("http").map_err(|_| wrong())?;
        let api = match web.policy.check(&plain) {
            Ok(_) => plain,
            Err(_) => at("https").map_err(|_| wrong())?,
        };
        let login = web.credentials.registry(&format!("{host}{port}"), reference.path());
        let asked = web.proofs.of(std::slice::from_ref(&reference));
        Ok(Self { web, reference, api, login, asked, credential: Mutex::default() })
    }

    /// Identifies the login for the registry, and the rules about the chart's signature.
    pub(crate) fn login_id(&self) -> String {
        let login = self.web.credentials.id(&self.api, self.login.as_ref());
        if self.asked.is_empty() { login } else { format!("{login} {}", self.asked.id()) }
    }

    /// The version of the chart. A range is resolved with the tags of the repository.
    pub(crate) async fn version(&self, want: &ChartRef) -> Result<String, FetchError> {
        if is_exact(&want.version) {
            return Ok(want.version.clone());
        }
        let mut versions: Vec<String> = self.tags().await?.iter().map(|tag| tag.replace('_', "+")).collect();
        versions.retain(|version| is_exact(version));
        sort_newest_first(&mut versions, |version| version);
        let at = choose(versions.iter().map(String::as_str), &want.version);
        let at = at.map_err(|why| not_found(want, &why, std::iter::empty()))?;
        versions.get(at).cloned().ok_or_else(|| not_found(want, &NotFound::Version, std::iter::empty()))
    }

    async fn tags(&self) -> Result<Vec<String>, FetchError> {
        let mut url = self.url("tags/list")?;
        let mut tags = Vec::new();
        for _ in 0..MOST_PAGES {
            let (reply, body) = self.ask(&url, "application/json", MOST_JSON).await?;
            let page: Tags = read_json(&url, &body)?;
            tags.extend(page.tags.unwrap_or_default());
            match next_page(&reply, &url) {
                Some(next) if Origin::of(&next) == Origin::of(&self.api) => url = next,
                _ => return Ok(tags),
            }
        }
        Err(FetchError::new(Class::Render, format!("{} lists tags without end", shown(&url))))
    }

    /// Fetches the chart of a version.
    pub(crate) async fn fetch(&self, version: &str) -> Result<Taken, FetchError> {
        let tag = version.replace('+', "_");
        let mut chart = self.manifest(&tag).await?;
        let still_to_prove = self.prove(version, &chart).await?;
        let layers = &mut chart.layers;
        let at = layers.iter().position(|layer| CHART_LAYERS.contains(&layer.media_type.as_str()));
        let layer = match at {
            Some(at) => layers.swap_remove(at),
            None => {
                let message = format!("{}:{tag} holds no chart", shown(&self.reference));
                return Err(
                    FetchError::new(Class::Render, message).hint("check that it is a chart and not an image")
                );
            }
        };
        if layer.size > MOST_ARCHIVE {
            let message =
                format!("the chart {}:{tag} is larger than {MOST_ARCHIVE} bytes", shown(&self.reference));
            return Err(FetchError::new(Class::Render, message));
        }
        let wanted = Digest::parse(&layer.digest).ok_or_else(|| {
            FetchError::new(
                Class::Render,
                format!("{}:{tag} has a digest that is not sha256", shown(&self.reference)),
            )
        })?;
        let url = self.url(&format!("blobs/{wanted}"))?;
        let (reply, archive) = self.ask(&url, "*/*", MOST_ARCHIVE).await?;
        let digest = Digest(reply.digest);
        if digest != wanted {
            let message = format!("{} has the digest {digest}", shown(&url));
            return Err(FetchError::new(Class::Forbidden, message).hint("do not trust this registry"));
        }
        if still_to_prove {
            self.prove_archive(version, &digest, &chart.layers).await?;
        }
        let others = reply.urls.iter().skip(1).map(shown);
        let urls = std::iter::once(shown(&self.reference)).chain(others).collect();
        Ok(Taken {
            version: version.to_owned(),
            url: String::new(),
            digest,
            archive,
            urls,
            login: self.login_id(),
        })
    }

    /// A manifest by its tag or digest. For an index of manifests, the digest of the index and the layers of its
    /// first manifest.
    async fn manifest(&self, reference: &str) -> Result<Described, FetchError> {
        let (digest, manifest) = self.described(&format!("manifests/{reference}")).await?;
        match manifest.manifests.first() {
            Some(first) if manifest.layers.is_empty() => {
                let first = Digest::parse(&first.digest).ok_or_else(|| {
                    let what = shown(&self.reference);
                    FetchError::new(Class::Render, format!("{what} has a digest that is not sha256"))
                })?;
                let (_, manifest) = self.described(&format!("manifests/{first}")).await?;
                Ok(Described { digest, layers: manifest.layers, config: manifest.config })
            }
            _ => Ok(Described { digest, layers: manifest.layers, config: manifest.config }),
        }
    }

    /// A manifest or an index, and its digest. If it was requested by digest, it must have that digest.
    async fn described(&self, below: &str) -> Result<(Digest, Manifest), FetchError> {
        let url = self.url(below)?;
        let accept = [MANIFEST, INDEX, DOCKER_MANIFEST, DOCKER_INDEX].join(", ");
        let (reply, body) = self.ask(&url, &accept, MOST_JSON).await?;
        let digest = Digest(reply.digest);
        let wanted =
            below.strip_prefix("manifests/").filter(|name| name.starts_with("sha256:")).map(Digest::parse);
        if wanted.is_some_and(|wanted| wanted != Some(digest)) {
            return Err(FetchError::new(Class::Forbidden, format!("{} has another digest", shown(&url))));
        }
        Ok((digest, read_json(&url, &body)?))
    }

    /// A blob, whose content must have this digest. `most` is the largest size in bytes.
    async fn blob(&self, digest: &Digest, most: u64) -> Result<Bytes, FetchError> {
        let url = self.url(&format!("blobs/{digest}"))?;
        let (reply, blob) = self.ask(&url, "*/*", most).await?;
        if Digest(reply.digest) != *digest {
            return Err(FetchError::new(Class::Forbidden, format!("{} has another digest", shown(&url))));
        }
        Ok(blob)
    }

    fn url(&self, below: &str) -> Result<Url, FetchError> {
        self.api.join(below).map_err(|_| {
            FetchError::new(Class::Render, format!("{below:?} is not part of a reference to a registry"))
        })
    }

    /// Sends a `GET` request. If the registry requires a login, the request is repeated once with the credential.
    async fn ask(&self, url: &Url, accept: &str, most: u64) -> Result<(Reply, Bytes), FetchError> {
        for last in [false, true] {
            let credential = self.held();
            let judged_as = Some(self.reference.clone());
            let request = Request { credential, judged_as, ..Request::get(url.clone(), most) };
            let request = request.header(header::ACCEPT, accept);
            let mut body = Vec::new();
            let reply = self.web.send(&request, &mut body).await?;
            if reply.status == StatusCode::OK {
                return Ok((reply, body.into()));
            }
            // A host that the registry redirects to must not get the login for the registry.
            if last || reply.status != StatusCode::UNAUTHORIZED || !reply.is_from_first_origin() {
                return Err(refused(&reply, request.credential.is_some() && self.login.is_some()));
            }
            let answered = self.answer(&reply).await?;
            *self.credential.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(answered);
        }
        Err(FetchError::new(Class::Store, format!("{} answered 401", shown(url))))
    }

    /// The hint about a credential helper that must not be started.
    fn left_out(&self) -> Option<String> {
        let port = self.api.port().map_or_else(String::new, |port| format!(":{port}"));
        let name = self.web.credentials.left_out(&format!("{}{port}", self.api.host_str()?))?;
        Some(format!(
            "docker's config.json names the credential helper {name:?}: it is started where KEYFILL_CREDENTIAL_HELPERS names it"
        ))
    }

    fn held(&self) -> Option<Credential> {
        self.credential.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    /// The credential for a registry that answered 401: the login, or a token of its token server.
    async fn answer(&self, reply: &Reply) -> Result<Credential, FetchError> {
        let challenge = reply.header(header::WWW_AUTHENTICATE).unwrap_or_default();
        let (scheme, fields) = challenge.split_once(' ').unwrap_or((challenge, ""));
        let login = self.web.known(self.login.as_ref()).await?;
        let unknown = |error: FetchError| match self.left_out() {
            Some(hint) if login.is_none() => error.hint(hint),
            _ => error,
        };
        if scheme.eq_ignore_ascii_case("basic") {
            let login = login.as_ref().ok_or_else(|| unknown(refused(reply, false)))?;
            return login.credential(&self.api).ok_or_else(|| refused(reply, true));
        }
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(refused(reply, self.login.is_some()));
        }
        let realm = field(fields, "realm").and_then(|realm| Url::parse(&realm).ok());
        let realm = realm.ok_or_else(|| {
            FetchError::new(Class::Store, format!("{} names no token server that is a URL", shown(&self.api)))
        })?;
        let scope = (field(fields, "service"), field(fields, "scope"));
        let token = self.token(realm, scope, login.as_ref()).await.map_err(unknown)?;
        Credential::new(Origin::of(&self.api), &format!("Bearer {token}")).ok_or_else(|| {
            FetchError::new(Class::Store, format!("{} gave no usable token", shown(&self.api)))
        })
    }

    /// A token of the token server. The login is sent there only if it is the registry's own host, that of Docker
    /// Hub, or one that the administrator listed.
    async fn token(
        &self,
        mut realm: Url,
        (service, scope): (Option<String>, Option<String>),
        login: Option<&Login>,
    ) -> Result<String, FetchError> {
        if realm.scheme() != "https" && realm.scheme() != self.api.scheme() {
            let message =
                format!("{} sends logins to {}, which is not https", shown(&self.api), shown(&realm));
            return Err(FetchError::new(Class::Forbidden, message));
        }
        let same = Origin::of(&realm) == Origin::of(&self.api);
        let hub =
            self.api.host_str() == Some("registry-1.docker.io") && realm.host_str() == Some("auth.docker.io");
        let trusted = same || hub || self.web.policy.is_listed();
        if login.is_some() && !trusted {
            let message = format!("{} sends logins to another host, {}", shown(&self.api), shown(&realm));
            return Err(FetchError::new(Class::Forbidden, message)
                .hint("if that is right, list both in KEYFILL_FETCH_HOSTS"));
        }
        let mut request = match login.and_then(Login::identity_token) {
            Some(identity) => {
                let mut form = url::form_urlencoded::Serializer::new(String::new());
                form.append_pair("grant_type", "refresh_token").append_pair("client_id", "keyfill");
                form.append_pair("refresh_token", identity);
                form.append_pair("service", service.as_deref().unwrap_or_default());
                form.append_pair("scope", scope.as_deref().unwrap_or_default());
                let (mut headers, kind) = (HeaderMap::new(), "application/x-www-form-urlencoded");
                headers.insert(header::CONTENT_TYPE, http::HeaderValue::from_static(kind));
                let body = Bytes::from(form.finish());
                let method = Method::POST;
                Request { method, headers, body, secret_body: true, ..Request::get(realm.clone(), MOST_JSON) }
            }
            None => {
                for (name, value) in [("service", service), ("scope", scope)] {
                    if let Some(value) = value {
                        realm.query_pairs_mut().append_pair(name, &value);
                    }
                }
                Web::get(&realm, login, MOST_JSON)
            }
        };
        if same {
            request.judged_as = Some(self.reference.clone());
        }
        let (_, body) = self.web.bytes(&request).await?;
        let token: Token = read_json(&realm, &body)?;
        Ok(if token.token.is_empty() { token.access_token } else { token.token })
    }
}

fn read_json<T: for<'de> Deserialize<'de>>(url: &Url, body: &[u8]) -> Result<T, FetchError> {
    serde_json::from_slice(body).map_err(|_| {
        FetchError::new(Class::Render, format!("{} did not answer as a registry does", shown(url)))
    })
}

/// Whether a manifest can be parsed and its digests are valid. For fuzzing.
#[doc(hidden)]
pub fn manifest_of(text: &[u8]) -> bool {
    serde_json::from_slice::<Manifest>(text)
        .is_ok_and(|m| m.layers.iter().chain(&m.manifests).all(|d| Digest::parse(&d.digest).is_some()))
}

/// Whether a text is a version and not a range: it has all three numbers.
fn is_exact(version: &str) -> bool {
    let numbers = version.split(['-', '+']).next().unwrap_or(version);
    numbers.split('.').count() == 3
        && numbers.split('.').all(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
        && Version::parse(version).is_ok()
}

/// A field, `name="value"`, of a `WWW-Authenticate` header.
fn field(fields: &str, name: &str) -> Option<String> {
    let mut rest = fields;
    while let Some((key, after)) = rest.split_once('=') {
        let key = key.trim_matches([',', ' ']);
        let (value, after) = match after.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => after.split_once(',').unwrap_or((after, "")),
        };
        if key.eq_ignore_ascii_case(name) {
            return Some(value.to_owned());
        }
        rest = after;
    }
    None
}

/// The URL of the next page, from the `Link` header.
fn next_page(reply: &Reply, url: &Url) -> Option<Url> {
    let link = reply.header(header::LINK)?;
    let (target, rel) = link.trim_start().strip_prefix('<')?.split_once('>')?;
    rel.contains("next").then(|| url.join(target).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::{field, is_exact, manifest_of};

    #[test]
    fn fields_of_a_www_authenticate_header_are_found() {
        let fields = r#"realm="https://auth.example/token?a=b,c",service="registry.example", scope="repository:a/b:pull""#;
        assert_eq!(field(fields, "realm").as_deref(), Some("https://auth.example/token?a=b,c"));
        assert_eq!(field(fields, "Service").as_deref(), Some("registry.example"));
        assert_eq!(field(fields, "scope").as_deref(), Some("repository:a/b:pull"));
        assert_eq!(field(fields, "error"), None);
        assert_eq!(field("realm=\"unclosed", "realm").as_deref(), Some("unclosed"));
    }

    #[test]
    fn a_version_is_exact_with_all_its_numbers() {
        for exact in ["1.2.3", "1.2.3-rc.1", "1.3.1+build.5"] {
            assert!(is_exact(exact), "{exact}");
        }
        for range in ["", "1", "1.2", "^1.2.3", "1.2.x", ">=1.2.3", "v1.2.3", "latest"] {
            assert!(!is_exact(range), "{range}");
        }
    }

    #[test]
    fn a_manifest_with_an_invalid_digest_is_refused() {
        assert!(manifest_of(br#"{"layers":[]}"#));
        assert!(!manifest_of(br#"{"layers":[{"digest":"md5:1"}]}"#));
        assert!(!manifest_of(b"<html>"));
    }
}
