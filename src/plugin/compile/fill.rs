//! Compiles argocd-vault-plugin and keyfill: what they fill, and the commands before them in a pipe.

use super::super::content;
use super::super::explain::Section;
use super::super::parse::{Command, Simple};
use super::super::plan::Step;
use super::super::words::Word;
use super::forms::{Output, WRITE_A_PIPE, instead_of, program, refused, shown};
use super::{Compiler, Filling, Result};
use crate::cli::args;
use crate::serve::environment;

impl Compiler<'_> {
    /// Compiles `... | argocd-vault-plugin generate -`.
    pub(super) fn fill_behind(&mut self, before: &[Command], last: &Simple) -> Result<Step> {
        match self.output(last)? {
            Output::Stdout => {}
            _ => return Err(refused(last, "what it prints must be the manifests", WRITE_A_PIPE)),
        }
        let (path, meaning) = self.filling(last)?;
        if path.source != "-" {
            return Err(refused(last, "it does not read the pipe", "write argocd-vault-plugin generate -"));
        }
        let step = self.before_filling(before)?;
        self.say(last, meaning);
        Ok(step)
    }

    /// Compiles the commands before `| argocd-vault-plugin generate -`.
    fn before_filling(&mut self, before: &[Command]) -> Result<Step> {
        // `echo "$MANIFESTS" |`
        if let ([Command::Simple(echo)], Some(step)) = (before, self.echoed(before)) {
            self.see(echo);
            self.say(echo, "the manifests that the variable holds");
            return Ok(step);
        }
        // `cat all.yaml |`
        if let [Command::Simple(cat)] = before
            && program(cat).as_deref() == Some("cat")
        {
            self.see(cat);
            return match &cat.words[1..] {
                [file] if !file.is_pattern() => {
                    self.say(cat, format!("the manifests of {}", file.source));
                    Ok(Step::Read(file.clone(), false))
                }
                _ => {
                    let hint = "write argocd-vault-plugin generate . for all files of the folder";
                    Err(refused(cat, "cat is understood with one file", hint))
                }
            };
        }
        if let [.., Command::Simple(renderer)] = before
            && before.len() > 1
        {
            let is_helm = program(renderer).as_deref() == Some("helm");
            let Some(content) = content::of_pipe(&before[..before.len() - 1]).filter(|_| is_helm) else {
                let hint = program(renderer).and_then(|program| instead_of(&program)).unwrap_or(WRITE_A_PIPE);
                return Err(refused(renderer, "one command may stand before argocd-vault-plugin", hint));
            };
            before.iter().for_each(|command| self.see_all(command));
            return self.helm(renderer, Some(content?));
        }
        match before {
            [command] => self.command(command),
            _ => Ok(Step::Nothing),
        }
    }

    /// Compiles argocd-vault-plugin and keyfill outside of a pipe.
    pub(super) fn fill(&mut self, simple: &Simple) -> Result<Step> {
        let (rest, here) = self.here_string(simple);
        if let Some(word) = here {
            let (path, meaning) = self.filling(&rest)?;
            return match self.read_back(&word).filter(|_| path.source == "-") {
                Some(step) if matches!(self.output(&rest)?, Output::Stdout) => {
                    self.say(simple, format!("the manifests that {} holds; {meaning}", word.source));
                    Ok(step)
                }
                _ => Err(refused(simple, "what <<< gives it is not known", WRITE_A_PIPE)),
            };
        }
        if !matches!(self.output(simple)?, Output::Stdout) {
            return Err(refused(simple, "what it prints must be the manifests", WRITE_A_PIPE));
        }
        let is_keyfill = program(simple).as_deref() == Some("keyfill");
        let texts: Vec<Option<String>> = simple.words[1..].iter().map(Word::text).collect();
        let texts: Vec<&str> = texts.iter().map(|text| text.as_deref().unwrap_or_default()).collect();
        if let ["discover", rest @ ..] = texts.as_slice() {
            if self.section == Section::Discover
                && rest.iter().all(|word| matches!(*word, "." | "./" | "--any"))
            {
                let any = rest.contains(&"--any");
                self.out.discover = Some(any);
                let which = if any {
                    "every kustomization, chart and YAML folder"
                } else {
                    "folders with placeholders"
                };
                self.say(simple, which);
                return Ok(Step::Own);
            }
            return Err(refused(
                simple,
                "it is not the discovery of the app's folder",
                "write keyfill discover .",
            ));
        }
        if texts.first() == Some(&"version") {
            return self.nothing(simple, "nothing");
        }
        if self.section == Section::Discover {
            return Err(refused(simple, "discovery does not generate", "write keyfill discover ."));
        }
        let input = simple.redirects.iter().find(|redirect| redirect.sign == "<");
        let (path, meaning) = self.filling(simple)?;
        match (input, path.source.as_str()) {
            (Some(input), "-") => {
                self.say(simple, format!("the manifests of {}; {meaning}", input.target.source));
                Ok(Step::Read(input.target.clone(), false))
            }
            (Some(_), _) => Err(refused(simple, "it does not read what < names", "write generate -")),
            (None, "-") => Err(refused(simple, "nothing stands before it that it could read", WRITE_A_PIPE)),
            (None, "." | "./") if is_keyfill => {
                self.say(simple, format!("what keyfill does by itself; {meaning}"));
                Ok(Step::Own)
            }
            (None, _) => {
                self.say(simple, format!("the YAML and JSON files of {}; {meaning}", path.source));
                Ok(Step::Read(path, !is_keyfill))
            }
        }
    }

    /// Parses the flags of argocd-vault-plugin or keyfill. Returns the path, and the meaning of the flags for
    /// `--explain`.
    fn filling(&mut self, simple: &Simple) -> Result<(Word, String)> {
        const FORM: &str =
            "write argocd-vault-plugin generate - or generate ., with -s, -c and keyfill's own flags";
        let words = &simple.words[1..];
        let given = std::iter::once("keyfill").chain(words.iter().map(shown));
        let cli = args::parse(given.map(Into::into).collect()).map_err(|error| {
            let why = error.to_string();
            refused(simple, why.lines().next().unwrap_or_default().trim_start_matches("error: "), FORM)
        })?;
        let args::Command::Generate(generate) = cli.command else {
            return Err(refused(simple, "it is not generate", FORM));
        };
        let [path] = generate.paths.as_slice() else {
            return Err(refused(simple, "one path is expected", FORM));
        };
        let find = |text: &str| words.iter().rfind(|word| shown(word) == text).cloned();
        let path = find(path).unwrap_or_else(|| Word::literal(path));
        if path.text().is_some_and(|text| text.contains("..") || text.starts_with('/') && text.len() == 1) {
            return Err(refused(simple, "its path is not the app's folder", FORM));
        }
        let mut filling = Filling { shared: cli.shared, generate: generate.into_inner(), secret: None };
        if let Some(name) = filling.shared.secret_name.clone() {
            // In `-s NAME`, `-sNAME` and `--secret-name=NAME` the name is at the end.
            let word = words.iter().find(|word| shown(word).ends_with(&name) && word.text().is_none());
            if let Some(word) = word {
                if shown(word) != name {
                    return Err(refused(
                        simple,
                        "the Secret's name must be a word by itself",
                        "write -s with a space behind it",
                    ));
                }
                filling.secret = Some(word.clone());
                filling.shared.secret_name = None;
            }
        }
        if let Some(file) = &filling.shared.config_path {
            let is_variable = words
                .iter()
                .any(|word| word.text().is_none() && shown(word).contains(&*file.to_string_lossy()));
            if is_variable || !file.is_absolute() {
                let why = format!(
                    "-c {} lies in the app's folder, and the app's author could change it",
                    file.display()
                );
                return Err(refused(simple, &why, "name the file with its whole path, and mount it there"));
            }
        }
        let others = self.out.filling.as_ref().is_some_and(|before| !is_same(before, &filling));
        if others {
            return Err(refused(
                simple,
                "argocd-vault-plugin is called with other flags before",
                "give them alike",
            ));
        }
        let mut of_app = false;
        let mut meaning = "placeholders are filled".to_owned();
        match (&filling.shared.secret_name, &filling.secret) {
            (Some(name), _) => meaning.push_str(&format!(", settings from the Secret {name}")),
            (None, Some(word)) => {
                meaning.push_str(&format!(", settings from the Secret {}", word.source));
                word.variables(&mut |name| of_app |= environment::is_of_request(name));
            }
            (None, None) => {}
        }
        if of_app {
            meaning.push_str(" where KEYFILL_APP_SECRETS allows it");
        }
        if let Some(file) = &filling.shared.config_path {
            meaning.push_str(&format!(", settings from {}", file.display()));
        }
        self.out.filling = Some(filling);
        Ok((path, meaning))
    }
}

/// Whether two commands fill in the same way, whatever their paths.
fn is_same(one: &Filling, other: &Filling) -> bool {
    let without_path = |filling: &Filling| {
        let generate = args::GenerateArgs { paths: Vec::new(), ..filling.generate.clone() };
        format!("{:?} {generate:?} {:?}", filling.shared, filling.secret)
    };
    without_path(one) == without_path(other)
}
