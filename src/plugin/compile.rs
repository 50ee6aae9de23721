//! Commands become steps. A command whose meaning is not known is a problem with its words, its line and what to write.

use super::content;
use super::explain::{Said, Section};
use super::lex::Refused;
use super::looking;
use super::parse::{self, Command, Join, Redirect, Script, Simple, Statement};
use super::plan::{Filter, Line, Render, Search, Source, Step, Test};
use super::words::{Content, Word};
use crate::cli::args::{self, SharedArgs};
use crate::render::edits::Edit;
use crate::render::options::commands;
use crate::report::Problem;
use crate::serve::environment;
use std::collections::{BTreeMap, BTreeSet};

/// What argocd-vault-plugin or keyfill was asked to do.
#[derive(Clone, Debug)]
pub struct Filling {
    /// Flags that all commands take.
    pub shared: SharedArgs,
    /// Flags of `generate`.
    pub generate: args::GenerateArgs,
    /// The Secret of `-s`, when a variable names it.
    pub secret: Option<Word>,
}

/// What the commands of a section come to.
#[derive(Default)]
pub struct Compiled {
    /// The steps.
    pub lines: Vec<Line>,
    /// What was understood.
    pub said: Vec<Said>,
    /// How is filled.
    pub filling: Option<Filling>,
    /// Discovery by `keyfill discover`, with whether every root counts.
    pub discover: Option<bool>,
    /// Variables that the commands read.
    pub variables: BTreeSet<String>,
    /// Variables of the shell.
    pub assigned: BTreeSet<String>,
    /// Settings that the commands set for argocd-vault-plugin.
    pub settings: BTreeMap<String, String>,
}

type Result<T> = std::result::Result<T, Refused>;

/// Turns a script into steps.
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

/// Where a command prints to.
enum Output {
    Stdout,
    Nowhere,
    File(Word),
}

