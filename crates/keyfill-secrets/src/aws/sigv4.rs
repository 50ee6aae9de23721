//! Signature Version 4, with which AWS authenticates requests.

use super::clock::stamp;
use super::credentials::Credentials;
use crate::Error;
use crate::rest::secret_header;
use http::HeaderValue;
use keyfill_http::Call;
use ring::{digest, hmac};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Signs a request: all its headers, its path, its query and its body. `time` is in seconds since 1970.
pub(super) fn sign(
    call: &mut Call,
    credentials: &Credentials,
    region: &str,
    service: &str,
    time: u64,
) -> Result<(), Error> {
    let stamp = stamp(time);
    let authority = call.uri.authority().map(|a| a.as_str().to_owned()).unwrap_or_default();
    let host = match (call.uri.scheme_str(), authority.rsplit_once(':')) {
        (Some("https"), Some((host, "443"))) | (Some("http"), Some((host, "80"))) => host.to_owned(),
        _ => authority,
    };
    let plain = |text: &str| {
        HeaderValue::from_str(text).map_err(|_| Error::usage("the address of AWS cannot be sent in a header"))
    };
    call.headers.insert(http::header::HOST, plain(&host)?);
    call.headers.insert("x-amz-date", plain(&stamp)?);
    if let Some(token) = &credentials.session_token {
        call.headers.insert("x-amz-security-token", secret_header(token.expose(), "the AWS session token")?);
    }
    let (names, canonical) = canonical(call);
    let scope = format!("{}/{region}/{service}/aws4_request", &stamp[..8]);
    let to_sign = format!("AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{}", hash(canonical.as_bytes()));
    let signature = signature(credentials, &stamp[..8], region, service, &to_sign);
    let header = format!(
        "AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={names}, Signature={signature}",
        credentials.access_key
    );
    call.headers.insert(http::header::AUTHORIZATION, secret_header(&header, "the AWS access key")?);
    Ok(())
}

/// The names of the signed headers, and the canonical request, which is the text that is signed.
fn canonical(call: &Call) -> (String, String) {
    let mut headers: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, value) in &call.headers {
        headers.entry(name.as_str()).or_default().push(value.to_str().unwrap_or_default().trim());
    }
    let names = headers.keys().copied().collect::<Vec<_>>().join(";");
    let mut query: Vec<&str> =
        call.uri.query().unwrap_or_default().split('&').filter(|p| !p.is_empty()).collect();
    query.sort_unstable();
    let mut text = format!("{}\n{}\n{}\n", call.method, call.uri.path(), query.join("&"));
    for (name, values) in &headers {
        let _ = writeln!(text, "{name}:{}", values.join(","));
    }
    let _ = write!(text, "\n{names}\n{}", hash(&call.body));
    (names, text)
}

fn signature(credentials: &Credentials, date: &str, region: &str, service: &str, text: &str) -> String {
    let first = zeroize::Zeroizing::new(format!("AWS4{}", credentials.secret_key.expose()));
    let mut key = hmac::Key::new(hmac::HMAC_SHA256, first.as_bytes());
    for part in [date, region, service, "aws4_request"] {
        key = hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&key, part.as_bytes()).as_ref());
    }
    hex(hmac::sign(&key, text.as_bytes()).as_ref())
}

fn hash(bytes: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, bytes).as_ref())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(64), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

#[cfg(test)]
mod tests {
    use super::sign;
    use crate::Secret;
    use crate::aws::credentials::Credentials;
    use crate::rest::call;

    /// Examples from the test suite in AWS's documentation ("get-vanilla-query-order-key-case", "post-vanilla").
    #[test]
    fn requests_are_signed_as_in_the_test_suite_of_aws() {
        let credentials = Credentials {
            access_key: "AKIDEXAMPLE".into(),
            secret_key: Secret::new("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
            session_token: None,
            expires: None,
        };
        let signed = |method: http::Method, address: &str| {
            let mut call = call(method, address, http::HeaderMap::new(), "").expect("a request");
            sign(&mut call, &credentials, "us-east-1", "service", 1_440_938_160).expect("it can be signed");
            let header = call.headers["authorization"].to_str().expect("it is text").to_owned();
            header.rsplit_once("Signature=").expect("there is a signature").1.to_owned()
        };
        assert_eq!(
            signed(http::Method::GET, "https://example.amazonaws.com/"),
            "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"
        );
        assert_eq!(
            signed(http::Method::GET, "https://example.amazonaws.com/?Param2=value2&Param1=value1"),
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"
        );
        assert_eq!(
            signed(http::Method::POST, "https://example.amazonaws.com/"),
            "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"
        );
    }
}
