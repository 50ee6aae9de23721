//! Explains how the commands of plugin.yaml are interpreted: `keyfill serve --explain`.

use super::Meaning;
use keyfill_cmp::config::PluginConfig;
use std::fmt::{self, Write as _};

/// A part of plugin.yaml that holds commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// `spec.init`
    Init,
    /// `spec.generate`
    Generate,
    /// `spec.discover.find.command`
    Discover,
}

impl fmt::Display for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Init => "init",
            Self::Generate => "generate",
            Self::Discover => "discover",
        })
    }
}

/// A command and its meaning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// The section that holds the command.
    pub section: Section,
    /// The command's line in the file; 0 if it is not known.
    pub line: u32,
    /// The command as it is written.
    pub text: String,
    /// The command's meaning.
    pub meaning: String,
}

impl Meaning {
    /// The text of `keyfill serve --explain`.
    pub fn explained(&self, plugin: &PluginConfig) -> String {
        let mut out = format!("plugin {}\n", plugin.metadata.name);
        if self.generate.is_none() && !self.said.iter().any(|said| said.section == Section::Generate) {
            out.push_str("generate: keyfill finds out what a folder is, renders it and fills placeholders\n");
        }
        out.push_str(&commands(&self.said));
        let discover = &plugin.spec.discover;
        if !discover.file_name.is_empty() {
            let _ = writeln!(out, "discover: folders with a file {}", discover.file_name);
        } else if !discover.find.glob.is_empty() {
            let _ = writeln!(out, "discover: folders with a path {}", discover.find.glob);
        } else if !discover.is_configured() {
            out.push_str("discover: apps that name the plugin\n");
        }
        if let Some(reads) = &self.reads {
            let names: Vec<&str> = reads.iter().filter_map(|name| name.strip_prefix("ARGOCD_ENV_")).collect();
            let names = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
            let _ = writeln!(out, "variables of apps that are read, besides those of the store: {names}");
        }
        out
    }
}

fn commands(said: &[Said]) -> String {
    let mut out = String::new();
    let mut section = None;
    for said in said {
        if section != Some(said.section) {
            section = Some(said.section);
            // Writing to a string cannot fail.
            let _ = writeln!(out, "{}:", said.section);
        }
        let text = said.text.split_whitespace().collect::<Vec<_>>().join(" ");
        let _ = writeln!(out, "  line {}: {text}\n    {}", said.line, said.meaning);
    }
    out
}
