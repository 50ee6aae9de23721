//! URLs by the rules of Go's `net/url`: parsing and writing them.

use std::fmt;

/// The parts of a URL.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Url {
    /// The scheme in lower case, such as `https`.
    pub scheme: Vec<u8>,
    /// The text after a scheme without a slash, as in `mailto:x`.
    pub opaque: Vec<u8>,
    /// The user, who may have a password.
    pub user: Option<User>,
    /// Host and port.
    pub host: Vec<u8>,
    /// The path, with its escapes decoded.
    pub path: Vec<u8>,
    /// The text after `?`, with its escapes.
    pub query: Vec<u8>,
    /// The text after `#`, with its escapes decoded.
    pub fragment: Vec<u8>,
}

/// A user, perhaps with a password.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct User {
    name: Vec<u8>,
    password: Option<Vec<u8>>,
}

impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("User")
    }
}

/// Why a URL was refused, in Go's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error(String);

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Error {}

/// The part of a URL that a text belongs to. Each part allows different characters without an escape.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Path,
    Host,
    Zone,
    User,
    Fragment,
}

/// Parses a URL.
pub fn parse(text: &[u8]) -> Result<Url, Error> {
    parse_parts(text).map_err(|reason| Error(format!("parse {}: {reason}", crate::quote::quote(text))))
}

fn parse_parts(text: &[u8]) -> Result<Url, String> {
    let (before, fragment) = cut(text, b'#');
    let mut url = parse_before_fragment(before)?;
    if let Some(fragment) = fragment.filter(|f| !f.is_empty()) {
        url.fragment = unescape(fragment, Part::Fragment)?;
    }
    Ok(url)
}

fn parse_before_fragment(text: &[u8]) -> Result<Url, String> {
    if text.iter().any(|&b| b < b' ' || b == 0x7f) {
        return Err("net/url: invalid control character in URL".into());
    }
    let mut url = Url::default();
    if text == b"*" {
        url.path = text.to_vec();
        return Ok(url);
    }
    let (scheme, rest) = scheme(text)?;
    url.scheme = scheme.to_ascii_lowercase();
    let (mut rest, query) = cut(rest, b'?');
    url.query = query.unwrap_or_default().to_vec();
    if !rest.starts_with(b"/") {
        if !url.scheme.is_empty() {
            url.opaque = rest.to_vec();
            return Ok(url);
        }
        if cut(rest, b'/').0.contains(&b':') {
            return Err("first path segment in URL cannot contain colon".into());
        }
    }
    let slashes_only = rest.starts_with(b"///") && url.scheme.is_empty();
    if let Some(after) = rest.strip_prefix(b"//").filter(|_| !slashes_only) {
        let end = after.iter().position(|&b| b == b'/').unwrap_or(after.len());
        parse_authority(&mut url, &after[..end])?;
        rest = &after[end..];
    }
    url.path = unescape(rest, Part::Path)?;
    Ok(url)
}

/// Splits off the scheme before a colon, which is empty if there is none.
fn scheme(text: &[u8]) -> Result<(&[u8], &[u8]), String> {
    for (at, b) in text.iter().enumerate() {
        match b {
            b'a'..=b'z' | b'A'..=b'Z' => {}
            b'0'..=b'9' | b'+' | b'-' | b'.' if at > 0 => {}
            b':' if at == 0 => return Err("missing protocol scheme".into()),
            b':' => return Ok((&text[..at], &text[at + 1..])),
            _ => break,
        }
    }
    Ok((b"", text))
}

fn parse_authority(url: &mut Url, authority: &[u8]) -> Result<(), String> {
    let at = authority.iter().rposition(|&b| b == b'@');
    let host = at.map_or(authority, |at| &authority[at + 1..]);
    let strict = matches!(url.scheme.as_slice(), b"http" | b"https");
    url.host = parse_host(host, strict)?;
    let Some(at) = at else { return Ok(()) };
    let info = &authority[..at];
    let allowed = |&b: &u8| b.is_ascii_alphanumeric() || b"-._:~!$&'()*+,;=%@".contains(&b);
    if !info.iter().all(allowed) {
        return Err("net/url: invalid userinfo".into());
    }
    let (name, password) = cut(info, b':');
    url.user = Some(User {
        name: unescape(name, Part::User)?,
        password: password.map(|p| unescape(p, Part::User)).transpose()?,
    });
    Ok(())
}

