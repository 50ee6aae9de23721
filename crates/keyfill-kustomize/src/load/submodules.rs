//! Parsing `.gitmodules`, which says at which path of a repository which other repository belongs.

/// Name of the file, which is at a repository's root.
pub const FILE_NAME: &str = ".gitmodules";

/// The largest file that is parsed, in bytes. Real ones are much smaller.
const LARGEST: usize = 1 << 20;

/// The address of the submodule at a path. A relative address is resolved against `of`, the address of the
/// repository that contains the file.
pub fn address(text: &[u8], path: &str, of: &str) -> Result<String, String> {
    let unreadable = || format!("{FILE_NAME} cannot be read");
    if text.len() > LARGEST {
        return Err(format!("{FILE_NAME} is larger than {LARGEST} bytes"));
    }
    let text = std::str::from_utf8(text).map_err(|_| unreadable())?;
    let modules = modules(text).ok_or_else(unreadable)?;
    let found = modules.into_iter().find(|module| module.path.trim_end_matches('/') == path);
    let url = found.map(|module| module.url).filter(|url| !url.is_empty());
    let url = url.ok_or_else(|| format!("{FILE_NAME} does not say where it is cloned from"))?;
    if url.starts_with('-') || url.contains(char::is_control) {
        return Err(format!("{FILE_NAME} names no address for it"));
    }
    resolved(&url, of).ok_or_else(|| format!("its address in {FILE_NAME} leaves the host"))
}

/// The settings of one section.
#[derive(Default)]
struct Module {
    path: String,
    url: String,
}

/// The sections of a file in the syntax of git's configuration.
fn modules(text: &str) -> Option<Vec<Module>> {
    let mut found: Vec<Module> = Vec::new();
    // Whether the current section is one of a submodule.
    let mut inside = false;
    for line in text.lines() {
        let mut line = line.trim();
        if let Some(rest) = line.strip_prefix('[') {
            let (name, after) = section(rest)?;
            inside = name.eq_ignore_ascii_case("submodule");
            if inside {
                found.push(Module::default());
            }
            line = after.trim();
        }
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        let (key, text) = line.split_once('=').unwrap_or((line, ""));
        let Some(module) = found.last_mut().filter(|_| inside) else { continue };
        match key.trim().to_ascii_lowercase().as_str() {
            "path" => module.path = value(text)?,
            "url" => module.url = value(text)?,
            _ => {}
        }
    }
    Some(found)
}

/// The first word of a section's header, and the text after the header: `submodule "a\"b]"] path = x`.
fn section(text: &str) -> Option<(&str, &str)> {
    let (mut quoted, mut escaped) = (false, false);
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            ']' if !quoted => {
                let name = text[..at].split(|c: char| c.is_whitespace() || c == '"').next()?;
                return Some((name, &text[at + 1..]));
            }
            _ => {}
        }
    }
    None
}

/// A value: quotes are removed, a comment ends it, a backslash escapes. `None` for a value that continues on the
/// next line.
fn value(text: &str) -> Option<String> {
    let (mut out, mut kept) = (String::new(), 0);
    let mut quoted = false;
    let mut chars = text.trim().chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => quoted = !quoted,
            '#' | ';' if !quoted => break,
            '\\' => match chars.next()? {
                'n' => out.push('\n'),
                't' => out.push('\t'),
                'b' => out.push('\u{8}'),
                c @ ('"' | '\\') => out.push(c),
                _ => return None,
            },
            c => out.push(c),
        }
        if quoted || !c.is_whitespace() {
            kept = out.len();
        }
    }
    out.truncate(kept);
    (!quoted).then_some(out)
}

/// Resolves an address that begins with `./` or `../` against `of`, as git does; `None` if it goes above the host.
fn resolved(url: &str, of: &str) -> Option<String> {
    if !url.starts_with("./") && !url.starts_with("../") {
        return Some(url.to_owned());
    }
    let start = of.find("://").map_or(0, |at| at + 3);
    let (mut base, mut separator) = (of.trim_end_matches('/'), '/');
    let mut rest = url;
    loop {
        if let Some(below) = rest.strip_prefix("./") {
            rest = below;
        } else if let Some(below) = rest.strip_prefix("../") {
            let path = base.get(start..)?;
            // In `user@host:path` the host ends at the colon. In an address with a scheme, a colon belongs to the
            // port.
            let cut = path.rfind('/').or_else(|| if start == 0 { path.rfind(':') } else { None })?;
            separator = if path[cut..].starts_with(':') { ':' } else { '/' };
            base = &base[..start + cut];
            rest = below;
        } else {
            break;
        }
    }
    (!rest.is_empty() && base.len() > start).then(|| format!("{base}{separator}{rest}"))
}

#[cfg(test)]
mod tests {
    use super::address;

    const OF: &str = "https://host.example:8443/org/app.git";

    fn of(url: &str, of: &str) -> Result<String, String> {
        address(format!("[submodule \"lib\"]\n\tpath = lib\n\turl = {url}\n").as_bytes(), "lib", of)
    }

    #[test]
    fn a_submodule_has_the_address_of_its_section() {
        let text = "# a comment\n[core]\n\turl = x\n[submodule \"a]b\"] path = vendor/a\n\tURL = \"https://h/a#b\" ; why\n\
                    [Submodule \"c\"]\n\tpath = c/\n\turl = git@h:c/d\n\tbranch = main\n[other \"c\"]\n\turl = y\n";
        assert_eq!(address(text.as_bytes(), "vendor/a", OF).as_deref(), Ok("https://h/a#b"));
        assert_eq!(address(text.as_bytes(), "c", OF).as_deref(), Ok("git@h:c/d"));
        assert!(address(text.as_bytes(), "d", OF).is_err_and(|e| e.contains("does not say")));
    }

    #[test]
    fn a_relative_address_is_resolved_against_that_of_the_repository() {
        for (url, on, found) in [
            ("../lib.git", OF, "https://host.example:8443/org/lib.git"),
            ("../../other/lib", OF, "https://host.example:8443/other/lib"),
            ("./lib", OF, "https://host.example:8443/org/app.git/lib"),
            ("../lib", "https://host.example/org/app/", "https://host.example/org/lib"),
            ("../lib", "git@host.example:org/app", "git@host.example:org/lib"),
            ("../../lib", "git@host.example:org/app", "git@host.example:lib"),
            ("https://other.example/x", OF, "https://other.example/x"),
        ] {
            assert_eq!(of(url, on).as_deref(), Ok(found), "{url} on {on}");
        }
        assert!(of("../../../evil.example/lib", OF).is_err());
        assert!(of("../../../lib", "git@host.example:org/app").is_err());
    }

    #[test]
    fn malformed_files_and_addresses_are_errors() {
        for text in ["[submodule \"x", "[submodule \"lib\"]\npath = lib\nurl = \"open", "\u{0}"] {
            assert!(address(text.as_bytes(), "lib", OF).is_err(), "{text:?}");
        }
        assert!(address(b"\xff", "lib", OF).is_err());
        assert!(of("-oProxyCommand=x", OF).is_err() && of("a\\\n", OF).is_err() && of("", OF).is_err());
    }
}
