//! `MANIFESTS=$(kustomize build .)`: a rendering in a variable, and the commands that may read the variable.

use super::super::content;
use super::super::explain::Section;
use super::super::lex;
use super::super::parse::{Command, Join, Redirect, Script, Simple};
use super::super::plan::{Line, Step};
use super::super::words::{Piece, Word};
use super::forms::{Output, WRITE_A_PIPE, program, refused};
use super::{Compiler, Result};

/// The hint for a variable that holds a rendering.
const WRITE_ECHO: &str = "write echo \"$NAME\" | argocd-vault-plugin generate -, with the variable alone";

impl Compiler<'_> {
    /// Compiles assignments of `$(...)`, which may hold kustomize or helm.
    pub(super) fn capture(&mut self, simple: &Simple) -> Result<Step> {
        if !simple.words.is_empty() {
            return Err(refused(simple, lex::NOTHING_IS_RUN, lex::WRITE_THE_VALUE));
        }
        let mut lines = Vec::new();
        if !simple.assignments.is_empty() {
            lines.push(then(self.assign(simple, &simple.assignments)?));
        }
        for (name, script) in &simple.captures {
            lines.push(then(self.captured(simple, name, script)?));
            self.out.assigned.insert(name.clone());
            self.out.captured.insert(name.clone());
            // The variable gets some text, since `[ -z "$MANIFESTS" ]` tests whether there are manifests. An empty
            // rendering is an error elsewhere.
            let value = Word::literal("manifests");
            lines.push(then(Step::Assign { name: name.clone(), value }));
        }
        Ok(Step::Group(lines))
    }

    /// The step that renders to a file, whose name no other command can use.
    fn captured(&mut self, simple: &Simple, name: &str, script: &Script) -> Result<Step> {
        let unknown = || refused(simple, lex::NOTHING_IS_RUN, lex::WRITE_THE_VALUE);
        let [statement] = script.statements.as_slice() else { return Err(unknown()) };
        let mut commands = statement.commands.clone();
        let Some(Command::Simple(last)) = commands.last_mut() else { return Err(unknown()) };
        let renders = matches!(program(last).as_deref(), Some("helm" | "kustomize" | "kubectl"));
        if !renders || statement.negated || self.section == Section::Discover {
            return Err(unknown());
        }
        last.redirects.push(Redirect { descriptor: None, sign: ">", target: file_of(name) });
        match self.pipe(&commands)? {
            step @ Step::Render { .. } => Ok(step),
            _ => Err(unknown()),
        }
    }

    /// The step for `echo "$MANIFESTS"`; `None` if the variable holds no manifests.
    pub(super) fn echoed(&self, commands: &[Command]) -> Option<Step> {
        let content = content::of_pipe(commands)?.ok()?;
        let [word] = content.words.as_slice() else { return None };
        self.read_back(word).filter(|_| !content.from_base64)
    }

    /// The step that reads the manifests of a variable; `None` if the word is no such variable.
    pub(super) fn read_back(&self, word: &Word) -> Option<Step> {
        let name = word.variable().filter(|name| self.out.captured.contains(*name))?;
        Some(Step::Read(file_of(name), false))
    }

    /// Refuses a command if one of its words names a variable that holds manifests.
    pub(super) fn without_manifests(&self, simple: &Simple) -> Result<()> {
        let targets = simple.redirects.iter().map(|redirect| &redirect.target);
        let values = simple.assignments.iter().map(|(_, value)| value);
        let mut held = None;
        for word in simple.words.iter().chain(values).chain(targets) {
            word.variables(&mut |name| {
                if self.out.captured.contains(name) {
                    held = Some(name.to_owned());
                }
            });
        }
        match held {
            None => Ok(()),
            Some(name) => {
                let why = format!("{name} holds manifests, and only argocd-vault-plugin may read them");
                Err(refused(simple, &why, WRITE_ECHO))
            }
        }
    }

    /// Takes `<<< WORD` out of a command. Returns the rest of the command, and the word.
    pub(super) fn here_string(&self, simple: &Simple) -> (Simple, Option<Word>) {
        let mut rest = simple.clone();
        let at = rest.redirects.iter().position(|redirect| redirect.sign == "<<<");
        let word = at.map(|at| rest.redirects.remove(at).target);
        (rest, word)
    }

    /// Compiles an `echo` of manifests that is not piped into a command that fills.
    pub(super) fn print_back(&mut self, simple: &Simple, step: Step) -> Result<Step> {
        match self.output(simple)? {
            Output::Nowhere => Ok(Step::Nothing),
            Output::Stdout if self.section == Section::Generate => {
                self.say(simple, "the manifests that the variable holds");
                Ok(step)
            }
            _ => Err(refused(simple, "the manifests of a variable go into no file", WRITE_A_PIPE)),
        }
    }
}

const fn then(step: Step) -> Line {
    Line { join: Join::Then, negated: false, step }
}

fn file_of(name: &str) -> Word {
    let text = format!("/$({name})");
    Word { pieces: vec![Piece::Text { text, quoted: true }], source: format!("${name}") }
}
