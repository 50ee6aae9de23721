//! Recognizes answers that are not from Vault: pages of gateways and proxies, and answers of other servers.

use keyfill_http::Answer;
use std::collections::HashMap;
use std::fmt;

/// The longest text of such an answer that an error shows, in characters.
const LONGEST_TEXT: usize = 160;

/// How many bytes of such an answer are searched for a text to show.
const LOOKED_AT: usize = 16 << 10;

/// The fields of Vault's answers. A refusal from Vault has at least one of them.
const FIELDS_OF_VAULT: [&str; 5] = ["auth", "data", "errors", "request_id", "warnings"];

/// An answer that is not from Vault. Each answer from Vault that has a body is a JSON object with certain fields.
pub(crate) struct Foreign {
    what: &'static str,
    text: String,
}

impl Foreign {
    /// Checks an answer; `None` if it may be from Vault, as one without a body may.
    pub(crate) fn of(answer: &Answer) -> Option<Self> {
        let body = answer.body.trim_ascii();
        let is_json = body.starts_with(b"{");
        if body.is_empty() || (is_json && (answer.status.is_success() || is_vaults_object(body))) {
            return None;
        }
        let text = String::from_utf8_lossy(&body[..body.len().min(LOOKED_AT)]);
        let is_page = text.starts_with('<');
        // The text of a successful answer is not shown: it could be a secret that is not in JSON.
        let text = match (is_page, answer.status.is_success()) {
            (true, _) => of_page(&text),
            (false, true) => String::new(),
            (false, false) => text.lines().next().unwrap_or_default().to_owned(),
        };
        let text: String = text.chars().filter(|c| !c.is_control()).take(LONGEST_TEXT).collect();
        let what = match (is_page, is_json) {
            (true, _) => "an HTML page",
            (false, true) => "JSON that is not Vault's",
            (false, false) => "a text that is not JSON",
        };
        Some(Self { what, text })
    }

    /// The hint: what the user can do.
    pub(crate) fn advice(&self) -> &'static str {
        if self.wants_tls() {
            "write https:// in VAULT_ADDR"
        } else {
            "a gateway or proxy may stand before Vault: check VAULT_ADDR and what it leads to"
        }
    }

    /// Whether the server says that it expects TLS.
    fn wants_tls(&self) -> bool {
        let text = self.text.to_lowercase();
        text.contains("http request to an https server") || text.contains("plain http request")
    }
}

/// Whether a refusal in JSON has one of the fields that refusals from Vault have.
fn is_vaults_object(body: &[u8]) -> bool {
    let fields: Result<HashMap<String, serde::de::IgnoredAny>, _> = serde_json::from_slice(body);
    fields.is_ok_and(|fields| FIELDS_OF_VAULT.iter().any(|name| fields.contains_key(*name)))
}

impl fmt::Display for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.what)?;
        if self.text.is_empty() { Ok(()) } else { write!(f, ": {:?}", self.text) }
    }
}

/// The title of an HTML page; without one, its first line of text.
fn of_page(page: &str) -> String {
    // ASCII lower case changes no lengths, so that positions in `lower` are valid in `page`.
    let lower = page.to_ascii_lowercase();
    let title = lower.find("<title").and_then(|at| {
        let start = at + lower[at..].find('>')? + 1;
        Some(&page[start..start + lower[start..].find("</")?])
    });
    let title = title.map(str::trim).filter(|title| !title.is_empty()).map(str::to_owned);
    title.unwrap_or_else(|| without_tags(page))
}

fn without_tags(page: &str) -> String {
    let mut text = String::new();
    let mut in_tag = false;
    for c in page.chars() {
        match c {
            '<' => in_tag = true,
            '>' => {
                in_tag = false;
                text.push('\n');
            }
            c if !in_tag => text.push(c),
            _ => {}
        }
    }
    text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::Foreign;
    use keyfill_http::Answer;

    fn seen(status: u16, body: &str) -> Option<String> {
        let status = http::StatusCode::from_u16(status).expect("a status");
        let answer =
            Answer { status, headers: http::HeaderMap::new(), body: body.as_bytes().to_vec().into() };
        Foreign::of(&answer).map(|foreign| foreign.to_string())
    }

    #[test]
    fn an_answer_that_is_not_from_vault_is_shown_with_its_title_or_first_line() {
        assert_eq!(seen(403, r#"{"errors":["permission denied"]}"#), None);
        assert_eq!(seen(204, ""), None);
        assert_eq!(seen(404, r#"{"data":{"metadata":{}},"warnings":null}"#), None);
        assert_eq!(
            seen(403, r#"{"message": "RBAC: access denied"}"#).as_deref(),
            Some(r#"JSON that is not Vault's: "{\"message\": \"RBAC: access denied\"}""#)
        );
        let page = "<!DOCTYPE html>\n<html><head><TITLE>Access gateway</TITLE></head><body><h1>No</h1></body></html>";
        assert_eq!(seen(403, page).as_deref(), Some("an HTML page: \"Access gateway\""));
        let page = "<html><body>\n<h1>502 Bad Gateway</h1>nginx</body></html>";
        assert_eq!(seen(502, page).as_deref(), Some("an HTML page: \"502 Bad Gateway\""));
        assert_eq!(
            seen(400, "Client sent an HTTP request to an HTTPS server.\n").as_deref(),
            Some("a text that is not JSON: \"Client sent an HTTP request to an HTTPS server.\"")
        );
        assert_eq!(seen(400, "<title").as_deref(), Some("an HTML page"));
    }

    #[test]
    fn the_text_of_a_successful_answer_is_not_shown() {
        assert_eq!(seen(200, r#"{"password": "hush"}"#), None);
        assert_eq!(seen(200, "password: hush\n").as_deref(), Some("a text that is not JSON"));
    }
}
