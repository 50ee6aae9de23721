//! Versions and constraints as `github.com/Masterminds/semver/v3` (3.5.0) parses and compares them.
//!
//! Versions may lack parts (`1.2`) and begin with `v`. A constraint is a list of alternatives (`||`), each a
//! list of comparisons that must all hold, separated by spaces or commas; `1.2 - 1.4` is a range.

use std::cmp::Ordering;
use std::fmt;

/// The longest version, in bytes.
const MAX_VERSION: usize = 256;
/// The longest constraint, in bytes.
const MAX_CONSTRAINT: usize = 512;
/// The most alternatives in a constraint.
const MAX_ALTERNATIVES: usize = 32;

/// Why a version or a constraint was refused, in Go's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error(String);

impl Error {
    fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Error {}

/// A version, with the text it was parsed from.
#[derive(Clone, Debug)]
pub struct Version {
    major: u64,
    minor: u64,
    patch: u64,
    prerelease: String,
    metadata: String,
    original: String,
}

impl Version {
    /// Parses a version; missing parts are 0.
    pub fn parse(text: &str) -> Result<Self, Error> {
        if text.len() > MAX_VERSION {
            return Err(Error::new(format!("version string is too long (max {MAX_VERSION} bytes)")));
        }
        let invalid = || Error::new("invalid semantic version");
        let mut scan = Scan(text);
        scan.skip("v");
        let major = scan.digits().ok_or_else(invalid)?;
        let minor = scan.dotted_digits();
        let patch = if minor.is_some() { scan.dotted_digits() } else { None };
        let prerelease = scan.suffix('-').unwrap_or_default();
        let metadata = scan.suffix('+').unwrap_or_default();
        if !scan.0.is_empty() {
            return Err(invalid());
        }
        let version = Self {
            major: segment(major)?,
            minor: segment(minor.unwrap_or("0"))?,
            patch: segment(patch.unwrap_or("0"))?,
            prerelease: prerelease.to_owned(),
            metadata: metadata.to_owned(),
            original: text.to_owned(),
        };
        let leads_with_zero =
            |p: &str| p.len() > 1 && p.starts_with('0') && p.bytes().all(|b| b.is_ascii_digit());
        if version.prerelease.split('.').any(leads_with_zero) {
            return Err(Error::new("version segment starts with 0"));
        }
        Ok(version)
    }

    /// The next version that differs in the first part: `2.0.0` after `1.2.3`.
    #[must_use]
    pub fn next_major(&self) -> Self {
        self.raised(self.major.wrapping_add(1), 0, 0)
    }

    /// The next version that differs in the second part: `1.3.0` after `1.2.3`.
    #[must_use]
    pub fn next_minor(&self) -> Self {
        self.raised(self.major, self.minor.wrapping_add(1), 0)
    }

    /// The next version that differs in the third part; that of a prerelease is its release.
    #[must_use]
    pub fn next_patch(&self) -> Self {
        let step = u64::from(self.prerelease.is_empty());
        self.raised(self.major, self.minor, self.patch.wrapping_add(step))
    }

    /// A version with these numbers, without prerelease and metadata. A `v` at the start of the text stays.
    fn raised(&self, major: u64, minor: u64, patch: u64) -> Self {
        let v = if self.original.starts_with('v') { "v" } else { "" };
        let original = format!("{v}{major}.{minor}.{patch}");
        Self { major, minor, patch, prerelease: String::new(), metadata: String::new(), original }
    }

    /// The major number.
    pub fn major(&self) -> u64 {
        self.major
    }

    /// The minor number.
    pub fn minor(&self) -> u64 {
        self.minor
    }

    /// The patch number.
    pub fn patch(&self) -> u64 {
        self.patch
    }

    /// The prerelease: the text after `-`; empty for a release.
    pub fn prerelease(&self) -> &str {
        &self.prerelease
    }

