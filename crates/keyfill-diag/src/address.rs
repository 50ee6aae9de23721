//! Removes credentials from addresses.

/// The text without the user and password of each URL in it: `https://user:password@host/` becomes `https://host/`.
pub fn without_users(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("://") {
        let end = after.find(|c: char| "/?#\"'".contains(c) || c.is_whitespace()).unwrap_or(after.len());
        let host = after[..end].rfind('@').map_or(0, |at| at + 1);
        out.push_str(before);
        out.push_str("://");
        rest = &after[host..];
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::without_users;

    #[test]
    fn passwords_in_addresses_are_left_out() {
        for (text, shown) in [
            ("https://u:p@host/a@b", "https://host/a@b"),
            ("- repository: 'https://u:p@x@h' # https://t@i/x", "- repository: 'https://h' # https://i/x"),
            ("git@host:a/b", "git@host:a/b"),
            ("ssh://git@host/a?x=1", "ssh://host/a?x=1"),
            ("https://", "https://"),
            ("plain", "plain"),
        ] {
            assert_eq!(without_users(text), shown);
        }
    }
}
