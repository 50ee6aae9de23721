//! Parses AWS's answers: the type of an error, its message, and the error of keyfill for it.

use super::Service;
use crate::Error;
use crate::rest::quoted;
use keyfill_http::Answer;

/// The type of an error in an answer: `__type` without the namespace before `#`. `None` if the answer is no such error.
fn kind(answer: &Answer) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct ErrorBody {
        #[serde(rename = "__type")]
        kind: Option<String>,
    }
    if answer.status == http::StatusCode::OK {
        return None;
    }
    let reason: ErrorBody = serde_json::from_slice(&answer.body).ok()?;
    let kind = reason.kind?;
    Some(kind.rsplit('#').next().unwrap_or_default().to_owned())
}

fn message(answer: &Answer) -> String {
    #[derive(serde::Deserialize)]
    struct ErrorBody {
        #[serde(alias = "Message")]
        message: Option<String>,
    }
    let reason: Option<ErrorBody> = serde_json::from_slice(&answer.body).ok();
    reason.and_then(|reason| reason.message).map(|message| quoted(&message)).unwrap_or_default()
}

/// Whether the answer is a temporary failure: throttling or an internal error. Such an answer may have the status 400.
pub(super) fn is_throttled(answer: &Answer) -> bool {
    kind(answer).is_some_and(|kind| {
        matches!(
            kind.as_str(),
            "ThrottlingException"
                | "Throttling"
                | "TooManyRequestsException"
                | "RequestLimitExceeded"
                | "ThrottledException"
                | "InternalServiceError"
                | "InternalServerError"
                | "InternalFailure"
                | "ServiceUnavailable"
        )
    })
}

/// Whether the answer says that the credentials have expired.
pub(super) fn is_about_expired_credentials(answer: &Answer) -> bool {
    kind(answer).is_some_and(|kind| matches!(kind.as_str(), "ExpiredTokenException" | "ExpiredToken"))
}

/// The error for an answer that is not a success. `permission` is the IAM action that may be missing.
pub(super) fn error(answer: &Answer, service: &Service, permission: &str, path: &str) -> Error {
    let title = service.title;
    let Some(kind) = kind(answer) else {
        return Error::store(format!("{title} answered {} and not in JSON", answer.status.as_u16()))
            .hint("check AWS_ENDPOINT_URL and HTTPS_PROXY: something else than AWS seems to have answered");
    };
    let reason = message(answer);
    match kind.as_str() {
        "ResourceNotFoundException" | "ParameterNotFound" => Error::missing(format!("{title} has no {path}"))
            .absent()
            .hint("check the name, the region (AWS_REGION) and the account"),
        "ParameterVersionNotFound" => {
            Error::missing(format!("{title} has no such version or label of {path}")).absent()
        }
        "AccessDeniedException" => Error::store(format!("{title} refuses: {reason}")).hint(format!(
            "allow {permission} on it for the role in the message, and kms:Decrypt for its key"
        )),
        "DecryptionFailure" => Error::store(format!("{title} cannot decrypt {path}: {reason}"))
            .hint("allow kms:Decrypt on the key of the secret"),
        "InvalidRequestException" => Error::store(format!("{title} does not give {path}: {reason}"))
            .hint("a secret that is marked for deletion can be restored until it is deleted"),
        "ExpiredTokenException"
        | "ExpiredToken"
        | "UnrecognizedClientException"
        | "InvalidClientTokenId"
        | "InvalidSignatureException"
        | "IncompleteSignature"
        | "MissingAuthenticationToken" => {
            Error::store(format!("{title} does not take the credentials: {kind}: {reason}"))
                .hint("check the AWS credentials of keyfill, and this machine's clock")
        }
        _ => Error::store(format!("{title} answered {kind}: {reason}")),
    }
}
