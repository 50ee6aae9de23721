//! Settings from a file: YAML, JSON, TOML, or KEY=VALUE lines, chosen by the file's ending.

use super::stores::Entries;
use anyhow::{Context as _, Result, bail};
use std::collections::BTreeMap;
use std::path::Path;

/// What a config file says.
#[derive(Default)]
pub struct ConfigFile {
    /// Its settings, by name.
    pub values: BTreeMap<String, String>,
    /// What stands under `stores`.
    pub stores: Entries,
}

/// Reads a config file. Names are taken without regard to case, as argocd-vault-plugin takes them.
pub fn read(path: &Path) -> Result<ConfigFile> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("cannot read the config file {}", path.display()))?;
    parse(&text, &ending(path)).with_context(|| format!("in the config file {}", path.display()))
}

/// What stands behind the last dot of a file's name; a file named `.env` is all ending.
fn ending(path: &Path) -> String {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    name.rsplit_once('.').map_or("", |(_, ending)| ending).to_ascii_lowercase()
}

/// Reads settings from text of a kind: `yaml`, `json`, `toml`, `env`. Messages name no value: the parsers'
/// own texts may quote the line, and a line may hold a credential.
fn parse(text: &str, ending: &str) -> Result<ConfigFile> {
    match ending {
        "yaml" | "yml" | "json" => {
            let value: serde_yaml::Value = serde_yaml::from_str(text).map_err(|e| {
                let place = e.location().map(|l| format!(" (line {}, column {})", l.line(), l.column()));
                anyhow::anyhow!(
                    "it is not valid {}{}",
                    if ending == "json" { "json" } else { "yaml" },
                    place.unwrap_or_default()
                )
            })?;
            of_yaml(&value)
        }
        "toml" => {
            let table: toml::Table = text.parse().map_err(|e: toml::de::Error| {
                let line = e.span().map(|s| text[..s.start.min(text.len())].lines().count().max(1));
                anyhow::anyhow!(
                    "it is not valid toml{}",
                    line.map(|l| format!(" (line {l})")).unwrap_or_default()
                )
            })?;
            of_toml_table(&table)
        }
        "env" | "dotenv" | "properties" | "hcl" | "tfvars" => {
            Ok(ConfigFile { values: of_lines(text)?, ..ConfigFile::default() })
        }
        _ => bail!("its ending must be .yaml, .yml, .json, .toml, .hcl or .env"),
    }
}

/// The key of the stores.
const STORES: &str = "stores";

fn of_yaml(value: &serde_yaml::Value) -> Result<ConfigFile> {
    let map = match value {
        serde_yaml::Value::Null => return Ok(ConfigFile::default()),
        serde_yaml::Value::Mapping(map) => map,
        _ => bail!("it must be a map of names and values"),
    };
    let is_stores =
        |key: &serde_yaml::Value| key.as_str().is_some_and(|key| key.eq_ignore_ascii_case(STORES));
    let (stores, rest): (Vec<_>, Vec<_>) = map.iter().partition(|(key, _)| is_stores(key));
    let mut found = ConfigFile { values: of_mapping(rest.into_iter(), "")?, ..ConfigFile::default() };
    for (_, stores) in stores {
        let Some(stores) = stores.as_mapping() else {
            bail!("{STORES} must be a map of stores by their names")
        };
        for (name, entry) in stores {
            let Some(name) = name.as_str() else { bail!("the names of {STORES} must be strings") };
            let Some(entry) = entry.as_mapping() else { bail!("{STORES}.{name} must be a map of settings") };
            found.stores.insert(name.to_owned(), of_mapping(entry.iter(), &format!("{STORES}.{name}."))?);
        }
    }
    Ok(found)
}

fn of_mapping<'a>(
    entries: impl Iterator<Item = (&'a serde_yaml::Value, &'a serde_yaml::Value)>,
    place: &str,
) -> Result<BTreeMap<String, String>> {
    let mut found = BTreeMap::new();
    for (key, value) in entries {
        let Some(name) = key.as_str() else { bail!("its names must be strings") };
        let text = match value {
            serde_yaml::Value::Null => continue,
            serde_yaml::Value::Bool(b) => b.to_string(),
            serde_yaml::Value::Number(n) => n.to_string(),
            serde_yaml::Value::String(s) => s.clone(),
            _ => bail!("{place}{name} must be a string, a number or a boolean"),
        };
        found.insert(name.to_uppercase(), text);
    }
    Ok(found)
}