    /// The metadata: the text after `+`, or empty.
    pub fn metadata(&self) -> &str {
        &self.metadata
    }

    /// The text that was parsed.
    pub fn original(&self) -> &str {
        &self.original
    }

    /// Compares two versions. Metadata is ignored, and a prerelease comes before its release.
    pub fn compare(&self, other: &Self) -> Ordering {
        let numbers = |v: &Self| (v.major, v.minor, v.patch);
        numbers(self).cmp(&numbers(other)).then_with(|| {
            match (self.prerelease.is_empty(), other.prerelease.is_empty()) {
                (true, true) => Ordering::Equal,
                (true, false) => Ordering::Greater,
                (false, true) => Ordering::Less,
                (false, false) => compare_prereleases(&self.prerelease, &other.prerelease),
            }
        })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)?;
        if !self.prerelease.is_empty() {
            write!(f, "-{}", self.prerelease)?;
        }
        if !self.metadata.is_empty() {
            write!(f, "+{}", self.metadata)?;
        }
        Ok(())
    }
}

fn segment(digits: &str) -> Result<u64, Error> {
    digits.parse().map_err(|_| {
        Error::new(format!(
            "error parsing version segment: strconv.ParseUint: parsing \"{digits}\": value out of range"
        ))
    })
}

fn compare_prereleases(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a.split('.'), b.split('.'));
    loop {
        match (a.next(), b.next()) {
            (None, None) => return Ordering::Equal,
            (x, y) => match compare_parts(x.unwrap_or(""), y.unwrap_or("")) {
                Ordering::Equal => {}
                other => return other,
            },
        }
    }
}

/// Compares two parts of prereleases. Numbers come before words, a missing part before any other.
fn compare_parts(a: &str, b: &str) -> Ordering {
    if a == b {
        return Ordering::Equal;
    }
    match (a.parse::<u64>(), b.parse::<u64>()) {
        _ if a.is_empty() => Ordering::Less,
        _ if b.is_empty() => Ordering::Greater,
        (Err(_), Err(_)) => a.cmp(b),
        (Ok(_), Err(_)) => Ordering::Less,
        (Err(_), Ok(_)) => Ordering::Greater,
        (Ok(x), Ok(y)) if x > y => Ordering::Greater,
        (Ok(_), Ok(_)) => Ordering::Less,
    }
}

/// The rest of a text that is being parsed.
struct Scan<'a>(&'a str);

impl<'a> Scan<'a> {
    fn take(&mut self, len: usize) -> &'a str {
        let (taken, rest) = self.0.split_at(len);
        self.0 = rest;
        taken
    }

    fn skip(&mut self, prefix: &str) -> bool {
        match self.0.strip_prefix(prefix) {
            Some(rest) => {
                self.0 = rest;
                true
            }
            None => false,
        }
    }

    /// Skips white space as in Go's `\s`, and returns its length in bytes.
    fn spaces(&mut self) -> usize {
        let len = self.0.bytes().take_while(|b| matches!(b, b'\t' | b'\n' | 0x0c | b'\r' | b' ')).count();
        self.take(len);
        len
    }

    fn run(&mut self, accept: impl Fn(u8) -> bool) -> Option<&'a str> {
        let len = self.0.bytes().take_while(|&b| accept(b)).count();
        (len > 0).then(|| self.take(len))
    }

    fn digits(&mut self) -> Option<&'a str> {
        self.run(|b| b.is_ascii_digit())
    }

    fn dotted(&mut self, accept: impl Fn(u8) -> bool) -> Option<&'a str> {
        let before = self.0;
        let found = if self.skip(".") { self.run(accept) } else { None };
        if found.is_none() {
            self.0 = before;
        }
        found
    }

    fn dotted_digits(&mut self) -> Option<&'a str> {
        self.dotted(|b| b.is_ascii_digit())
    }

    /// Parses `mark` and the dotted identifiers after it; returns the identifiers.
    fn suffix(&mut self, mark: char) -> Option<&'a str> {
        let identifier = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
        let text = self.0.strip_prefix(mark)?;
        let mut inner = Scan(text);
        inner.run(identifier)?;
        while inner.dotted(identifier).is_some() {}
        let found = &text[..text.len() - inner.0.len()];
        self.0 = inner.0;
        Some(found)
    }

    /// Parses a version in a constraint, in which parts may be wildcards.
    fn loose_version(&mut self) -> Option<Loose<'a>> {
        // The library's character class contains `|` by mistake: it is accepted here and refused later.
        let part = |b: u8| b.is_ascii_digit() || matches!(b, b'x' | b'X' | b'*' | b'|');
        let before = self.0;
        self.skip("v");
        let Some(major) = self.run(part) else {
            self.0 = before;
            return None;
        };
        let minor = self.dotted(part);
        let patch = if minor.is_some() { self.dotted(part) } else { None };
        let prerelease = self.suffix('-');
        let metadata = self.suffix('+');
        let text = &before[..before.len() - self.0.len()];
        Some(Loose { text, major, minor, patch, prerelease, metadata })
    }

    fn operator(&mut self) -> Operator {
        for (text, operator) in OPERATORS {
            if self.skip(text) {
                return operator;
            }
        }
        Operator::TildeOrEqual
    }
}

