//! Compiles commands to steps. A command that is not supported is an error that names the command, its line and
//! what to write instead.

mod capture;
mod fill;
mod forms;
mod render;
mod search;

pub use forms::{is_apps, script_of};

use super::content;
use super::explain::{Said, Section};
use super::lex::Refused;
use super::parse::{self, Command, Join, Loop, Script, Simple, Statement};
use super::plan::{Line, Step, Test};
use super::words::{Content, Word};
use crate::cli::args::{self, SharedArgs};
use forms::{Output, WRITE_A_PIPE, behind_a_rendering, instead_of, is_of_tool, output, program, refused};
use std::collections::{BTreeMap, BTreeSet};

/// The flags of argocd-vault-plugin or keyfill in a command.
#[derive(Clone, Debug)]
pub struct Filling {
    /// Flags that all commands take.
    pub shared: SharedArgs,
    /// Flags of `generate`.
    pub generate: args::GenerateArgs,
    /// The name of the Secret of `-s`, if it holds a variable.
    pub secret: Option<Word>,
}

/// The compiled commands of a section.
#[derive(Default)]
pub struct Compiled {
    /// The steps.
    pub lines: Vec<Line>,
    /// The commands with their meaning, for `--explain`.
    pub said: Vec<Said>,
    /// The flags of argocd-vault-plugin or keyfill.
    pub filling: Option<Filling>,
    /// Whether `keyfill discover` has `--any`; `None` if it is not called.
    pub discover: Option<bool>,
    /// Variables that the commands read.
    pub variables: BTreeSet<String>,
    /// Variables that the commands set.
    pub assigned: BTreeSet<String>,
    /// Variables that the commands set and that hold manifests.
    pub captured: BTreeSet<String>,
    /// Settings that the commands set for argocd-vault-plugin.
    pub settings: BTreeMap<String, String>,
}

/// The hint for a loop that prints manifests.
const WRITE_A_FOLDER: &str =
    "name the files one by one; argocd-vault-plugin generate . takes all YAML files of the folder";

type Result<T> = std::result::Result<T, Refused>;

/// Compiles a script to steps. `line` maps a line of the script to the line of plugin.yaml.
pub fn compile(
    script: &Script,
    section: Section,
    line: &dyn Fn(usize) -> u32,
    into: &mut Compiled,
) -> Result<()> {
    let mut compiler = Compiler { section, line, out: into, depth: 0 };
    let lines = compiler.script(script)?;
    compiler.out.lines.extend(lines);
    Ok(())
}

struct Compiler<'a> {
    section: Section,
    line: &'a dyn Fn(usize) -> u32,
    out: &'a mut Compiled,
    depth: usize,
}

