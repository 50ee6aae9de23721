//! Credentials of assumed roles, from AWS Security Token Service (STS).

use super::super::{AwsSettings, Service, clock, sigv4};
use super::{Credentials, token};
use crate::rest::{Rest, Verdict, call, quoted};
use crate::{Error, Secret};
use http::{HeaderMap, HeaderValue, Method};
use keyfill_diag::Cx;
use keyfill_http::Answer;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use std::path::Path;

const SERVICE: Service = Service {
    name: "sts",
    target: "",
    setting: "STS",
    title: "AWS STS",
    content_type: "application/x-www-form-urlencoded",
};

/// The characters that are percent-encoded in a form: all but letters, digits and `-_.~`.
const FORM: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The name of a session if none is set.
const SESSION: &str = "keyfill";

/// Assumes a role with a web identity token. The file is read each time, since Kubernetes replaces the token.
pub(super) async fn with_web_identity(
    settings: &AwsSettings,
    role: &str,
    session: Option<&str>,
    token_file: &Path,
    cx: &Cx,
) -> Result<Credentials, Error> {
    let token = token(token_file)?;
    let parameters = [
        ("Action", "AssumeRoleWithWebIdentity"),
        ("RoleArn", role),
        ("RoleSessionName", session.unwrap_or(SESSION)),
        ("WebIdentityToken", token.expose()),
    ];
    ask(settings, role, &parameters, None, cx).await
}

/// Assumes a role with the credentials `own`.
pub(super) async fn with_credentials(
    settings: &AwsSettings,
    own: &Credentials,
    role: &str,
    session: Option<&str>,
    external_id: Option<&str>,
    cx: &Cx,
) -> Result<Credentials, Error> {
    let mut parameters =
        vec![("Action", "AssumeRole"), ("RoleArn", role), ("RoleSessionName", session.unwrap_or(SESSION))];
    parameters.extend(external_id.map(|id| ("ExternalId", id)));
    ask(settings, role, &parameters, Some(own), cx).await
}

async fn ask(
    settings: &AwsSettings,
    role: &str,
    parameters: &[(&str, &str)],
    own: Option<&Credentials>,
    cx: &Cx,
) -> Result<Credentials, Error> {
    let mut form = zeroize::Zeroizing::new(String::from("Version=2011-06-15"));
    for (name, value) in parameters {
        form.push('&');
        form.push_str(name);
        form.push('=');
        form.extend(utf8_percent_encode(value, FORM));
    }
    let region = settings.region();
    let address = settings.address(&SERVICE, region);
    let make = || {
        let mut headers = HeaderMap::new();
        headers.insert(http::header::CONTENT_TYPE, HeaderValue::from_static(SERVICE.content_type));
        let mut call = call(Method::POST, &format!("{address}/"), headers, form.as_bytes())?;
        if let Some(own) = own {
            sigv4::sign(&mut call, own, region, SERVICE.name, clock::now())?;
        }
        Ok(call)
    };
    let rest = Rest::new(format!("{} in {region}", SERVICE.title), &settings.network);
    let answer = rest.send(make, |_| Verdict::Final, cx).await?;
    read(&answer).map_err(|why| {
        Error::store(format!("the role {role} cannot be assumed: {why}"))
            .hint("check the role's trust policy: it has to name this service account or user")
    })
}

/// Parses the credentials in an answer, which is XML.
fn read(answer: &Answer) -> Result<Credentials, String> {
    let text = std::str::from_utf8(&answer.body).unwrap_or_default();
    if answer.status != http::StatusCode::OK {
        let code = element(text, "Code").unwrap_or("no code");
        let message = element(text, "Message").unwrap_or_default();
        return Err(format!(
            "STS answered {}, {}: {}",
            answer.status.as_u16(),
            quoted(code),
            quoted(message)
        ));
    }
    let part = |name| element(text, name).ok_or_else(|| format!("the answer of STS holds no {name}"));
    Ok(Credentials {
        access_key: part("AccessKeyId")?.to_owned(),
        secret_key: Secret::new(part("SecretAccessKey")?),
        session_token: Some(Secret::new(part("SessionToken")?)),
        expires: Some(clock::parse(part("Expiration")?).ok_or("the expiration is no time")?),
    })
}

/// The text of the first element with this name. The elements that are read here have no markup and no attributes.
fn element<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(&format!("<{name}>"))?;
    let (inside, _) = rest.split_once(&format!("</{name}>"))?;
    Some(inside.trim())
}

#[cfg(test)]
mod tests {
    use super::read;
    use keyfill_http::Answer;

    fn answer(status: u16, body: &str) -> Answer {
        let status = http::StatusCode::from_u16(status).expect("a status");
        Answer { status, headers: http::HeaderMap::new(), body: body.as_bytes().to_vec().into() }
    }

    #[test]
    fn the_credentials_in_an_answer_are_parsed() {
        let body = "<R><AssumedRoleUser/><Credentials><AccessKeyId>ASIA1</AccessKeyId><SecretAccessKey>hush+/=\
                    </SecretAccessKey><SessionToken>t</SessionToken><Expiration>2015-08-30T12:36:00Z</Expiration>\
                    </Credentials></R>";
        let read_ok = read(&answer(200, body)).expect("it is good");
        assert_eq!((read_ok.access_key.as_str(), read_ok.expires), ("ASIA1", Some(1_440_938_160)));
        assert_eq!(read_ok.secret_key.expose(), "hush+/=");
    }

    #[test]
    fn the_error_of_a_refusal_contains_its_code_and_message() {
        let body = "<ErrorResponse><Error><Code>AccessDenied</Code><Message>Not\n authorized</Message></Error></ErrorResponse>";
        assert_eq!(
            read(&answer(403, body)).err().as_deref(),
            Some("STS answered 403, AccessDenied: Not authorized")
        );
        assert!(read(&answer(200, "<html>")).is_err());
    }
}
