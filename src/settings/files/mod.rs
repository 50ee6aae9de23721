//! Reads settings from a file: YAML, JSON, TOML, HCL, properties, or KEY=VALUE lines. The extension of the file's
//! name decides.

mod lines;

use super::Env;
use super::stores::Entries;
use super::table::setting;
use anyhow::{Context as _, Result, bail};
use std::collections::BTreeMap;
use std::path::Path;

/// The content of a config file.
#[derive(Default)]
pub struct ConfigFile {
    /// The file's settings, by name in upper case.
    pub values: BTreeMap<String, String>,
    /// The entries of `stores`.
    pub stores: Entries,
}

/// Reads a config file. The case of names does not matter, as in argocd-vault-plugin. Values in `.env` and
/// properties files may name environment variables.
pub fn read(path: &Path, env: &Env) -> Result<ConfigFile> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("cannot read the config file {}", path.display()))?;
    parse(&text, &ending(path), env).with_context(|| format!("in the config file {}", path.display()))
}

/// The extension of a file's name, in lower case. A file named `.env` has the extension `env`.
fn ending(path: &Path) -> String {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    name.rsplit_once('.').map_or("", |(_, ending)| ending).to_ascii_lowercase()
}

/// Parses settings in the format that belongs to an extension. Error messages are not those of the parsers, which
/// may quote a line: a line may hold a credential.
fn parse(text: &str, ending: &str, env: &Env) -> Result<ConfigFile> {
    // Variables of an app's author must not get into the administrator's settings.
    let is_authors = |name: &str| name.starts_with("ARGOCD_") || name.starts_with("PARAM_");
    let environment = |name: &str| env.listed(name).filter(|_| !is_authors(name)).map(str::to_owned);
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
        "env" | "dotenv" => lines::dotenv(text, &environment).map(of_lines),
        "properties" | "props" | "prop" => lines::properties(text, &environment).map(of_lines),
        "hcl" | "tfvars" => lines::hcl(text).map(of_lines),
        _ => bail!("its ending must be .yaml, .yml, .json, .toml, .hcl, .properties or .env"),
    }
}

/// The key under which stores are named.
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
            // The file may hold lists and maps of other programs, as with argocd-vault-plugin.
            _ if place.is_empty() && setting(&name.to_uppercase()).is_none() => String::new(),
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
            let is_others = setting(&name.to_uppercase()).is_none() && !is_scalar(value);
            let text = if is_others { String::new() } else { of_toml(name, value)? };
            found.values.insert(name.to_uppercase(), text);
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

fn is_scalar(value: &toml::Value) -> bool {
    !matches!(value, toml::Value::Array(_) | toml::Value::Table(_) | toml::Value::Datetime(_))
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

fn of_lines(values: BTreeMap<String, String>) -> ConfigFile {
    ConfigFile { values, ..ConfigFile::default() }
}

#[cfg(test)]
mod tests {
    use super::{ConfigFile, ending};
    use crate::settings::Env;
    use std::path::Path;

    fn parse(text: &str, ending: &str) -> anyhow::Result<ConfigFile> {
        super::parse(text, ending, &Env::default())
    }

    #[test]
    fn a_file_named_dot_env_has_the_extension_env() {
        for (name, want) in
            [("/x/.env", "env"), ("a/prod.ENV", "env"), ("settings.hcl", "hcl"), ("plain", "")]
        {
            assert_eq!(ending(Path::new(name)), want);
        }
    }

    #[test]
    fn every_format_gives_the_same_settings() {
        let forms = [
            ("yaml", "vault_addr: http://v\nVAULT_MAX_RETRIES: 1\nVAULT_SKIP_VERIFY: true\n"),
            ("json", r#"{"VAULT_ADDR": "http://v", "VAULT_MAX_RETRIES": 1, "VAULT_SKIP_VERIFY": true}"#),
            ("toml", "VAULT_ADDR = \"http://v\"\nVAULT_MAX_RETRIES = 1\nVAULT_SKIP_VERIFY = true\n"),
            ("hcl", "// c\nVAULT_ADDR = \"http://v\"\nVAULT_MAX_RETRIES = 1\nVAULT_SKIP_VERIFY = true\n"),
            ("props", "! c\nVAULT_ADDR: http://v\nVAULT_MAX_RETRIES 1\nVAULT_SKIP_VERIFY=true\n"),
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
    fn lists_and_maps_of_other_programs_are_accepted() {
        for (ending, text) in [
            ("yaml", "AVP_TYPE: vault\nothers: {a: [1]}\n"),
            ("toml", "AVP_TYPE = \"vault\"\nday = 2020-01-01\n[others]\na = [1]\n"),
        ] {
            assert_eq!(parse(text, ending).unwrap().values["AVP_TYPE"], "vault", "{ending}");
        }
        assert!(parse("AVP_TYPE: [vault]\n", "yaml").is_err());
    }

    #[test]
    fn values_cannot_name_variables_of_an_author() {
        let env: Env =
            [("HOST", "vault"), ("ARGOCD_ENV_HOST", "evil"), ("PARAM_HOST", "evil")].into_iter().collect();
        for (ending, text) in [
            ("env", "VAULT_ADDR=http://$HOST${ARGOCD_ENV_HOST}${PARAM_HOST}\n"),
            ("props", "VAULT_ADDR=http://${HOST}${ARGOCD_ENV_HOST}${PARAM_HOST}\n"),
        ] {
            assert_eq!(super::parse(text, ending, &env).unwrap().values["VAULT_ADDR"], "http://vault");
        }
    }

    #[test]
    fn a_file_may_hold_stores_and_settings() {
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
    fn an_error_quotes_no_line_of_the_file() {
        for (ending, text) in
            [("yaml", "a: [hush"), ("json", "{\"a\": hush"), ("toml", "a = hush"), ("env", "hush")]
        {
            let message = parse(text, ending).err().map(|e| format!("{e:#}")).expect("an error");
            assert!(!message.contains("hush"), "{message}");
        }
    }
}
