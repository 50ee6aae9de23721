//! Chart repositories over http and https, with helm's rules for addresses and logins.

use super::{Index, Listed, MOST_ARCHIVE, Taken, not_found};
use crate::Digest;
use crate::credentials::percent_decoded;
use crate::login::Login;
use crate::proof::{Asked, Chart, MOST_PROVENANCE};
use crate::web::{Web, allows, record, refused, unproven};
use http::{StatusCode, header};
use keyfill_diag::{Class, Report as _};
use keyfill_files::{ChartRef, FetchError};
use keyfill_http::{Origin, Request, shown};
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// The largest index that is fetched, in bytes.
const MOST_INDEX: u64 = 64 << 20;
/// The largest age of an index that is used while its server is down.
const STALE: Duration = Duration::from_secs(24 * 3600);

/// A chart repository, with the login that belongs to it.
pub(crate) struct Repository<'a> {
    web: Web<'a>,
    base: Url,
    /// The chart that is wanted, as the rules about signatures name it: `BASE/NAME`.
    chart: Url,
    login: Option<Login>,
    /// Whether the login is sent to any host that the index names, as `pass_credentials_all` asks for.
    pass_everywhere: bool,
}

impl<'a> Repository<'a> {
    /// The repository that holds a chart.
    pub(crate) fn at(web: Web<'a>, want: &ChartRef) -> Result<Self, FetchError> {
        let address = &want.repository;
        let base = Url::parse(address)
            .ok()
            .filter(Url::has_host)
            .ok_or_else(|| FetchError::new(Class::Render, "the repository's address is not a usable URL"))?;
        let known = web.credentials.repository(address);
        let login = known
            .and_then(|known| known.login.clone())
            .or_else(|| web.credentials.login_for(&base).cloned())
            .or_else(|| of_url(&base));
        let pass_everywhere = known.is_some_and(|known| known.pass_credentials_all);
        let mut chart = base.clone();
        chart.set_path(&format!("{}/{}", base.path().trim_end_matches('/'), want.name));
        Ok(Self { web, base, chart, login, pass_everywhere })
    }

    /// Identifies the login for the index.
    fn login_id(&self) -> String {
        self.web.credentials.id(&self.base, self.login.as_ref())
    }

    /// Identifies the login for the chart, and the rules about its signature.
    pub(crate) fn chart_id(&self) -> String {
        let asked = self.web.proofs.of(std::slice::from_ref(&self.chart));
        with_proofs(self.login_id(), &asked)
    }

    /// The index, which is requested again when it is older than `ttl`. The second part is a warning: that an
    /// outdated index is used, since the server is down.
    pub(crate) async fn index(&self, ttl: Duration) -> Result<(Arc<Index>, Option<String>), FetchError> {
        let url = self.index_url();
        let network = self.web.network;
        let name = network.store.name(&["index", url.as_str(), &self.login_id()]);
        let flight = network.flight(&format!("index {url} {}", self.login_id()));
        let _guard = flight.lock().await;
        let known = network.store.record(&name).filter(|record| allows(self.web.policy, record));
        let kept = known.as_ref().and_then(|record| self.kept(&record.digest()?));
        if let (Some(record), Some(index)) = (&known, &kept)
            && record.age() < ttl
        {
            network.counters.hit();
            network.counters.used(record.age());
            return Ok((Arc::clone(index), None));
        }
        let mut request = Web::get(&url, self.login.as_ref(), MOST_INDEX);
        if let (Some(record), Some(_)) = (&known, &kept) {
            request = request
                .header_if(header::IF_NONE_MATCH, &record.etag)
                .header_if(header::IF_MODIFIED_SINCE, &record.modified);
        }
        let asked = self.ask_index(&request).await;
        match (asked, known, kept) {
            (Ok(Some((index, record))), ..) => {
                network.store.put_record(&name, &record).map_err(|e| crate::web::unkept(&e))?;
                Ok((index, None))
            }
            (Ok(None), Some(record), Some(index)) => {
                let again = crate::store::Record { at: crate::store::now(), ..record };
                network.store.put_record(&name, &again).map_err(|e| crate::web::unkept(&e))?;
                Ok((index, None))
            }
            (Ok(None), ..) => Err(FetchError::new(
                Class::Store,
                format!("{} answered 304 (not modified) to an unconditional request", shown(&url)),
            )),
            (Err(error), Some(record), Some(index))
                if error.class() == Class::Store && record.age() < STALE =>
            {
                let minutes = record.age().as_secs() / 60;
                network.counters.used_stale(record.age());
                Ok((index, Some(format!("{error}; the index of {minutes} minutes ago is used"))))
            }
            (Err(error), ..) => Err(error),
        }
    }

