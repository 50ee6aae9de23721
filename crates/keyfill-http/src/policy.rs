//! Which URLs may be requested, and which IP addresses their hosts may have.

use crate::Addresses;
use std::fmt;
use std::net::IpAddr;
use url::{Host, Url};

/// Which URLs may be requested. The default allows every `https://` and `oci://` URL whose host has a public address.
#[derive(Clone, Debug, Default)]
pub struct HostPolicy {
    /// The entries; `None` for the default.
    rules: Option<Vec<Rule>>,
}

/// One entry of a policy.
#[derive(Clone, Debug)]
struct Rule {
    /// The user of an `ssh://` entry, which a URL must have too.
    user: Option<String>,
    /// Two globs: for the entry's URL itself, and for what lies below it.
    globs: [String; 2],
    /// The IP addresses that the host may have.
    addresses: Addresses,
}

/// Why an entry is invalid or a URL is not allowed. Each variant has the entry or the URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The entry is not of the form `SCHEME://HOST/PATH`, in which `*` is allowed.
    Entry(String),
    /// The scheme is not supported, or needs an entry and there are none (http and ssh).
    Scheme(String),
    /// No entry matches the URL.
    NotListed(String),
    /// The host of the URL is an IP address that is not allowed: it is not public, and no entry spells it out.
    Address(String),
}

impl HostPolicy {
    /// A policy of entries such as `https://github.com/org/*`, `oci://ghcr.io/org/*`,
    /// `https://*.example.com/*`. `*` matches any text without a slash; `/*` at the end matches everything below.
    /// The scheme `http` and an IP address that is not public must be spelled out. An entry that begins with
    /// `private+` allows its host to have a private address. An entry `ssh://USER@HOST/PATH` matches URLs of this user.
    pub fn of<'a>(entries: impl IntoIterator<Item = &'a str>) -> Result<Self, Refused> {
        let rules = entries.into_iter().map(Rule::parse).collect::<Result<_, _>>()?;
        Ok(Self { rules: Some(rules) })
    }

    /// Whether a URL may be requested; returns the IP addresses that its host may have. Only an `oci://` entry matches
    /// an `oci://` URL.
    pub fn check(&self, url: &Url) -> Result<Addresses, Refused> {
        let shown = shown(url);
        if !matches!(url.scheme(), "https" | "http" | "oci" | "ssh") {
            return Err(Refused::Scheme(shown));
        }
        let Some(rules) = &self.rules else {
            if matches!(url.scheme(), "http" | "ssh") {
                return Err(Refused::Scheme(shown));
            }
            return match literal(url) {
                Some(address) if !Addresses::Public.allow(address) => Err(Refused::Address(shown)),
                _ => Ok(Addresses::Public),
            };
        };
        let mut refused = Refused::NotListed(shown.clone());
        for rule in rules.iter().filter(|rule| rule.names(url, &shown)) {
            match literal(url) {
                Some(address) if !rule.addresses.allow(address) => refused = Refused::Address(shown.clone()),
                _ => return Ok(rule.addresses),
            }
        }
        Err(refused)
    }

    /// Whether an entry matches a URL; the address of its host is not checked. Always true if there are no entries.
    pub fn names(&self, url: &Url) -> bool {
        let shown = shown(url);
        self.rules.as_ref().is_none_or(|rules| rules.iter().any(|rule| rule.names(url, &shown)))
    }

    /// Whether the policy is made of entries, and is not the default.
    pub fn is_listed(&self) -> bool {
        self.rules.is_some()
    }
}

impl Rule {
    fn parse(entry: &str) -> Result<Self, Refused> {
        let wrong = || Refused::Entry(entry.to_owned());
        let (private, entry) = match entry.strip_prefix("private+") {
            Some(rest) => (true, rest),
            None => (false, entry),
        };
        let (scheme, rest) = entry.split_once("://").ok_or_else(wrong)?;
        if !matches!(scheme, "https" | "http" | "oci" | "ssh") {
            return Err(wrong());
        }
        let (user, rest) = match rest.split_once('@') {
            Some((user, rest)) if scheme == "ssh" => (Some(user.to_owned()), rest),
            _ => (None, rest),
        };
        let (host, path) = rest.split_once('/').unwrap_or((rest, "*"));
        let unusable = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '@' | '?' | '#' | '\\');
        if host.is_empty() || rest.contains(unusable) || path.split('/').any(|part| part == "..") {
            return Err(wrong());
        }
        let host = host.to_ascii_lowercase();
        let host = match (scheme, host.rsplit_once(':')) {
            ("https", Some((name, "443"))) | ("http", Some((name, "80"))) | ("ssh", Some((name, "22"))) => {
                name.to_owned()
            }
            _ => host,
        };
        let exact = path.strip_suffix("/*").or((path == "*").then_some("")).unwrap_or(path);
        let exact = exact.trim_end_matches('/');
        let root = format!("{scheme}://{host}");
        let (itself, below) = match exact {
            "" => (format!("{root}/"), format!("{root}/**")),
            exact => (format!("{root}/{exact}"), format!("{root}/{exact}/**")),
        };
        Ok(Self { user, globs: [itself, below], addresses: addresses(&host, private) })
    }
}

