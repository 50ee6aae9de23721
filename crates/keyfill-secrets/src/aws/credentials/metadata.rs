//! Credentials from services near the process: the credential service of the container and the metadata service (IMDS)
//! of the machine.

use super::super::{AwsSettings, clock};
use super::{Credentials, nothing_set, token};
use crate::rest::{Rest, Verdict, call, secret_header};
use crate::{Error, Secret};
use http::{HeaderMap, HeaderValue, Method};
use keyfill_diag::Cx;
use keyfill_http::Answer;
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// The address of the credential service of ECS.
const CONTAINER: &str = "http://169.254.170.2";
/// The address of the metadata service.
const MACHINE: &str = "http://169.254.169.254";
/// The timeout of the metadata service. It is short, since outside of EC2 nobody answers at that address.
const PATIENCE: Duration = Duration::from_secs(3);

/// The credentials from the credential service that ECS and EKS Pod Identity provide for a container.
pub(super) async fn of_container(settings: &AwsSettings, cx: &Cx) -> Result<Credentials, Error> {
    let set = &settings.credentials;
    let address = match (&set.container_relative_uri, &set.container_full_uri) {
        (Some(path), _) => format!("{CONTAINER}{path}"),
        (None, Some(address)) => checked(address)?.to_owned(),
        (None, None) => return Err(nothing_set()),
    };
    let token = match (&set.container_token_file, &set.container_token) {
        (Some(file), _) => Some(token(file)?),
        (None, token) => token.clone(),
    };
    let make = || {
        let mut headers = HeaderMap::new();
        if let Some(token) = &token {
            let token = secret_header(token.expose(), "the container's authorization token")?;
            headers.insert(http::header::AUTHORIZATION, token);
        }
        call(Method::GET, &address, headers, "")
    };
    let rest = Rest::direct("the container's credential service", &settings.network);
    let answer = rest.send(make, |_| Verdict::Final, cx).await?;
    read(&answer, "the container's credential service")
}

/// Refuses an address to which the token must not be sent: only https, or http to this machine, is permitted.
fn checked(address: &str) -> Result<&str, Error> {
    let url = url::Url::parse(address).ok();
    let is_local = |url: &url::Url| match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(ip)) => {
            IpAddr::V4(ip).is_loopback() || matches!(ip.octets(), [169, 254, 170, 2 | 23])
        }
        Some(url::Host::Ipv6(ip)) => {
            ip.is_loopback() || ip.segments() == [0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23]
        }
        None => false,
    };
    match url {
        Some(url) if url.scheme() == "https" || url.scheme() == "http" && is_local(&url) => Ok(address),
        _ => Err(Error::usage(
            "AWS_CONTAINER_CREDENTIALS_FULL_URI names neither this machine nor an https address",
        )),
    }
}

/// The credentials from the metadata service, with a session token as IMDSv2 requires.
pub(super) async fn of_machine(settings: &AwsSettings, cx: &Cx) -> Result<Credentials, Error> {
    let base = settings.credentials.metadata_endpoint.as_deref().unwrap_or(MACHINE).trim_end_matches('/');
    let rest = Rest::direct("the machine's metadata service", &settings.network);
    let cx = Cx { deadline: cx.deadline.min(Instant::now() + PATIENCE), ..cx.clone() };
    let make = || {
        let mut headers = HeaderMap::new();
        headers.insert("x-aws-ec2-metadata-token-ttl-seconds", HeaderValue::from_static("21600"));
        call(Method::PUT, &format!("{base}/latest/api/token"), headers, "")
    };
    let answer = rest.send(make, |_| Verdict::Final, &cx).await.map_err(|_| nothing_set())?;
    let token = Secret::new(text(&answer, "the machine's metadata service")?);
    let get = async |path: &str| {
        let make = || {
            let mut headers = HeaderMap::new();
            headers.insert("x-aws-ec2-metadata-token", secret_header(token.expose(), "the metadata token")?);
            call(Method::GET, &format!("{base}{path}"), headers, "")
        };
        rest.send(make, |_| Verdict::Final, &cx).await
    };
    let list = "/latest/meta-data/iam/security-credentials/";
    let role = get(list).await?;
    let role = text(&role, "the machine's metadata service")?;
    let role = role.lines().next().unwrap_or_default().trim();
    if role.is_empty() || !role.bytes().all(|b| b.is_ascii_alphanumeric() || b"+=,.@_-".contains(&b)) {
        return Err(Error::store("the machine has no role")
            .hint("give it an instance profile, or use a service account's role"));
    }
    read(&get(&format!("{list}{role}")).await?, "the machine's metadata service")
}

fn text(answer: &Answer, who: &str) -> Result<String, Error> {
    match (answer.status.as_u16(), std::str::from_utf8(&answer.body)) {
        (200, Ok(text)) => Ok(text.to_owned()),
        (status, _) => Err(Error::store(format!("{who} answered {status}"))),
    }
}

/// Parses the credentials in an answer, which is JSON. `who` is the service in errors.
fn read(answer: &Answer, who: &str) -> Result<Credentials, Error> {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Given {
        access_key_id: String,
        secret_access_key: zeroize::Zeroizing<String>,
        token: Option<zeroize::Zeroizing<String>>,
        expiration: Option<String>,
    }
    if answer.status != http::StatusCode::OK {
        return Err(Error::store(format!("{who} answered {}", answer.status.as_u16())));
    }
    let given: Given = serde_json::from_slice(&answer.body)
        .map_err(|_| Error::store(format!("{who} gave no credentials in JSON")))?;
    Ok(Credentials {
        access_key: given.access_key_id,
        secret_key: Secret::new(given.secret_access_key.as_str()),
        session_token: given.token.map(|token| Secret::new(token.as_str())),
        expires: given.expiration.and_then(|text| clock::parse(&text)),
    })
}

#[cfg(test)]
mod tests {
    use super::checked;

    #[test]
    fn the_token_is_sent_only_to_this_machine_or_over_https() {
        for good in [
            "http://169.254.170.23/v1/credentials",
            "http://[fd00:ec2::23]/v1",
            "http://127.0.0.1:80/",
            "https://x/",
        ] {
            assert!(checked(good).is_ok(), "{good}");
        }
        for bad in
            ["http://169.254.170.4/", "http://example.com/", "ftp://127.0.0.1/", "", "http://localhost.evil/"]
        {
            assert!(checked(bad).is_err(), "{bad}");
        }
    }
}