fn of_toml_table(table: &toml::Table) -> Result<ConfigFile> {
    let mut found = ConfigFile::default();
    for (name, value) in table {
        if !name.eq_ignore_ascii_case(STORES) {
            found.values.insert(name.to_uppercase(), of_toml(name, value)?);
            continue;
        }
        let Some(stores) = value.as_table() else {
            bail!("{STORES} must be a table of stores by their names")
        };
        for (store, entry) in stores {
            let Some(entry) = entry.as_table() else { bail!("{STORES}.{store} must be a table of settings") };
            let value = |(key, value): (&String, &toml::Value)| {
                Ok((key.to_uppercase(), of_toml(&format!("{STORES}.{store}.{key}"), value)?))
            };
            found.stores.insert(store.clone(), entry.iter().map(value).collect::<Result<_>>()?);
        }
    }
    Ok(found)
}

fn of_toml(name: &str, value: &toml::Value) -> Result<String> {
    Ok(match value {
        toml::Value::String(s) => s.clone(),
        toml::Value::Integer(i) => i.to_string(),
        toml::Value::Float(f) => f.to_string(),
        toml::Value::Boolean(b) => b.to_string(),
        _ => bail!("{name} must be a string, a number or a boolean"),
    })
}

fn of_lines(text: &str) -> Result<BTreeMap<String, String>> {
    let mut found = BTreeMap::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') || line.starts_with("//") {
            continue;
        }
        let line = line.strip_prefix("export ").unwrap_or(line);
        let Some((name, value)) = line.split_once('=') else { bail!("line {} is not KEY=VALUE", number + 1) };
        let value = value.trim();
        let unquoted = ['"', '\''].iter().find_map(|&q| value.strip_prefix(q)?.strip_suffix(q));
        found.insert(name.trim().to_uppercase(), unquoted.unwrap_or(value).to_owned());
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::{ending, parse};
    use std::path::Path;

    #[test]
    fn a_file_without_a_name_has_an_ending() {
        for (name, want) in
            [("/x/.env", "env"), ("a/prod.ENV", "env"), ("settings.hcl", "hcl"), ("plain", "")]
        {
            assert_eq!(ending(Path::new(name)), want);
        }
    }

    #[test]
    fn every_form_gives_the_same() {
        let forms = [
            ("yaml", "vault_addr: http://v\nVAULT_MAX_RETRIES: 1\nVAULT_SKIP_VERIFY: true\n"),
            ("json", r#"{"VAULT_ADDR": "http://v", "VAULT_MAX_RETRIES": 1, "VAULT_SKIP_VERIFY": true}"#),
            ("toml", "VAULT_ADDR = \"http://v\"\nVAULT_MAX_RETRIES = 1\nVAULT_SKIP_VERIFY = true\n"),
            ("hcl", "// c\nVAULT_ADDR = \"http://v\"\nVAULT_MAX_RETRIES = 1\nVAULT_SKIP_VERIFY = true\n"),
            ("env", "# c\nexport VAULT_ADDR=\"http://v\"\nVAULT_MAX_RETRIES=1\nVAULT_SKIP_VERIFY='true'\n"),
        ];
        for (ending, text) in forms {
            let map = parse(text, ending).unwrap().values;
            let want =
                [("VAULT_ADDR", "http://v"), ("VAULT_MAX_RETRIES", "1"), ("VAULT_SKIP_VERIFY", "true")];
            assert!(map.iter().map(|(k, v)| (k.as_str(), v.as_str())).eq(want), "{ending}: {map:?}");
        }
    }

    #[test]
    fn stores_stand_beside_the_settings() {
        for (ending, text) in [
            ("yaml", "avp_type: vault\nstores:\n  prod: {type: awsssm, region: eu-west-1}\n"),
            (
                "json",
                r#"{"AVP_TYPE": "vault", "stores": {"prod": {"type": "awsssm", "region": "eu-west-1"}}}"#,
            ),
            ("toml", "AVP_TYPE = \"vault\"\n[stores.prod]\ntype = \"awsssm\"\nregion = \"eu-west-1\"\n"),
        ] {
            let file = parse(text, ending).unwrap();
            assert_eq!((file.values["AVP_TYPE"].as_str(), file.values.len()), ("vault", 1), "{ending}");
            assert_eq!(file.stores["prod"]["REGION"], "eu-west-1", "{ending}");
        }
        for text in
            ["stores: [hush]", "stores: {prod: hush}", "stores: {prod: {type: [hush]}}", "stores: {1: {}}"]
        {
            let message = parse(text, "yaml").err().map(|e| format!("{e:#}")).unwrap_or_default();
            assert!(message.contains("stores") && !message.contains("hush"), "{message}");
        }
    }

    #[test]
    fn an_error_quotes_nothing() {
        for (ending, text) in
            [("yaml", "a: [hush"), ("json", "{\"a\": hush"), ("toml", "a = hush"), ("env", "hush")]
        {
            let message = parse(text, ending).err().map(|e| format!("{e:#}")).expect("an error");
            assert!(!message.contains("hush"), "{message}");
        }
    }
}
