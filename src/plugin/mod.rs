//! The commands of plugin.yaml, which are interpreted and never run.
//!
//! Most definitions of plugins use a small part of a shell's language: a pipe of `kustomize build` or `helm
//! template` into argocd-vault-plugin, a few statements around it, and `find` or `grep` for discovery. [`lex`] and
//! [`parse`] parse a script, [`compile()`] turns each command into a step of a [`plan`], and [`run`] executes the
//! steps for one app, in a worker: it finds out what is rendered, and with which options. A command that is not
//! supported is an error when the server starts; the error names the command, its line, and what to write instead.
//! An app's variable can only become an argument of a known command. It never becomes a command, a path outside of
//! the app's repository, or a setting of the administrator.

mod compile;
mod content;
pub mod explain;
mod lex;
mod looking;
mod parse;
pub mod pattern;
pub mod plan;
pub mod run;
mod search;
#[cfg(test)]
mod tests;
pub mod words;

pub use compile::Filling;

use crate::report::Failure;
use crate::serve::environment;
use crate::settings::{Env, table};
use compile::{Compiled, compile};
use explain::{Said, Section};
use keyfill_cmp::config::{self, PluginConfig};
use keyfill_diag::{Class, Diagnostic, Place};
use keyfill_yaml::{Node, Style};
use lex::Refused;
use parse::{Command, Join, Script, Simple, Statement};
use plan::{Line, Plan, Step};
use std::collections::{BTreeMap, BTreeSet};
use words::{Content, Variables, Word};

/// The most bytes of plugin.yaml.
const MOST_BYTES: usize = 256 << 10;

/// What the commands of plugin.yaml mean.
#[derive(Clone, Debug, Default)]
pub struct Meaning {
    /// The flags of argocd-vault-plugin or keyfill in the commands, which say how placeholders are filled.
    pub filling: Option<Filling>,
    /// The name of the Secret with settings (`-s`), if it holds a variable.
    pub secret: Option<Word>,
    /// What is rendered; `None` if keyfill discovers by itself what a folder is.
    pub generate: Option<Plan>,
    /// How it is found out whether a folder is for the plugin.
    pub discover: Discover,
    /// Variables of apps that the commands read; `None` if keyfill discovers by itself what a folder is.
    pub reads: Option<BTreeSet<String>>,
    /// Settings that the commands set for argocd-vault-plugin.
    pub settings: BTreeMap<String, String>,
    /// Values of the sidecar's environment variables that the commands name.
    pub sidecar: BTreeMap<String, String>,
    /// The commands with their meaning, for `--explain`.
    pub said: Vec<Said>,
}

impl Meaning {
    /// Takes the name of the Secret with settings if it holds only variables of the sidecar: then the administrator
    /// names it. The outer `None` means that the commands leave it to the app or name no such Secret; the inner one
    /// that the name is empty.
    pub fn sidecars_secret(&mut self) -> Option<Option<String>> {
        let word = self.secret.take_if(|word| {
            let mut of_app = false;
            word.variables(&mut |name| of_app |= environment::is_of_request(name));
            !of_app
        })?;
        let name = word.expand(&mut Known { env: &Env::default(), sidecar: &self.sidecar });
        Some(Some(name).filter(|name| !name.is_empty()))
    }

    /// The environment of a request, for commands in which variables of the app name the Secret with settings. The
    /// name is put into `ARGOCD_ENV_AVP_SECRET`, as if the author had set it, so that the same rules apply. `None`
    /// if no variable of the app names it in the commands.
    pub fn secret_of(&self, env: &Env) -> Option<Env> {
        const NAME: &str = "ARGOCD_ENV_AVP_SECRET";
        let word = self.secret.as_ref()?;
        let secret = word.expand(&mut Known { env, sidecar: &self.sidecar });
        let others = env.iter().filter(|(name, _)| *name != NAME);
        Some(others.chain([(NAME, secret.as_str())]).collect())
    }
}