    /// Requests the index. `None` if the server says that the stored one has not changed.
    async fn ask_index(
        &self,
        request: &Request,
    ) -> Result<Option<(Arc<Index>, crate::store::Record)>, FetchError> {
        let mut body = Vec::new();
        let reply = self.web.send(request, &mut body).await?;
        match reply.status {
            StatusCode::OK => {}
            StatusCode::NOT_MODIFIED => return Ok(None),
            _ => return Err(refused(&reply, request.credential.is_some())),
        }
        let parsed = Index::parse(&body);
        drop(body);
        let index = parsed.map_err(|why| {
            FetchError::new(Class::Render, format!("{}: {why}", shown(&request.url)))
                .hint("check that the address is that of a chart repository")
        })?;
        let small = serde_json::to_vec(&index).map_err(|e| crate::web::unkept(&e.into()))?;
        let digest = self.web.network.store.put(&small).map_err(|e| crate::web::unkept(&e))?;
        let index = Arc::new(index);
        self.web.network.keep_index(digest, &index);
        Ok(Some((index, record(&reply, &digest, ""))))
    }

    fn kept(&self, digest: &Digest) -> Option<Arc<Index>> {
        let network = self.web.network;
        if let Some(index) = network.kept_index(digest) {
            return Some(index);
        }
        let text = network.store.read(digest).ok()??;
        let index = Arc::new(serde_json::from_slice(&text).ok()?);
        network.keep_index(*digest, &index);
        Some(index)
    }