struct Loose<'a> {
    text: &'a str,
    major: &'a str,
    minor: Option<&'a str>,
    patch: Option<&'a str>,
    prerelease: Option<&'a str>,
    metadata: Option<&'a str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    TildeOrEqual,
    NotEqual,
    Greater,
    Less,
    GreaterOrEqual,
    LessOrEqual,
    Tilde,
    Caret,
}

/// Longer operators come before those they begin with.
const OPERATORS: [(&str, Operator); 11] = [
    ("!=", Operator::NotEqual),
    (">=", Operator::GreaterOrEqual),
    ("=>", Operator::GreaterOrEqual),
    ("<=", Operator::LessOrEqual),
    ("=<", Operator::LessOrEqual),
    ("~>", Operator::Tilde),
    ("=", Operator::TildeOrEqual),
    (">", Operator::Greater),
    ("<", Operator::Less),
    ("~", Operator::Tilde),
    ("^", Operator::Caret),
];

/// The parts of a comparison's version that are given and are no wildcards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Given {
    Nothing,
    Major,
    MajorMinor,
    All,
}

#[derive(Clone, Debug)]
struct Comparison {
    operator: Operator,
    version: Version,
    given: Given,
}

/// A constraint on versions: alternatives, each a list of comparisons.
#[derive(Clone, Debug)]
pub struct Constraint {
    alternatives: Vec<Vec<Comparison>>,
}

impl Constraint {
    /// Parses a constraint.
    pub fn parse(text: &str) -> Result<Self, Error> {
        if text.len() > MAX_CONSTRAINT {
            return Err(Error::new(format!("constraint string is too long (max {MAX_CONSTRAINT} bytes)")));
        }
        let text = rewrite_ranges(text);
        if text.split("||").count() > MAX_ALTERNATIVES {
            return Err(Error::new(format!("too many constraint groups (max {MAX_ALTERNATIVES})")));
        }
        let alternatives = text.split("||").map(alternative).collect::<Result<_, _>>()?;
        Ok(Self { alternatives })
    }

    /// Whether a version fulfils the constraint. A prerelease can only fulfil an alternative in which a
    /// comparison names a prerelease.
    pub fn check(&self, version: &Version) -> bool {
        self.alternatives.iter().any(|comparisons| {
            let prereleases = comparisons.iter().any(|c| !c.version.prerelease.is_empty());
            comparisons.iter().all(|c| (version.prerelease.is_empty() || prereleases) && c.holds(version))
        })
    }
}