/// The variables of a request and of the sidecar.
struct Known<'a> {
    env: &'a Env,
    sidecar: &'a BTreeMap<String, String>,
}

impl Variables for Known<'_> {
    fn value(&self, name: &str) -> Option<&str> {
        let of_app = environment::is_of_request(name).then(|| self.env.listed(name)).flatten();
        of_app.or_else(|| self.sidecar.get(name).map(String::as_str))
    }

    fn file(&mut self, name: String, _: &Content) -> String {
        name
    }
}

/// How it is found out whether a folder is for the plugin.
#[derive(Clone, Debug, Default)]
pub enum Discover {
    /// There is no command for it.
    #[default]
    None,
    /// With `keyfill discover`. `true` for `--any`: every kustomization, chart and folder of YAML matches.
    Own(bool),
    /// With the tests and searches of these commands.
    Asked(Plan),
}

/// Interprets the commands of plugin.yaml. `text` is the content of the file, for the numbers of lines; `sidecar`
/// is the environment of the server.
pub fn read(plugin: &PluginConfig, text: &[u8], sidecar: &Env) -> Result<Meaning, Failure> {
    if text.len() > MOST_BYTES {
        let message = format!("{} is larger than 256 KiB", config::FILE_NAME);
        return Err(Diagnostic::error(Class::Usage, message).into());
    }
    let places = Places::of(text);
    let spec = &plugin.spec;
    let line =
        |command: &Option<config::Command>| command.as_ref().map(config::Command::line).unwrap_or_default();
    let find = &spec.discover.find;
    let find: Vec<String> = find.command.iter().chain(&find.args).cloned().collect();
    let mut problems = Vec::new();
    let mut section = |section, words: &[String], out: &mut Compiled| {
        if let Err(found) = section_of(section, words, &places, out) {
            problems.extend(found.into_problems());
        }
    };
    let mut generate = Compiled::default();
    section(Section::Init, &line(&spec.init), &mut generate);
    generate.lines.push(always(Step::Home));
    section(Section::Generate, &line(&spec.generate), &mut generate);
    let mut discover = Compiled::default();
    section(Section::Discover, &find, &mut discover);
    let known = |out: &Compiled| sidecars(out, sidecar);
    let (of_generate, of_discover) = (known(&generate), known(&discover));
    for known in [&of_generate, &of_discover] {
        problems.extend(known.as_ref().err().into_iter().flat_map(|found| found.problems().iter().cloned()));
    }
    if !problems.is_empty() {
        return Err(Failure::new(problems));
    }
    let reads = generate.variables.iter().chain(&discover.variables).filter(|name| compile::is_apps(name));
    let reads: BTreeSet<String> = reads.cloned().collect();
    let plan = |lines, sidecar: Result<_, Failure>| Plan {
        lines,
        sidecar: sidecar.unwrap_or_default(),
        reads: reads.clone(),
    };
    let sidecar = of_generate.clone().unwrap_or_default();
    let discover_plan = plan(discover.lines, of_discover);
    let mut said = generate.said;
    said.extend(discover.said);
    let is_own = spec.generate.is_none() || is_own(&generate.lines);
    if prints_at_least(&generate.lines) > 1 {
        let message = "the commands of generate print manifests more than once for every folder".to_owned();
        let hint =
            "render once: a kustomization may list a chart in helmCharts and further files in resources";
        return Err(Diagnostic::error(Class::Usage, message)
            .at(Place::file(config::FILE_NAME, None))
            .hint(hint)
            .into());
    }
    let is_mixed = !is_own && holds_own(&generate.lines);
    if is_mixed {
        let message = "keyfill generate . stands among other commands, which it does by itself".to_owned();
        let hint = "write it alone, or write what is rendered: kustomize build . | keyfill generate -";
        return Err(Diagnostic::error(Class::Usage, message)
            .at(Place::file(config::FILE_NAME, None))
            .hint(hint)
            .into());
    }
    let generate_plan = (!is_own).then(|| plan(generate.lines, of_generate));
    Ok(Meaning {
        filling: generate.filling,
        secret: None,
        sidecar,
        generate: generate_plan,
        discover: match (find.is_empty(), discover.discover) {
            (true, _) => Discover::None,
            (_, Some(any)) => Discover::Own(any),
            (false, None) => Discover::Asked(discover_plan),
        },
        reads: (!is_own).then_some(reads),
        settings: generate.settings,
        said,
    })
}

