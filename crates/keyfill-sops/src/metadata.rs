//! The metadata that SOPS adds to a file: the master keys, the rule about which values are encrypted, and the MAC.

use crate::walk::{Rule, Rules};
use crate::{Branch, Error, MasterKey, Value};
use keyfill_go::regexp::Regexp;

/// The suffix of keys whose values are not encrypted, if a file has no rule.
const DEFAULT_SUFFIX: &str = "_unencrypted";

/// The most master keys that one file may name, since each may need a request to a key service.
const MOST_KEYS: usize = 256;

/// The metadata of a file.
pub(crate) struct Metadata {
    /// Groups of master keys. Any key of a group gives the group's share of the data key.
    pub(crate) groups: Vec<Vec<MasterKey>>,
    /// The number of groups whose shares are needed.
    pub(crate) threshold: usize,
    pub(crate) rules: Rules,
    /// The encrypted MAC.
    pub(crate) mac: Vec<u8>,
    /// When the file was written, in the form that is authenticated with the MAC.
    pub(crate) last_modified: String,
}

impl Metadata {
    pub(crate) fn read(branch: &Branch) -> Result<Self, Error> {
        let fields = Fields(branch);
        let groups = groups(&fields)?;
        let threshold = match fields.number("shamir_threshold")? {
            // A single group holds the data key itself, and not a share.
            _ if groups.len() == 1 => 1,
            0 => groups.len(),
            n => usize::try_from(n).map_err(|_| wrong("shamir_threshold"))?,
        };
        if threshold > groups.len() {
            return Err(Error::file(format!(
                "the SOPS file asks for {threshold} key groups and has {}",
                groups.len()
            )));
        }
        Ok(Self {
            groups,
            threshold,
            rules: Rules { rule: rule(&fields)?, mac_only_encrypted: fields.flag("mac_only_encrypted")? },
            mac: fields.text("mac")?.into_bytes(),
            last_modified: last_modified(&fields.text("lastmodified")?)
                .ok_or_else(|| wrong("lastmodified"))?,
        })
    }
}

fn wrong(name: &str) -> Error {
    Error::file(format!("the metadata of the SOPS file are not usable: {name}"))
        .at_key(format!("sops.{name}"))
}

fn rule(fields: &Fields<'_>) -> Result<Rule, Error> {
    let regex = |name: &str, text: &str| {
        Regexp::compile(text.as_bytes()).map_err(|_| Error::file(format!("{name} is no regular expression")))
    };
    let mut rules = Vec::new();
    for name in [
        "unencrypted_suffix",
        "encrypted_suffix",
        "unencrypted_regex",
        "encrypted_regex",
        "unencrypted_comment_regex",
        "encrypted_comment_regex",
    ] {
        let text = fields.text(name)?;
        if text.is_empty() {
            continue;
        }
        rules.push(match name {
            "unencrypted_suffix" => Rule::UnencryptedSuffix(text),
            "encrypted_suffix" => Rule::EncryptedSuffix(text),
            "unencrypted_regex" => Rule::UnencryptedRegex(regex(name, &text)?),
            "encrypted_regex" => Rule::EncryptedRegex(regex(name, &text)?),
            "unencrypted_comment_regex" => Rule::UnencryptedComment(regex(name, &text)?),
            _ => Rule::EncryptedComment(regex(name, &text)?),
        });
    }
    match rules.len() {
        0 => Ok(Rule::UnencryptedSuffix(DEFAULT_SUFFIX.into())),
        1 => Ok(rules.remove(0)),
        _ => Err(Error::file("the SOPS file has more than one rule of what is encrypted")
            .hint("keep one of the suffix, regex and comment rules below `sops`")),
    }
}