impl Compiler<'_> {
    fn script(&mut self, script: &Script) -> Result<Vec<Line>> {
        script.statements.iter().map(|statement| self.statement(statement)).collect()
    }

    fn statement(&mut self, statement: &Statement) -> Result<Line> {
        let step = self.pipe(&statement.commands)?;
        Ok(Line { join: statement.join, negated: statement.negated, step })
    }

    fn pipe(&mut self, commands: &[Command]) -> Result<Step> {
        let [before @ .., last] = commands else { return Ok(Step::Nothing) };
        if before.is_empty() {
            return self.command(last);
        }
        let held = self.echoed(before);
        for command in commands.iter().filter(|_| held.is_none()) {
            if let Command::Simple(simple) = command {
                self.without_manifests(simple)?;
            }
        }
        if let Command::Simple(simple) = last {
            self.see(simple);
            match program(simple).as_deref() {
                Some("argocd-vault-plugin" | "keyfill") if self.section != Section::Discover => {
                    return self.fill_behind(before, simple);
                }
                Some("helm") => {
                    if let Some(content) = content::of_pipe(before) {
                        before.iter().for_each(|command| self.see_all(command));
                        return self.helm(simple, Some(content?));
                    }
                }
                _ => {}
            }
        }
        // `echo "$A" | base64 -d > values.yaml`
        if let (Some(content), [Command::Simple(first), .., Command::Simple(last)]) =
            (content::of_pipe(commands), commands)
            && let Output::File(file) = self.output(last)?
        {
            commands.iter().for_each(|command| self.see_all(command));
            return self.write(first, file, content?);
        }
        if let Some(other) = behind_a_rendering(commands) {
            let hint = program(other).and_then(|program| instead_of(&program)).unwrap_or(WRITE_A_PIPE);
            return Err(refused(other, "what it does with the manifests is not known", hint));
        }
        self.search(commands)
    }

    fn command(&mut self, command: &Command) -> Result<Step> {
        self.depth += 1;
        let step = match command {
            Command::Simple(simple) => {
                self.see(simple);
                self.simple(simple)
            }
            Command::Group(script) => self.script(script).map(Step::Group),
            Command::If(branches, otherwise) => {
                let mut steps = Vec::new();
                for (condition, body) in branches {
                    steps.push((self.script(condition)?, self.script(body)?));
                }
                Ok(Step::If(steps, self.script(otherwise)?))
            }
            Command::For(repeated) => self.repeated(repeated),
        };
        self.depth -= 1;
        step
    }

    /// Compiles a loop. A loop whose body prints manifests is refused.
    fn repeated(&mut self, repeated: &Loop) -> Result<Step> {
        for word in &repeated.words {
            word.variables(&mut |name| {
                self.out.variables.insert(name.to_owned());
            });
        }
        self.out.assigned.insert(repeated.name.clone());
        let refused = || Refused {
            text: repeated.source.clone(),
            line: repeated.line,
            why: "it prints several times".to_owned(),
            hint: Some(WRITE_A_FOLDER),
        };
        let lines = self
            .script(&repeated.body)
            .map_err(|inner| if inner.why == forms::PRINTS_AMONG { refused() } else { inner })?;
        let prints = super::flat(&lines)
            .into_iter()
            .any(|step| matches!(step, Step::Own | Step::Read(..) | Step::Render { file: None, .. }));
        if prints {
            return Err(refused());
        }
        Ok(Step::For { name: repeated.name.clone(), words: repeated.words.clone(), lines })
    }

    /// Notes the variables that a command names.
    fn see(&mut self, simple: &Simple) {
        let targets = simple.redirects.iter().map(|redirect| &redirect.target);
        let values = simple.assignments.iter().map(|(_, value)| value);
        for word in simple.words.iter().chain(values).chain(targets) {
            word.variables(&mut |name| {
                self.out.variables.insert(name.to_owned());
            });
        }
    }

    fn see_all(&mut self, command: &Command) {
        if let Command::Simple(simple) = command {
            self.see(simple);
        }
    }

    fn say(&mut self, simple: &Simple, meaning: impl Into<String>) {
        let line = (self.line)(simple.line);
        self.out.said.push(Said {
            section: self.section,
            line,
            text: simple.source.clone(),
            meaning: meaning.into(),
        });
    }

    fn nothing(&mut self, simple: &Simple, meaning: &str) -> Result<Step> {
        self.say(simple, meaning);
        Ok(Step::Nothing)
    }

    fn simple(&mut self, simple: &Simple) -> Result<Step> {
        if !simple.captures.is_empty() {
            return self.capture(simple);
        }
        if simple.words.is_empty() {
            self.without_manifests(simple)?;
            return self.assign(simple, &simple.assignments);
        }
        let Some(program) = program(simple) else {
            return Err(refused(simple, "a variable cannot name the program", WRITE_A_PIPE));
        };
        if let Some(step) = self.echoed(&[Command::Simple(simple.clone())]) {
            return self.print_back(simple, step);
        }
        let is_question = matches!(program.as_str(), "test" | "[" | "[[");
        let is_unheard = || matches!(self.output(simple), Ok(Output::Nowhere));
        let is_silent = is_question || matches!(program.as_str(), "echo" | "printf") && is_unheard();
        if !is_silent {
            let (rest, word) = self.here_string(simple);
            let is_read = word.is_some_and(|word| self.read_back(&word).is_some());
            self.without_manifests(if is_read { &rest } else { simple })?;
        }
        if !simple.assignments.is_empty() {
            self.assign(simple, &simple.assignments)?;
        }
        let words = &simple.words[1..];
        match program.as_str() {
            "set" => self.nothing(simple, "nothing: every command's failure is one here"),
            "export" | "readonly" | "local" | "declare" => self.export(simple),
            "cd" => self.enter(simple),
            "true" | ":" => Ok(Step::Test(Test::Always(true))),
            "false" => Ok(Step::Test(Test::Always(false))),
            "exit" => match simple.words.get(1).map(Word::text) {
                None => Ok(Step::End(true)),
                Some(Some(code)) => Ok(Step::End(code == "0")),
                Some(None) => Err(refused(simple, "a variable cannot be the exit code", WRITE_A_PIPE)),
            },
            "exec" if words.first().is_some_and(|word| word.text().is_some()) => {
                self.simple(&Simple { words: words.to_vec(), ..simple.clone() })
            }
            "mkdir" => self.nothing(simple, "nothing: no folder is needed"),
            "echo" | "printf" => self.echo(simple),
            "sh" | "bash" | "ash" | "dash" => self.shell(simple),
            "helm" => self.helm(simple, None),
            "kustomize" => self.kustomize(simple, words),
            "kubectl" if words.first().and_then(Word::text).as_deref() == Some("kustomize") => {
                self.build(simple, &words[1..])
            }
            "argocd-vault-plugin" | "keyfill" => self.fill(simple),
            "test" | "[" | "[[" => self.test(simple, &program),
            _ => self.search(&[Command::Simple(simple.clone())]),
        }
    }

    fn shell(&mut self, simple: &Simple) -> Result<Step> {
        let Some(text) = script_of(&simple.words) else {
            return Err(refused(simple, "a shell is understood with -c and a script", WRITE_A_PIPE));
        };
        if self.depth > 4 {
            return Err(refused(simple, "it is nested too deeply", WRITE_A_PIPE));
        }
        let inner = parse::script(&text, 0).map_err(|inner| Refused { line: simple.line, ..inner })?;
        let line = (self.line)(simple.line);
        let fixed = move |_| line;
        let mut compiler =
            Compiler { section: self.section, line: &fixed, out: self.out, depth: self.depth + 1 };
        compiler.script(&inner).map(Step::Group)
    }

    fn assign(&mut self, simple: &Simple, pairs: &[(String, Word)]) -> Result<Step> {
        let (mut lines, mut meanings) = (Vec::new(), Vec::new());
        for (name, value) in pairs {
            if is_of_tool(name) {
                meanings.push(format!("{name} is not needed: no tool runs"));
                continue;
            }
            if ["AVP_", "VAULT_", "KEYFILL_"].iter().any(|prefix| name.starts_with(prefix)) {
                let Some(text) = value.text() else {
                    let hint = "KEYFILL_APP_MAY_SET lets an app set a name: it gives it as ARGOCD_ENV_ with the name";
                    return Err(refused(simple, &format!("{name} is set from a variable"), hint));
                };
                meanings.push(format!("{name} is a setting of the administrator's"));
                self.out.settings.insert(name.clone(), text);
                continue;
            }
            meanings.push(format!("{name} is a variable of these commands"));
            self.out.assigned.insert(name.clone());
            self.out.captured.remove(name);
            let step = Step::Assign { name: name.clone(), value: value.clone() };
            lines.push(Line { join: Join::Then, negated: false, step });
        }
        self.say(simple, meanings.join("; "));
        Ok(Step::Group(lines))
    }

    fn export(&mut self, simple: &Simple) -> Result<Step> {
        let mut pairs = Vec::new();
        for word in &simple.words[1..] {
            match parse::assignment(word) {
                Some(pair) => pairs.push(pair),
                // `export NAME` has no effect: all variables are visible to all commands here.
                None if word.text().is_some() => {}
                None => return Err(refused(simple, "a variable cannot name a variable", WRITE_A_PIPE)),
            }
        }
        self.assign(simple, &pairs)
    }

    fn enter(&mut self, simple: &Simple) -> Result<Step> {
        match &simple.words[1..] {
            [dir] if !dir.source.starts_with('-') => {
                if dir.text().is_some_and(|text| text.starts_with('/') || text.starts_with('~')) {
                    let why = "it leaves the app's repository";
                    return Err(refused(simple, why, "name a folder below the app's own, or nothing"));
                }
                self.say(simple, format!("what follows concerns the folder {} below the app's", dir.source));
                Ok(Step::Enter(dir.clone()))
            }
            _ => Err(refused(simple, "cd is understood with one folder", WRITE_A_PIPE)),
        }
    }

    fn echo(&mut self, simple: &Simple) -> Result<Step> {
        let command = [Command::Simple(simple.clone())];
        let Some(content) = content::of_pipe(&command) else { return Ok(Step::Nothing) };
        let content = content?;
        match self.output(simple)? {
            Output::Nowhere => Ok(Step::Nothing),
            Output::File(file) => self.write(simple, file, content),
            Output::Stdout if self.section == Section::Discover => {
                self.say(simple, "the folder is for the plugin");
                Ok(Step::Test(Test::Echo(content)))
            }
            Output::Stdout if self.section == Section::Init => Ok(Step::Nothing),
            Output::Stdout => Err(refused(simple, forms::PRINTS_AMONG, WRITE_A_PIPE)),
        }
    }

    fn write(&mut self, simple: &Simple, file: Word, content: Content) -> Result<Step> {
        self.say(simple, format!("the file {} holds {}", file.source, content.name()));
        Ok(Step::Write { file, content })
    }

    fn output(&self, simple: &Simple) -> Result<Output> {
        output(&simple.redirects).map_err(|why| refused(simple, why, WRITE_A_PIPE))
    }
}