    /// The version of the chart that helm chooses.
    pub(crate) fn find<'i>(&self, index: &'i Index, want: &ChartRef) -> Result<&'i Listed, FetchError> {
        index.find(&want.name, &want.version).map_err(|why| not_found(want, &why, index.names()))
    }

    /// Fetches the archive of a chart that an index lists.
    pub(crate) async fn fetch(&self, name: &str, listed: &Listed) -> Result<Taken, FetchError> {
        let places = self.archive_urls(&listed.url);
        let mut first_error = None;
        for url in places {
            match self.archive(&url, name, &listed.version).await {
                Ok(taken) => return Ok(taken),
                Err(error) => first_error = first_error.or(Some(error)),
            }
        }
        Err(first_error.unwrap_or_else(|| {
            FetchError::new(
                Class::Render,
                format!("the index names no usable address for version {}", listed.version),
            )
        }))
    }

    /// Fetches the archive of a chart from an absolute URL, and checks its signature if a rule requires one.
    pub(crate) async fn archive(&self, url: &Url, name: &str, version: &str) -> Result<Taken, FetchError> {
        let login = self.login_for(url);
        let request = Web::get(url, login.as_ref(), MOST_ARCHIVE)
            .header(header::ACCEPT, "application/gzip,application/octet-stream");
        let (reply, archive) = self.web.bytes(&request).await?;
        let (digest, urls) = (Digest(reply.digest), reply.urls.iter().map(shown).collect::<Vec<_>>());
        let asked = self.asked(&urls);
        if !asked.is_empty() {
            let files = [file_name(url)];
            self.prove(url, &asked, &Chart { name, version, files: &files, digest }).await?;
        }
        let mut bare = url.clone();
        // Both fail only for a URL without a host.
        let _ = bare.set_username("").and_then(|()| bare.set_password(None));
        let login = self.archive_id(url, &urls);
        Ok(Taken { version: version.to_owned(), url: bare.to_string(), digest, archive, urls, login })
    }

    /// The rules about signatures that apply to the chart, or to any URL that its archive came from.
    fn asked(&self, urls: &[String]) -> Asked<'a> {
        let mut places = vec![self.chart.clone()];
        places.extend(urls.iter().filter_map(|url| Url::parse(url).ok()));
        self.web.proofs.of(&places)
    }

    /// Fetches the `.prov` file of an archive, and checks it.
    async fn prove(&self, archive: &Url, asked: &Asked<'_>, chart: &Chart<'_>) -> Result<(), FetchError> {
        let mut url = archive.clone();
        url.set_path(&format!("{}.prov", archive.path()));
        let request = Web::get(&url, self.login_for(archive).as_ref(), MOST_PROVENANCE);
        let what = shown(archive);
        match self.web.bytes(&request).await {
            Ok((_, provenance)) => asked
                .proven(&provenance, chart)
                .map_err(|why| unproven(&format!("{what} is not proven: {why}"))),
            Err(error) if error.class() == Class::Render => {
                Err(unproven(&format!("{what} is not signed: it comes without a .prov file ({error})")))
            }
            Err(error) => Err(error),
        }
    }

    /// The login for an archive. That of the repository is used only on the same server, or with
    /// `pass_credentials_all`.
    fn login_for(&self, archive: &Url) -> Option<Login> {
        let of_host = self.web.credentials.login_for(archive).cloned();
        let same = Origin::of(archive) == Origin::of(&self.base);
        if same || self.pass_everywhere { self.login.clone().or(of_host) } else { of_host }
    }

    /// Identifies the login for an archive, which may differ from that of the repository, and the rules about
    /// signatures that apply to these URLs.
    pub(crate) fn archive_id(&self, archive: &Url, urls: &[String]) -> String {
        let login = self.web.credentials.id(archive, self.login_for(archive).as_ref());
        with_proofs(login, &self.asked(urls))
    }

    fn index_url(&self) -> Url {
        let mut url = self.base.clone();
        url.set_path(&format!("{}/index.yaml", self.base.path().trim_end_matches('/')));
        url
    }

    /// The URLs at which an archive may be. For a path with a leading slash, helm looks below the repository for
    /// dependencies, and at the root of the host for `helm pull`. Both are tried.
    fn archive_urls(&self, listed: &str) -> Vec<Url> {
        if listed.is_empty() {
            return Vec::new();
        }
        if let Ok(absolute) = Url::parse(listed) {
            return vec![absolute];
        }
        let mut folder = self.base.clone();
        folder.set_path(&format!("{}/", self.base.path().trim_end_matches('/')));
        let query = self.base.query().map(str::to_owned);
        let mut places = Vec::new();
        for reference in [listed.trim_start_matches('/'), listed] {
            let Ok(mut url) = folder.join(reference) else { continue };
            if url.query().is_none() {
                url.set_query(query.as_deref());
            }
            if !places.contains(&url) {
                places.push(url);
            }
        }
        places
    }
}

fn with_proofs(login: String, asked: &Asked<'_>) -> String {
    if asked.is_empty() { login } else { format!("{login} {}", asked.id()) }
}

/// The file name of an archive: the last part of its URL.
fn file_name(archive: &Url) -> String {
    let last = archive.path_segments().and_then(|mut parts| parts.next_back()).unwrap_or_default();
    percent_decoded(last)
}

/// The login in a URL that an author wrote. It is sent to the origin of that URL only.
fn of_url(url: &Url) -> Option<Login> {
    let user = url.username();
    (!user.is_empty() || url.password().is_some())
        .then(|| Login::basic(&percent_decoded(user), &percent_decoded(url.password().unwrap_or_default())))
}