const fn always(step: Step) -> Line {
    Line { join: Join::Then, negated: false, step }
}

/// Whether `keyfill generate .` is the only step that does something.
fn is_own(lines: &[Line]) -> bool {
    let steps: Vec<&Step> =
        flat(lines).into_iter().filter(|step| !matches!(step, Step::Nothing | Step::Home)).collect();
    matches!(steps.as_slice(), [Step::Own])
}

fn holds_own(lines: &[Line]) -> bool {
    flat(lines).iter().any(|step| matches!(step, Step::Own))
}

/// How often the steps print manifests at least, for every folder.
fn prints_at_least(lines: &[Line]) -> usize {
    let (mut printed, mut is_certain) = (0, true);
    for line in lines {
        let count = match &line.step {
            Step::Own | Step::Read(..) | Step::Render { file: None, .. } => 1,
            Step::Group(inner) => prints_at_least(inner),
            Step::If(branches, otherwise) => {
                let bodies = branches.iter().map(|(_, body)| prints_at_least(body));
                bodies.chain([prints_at_least(otherwise)]).min().unwrap_or(0)
            }
            Step::End(_) => return printed,
            _ => 0,
        };
        is_certain = match line.join {
            Join::Then => true,
            // A rendering either succeeds or ends the run.
            Join::And => is_certain && printed > 0,
            Join::Or => false,
        };
        if is_certain {
            printed += count;
        }
        is_certain &= !matches!(line.step, Step::Test(_));
    }
    printed
}

/// All steps, including those inside of groups, loops and conditions.
fn flat(lines: &[Line]) -> Vec<&Step> {
    let mut all = Vec::new();
    for line in lines {
        match &line.step {
            Step::Group(inner) | Step::For { lines: inner, .. } => all.extend(flat(inner)),
            Step::If(branches, otherwise) => {
                all.push(&line.step);
                branches.iter().for_each(|(condition, body)| {
                    all.extend(flat(condition));
                    all.extend(flat(body));
                });
                all.extend(flat(otherwise));
            }
            step => all.push(step),
        }
    }
    all
}

/// Compiles the command of a section.
fn section_of(
    section: Section,
    words: &[String],
    places: &Places,
    out: &mut Compiled,
) -> Result<(), Failure> {
    if words.is_empty() {
        return Ok(());
    }
    let literal: Vec<Word> = words.iter().map(|word| Word::literal(word)).collect();
    let first = words[0].rsplit('/').next().unwrap_or_default();
    let is_shell = matches!(first, "sh" | "bash" | "ash" | "dash" | "zsh");
    let (script, spot) = match compile::script_of(&literal).filter(|_| is_shell) {
        Some(text) => {
            let index = words.iter().position(|word| *word == text).unwrap_or(0);
            let spot = places.spot(section, index);
            (parse::script(&text, 0), spot)
        }
        None => (Ok(one_command(literal, words)), places.spot(section, 0)),
    };
    let at = |line: usize| spot.line(line);
    script
        .and_then(|script| compile(&script, section, &at, out))
        .map_err(|refused| problem(section, &refused, spot).into())
}

/// A script of one command that is not run by a shell.
fn one_command(words: Vec<Word>, texts: &[String]) -> Script {
    let simple = Simple { words, source: texts.join(" "), ..Simple::default() };
    let statement = Statement { join: Join::Then, negated: false, commands: vec![Command::Simple(simple)] };
    Script { statements: vec![statement] }
}