/// Parses one alternative: comparisons separated by spaces or commas.
fn alternative(text: &str) -> Result<Vec<Comparison>, Error> {
    let improper = || Error::new(format!("improper constraint: {text:?}"));
    let mut scan = Scan(text);
    let mut comparisons = Vec::new();
    scan.spaces();
    loop {
        let operator = scan.operator();
        scan.spaces();
        let loose = scan.loose_version().ok_or_else(improper)?;
        comparisons.push(comparison(operator, &loose)?);
        let spaces = scan.spaces();
        if scan.0.is_empty() {
            return Ok(comparisons);
        }
        let comma = scan.skip(",");
        if spaces == 0 && !comma {
            return Err(improper());
        }
        scan.spaces();
    }
}

fn comparison(operator: Operator, loose: &Loose<'_>) -> Result<Comparison, Error> {
    let wild = |part: &str| matches!(part, "x" | "X" | "*");
    let missing = |part: Option<&str>| part.is_none_or(wild);
    let (given, [major, minor, patch]) = if wild(loose.major) {
        (Given::Nothing, ["0", "0", "0"])
    } else if missing(loose.minor) {
        (Given::Major, [loose.major, "0", "0"])
    } else if missing(loose.patch) {
        (Given::MajorMinor, [loose.major, loose.minor.unwrap_or("0"), "0"])
    } else {
        (Given::All, [loose.major, loose.minor.unwrap_or("0"), loose.patch.unwrap_or("0")])
    };
    let mut text = format!("{major}.{minor}.{patch}");
    for (mark, suffix) in [('-', loose.prerelease), ('+', loose.metadata)] {
        // Metadata is kept only if all parts of the version are given.
        if let Some(suffix) = suffix.filter(|_| mark == '-' || given == Given::All) {
            text.push(mark);
            text.push_str(suffix);
        }
    }
    let version = Version::parse(&text).map_err(|_| Error::new("constraint parser error"))?;
    Ok(Comparison { operator, version, given })
}

/// Rewrites each `a - b` as `>= a, <= b `.
fn rewrite_ranges(text: &str) -> String {
    let (mut out, mut at) = (String::with_capacity(text.len() + 16), 0);
    while at < text.len() {
        if text.is_char_boundary(at)
            && let Some((low, high, end)) = range_at(&text[at..])
        {
            out.push_str(&format!(">= {low}, <= {high} "));
            at += end;
            continue;
        }
        let next = text[at..].chars().next().map_or(1, char::len_utf8);
        out.push_str(&text[at..at + next]);
        at += next;
    }
    out
}

fn range_at(text: &str) -> Option<(&str, &str, usize)> {
    let mut scan = Scan(text);
    scan.spaces();
    let low = scan.loose_version()?.text;
    (scan.spaces() > 0 && scan.skip("-") && scan.spaces() > 0).then_some(())?;
    let high = scan.loose_version()?.text;
    scan.spaces();
    Some((low, high, text.len() - scan.0.len()))
}

impl Comparison {
    fn holds(&self, v: &Version) -> bool {
        let (wanted, exact) = (&self.version, self.given == Given::All);
        match self.operator {
            Operator::TildeOrEqual if exact => v.compare(wanted).is_eq(),
            Operator::TildeOrEqual | Operator::Tilde => self.tilde(v),
            Operator::NotEqual => self.not_equal(v),
            Operator::Greater => self.greater(v),
            Operator::Less => v.compare(wanted).is_lt(),
            Operator::GreaterOrEqual => v.compare(wanted).is_ge(),
            Operator::LessOrEqual if exact => v.compare(wanted).is_le(),
            Operator::LessOrEqual => {
                let beyond_minor =
                    v.major == wanted.major && v.minor > wanted.minor && self.given != Given::Major;
                v.major <= wanted.major && !beyond_minor
            }
            Operator::Caret => self.caret(v),
        }
    }