impl Rule {
    /// Whether this entry matches a URL. `shown` is the URL as the function `shown` returns it.
    fn names(&self, url: &Url, shown: &str) -> bool {
        let user = (url.scheme() == "ssh" && !url.username().is_empty()).then(|| url.username());
        self.user.as_deref() == user
            && self.globs.iter().any(|glob| matches(glob.as_bytes(), shown.as_bytes()))
    }
}

/// Whether a glob matches the whole of a text. `*` matches any text without a slash, `**` any text. Each star first
/// matches the empty text; on a mismatch, the last star that can match one more byte does.
fn matches(glob: &[u8], text: &[u8]) -> bool {
    let (mut g, mut t) = (0, 0);
    // Where to go back to on a mismatch, for the last `*` and the last `**`: the position in the glob behind the star
    // and the position in the text up to which the star matches.
    let (mut single, mut double) = (None::<(usize, usize)>, None::<(usize, usize)>);
    loop {
        if glob[g..].starts_with(b"**") {
            g += 2;
            (double, single) = (Some((g, t)), None);
            continue;
        }
        if glob.get(g) == Some(&b'*') {
            g += 1;
            single = Some((g, t));
            continue;
        }
        match (glob.get(g), text.get(t)) {
            (None, None) => return true,
            (Some(wanted), Some(found)) if wanted == found => (g, t) = (g + 1, t + 1),
            _ => match (single, double) {
                (Some((after, from)), _) if text.get(from).is_some_and(|b| *b != b'/') => {
                    single = Some((after, from + 1));
                    (g, t) = (after, from + 1);
                }
                (_, Some((after, from))) if from < text.len() => {
                    (double, single) = (Some((after, from + 1)), None);
                    (g, t) = (after, from + 1);
                }
                _ => return false,
            },
        }
    }
}

/// The IP addresses that the host of an entry may have. If the host is an IP address, it is the only one.
fn addresses(host: &str, private: bool) -> Addresses {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or(rest),
        None => host.split(':').next().unwrap_or(host),
    };
    match name.parse::<IpAddr>() {
        Ok(address) => Addresses::Only(address),
        Err(_) if private => Addresses::Private,
        Err(_) if name == "localhost" => Addresses::Loopback,
        Err(_) => Addresses::Public,
    }
}

fn literal(url: &Url) -> Option<IpAddr> {
    match url.host()? {
        Host::Ipv4(address) => Some(address.into()),
        Host::Ipv6(address) => Some(address.into()),
        // The url crate parses IPv4 addresses only for schemes such as http and https, not for oci and ssh.
        Host::Domain(name) => name.parse().ok(),
    }
}

/// The URL as entries are matched with it and as errors show it: without user, password, query and fragment.
pub fn shown(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    let port = url.port().map_or_else(String::new, |port| format!(":{port}"));
    format!("{}://{host}{port}{}", url.scheme(), url.path())
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Entry(entry) => {
                write!(f, "{entry:?} is not a URL such as https://github.com/org/* or oci://ghcr.io/org/*")
            }
            Self::Scheme(url) => {
                write!(f, "{url} is not fetched: only https is, and http or ssh where it is listed")
            }
            Self::NotListed(url) => write!(f, "{url} is not among the URLs that may be fetched"),
            Self::Address(url) => write!(f, "{url} is not at a public address"),
        }
    }
}

impl std::error::Error for Refused {}

#[cfg(test)]
mod tests {
    use super::{HostPolicy, Refused};
    use crate::Addresses;
    use url::Url;

    fn url(text: &str) -> Url {
        Url::parse(text).expect("a URL")
    }

    fn allows(entries: &[&str], text: &str) -> bool {
        HostPolicy::of(entries.iter().copied()).expect("entries").check(&url(text)).is_ok()
    }

    #[test]
    fn without_entries_every_public_https_url_is_allowed() {
        let policy = HostPolicy::default();
        assert_eq!(policy.check(&url("https://host.example/a")), Ok(Addresses::Public));
        assert_eq!(policy.check(&url("oci://host.example/a")), Ok(Addresses::Public));
        assert!(matches!(policy.check(&url("http://host.example/a")), Err(Refused::Scheme(_))));
        assert!(matches!(policy.check(&url("file:///etc/passwd")), Err(Refused::Scheme(_))));
        for address in ["https://127.0.0.1/", "https://[::1]/", "https://0x7f.1/", "oci://10.0.0.1/a"] {
            assert!(matches!(policy.check(&url(address)), Err(Refused::Address(_))), "{address}");
        }
    }

