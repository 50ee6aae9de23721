//! plugin.yaml, as argocd-cmp-server reads it, and the paths of the sockets.

use crate::{Error, Parameter};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The name of the file in its folder.
pub const FILE_NAME: &str = "plugin.yaml";
/// The folder of the sockets, unless `ARGOCD_PLUGINSOCKFILEPATH` is set.
pub const SOCKET_FOLDER: &str = "/home/argocd/cmp-server/plugins";

/// A plugin's configuration.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PluginConfig {
    #[serde(default)]
    kind: String,
    /// The plugin's name.
    #[serde(default)]
    pub metadata: Metadata,
    /// The plugin's commands, discovery and parameters.
    #[serde(default)]
    pub spec: Spec,
}

/// `metadata:`
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Metadata {
    /// The plugin's name.
    #[serde(default)]
    pub name: String,
}

/// `spec:`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Spec {
    /// The plugin's version, which becomes a part of the socket's name.
    #[serde(default)]
    pub version: String,
    /// The command `init`, which is interpreted and never run.
    #[serde(default)]
    pub init: Option<Command>,
    /// The command `generate`, which is interpreted and never run.
    #[serde(default)]
    pub generate: Option<Command>,
    /// How it is found out whether a folder is for the plugin.
    #[serde(default)]
    pub discover: Discover,
    /// Which parameters apps can set.
    #[serde(default)]
    pub parameters: Parameters,
    /// Accepted without effect: rendering does not depend on the modes of files.
    #[serde(default)]
    pub preserve_file_mode: bool,
    /// Accepted without effect, as in Argo CD: renderings never share a folder.
    #[serde(default)]
    pub allow_concurrency: serde::de::IgnoredAny,
    /// Accepted without effect, as in Argo CD.
    #[serde(default)]
    pub lock_repo: serde::de::IgnoredAny,
    /// Whether repo-server should send git credentials.
    #[serde(default)]
    pub provide_git_creds: bool,
}

/// A command with its arguments.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Command {
    /// The program and its first arguments.
    #[serde(default)]
    pub command: Vec<String>,
    /// Further arguments.
    #[serde(default)]
    pub args: Vec<String>,
}

impl Command {
    /// The program and all arguments.
    pub fn line(&self) -> Vec<String> {
        self.command.iter().chain(&self.args).cloned().collect()
    }
}

/// `discover:`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Discover {
    /// A pattern of file names in the app's folder.
    #[serde(default)]
    pub file_name: String,
    /// A command or a pattern.
    #[serde(default)]
    pub find: Find,
}

/// `discover.find:`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Find {
    /// The command of discovery, which is interpreted and never run.
    #[serde(default)]
    pub command: Vec<String>,
    /// Further arguments.
    #[serde(default)]
    pub args: Vec<String>,
    /// A pattern with `**`.
    #[serde(default)]
    pub glob: String,
}

impl Discover {
    /// Whether discovery is configured.
    pub fn is_configured(&self) -> bool {
        !self.file_name.is_empty() || !self.find.glob.is_empty() || !self.find.command.is_empty()
    }
}

/// `parameters:`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameters {
    /// Parameters that are announced for every app.
    #[serde(default, rename = "static")]
    pub announced: Vec<Announced>,
    /// A command that would announce parameters. It is not supported and must be absent.
    #[serde(default)]
    pub dynamic: Option<Command>,
}

/// A static parameter.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Announced {
    #[serde(default)]
    name: String,
    #[serde(default)]
    title: String,
    #[serde(default)]
    tooltip: String,
    #[serde(default)]
    required: bool,
    #[serde(default)]
    item_type: String,
    #[serde(default)]
    collection_type: String,
    #[serde(default)]
    string: String,
    #[serde(default)]
    array: Vec<String>,
    #[serde(default)]
    map: BTreeMap<String, String>,
}

impl From<&Announced> for Parameter {
    fn from(a: &Announced) -> Self {
        Self {
            name: a.name.clone(),
            title: a.title.clone(),
            tooltip: a.tooltip.clone(),
            required: a.required,
            item_type: a.item_type.clone(),
            collection_type: a.collection_type.clone(),
            string: a.string.clone(),
            array: a.array.clone(),
            map: a.map.clone(),
        }
    }
}