    fn not_equal(&self, v: &Version) -> bool {
        let wanted = &self.version;
        if matches!(self.given, Given::All | Given::Nothing) {
            return !v.compare(wanted).is_eq();
        }
        if v.major != wanted.major {
            return true;
        }
        if self.given == Given::Major {
            return false;
        }
        v.minor != wanted.minor
            || (!v.prerelease.is_empty() || !wanted.prerelease.is_empty())
                && compare_prereleases(&v.prerelease, &wanted.prerelease).is_ne()
    }

    fn greater(&self, v: &Version) -> bool {
        let wanted = &self.version;
        match self.given {
            Given::All | Given::Nothing => v.compare(wanted).is_gt(),
            Given::Major => v.major > wanted.major,
            Given::MajorMinor => (v.major, v.minor) > (wanted.major, wanted.minor),
        }
    }

    /// `~`: the major number must be equal, and the minor number, too, if it is given. `~0.0.0` and `*` accept
    /// any version.
    fn tilde(&self, v: &Version) -> bool {
        let wanted = &self.version;
        if v.compare(wanted).is_lt() {
            return false;
        }
        let zero = (wanted.major, wanted.minor, wanted.patch) == (0, 0, 0);
        if zero && matches!(self.given, Given::All | Given::Nothing) {
            return true;
        }
        v.major == wanted.major && (v.minor == wanted.minor || self.given == Given::Major)
    }

    /// `^`: the leftmost number that is not 0 must be equal.
    fn caret(&self, v: &Version) -> bool {
        let wanted = &self.version;
        if v.compare(wanted).is_lt() {
            return false;
        }
        if wanted.major > 0 || self.given == Given::Major {
            return v.major == wanted.major;
        }
        if v.major > 0 {
            return false;
        }
        if wanted.minor > 0 || self.given == Given::MajorMinor {
            return v.minor == wanted.minor;
        }
        v.minor == 0 && v.patch == wanted.patch
    }
}

#[cfg(test)]
mod tests {
    use super::{Constraint, Version};

    fn fits(constraint: &str, version: &str) -> bool {
        let version = Version::parse(version).expect("a version");
        Constraint::parse(constraint).expect("a constraint").check(&version)
    }

    #[test]
    fn versions_are_parsed_and_compared_as_masterminds_does() {
        assert_eq!(Version::parse("v1.2").expect("reads").to_string(), "1.2.0");
        assert_eq!(Version::parse("1.2.3-a.1+b").expect("reads").to_string(), "1.2.3-a.1+b");
        for bad in ["", "a", "1.2.3.4", "1.2.3-", "1.2.3-01", "1..2", "18446744073709551616"] {
            assert!(Version::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn constraints_match_as_masterminds_does() {
        assert!(fits("^1.2", "1.9.0") && !fits("^1.2", "2.0.0") && !fits("^0.2.3", "0.3.0"));
        assert!(fits("~1.2.3", "1.2.9") && !fits("~1.2.3", "1.3.0") && fits("~1", "1.9.0"));
        assert!(fits("1.2 - 1.4", "1.4.9") && !fits("1.2 - 1.4", "1.5.0"));
        assert!(fits(">=1.2, <2 || 3.x", "3.7.1") && !fits(">=1.2 <2 || 3.x", "2.0.0"));
        assert!(fits("*", "7.0.0") && !fits("*", "7.0.0-rc.1"));
    }

    #[test]
    fn prereleases_match_only_constraints_that_name_one() {
        assert!(!fits(">=1.19.0", "1.20.0-gke.1") && fits(">=1.19.0-0", "1.20.0-gke.1"));
        assert!(fits(">1.0.0-alpha.2", "1.0.0-alpha.10") && !fits("=1.0.0-1", "1.0.0-a"));
    }

    #[test]
    fn malformed_constraints_are_refused() {
        for bad in ["", " ", "a", ">= ", "1.2.3.4", "1,,2", "1 || "] {
            assert!(Constraint::parse(bad).is_err(), "{bad}");
        }
    }
}