/// The groups of master keys. Keys directly below `sops` are the only group; else the groups are in `key_groups`.
fn groups(fields: &Fields<'_>) -> Result<Vec<Vec<MasterKey>>, Error> {
    let single = group(fields)?;
    let groups = if single.is_empty() {
        let groups = fields.list("key_groups")?;
        groups.iter().map(group).collect::<Result<Vec<_>, _>>()?
    } else {
        vec![single]
    };
    let count: usize = groups.iter().map(Vec::len).sum();
    if count == 0 {
        return Err(Error::file("the SOPS file names no master key"));
    }
    if count > MOST_KEYS {
        return Err(Error::file(format!("the SOPS file names {count} master keys; {MOST_KEYS} are allowed")));
    }
    Ok(groups)
}

fn group(fields: &Fields<'_>) -> Result<Vec<MasterKey>, Error> {
    let mut keys = Vec::new();
    for key in fields.list("age")? {
        keys.push(MasterKey::Age { recipient: key.text("recipient")?, enc: key.text("enc")? });
    }
    for key in fields.list("pgp")? {
        keys.push(MasterKey::Pgp { fingerprint: key.text("fp")?, enc: key.text("enc")? });
    }
    for key in fields.list("kms")? {
        let context = key.map("context")?;
        let pairs = context.iter().flat_map(|c| c.0.entries());
        keys.push(MasterKey::AwsKms {
            arn: key.text("arn")?,
            role: key.text("role")?,
            context: pairs
                .map(|(k, v)| Ok((k.to_owned(), scalar(v, "context")?)))
                .collect::<Result<_, Error>>()?,
            profile: key.text("aws_profile")?,
            enc: key.text("enc")?,
        });
    }
    for key in fields.list("gcp_kms")? {
        keys.push(MasterKey::GcpKms { resource_id: key.text("resource_id")?, enc: key.text("enc")? });
    }
    for key in fields.list("hckms")? {
        keys.push(MasterKey::HuaweiKms { key_id: key.text("key_id")? });
    }
    for key in fields.list("azure_kv")? {
        keys.push(MasterKey::AzureKeyVault {
            vault_url: key.text("vault_url")?,
            name: key.text("name")?,
            version: key.text("version")?,
            enc: key.text("enc")?,
        });
    }
    for key in fields.list("hc_vault")? {
        keys.push(MasterKey::VaultTransit {
            address: key.text("vault_address")?,
            engine_path: key.text("engine_path")?,
            key_name: key.text("key_name")?,
            enc: key.text("enc")?,
        });
    }
    Ok(keys)
}

/// A mapping in the metadata. As in SOPS, a scalar may have another type than expected, and a single mapping is
/// accepted as a list of one.
struct Fields<'a>(&'a Branch);

impl<'a> Fields<'a> {
    /// The text of a field; empty if the field does not exist.
    fn text(&self, name: &str) -> Result<String, Error> {
        self.0.get(name).map_or_else(|| Ok(String::new()), |value| scalar(value, name))
    }

    fn number(&self, name: &str) -> Result<i64, Error> {
        let text = self.text(name)?;
        if text.is_empty() { Ok(0) } else { text.parse().map_err(|_| wrong(name)) }
    }

    fn flag(&self, name: &str) -> Result<bool, Error> {
        match self.text(name)?.as_str() {
            "" | "false" | "False" | "0" => Ok(false),
            "true" | "True" | "1" => Ok(true),
            _ => Err(wrong(name)),
        }
    }

    fn map(&self, name: &str) -> Result<Option<Fields<'a>>, Error> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Map(branch)) => Ok(Some(Fields(branch))),
            Some(_) => Err(wrong(name)),
        }
    }

    fn list(&self, name: &str) -> Result<Vec<Fields<'a>>, Error> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(Vec::new()),
            Some(Value::Map(branch)) => Ok(vec![Fields(branch)]),
            Some(Value::List(items)) => items
                .iter()
                .filter(|item| !matches!(item, Value::Comment(_)))
                .map(|item| if let Value::Map(branch) = item { Ok(Fields(branch)) } else { Err(wrong(name)) })
                .collect(),
            Some(_) => Err(wrong(name)),
        }
    }
}