/// Parses a host with its port. More than one colon is refused only if `strict` is set: addresses of some
/// databases list several hosts.
fn parse_host(host: &[u8], strict: bool) -> Result<Vec<u8>, String> {
    match host.iter().rposition(|&b| b == b'[') {
        Some(0) => return parse_address(host),
        Some(_) => return Err("invalid IP-literal".into()),
        None => {}
    }
    let colon = |b: &u8| *b == b':';
    let port = if strict { host.iter().position(colon) } else { host.iter().rposition(colon) };
    if let Some(port) = port {
        valid_port(&host[port..])?;
    }
    unescape(host, Part::Host)
}

/// Parses an IPv6 address in brackets, with an optional port. It may have a zone, which is escaped by different
/// rules.
fn parse_address(host: &[u8]) -> Result<Vec<u8>, String> {
    let Some(end) = host.iter().rposition(|&b| b == b']') else {
        return Err("missing ']' in host".into());
    };
    let (inner, port) = (&host[1..end], &host[end + 1..]);
    valid_port(port)?;
    let zone = memchr::memmem::find(inner, b"%25").unwrap_or(inner.len());
    let mut address = unescape(&inner[..zone], Part::Host)?;
    address.extend(unescape(&inner[zone..], Part::Zone)?);
    let (without_zone, zone) = cut(&address, b'%');
    let is_v6 = std::str::from_utf8(without_zone).is_ok_and(|a| a.parse::<std::net::Ipv6Addr>().is_ok());
    if !is_v6 || zone == Some(b"") {
        return Err(format!("invalid host: {}", String::from_utf8_lossy(&address)));
    }
    Ok([b"[", address.as_slice(), b"]", port].concat())
}

fn valid_port(port: &[u8]) -> Result<(), String> {
    let digits = match port {
        [] => return Ok(()),
        [b':', digits @ ..] => digits,
        _ => b"x",
    };
    if digits.iter().all(u8::is_ascii_digit) {
        return Ok(());
    }
    Err(format!("invalid port {} after host", crate::quote::quote(port)))
}

fn cut(text: &[u8], at: u8) -> (&[u8], Option<&[u8]>) {
    match memchr::memchr(at, text) {
        Some(place) => (&text[..place], Some(&text[place + 1..])),
        None => (text, None),
    }
}

/// Whether a byte must be escaped in a part.
fn needs_escape(b: u8, part: Part) -> bool {
    match b {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => false,
        b'!' | b'"' | b'\'' | b'(' | b')' | b'*' | b'[' | b']' | b'<' | b'>' | b'$' | b'&' | b'+' | b','
        | b';' | b'=' | b':'
            if matches!(part, Part::Host | Part::Zone) =>
        {
            false
        }
        b'$' | b'&' | b'+' | b',' | b'/' | b':' | b';' | b'=' | b'?' | b'@' => match part {
            Part::Path => b == b'?',
            Part::User => matches!(b, b'@' | b'/' | b'?' | b':'),
            Part::Fragment => false,
            Part::Host | Part::Zone => true,
        },
        b'!' | b'(' | b')' | b'*' => part != Part::Fragment,
        _ => true,
    }
}

fn escape(text: &[u8], part: Part) -> Vec<u8> {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let mut out = Vec::with_capacity(text.len());
    for &b in text {
        if needs_escape(b, part) {
            out.extend([b'%', DIGITS[usize::from(b >> 4)], DIGITS[usize::from(b & 15)]]);
        } else {
            out.push(b);
        }
    }
    out
}

fn unescape(text: &[u8], part: Part) -> Result<Vec<u8>, String> {
    let hex = |b: Option<&u8>| b.and_then(|&b| char::from(b).to_digit(16));
    let (mut out, mut at) = (Vec::with_capacity(text.len()), 0);
    let in_host = matches!(part, Part::Host | Part::Zone);
    while at < text.len() {
        let b = text[at];
        if b != b'%' {
            if in_host && b < 0x80 && needs_escape(b, part) {
                let shown = crate::quote::quote(&text[at..=at]);
                return Err(format!("invalid character {shown} in host name"));
            }
            out.push(b);
            at += 1;
            continue;
        }
        let shown = &text[at..text.len().min(at + 3)];
        let refused = || format!("invalid URL escape {}", crate::quote::quote(shown));
        let (high, low) = hex(text.get(at + 1)).zip(hex(text.get(at + 2))).ok_or_else(refused)?;
        let byte = (high * 16 + low) as u8;
        if part == Part::Host && high < 8 && shown != b"%25" {
            return Err(refused());
        }
        if part == Part::Zone && shown != b"%25" && byte != b' ' && needs_escape(byte, Part::Host) {
            return Err(refused());
        }
        out.push(byte);
        at += 3;
    }
    Ok(out)
}