    #[test]
    fn a_star_matches_no_slash_except_at_the_end_of_an_entry() {
        let org = ["https://github.com/argoproj/*"];
        assert!(allows(&org, "https://github.com/argoproj/argo-cd/info/refs?service=x"));
        assert!(allows(&org, "https://GitHub.com:443/argoproj/a"));
        assert!(allows(&org, "https://user:pass@github.com/argoproj/a"));
        for other in [
            "https://github.com/argoproj-evil/a",
            "https://github.com/other/argoproj/a",
            "https://github.com/argoproj/../other/a",
            "https://github.com/argoproj/%2e%2e/other/a",
            "https://github.com.evil.example/argoproj/a",
            "https://github.com@evil.example/argoproj/a",
            "https://github.com:8443/argoproj/a",
            "http://github.com/argoproj/a",
            "oci://github.com/argoproj/a",
        ] {
            assert!(!allows(&org, other), "{other}");
        }
        let one = ["https://host.example/*/charts"];
        assert!(allows(&one, "https://host.example/team/charts/index.yaml"));
        assert!(!allows(&one, "https://host.example/a/b/charts/index.yaml"));
    }

    #[test]
    fn a_star_matches_no_slash_and_two_stars_match_any_text() {
        for (glob, text, fits) in [
            ("a*c", "abbc", true),
            ("a*c", "ab/c", false),
            ("a**c", "ab/c", true),
            ("*a*a*b", "aaaaab", true),
            ("*a*a*b", "aaaaac", false),
            ("x/*/y/**", "x/1/y/2/3", true),
            ("x/*/y/**", "x/1/2/y/3", false),
            ("**/b*d/e", "a/b/d/bcd/e", true),
            ("", "", true),
            ("*", "", true),
            ("", "a", false),
        ] {
            assert_eq!(super::matches(glob.as_bytes(), text.as_bytes()), fits, "{glob} {text}");
        }
    }

    #[test]
    fn a_star_in_a_host_matches_nothing_outside_the_host() {
        let hosts = ["https://*.example.com/*"];
        assert!(allows(&hosts, "https://charts.example.com/index.yaml"));
        for other in
            ["https://example.com/a", "https://evil.net/x.example.com/a", "https://evilexample.com/a"]
        {
            assert!(!allows(&hosts, other), "{other}");
        }
        assert!(!allows(&["https://*/*"], "https://127.0.0.1/a"), "an address must be spelled out");
    }

    #[test]
    fn an_entry_decides_which_addresses_its_host_may_have() {
        let policy = HostPolicy::of(["http://127.0.0.1:8080/*"]).expect("an entry");
        assert_eq!(
            policy.check(&url("http://127.0.0.1:8080/a")),
            Ok(Addresses::Only("127.0.0.1".parse().expect("an address")))
        );
        assert!(policy.check(&url("http://127.0.0.1:8081/a")).is_err());
        let private = HostPolicy::of(["private+https://charts.corp/*"]).expect("an entry");
        assert_eq!(private.check(&url("https://charts.corp/a")), Ok(Addresses::Private));
        let named = HostPolicy::of(["http://localhost:1/*"]).expect("an entry");
        assert_eq!(named.check(&url("http://localhost:1/a")), Ok(Addresses::Loopback));
    }

    #[test]
    fn an_ssh_entry_matches_urls_of_its_user_only() {
        let one = ["ssh://git@host.example:22/org/*"];
        assert!(allows(&one, "ssh://git@host.example/org/repo"));
        for other in [
            "ssh://host.example/org/repo",
            "ssh://root@host.example/org/repo",
            "ssh://git@host.example:2222/org/repo",
            "ssh://git@other.example/org/repo",
            "https://git@host.example/org/repo",
        ] {
            assert!(!allows(&one, other), "{other}");
        }
        assert!(HostPolicy::default().check(&url("ssh://git@host.example/a")).is_err());
        assert!(!allows(&["https://*.example/*"], "ssh://git@host.example/a"));
    }

    #[test]
    fn entries_that_are_not_valid_urls_are_refused() {
        for entry in [
            "github.com/*",
            "*",
            "ftp://a/*",
            "https:///a",
            "https://u@h/*",
            "https://h/../*",
            "ssh://u@v@h/*",
        ] {
            assert!(matches!(HostPolicy::of([entry]), Err(Refused::Entry(_))), "{entry}");
        }
    }
}