fn problem(section: Section, refused: &Refused, spot: Spot) -> Diagnostic {
    let words = refused.text.split_whitespace().collect::<Vec<_>>().join(" ");
    let message = format!("{section}: {words:?} is not understood: {}", refused.why);
    let hint = refused.hint.unwrap_or(
        "serve reads commands and runs none; docs/coming-from-avp.md lists the forms, and generate.command: \
         [keyfill, generate, .] does the usual by itself",
    );
    let line = spot.line(refused.line);
    Diagnostic::error(Class::Usage, message)
        .at(Place::file(config::FILE_NAME, (line > 0).then_some(line)))
        .hint(hint)
}

/// The values of the sidecar's environment variables that commands name. A variable with a credential is an error,
/// so that rendering never gets one.
fn sidecars(out: &Compiled, sidecar: &Env) -> Result<BTreeMap<String, String>, Failure> {
    let mut known = BTreeMap::new();
    // `PWD` is not read from the sidecar: it is the app's folder.
    let names =
        out.variables.iter().filter(|name| !out.assigned.contains(*name) && *name != lex::WORKING_DIR);
    for name in names.filter(|name| !environment::is_of_request(name)) {
        let why = if table::setting(name).is_some_and(|var| var.is_secret() || var.is_ambient()) {
            "it holds a credential of the sidecar's"
        } else if matches!(name.as_str(), "OLDPWD" | "RANDOM" | "PPID" | "UID") {
            "it is the shell's own, and none runs"
        } else {
            if let Some(value) = sidecar.listed(name) {
                known.insert(name.clone(), value.to_owned());
            }
            continue;
        };
        let message = format!("the variable {name} is named in a command, and {why}");
        return Err(Diagnostic::error(Class::Usage, message).at(Place::file(config::FILE_NAME, None)).into());
    }
    Ok(known)
}

/// The lines of the file on which the words of commands are.
struct Places {
    sections: BTreeMap<&'static str, Vec<Spot>>,
}

/// The line of a word in the file.
#[derive(Clone, Copy, Debug, Default)]
struct Spot {
    line: u32,
    /// Whether the word is a literal block (`|`), whose lines follow in the file.
    is_block: bool,
}

impl Spot {
    fn line(self, in_text: usize) -> u32 {
        if self.is_block && self.line > 0 {
            self.line.saturating_add(1).saturating_add(u32::try_from(in_text).unwrap_or(u32::MAX))
        } else {
            self.line
        }
    }
}

impl Places {
    fn of(text: &[u8]) -> Self {
        let documents = keyfill_yaml::load_nodes(text, &keyfill_yaml::Limits::default()).unwrap_or_default();
        let spec = documents.first().and_then(|document| document.get("spec"));
        let find = spec.and_then(|spec| spec.get("discover")).and_then(|discover| discover.get("find"));
        let of = |command: Option<&Node>| -> Vec<Spot> {
            let list =
                |key| command.and_then(|c| c.get(key)).and_then(Node::as_seq).map(|seq| seq.items.as_slice());
            ["command", "args"].into_iter().flat_map(|key| list(key).unwrap_or_default()).map(spot).collect()
        };
        let part = |key| of(spec.and_then(|spec| spec.get(key)));
        let sections = [("init", part("init")), ("generate", part("generate")), ("discover", of(find))];
        Self { sections: sections.into() }
    }

    fn spot(&self, section: Section, index: usize) -> Spot {
        let name = section.to_string();
        self.sections.get(name.as_str()).and_then(|spots| spots.get(index)).copied().unwrap_or_default()
    }
}

fn spot(node: &Node) -> Spot {
    match node {
        Node::Scalar(scalar) => {
            Spot { line: scalar.location.line(), is_block: scalar.style == Style::Literal }
        }
        _ => Spot::default(),
    }
}