impl User {
    /// The user and the password as they are written in a URL.
    pub fn written(&self) -> Vec<u8> {
        let mut out = escape(&self.name, Part::User);
        if let Some(password) = &self.password {
            out.push(b':');
            out.extend(escape(password, Part::User));
        }
        out
    }
}

impl Url {
    /// The host without port and brackets.
    pub fn hostname(&self) -> &[u8] {
        let host = match self.host.iter().rposition(|&b| b == b':') {
            Some(colon) if valid_port(&self.host[colon..]).is_ok() => &self.host[..colon],
            _ => &self.host,
        };
        host.strip_prefix(b"[").and_then(|h| h.strip_suffix(b"]")).unwrap_or(host)
    }

    /// The URL as text.
    pub fn written(&self) -> Vec<u8> {
        let mut out = Vec::new();
        if !self.scheme.is_empty() {
            out.extend_from_slice(&self.scheme);
            out.push(b':');
        }
        if self.opaque.is_empty() {
            self.write_authority_and_path(&mut out);
        } else {
            out.extend_from_slice(&self.opaque);
        }
        if !self.query.is_empty() {
            out.push(b'?');
            out.extend_from_slice(&self.query);
        }
        if !self.fragment.is_empty() {
            out.push(b'#');
            out.extend(escape(&self.fragment, Part::Fragment));
        }
        out
    }

    fn write_authority_and_path(&self, out: &mut Vec<u8>) {
        let authority = !self.host.is_empty() || self.user.is_some();
        if authority || !self.scheme.is_empty() && !self.path.is_empty() {
            out.extend_from_slice(b"//");
            if let Some(user) = &self.user {
                out.extend(user.written());
                out.push(b'@');
            }
            out.extend(escape(&self.host, Part::Host));
        }
        let path = if self.path == b"*" { b"*".to_vec() } else { escape(&self.path, Part::Path) };
        if !path.is_empty() && path[0] != b'/' && !self.host.is_empty() {
            out.push(b'/');
        }
        if out.is_empty() && cut(&path, b'/').0.contains(&b':') {
            // Without `./`, a colon in the first element would end a scheme.
            out.extend_from_slice(b"./");
        }
        out.extend(path);
    }
}

#[cfg(test)]
mod tests {
    use super::parse;

    fn written(text: &str) -> String {
        String::from_utf8_lossy(&parse(text.as_bytes()).expect("a URL").written()).into_owned()
    }

    #[test]
    fn urls_are_split_into_their_parts() {
        let url = parse(b"HTTPS://me:p%40ss@[fe80::1%25en0]:8443/a%20b/c?x=1#top").expect("a URL");
        assert_eq!(url.scheme, b"https");
        assert_eq!(url.hostname(), b"fe80::1%en0");
        assert_eq!((url.path.as_slice(), url.query.as_slice()), (&b"/a b/c"[..], &b"x=1"[..]));
        assert_eq!(url.user.map(|u| u.written()).as_deref(), Some(&b"me:p%40ss"[..]));
    }

    #[test]
    fn urls_are_written_as_go_writes_them() {
        for text in ["mailto:a@b", "http://h/a?b#c", "/a/b", "//h/x", "a/b:c"] {
            assert_eq!(written(text), text);
        }
    }

    #[test]
    fn malformed_urls_are_refused() {
        for bad in ["http://h:x/", ":a", "a\x01", "1:2", "http://%zz", "http://[::1", "http://a b/"] {
            assert!(parse(bad.as_bytes()).is_err(), "{bad}");
        }
        let error = parse(b"http://h:x/").expect_err("refused").to_string();
        assert_eq!(error, r#"parse "http://h:x/": invalid port ":x" after host"#);
    }
}