fn scalar(value: &Value, name: &str) -> Result<String, Error> {
    match value {
        Value::Null => Ok(String::new()),
        Value::Str(text) => text.text().map(str::to_owned).ok_or_else(|| wrong(name)),
        Value::Time(text) => Ok(text.clone()),
        Value::Bool(flag) => Ok(flag.to_string()),
        Value::Int(n) => Ok(n.to_string()),
        Value::Float(n) => Ok(n.to_string()),
        Value::Comment(_) | Value::List(_) | Value::Map(_) => Err(wrong(name)),
    }
}

/// A time of RFC 3339 as Go formats it after parsing it: without a fraction of a second, and with `Z` if the offset
/// is zero.
fn last_modified(text: &str) -> Option<String> {
    let (whole, rest) = text.split_at_checked(19)?;
    let shape = whole.bytes().enumerate().all(|(i, b)| match i {
        4 | 7 => b == b'-',
        10 => b == b'T',
        13 | 16 => b == b':',
        _ => b.is_ascii_digit(),
    });
    let zone = match rest.strip_prefix('.') {
        Some(fraction) => fraction.trim_start_matches(|c: char| c.is_ascii_digit()),
        None => rest,
    };
    let is_offset = |zone: &[u8]| {
        matches!(zone, [b'+' | b'-', h1, h2, b':', m1, m2]
            if [h1, h2, m1, m2].iter().all(|b| b.is_ascii_digit()))
    };
    match zone {
        "Z" | "+00:00" | "-00:00" if shape => Some(format!("{whole}Z")),
        _ if shape && is_offset(zone.as_bytes()) => Some(format!("{whole}{zone}")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Metadata, last_modified};
    use crate::{Branch, Item, MasterKey, Value};

    fn map(entries: Vec<(&str, Value)>) -> Branch {
        Branch(entries.into_iter().map(|(key, value)| Item::Entry(key.into(), value)).collect())
    }

    #[test]
    fn times_are_formatted_as_in_go() {
        let same = |text: &str, expected: &str| assert_eq!(last_modified(text).as_deref(), Some(expected));
        same("2024-05-06T07:08:09Z", "2024-05-06T07:08:09Z");
        same("2024-05-06T07:08:09.25+00:00", "2024-05-06T07:08:09Z");
        same("2024-05-06T07:08:09+02:00", "2024-05-06T07:08:09+02:00");
        for text in ["", "2024-05-06", "2024-05-06 07:08:09Z", "2024-05-06T07:08:09"] {
            assert_eq!(last_modified(text), None, "{text}");
        }
    }

    #[test]
    fn keys_below_sops_are_one_group_and_other_metadata_are_checked() {
        let key =
            |name: &str| Value::Map(map(vec![("recipient", Value::text(name)), ("enc", Value::text("x"))]));
        let time = || ("lastmodified", Value::text("2024-05-06T07:08:09Z"));
        let read = Metadata::read(&map(vec![("age", Value::List(vec![key("a"), key("b")])), time()]));
        let groups = read.map(|m| m.groups).expect("it is good");
        assert!(matches!(&groups[..], [group] if matches!(&group[..], [MasterKey::Age { .. }, _])));
        let group = |name| Value::Map(map(vec![("age", Value::List(vec![key(name)]))]));
        let three = || ("key_groups", Value::List(vec![group("a"), group("b"), group("c")]));
        let read = Metadata::read(&map(vec![three(), ("shamir_threshold", Value::Int(2)), time()]));
        assert!(read.is_ok_and(|m| m.groups.len() == 3 && m.threshold == 2));
        for broken in [
            vec![time()],
            vec![("age", Value::text("x")), time()],
            vec![three(), ("shamir_threshold", Value::Int(4)), time()],
            vec![three(), ("shamir_threshold", Value::Int(-1)), time()],
            vec![three(), ("encrypted_regex", Value::text("(")), time()],
            vec![
                three(),
                ("encrypted_regex", Value::text("a")),
                ("encrypted_suffix", Value::text("a")),
                time(),
            ],
            vec![three()],
        ] {
            assert!(Metadata::read(&map(broken)).is_err());
        }
    }
}
