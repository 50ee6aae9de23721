//! The challenge in a vault's 401 answer: which authority issues the access token, and for which resource.

use crate::Error;
use keyfill_http::Answer;

/// The challenge of a vault.
pub(super) struct Challenge {
    /// The tenant that the vault belongs to.
    pub(super) tenant: String,
    /// The URL of the authority: `https://login.microsoftonline.com`.
    pub(super) authority: String,
    /// The resource that the token is for: `https://vault.azure.net`.
    pub(super) resource: String,
}

/// Parses a challenge. The resource must be the domain of the vault's host: an answer must not be able to request a
/// token for another service.
pub(super) fn read(answer: &Answer, host: &str) -> Result<Challenge, Error> {
    let wrong = |why: String| {
        Error::store(format!("Azure Key Vault {host} asks for no token that could be given: {why}"))
    };
    if answer.status != http::StatusCode::UNAUTHORIZED {
        return Err(wrong(format!("it answered {} to a request without one", answer.status.as_u16())));
    }
    let header = answer.headers.get(http::header::WWW_AUTHENTICATE).and_then(|value| value.to_str().ok());
    let header = header.ok_or_else(|| wrong("it does not say which".into()))?;
    let part = |name: &str| {
        let (_, rest) = header.split_once(&format!("{name}=\""))?;
        rest.split_once('"').map(|(value, _)| value.to_owned())
    };
    let resource =
        part("resource").or_else(|| part("scope")).ok_or_else(|| wrong("it names no resource".into()))?;
    let resource = resource.trim_end_matches("/.default").trim_end_matches('/').to_owned();
    let domain = resource.strip_prefix("https://").unwrap_or_default();
    if domain.is_empty() || !host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.')) {
        return Err(wrong(format!("its resource {resource} is not the domain of {host}")));
    }
    let authorization = part("authorization").or_else(|| part("authorization_uri"));
    let url =
        authorization.and_then(|text| url::Url::parse(&text).ok()).filter(|url| url.scheme() == "https");
    let url = url.ok_or_else(|| wrong("it names no authority".into()))?;
    let tenant = url.path_segments().and_then(|mut parts| parts.next()).unwrap_or_default().to_owned();
    Ok(Challenge { tenant, authority: url.origin().ascii_serialization(), resource })
}

#[cfg(test)]
mod tests {
    use super::read;
    use keyfill_http::Answer;

    fn challenge(header: &str) -> Result<(String, String, String), String> {
        let mut headers = http::HeaderMap::new();
        headers.insert("www-authenticate", header.parse().expect("a header"));
        let answer = Answer { status: http::StatusCode::UNAUTHORIZED, headers, body: Vec::new().into() };
        let read = read(&answer, "team.vault.azure.net").map_err(|e| e.to_string())?;
        Ok((read.authority, read.tenant, read.resource))
    }

    #[test]
    fn authority_tenant_and_resource_of_a_challenge_are_parsed() {
        let header = r#"Bearer authorization="https://login.microsoftonline.com/tenant-1", resource="https://vault.azure.net""#;
        let expected = ("https://login.microsoftonline.com", "tenant-1", "https://vault.azure.net");
        assert_eq!(
            challenge(header).map(|(a, t, r)| (a == expected.0, t == expected.1, r == expected.2)),
            Ok((true, true, true))
        );
    }

    #[test]
    fn a_resource_of_another_domain_is_refused() {
        for resource in [
            "https://management.azure.com",
            "https://evil.example",
            "https://azure.net.evil",
            "http://vault.azure.net",
            "",
        ] {
            let header = format!(
                r#"Bearer authorization="https://login.microsoftonline.com/t", resource="{resource}""#
            );
            assert!(challenge(&header).is_err(), "{resource}");
        }
        assert!(challenge("Basic").is_err());
        assert!(
            challenge(r#"Bearer authorization="http://x/t", resource="https://vault.azure.net""#).is_err()
        );
    }
}
