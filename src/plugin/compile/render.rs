//! Compiles kustomize and helm: what they render, and what `kustomize edit` changes before.

use super::super::explain::Section;
use super::super::parse::Simple;
use super::super::plan::{Render, Step};
use super::super::words::{Content, Piece, Word};
use super::forms::{Output, WRITE_A_PIPE, is_list, probed, refused, shown};
use super::{Compiler, Result};
use crate::render::edits::Edit;
use crate::render::options::commands;

impl Compiler<'_> {
    pub(super) fn kustomize(&mut self, simple: &Simple, words: &[Word]) -> Result<Step> {
        let texts: Vec<Option<String>> = words.iter().map(Word::text).collect();
        let texts: Vec<&str> = texts.iter().map(|text| text.as_deref().unwrap_or_default()).collect();
        let edit = match texts.as_slice() {
            ["version", ..] => return self.nothing(simple, "nothing"),
            ["build", ..] => return self.build(simple, &words[1..]),
            ["edit", "set", "image", ..] => Edit::Image,
            ["edit", "set" | "add", "annotation", ..] => Edit::Annotation,
            ["edit", "set" | "add", "label", ..] => Edit::Label,
            ["edit", "set", "namespace", ..] => Edit::Namespace,
            ["edit", "set", "nameprefix", ..] => Edit::NamePrefix,
            ["edit", "set", "namesuffix", ..] => Edit::NameSuffix,
            _ => {
                let hint = "what is understood is build, and edit set image, annotation, label, namespace, \
                            nameprefix and namesuffix";
                return Err(refused(simple, "this command of kustomize is not known", hint));
            }
        };
        let words = &words[3..];
        let is_flag = |word: &&Word| word.source.starts_with('-') && word.source != "--";
        // A name prefix may begin with a dash; it then stands after `--`.
        let behind = words.iter().position(|word| word.source == "--").unwrap_or(words.len());
        let may_force = texts.get(1) == Some(&"add");
        let is_force = |word: &Word| may_force && matches!(word.source.as_str(), "-f" | "--force");
        let flag = words[..behind].iter().find(is_flag).filter(|word| !is_force(word));
        if let Some(flag) = flag {
            return Err(refused(simple, &format!("its flag {} is not known", flag.source), WRITE_A_PIPE));
        }
        let words: Vec<Word> = words.iter().filter(|word| !is_force(word)).cloned().collect();
        if words.is_empty() {
            return Err(refused(simple, "a value is missing", WRITE_A_PIPE));
        }
        self.say(simple, "the kustomization is changed, in memory alone");
        Ok(Step::Edit { edit, words })
    }

    pub(super) fn build(&mut self, simple: &Simple, words: &[Word]) -> Result<Step> {
        let literal: Vec<String> = words.iter().filter_map(Word::text).collect();
        let dir = probed(words, |words| commands::kustomize(&literal, words).map(|(dir, _)| dir));
        let dir = dir.map_err(|error| refused(simple, &error.to_string(), WRITE_A_PIPE))?;
        if dir.contains("://") || dir.starts_with('/') || dir.starts_with('~') {
            return Err(refused(
                simple,
                "its folder is not one of the app's repository",
                "name a folder of the tree",
            ));
        }
        let file = self.rendered_to(simple)?;
        self.say(simple, format!("the kustomization in {dir}{}", to(file.as_ref())));
        Ok(Step::Render { render: Render::Kustomize(words.to_vec()), file })
    }

    /// The file that a rendering is written to; `None` for stdout. Other outputs are refused.
    fn rendered_to(&self, simple: &Simple) -> Result<Option<Word>> {
        match self.output(simple)? {
            _ if self.section == Section::Discover => {
                Err(refused(simple, "discovery renders nothing", "write find . -name kustomization.yaml"))
            }
            Output::File(file) => Ok(Some(file)),
            Output::Stdout if self.section == Section::Generate => Ok(None),
            Output::Stdout => Err(refused(simple, "init renders nothing", "render in generate")),
            Output::Nowhere => Err(refused(simple, "its manifests go nowhere", WRITE_A_PIPE)),
        }
    }

    pub(super) fn helm(&mut self, simple: &Simple, stdin: Option<Content>) -> Result<Step> {
        let (rest, here) = self.here_string(simple);
        if let Some(word) = here {
            let content = Content { words: vec![quoted(word)], line_break: true, from_base64: false };
            return self.helm(&rest, Some(content));
        }
        let words = &simple.words[1..];
        let texts: Vec<Option<String>> = words.iter().map(Word::text).collect();
        let texts: Vec<&str> = texts.iter().map(|text| text.as_deref().unwrap_or_default()).collect();
        match texts.as_slice() {
            ["template", ..] => {}
            ["dependency" | "dep" | "dependencies", "build" | "update" | "up" | "list", ..] => {
                return self.nothing(
                    simple,
                    "nothing is fetched: dependencies lie in charts/, or the app fails with their names",
                );
            }
            ["repo", "add" | "update" | "up" | "list", ..] | ["registry", "login", ..] => {
                return self.nothing(simple, "nothing: no chart is fetched");
            }
            ["version", ..] => return self.nothing(simple, "nothing"),
            // Flags may stand before `template`.
            _ if texts.contains(&"template") => {}
            _ => {
                let hint =
                    "what is understood is helm template, dependency build and update, repo add and update";
                return Err(refused(simple, "this command of helm is not known", hint));
            }
        }
        let at = texts.iter().position(|text| *text == "template").unwrap_or(0);
        let mut words = words.to_vec();
        words.remove(at);
        if let Some(word) = words.iter().find(|word| word.is_pattern()) {
            let why = format!("{} is a pattern of file names", word.source);
            return Err(refused(simple, &why, "name each file, or put quotes around it"));
        }
        let line = probed(&words, commands::helm)
            .map_err(|error| refused(simple, &error.to_string(), WRITE_A_PIPE))?;
        let is_elsewhere = |name: &str| name.contains("://") || name.starts_with('~');
        if is_elsewhere(&line.chart) || line.chart.starts_with('/') {
            let hint = "name a folder of the app's repository: charts are not fetched";
            return Err(refused(
                simple,
                &format!("the chart {} is not one of the app's repository", line.chart),
                hint,
            ));
        }
        if let Some(file) = line.values().find(|file| is_elsewhere(file)) {
            return Err(refused(
                simple,
                &format!("the values {file} are a URL"),
                "name a file of the app's repository",
            ));
        }
        let mut meaning = format!("the chart in {}", line.chart);
        meaning.push_str(&format!("; release {}", line.release.as_deref().unwrap_or("release-name")));
        meaning.push_str(&format!(", namespace {}", line.namespace().unwrap_or("default")));
        let named = |word: &&Word| Some(shown(word)) == line.release.as_deref() || shown(word) == line.chart;
        let adds = |word: &&Word| word.list().is_some_and(is_list) && !named(word);
        let lists: Vec<&str> = words.iter().filter(adds).map(shown).collect();
        if !lists.is_empty() {
            meaning.push_str(&format!("; further flags from {}", lists.join(", ")));
        }
        for file in line.values() {
            meaning.push_str(&format!("; values {file}"));
        }
        let file = self.rendered_to(simple)?;
        meaning.push_str(&to(file.as_ref()));
        self.say(simple, meaning);
        Ok(Step::Render { render: Render::Helm(words, stdin), file })
    }
}

fn to(file: Option<&Word>) -> String {
    file.map(|file| format!(", as the file {}", file.source)).unwrap_or_default()
}

/// The word with its variables in quotes: after `<<<` values are not split.
fn quoted(mut word: Word) -> Word {
    for piece in &mut word.pieces {
        if let Piece::Variable { quoted, .. } = piece {
            *quoted = true;
        }
    }
    word
}