impl PluginConfig {
    /// Reads plugin.yaml in a folder. Returns it parsed, and its text.
    pub fn read(folder: &Path) -> Result<(Self, Vec<u8>), Error> {
        let path = folder.join(FILE_NAME);
        let text = std::fs::read(&path).map_err(|e| {
            Error::io(format!("cannot read the plugin's configuration {}", path.display()), e)
        })?;
        let config = Self::parse(&text).map_err(|why| Error::config(format!("{}: {why}", path.display())))?;
        Ok((config, text))
    }

    /// Parses the text of plugin.yaml. The error names the field and the reason.
    pub fn parse(text: &[u8]) -> Result<Self, String> {
        let config: Self = serde_yaml::from_slice(text).map_err(|e| e.to_string())?;
        if config.kind != "ConfigManagementPlugin" {
            return Err(format!("kind is {:?}, it must be ConfigManagementPlugin", config.kind));
        }
        check_name("metadata.name", &config.metadata.name)?;
        if !config.spec.version.is_empty() {
            check_name("spec.version", &config.spec.version)?;
        }
        if config.spec.parameters.announced.iter().any(|p| p.name.is_empty()) {
            return Err("a static parameter has no name".to_owned());
        }
        Ok(config)
    }

    /// The path of the plugin's socket in a folder: `NAME.sock`, or `NAME-VERSION.sock`.
    pub fn socket(&self, folder: &Path) -> PathBuf {
        let (name, version) = (&self.metadata.name, &self.spec.version);
        folder.join(if version.is_empty() {
            format!("{name}.sock")
        } else {
            format!("{name}-{version}.sock")
        })
    }

    /// The path of an alias's socket in a folder: `ALIAS.sock`.
    pub fn alias_socket(folder: &Path, alias: &str) -> Result<PathBuf, Error> {
        check_name("--alias", alias).map_err(Error::config)?;
        Ok(folder.join(format!("{alias}.sock")))
    }
}

/// Checks a name that becomes a part of a file's name: it must not lead to another folder.
fn check_name(what: &str, name: &str) -> Result<(), String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if name.is_empty() || name.starts_with('.') || !name.chars().all(plain) {
        return Err(format!("{what} is {name:?}; it must be letters, digits, '-', '_' and '.'"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::PluginConfig;
    use std::path::Path;

    const GOOD: &str = "
apiVersion: argoproj.io/v1alpha1
kind: ConfigManagementPlugin
metadata:
  name: keyfill
spec:
  version: v1.0
  generate:
    command: [keyfill, generate]
    args: [.]
  discover:
    find:
      command: [keyfill, discover, .]
  parameters:
    static:
    - name: helm-values
      title: Values
      collectionType: string
  preserveFileMode: false
  provideGitCreds: true
  allowConcurrency: true
  lockRepo: false
";

    #[test]
    fn a_full_configuration_is_read() {
        let config = PluginConfig::parse(GOOD.as_bytes()).unwrap();
        assert_eq!(config.socket(Path::new("/s")), Path::new("/s/keyfill-v1.0.sock"));
        assert!(config.spec.discover.is_configured() && config.spec.provide_git_creds);
        assert_eq!(config.spec.generate.unwrap().line(), ["keyfill", "generate", "."]);
    }

    #[test]
    fn an_invalid_configuration_is_refused_with_its_reason() {
        let cases = [
            (GOOD.replace("ConfigManagementPlugin", "Plugin"), "kind"),
            (GOOD.replace("name: keyfill\n", "name: ../x\n"), "metadata.name"),
            (GOOD.replace("name: keyfill\n", "x: 1\n"), "metadata.name"),
            (GOOD.replace("version: v1.0", "version: a/b"), "spec.version"),
            (GOOD.replace("preserveFileMode: false", "noSuchField: true"), "noSuchField"),
            ("a: [".to_owned(), "line"),
        ];
        for (text, why) in cases {
            let error = PluginConfig::parse(text.as_bytes()).unwrap_err();
            assert!(error.contains(why), "{error}");
        }
    }
}