const WRITE_A_PIPE: &str = "what is understood is a pipe like: kustomize build . | argocd-vault-plugin generate - \
    (docs/coming-from-avp.md lists the forms); keyfill generate . does the usual by itself";

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
            return Err(refused(other, "what it does with the manifests is not known", WRITE_A_PIPE));
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
        };
        self.depth -= 1;
        step
    }

    /// Notes the variables of a command.
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
        if simple.words.is_empty() {
            return self.assign(simple, &simple.assignments);
        }
        let Some(program) = program(simple) else {
            return Err(refused(simple, "a variable cannot name the program", WRITE_A_PIPE));
        };
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
                // A variable that is set before is exported; so are all here.
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
            Output::Stdout => Err(refused(simple, "it would print among the manifests", WRITE_A_PIPE)),
        }
    }

    fn write(&mut self, simple: &Simple, file: Word, content: Content) -> Result<Step> {
        self.say(simple, format!("the file {} holds {}", file.source, content.name()));
        Ok(Step::Write { file, content })
    }

    fn output(&self, simple: &Simple) -> Result<Output> {
        output(&simple.redirects).map_err(|why| refused(simple, why, WRITE_A_PIPE))
    }

    /// `... | argocd-vault-plugin generate -`
    fn fill_behind(&mut self, before: &[Command], last: &Simple) -> Result<Step> {
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

    /// What stands before `| argocd-vault-plugin generate -`.
    fn before_filling(&mut self, before: &[Command]) -> Result<Step> {
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
                return Err(refused(
                    renderer,
                    "one command may stand before argocd-vault-plugin",
                    WRITE_A_PIPE,
                ));
            };
            before.iter().for_each(|command| self.see_all(command));
            return self.helm(renderer, Some(content?));
        }
        match before {
            [command] => self.command(command),
            _ => Ok(Step::Nothing),
        }
    }

    /// argocd-vault-plugin and keyfill by themselves.
    fn fill(&mut self, simple: &Simple) -> Result<Step> {
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

    /// Takes the flags of a line of argocd-vault-plugin. Gives its path, and what the flags mean.
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
        let mut filling = Filling { shared: cli.shared, generate: *generate, secret: None };
        if let Some(name) = filling.shared.secret_name.clone() {
            // `-s NAME`, `-sNAME` and `--secret-name=NAME` hold the name at their end.
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

    fn kustomize(&mut self, simple: &Simple, words: &[Word]) -> Result<Step> {
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
        // A prefix may begin with a dash, behind `--`.
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

    fn build(&mut self, simple: &Simple, words: &[Word]) -> Result<Step> {
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

    /// The file that a rendering is written to.
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

    fn helm(&mut self, simple: &Simple, stdin: Option<Content>) -> Result<Step> {
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
            // Flags may stand before the command.
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

    fn test(&mut self, simple: &Simple, program: &str) -> Result<Step> {
        let mut words = &simple.words[1..];
        let closing = match program {
            "[" => Some("]"),
            "[[" => Some("]]"),
            _ => None,
        };
        if let Some(closing) = closing {
            match words.split_last() {
                Some((last, rest)) if last.source == closing => words = rest,
                _ => return Err(refused(simple, "a bracket is not closed", WRITE_A_PIPE)),
            }
        }
        let test = looking::test(words).map_err(|why| refused(simple, &why, WRITE_A_PIPE))?;
        self.say(simple, "a question about the app");
        Ok(Step::Test(test))
    }

    /// A pipe that looks for files.
    fn search(&mut self, commands: &[Command]) -> Result<Step> {
        let mut simples = Vec::new();
        for command in commands {
            let Command::Simple(simple) = command else {
                let first = Simple { source: "a group or an if in a pipe".to_owned(), ..Simple::default() };
                return Err(refused(
                    simples.first().copied().unwrap_or(&first),
                    "it is not known here",
                    WRITE_A_PIPE,
                ));
            };
            self.see(simple);
            simples.push(simple);
        }
        let Some((first, rest)) = simples.split_first() else { return Ok(Step::Nothing) };
        let refuse = |simple: &Simple, why: &str| refused(simple, why, WRITE_A_PIPE);
        let Some(name) = program(first) else {
            return Err(refuse(first, "a variable cannot name the program"));
        };
        let begun = match name.as_str() {
            "echo" | "printf" => content::of_pipe(&[Command::Simple((*first).clone())])
                .map(|content| content.map(|content| (Source::Text(content), Vec::new(), false))),
            _ => looking::source(&name, &first.words[1..])
                .map(|source| source.map_err(|why| refuse(first, &why))),
        };
        let Some(begun) = begun else {
            return Err(refuse(first, &format!("{name} is not known")));
        };
        let (source, mut filters, mut quiet) = begun?;
        if rest.is_empty() {
            // The status of `grep -c` is that of grep, and what it counts is printed then.
            filters.retain(|filter| !matches!(filter, Filter::Count));
        }
        for simple in rest {
            let (filter, is_quiet) = looking::filter(&simple.words).map_err(|why| refuse(simple, &why))?;
            filters.push(filter);
            quiet = is_quiet;
        }
        for simple in &simples {
            match self.output(simple)? {
                Output::Stdout => {}
                Output::Nowhere => quiet = true,
                Output::File(_) => return Err(refuse(simple, "it writes to a file")),
            }
        }
        let is_heard = self.section == Section::Generate && !quiet;
        if is_heard {
            return Err(refuse(first, "it would print among the manifests"));
        }
        let search = Search { source, filters, quiet };
        let text = simples.iter().map(|simple| simple.source.as_str()).collect::<Vec<_>>().join(" | ");
        let whole = Simple { source: text, ..(*first).clone() };
        self.say(
            &whole,
            if quiet {
                "a question about the app's files"
            } else {
                "the folder is for the plugin when it prints something"
            },
        );
        Ok(Step::Test(Test::Search(search)))
    }
}

fn to(file: Option<&Word>) -> String {
    file.map(|file| format!(", as the file {}", file.source)).unwrap_or_default()
}

/// The command of a pipe that stands behind a rendering and is not argocd-vault-plugin.
fn behind_a_rendering(commands: &[Command]) -> Option<&Simple> {
    let simples = commands
        .iter()
        .map(|command| if let Command::Simple(simple) = command { Some(simple) } else { None });
    let mut rest = simples.skip_while(|simple| {
        let program = simple.and_then(program);
        simple.is_some()
            && !matches!(
                program.as_deref(),
                Some("helm" | "kustomize" | "kubectl" | "argocd-vault-plugin" | "keyfill")
            )
    });
    rest.next()?;
    rest.flatten()
        .find(|simple| !matches!(program(simple).as_deref(), Some("argocd-vault-plugin" | "keyfill")))
}

/// Whether two lines fill alike.
fn is_same(one: &Filling, other: &Filling) -> bool {
    let without_path = |filling: &Filling| {
        let generate = args::GenerateArgs { paths: Vec::new(), ..filling.generate.clone() };
        format!("{:?} {generate:?} {:?}", filling.shared, filling.secret)
    };
    without_path(one) == without_path(other)
}

/// A word as it stands, or without its quotes where it is text.
fn shown(word: &Word) -> &str {
    use super::words::Piece;
    match word.pieces.as_slice() {
        [Piece::Text { text, .. }] => text,
        _ => &word.source,
    }
}

/// Variables of tools that do not run, and of the shell's own search for them.
fn is_of_tool(name: &str) -> bool {
    ["HELM_", "XDG_", "KUSTOMIZE_", "GIT_"].iter().any(|prefix| name.starts_with(prefix))
        || matches!(name, "HOME" | "PATH" | "TMPDIR" | "TMP" | "IFS" | "LANG" | "LC_ALL")
}

/// Whether a variable is one of the app's author.
pub fn is_apps(name: &str) -> bool {
    name.starts_with("ARGOCD_ENV_") || name.starts_with("PARAM_")
}

/// Whether a variable's value may be several words, or none: what Argo CD sets is one.
fn is_list(name: &str) -> bool {
    is_apps(name) || !environment::is_of_request(name)
}

/// Reads a line whose variables have no value yet: without those whose names say that they are lists of flags, else each
/// as one word, else without any that may be a list.
fn probed<T>(
    words: &[Word],
    read: impl Fn(&[String]) -> std::result::Result<T, Problem>,
) -> std::result::Result<T, Problem> {
    // What stands behind a flag is its value.
    let is_value = |at: usize| {
        let before = at.checked_sub(1).map(|before| words[before].source.as_str()).unwrap_or_default();
        before.starts_with('-') && !before.contains('=')
    };
    let without = |is_list: &dyn Fn(&str) -> bool| -> Vec<String> {
        let kept = |(at, word): &(usize, &Word)| is_value(*at) || !word.list().is_some_and(is_list);
        words.iter().enumerate().filter(kept).map(|(_, word)| shown(word).to_owned()).collect()
    };
    let says_list = |name: &str| {
        let own = name.strip_prefix("ARGOCD_ENV_").unwrap_or(name).to_ascii_uppercase();
        is_list(name) && ["ARG", "FLAG", "OPT", "PARAM"].iter().any(|part| own.contains(part))
    };
    let last = without(&is_list);
    read(&without(&says_list)).or_else(|_| read(&without(&|_| false))).or_else(|_| read(&last))
}

/// The program of a command, without its folder.
fn program(simple: &Simple) -> Option<String> {
    let text = simple.words.first()?.text()?;
    Some(text.rsplit('/').next().unwrap_or_default().to_owned())
}

/// The script of `sh -c SCRIPT`, with the shell's own flags before it.
pub fn script_of(words: &[Word]) -> Option<String> {
    let mut words = words.iter().skip(1);
    loop {
        let flag = words.next()?.text()?;
        match flag.as_str() {
            "-o" | "+o" | "-O" => {
                words.next()?;
            }
            "--norc" | "--noprofile" | "--login" | "--posix" => {}
            flags if flags.starts_with('-') && flags[1..].chars().all(|c| c.is_ascii_lowercase()) => {
                let takes_name = flags.contains('o');
                let is_last = flags.contains('c');
                if takes_name {
                    words.next()?;
                }
                if is_last {
                    return words.next()?.text();
                }
            }
            _ => return None,
        }
    }
}

fn output(redirects: &[Redirect]) -> std::result::Result<Output, &'static str> {
    let mut output = Output::Stdout;
    for redirect in redirects {
        let target = redirect.target.text();
        let target = target.as_deref().unwrap_or_default();
        let is_stderr = redirect.descriptor == Some(2);
        match redirect.sign {
            "<" => {}
            _ if is_stderr => {}
            ">&" if target == "2" => output = Output::Nowhere,
            ">&" if target == "1" => {}
            ">" | ">|" | ">>" | "&>" if matches!(target, "/dev/null" | "/dev/stderr") => {
                output = Output::Nowhere;
            }
            ">" | ">|" => output = Output::File(redirect.target.clone()),
            _ => return Err("this redirection is not known"),
        }
    }
    Ok(output)
}

fn refused(simple: &Simple, why: &str, hint: &'static str) -> Refused {
    Refused { text: simple.source.clone(), line: simple.line, why: why.to_owned(), hint: Some(hint) }
}
