//! Executes the plan of plugin.yaml's commands for one app, whose variables and files are known, and finds out what
//! is rendered.

use super::lex::WORKING_DIR;
use super::parse::Join;
use super::plan::{Line, PathKind, Plan, Render, Step, Test};
use super::search::Place;
use super::words::{Content, Variables, Word};
use crate::discover::{Root, RootKind};
use crate::emit::Output;
use crate::outside::Outside;
use crate::references;
use crate::render;
use crate::render::edits::{Edit, Edited, Edits};
use crate::render::options::{Options, ValuesFile, commands};
use crate::render::plain::Habits;
use crate::report::Problem;
use crate::settings::Env;
use anyhow::{Result, anyhow};
use bytes::Bytes;
use keyfill_diag::Cx;
use keyfill_files::{Files, TreePath};
use std::cell::Cell;
use std::collections::BTreeMap;

/// The request for which a plan is executed.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// The app's tree.
    pub files: &'a dyn Files,
    /// The app's folder.
    pub folder: &'a TreePath,
    /// The request's variables.
    pub env: &'a Env,
    /// What engines use to get what the tree does not hold.
    pub outside: &'a Outside,
    /// The deadline and the limit of memory.
    pub cx: &'a Cx,
}

/// What is rendered and how, with the files that the commands have written.
#[derive(Clone)]
pub struct Planned {
    /// The kustomization, chart, or files that are rendered.
    pub root: Root,
    /// The options of rendering.
    pub options: Options,
    /// Files that the commands have written, which replace or add to those of the tree.
    pub written: BTreeMap<TreePath, Bytes>,
}

/// What the commands render for a request; `None` if they print nothing. `base` holds the administrator's options.
pub fn planned(plan: &Plan, request: Request<'_>, base: &Options) -> Result<Option<Planned>> {
    let mut machine = Machine::new(&plan.sidecar, request, Some(base));
    machine.lines(&plan.lines)?;
    if !machine.status {
        return Err(Problem::input("the commands of plugin.yaml end with a failure for this folder").into());
    }
    Ok(machine.output)
}

/// Whether the commands of discovery succeed and print something.
pub fn matches(plan: &Plan, request: Request<'_>) -> Result<bool> {
    let mut machine = Machine::new(&plan.sidecar, request, None);
    machine.lines(&plan.lines)?;
    Ok(machine.status && machine.printed)
}

/// The most iterations of all loops together.
const MOST_TURNS: usize = 1_000;

/// The most bytes of a variable that commands set.
const MOST_VALUE: usize = 1 << 20;

struct Machine<'a> {
    request: Request<'a>,
    base: Option<&'a Options>,
    sidecar: &'a BTreeMap<String, String>,
    locals: BTreeMap<String, String>,
    at: TreePath,
    /// Texts of files outside of the tree, such as those of `<(...)`, by their names.
    texts: BTreeMap<String, String>,
    written: BTreeMap<TreePath, Bytes>,
    /// Renderings that were written to files, by the files' names.
    rendered: BTreeMap<String, Planned>,
    output: Option<Planned>,
    status: bool,
    printed: bool,
    ended: bool,
    /// Iterations of all loops so far.
    turns: usize,
    failed: Option<String>,
    /// Whether a command asked for the name of the app's folder where that is the repository's root, whose name is
    /// not known.
    without_name: Cell<bool>,
}

impl Variables for Machine<'_> {
    fn value(&self, name: &str) -> Option<&str> {
        if name == WORKING_DIR {
            let folder = self.at.as_str();
            self.without_name.set(self.without_name.get() | folder.is_empty());
            // Only the part after the last slash is ever used.
            return Some(folder);
        }
        let own = self.locals.get(name).or_else(|| self.sidecar.get(name));
        own.map(String::as_str).or_else(|| self.request.env.listed(name))
    }

    fn file(&mut self, name: String, content: &Content) -> String {
        let text = self.content(content);
        let mut unique = name.clone();
        let mut number = 1;
        while self.texts.get(&unique).is_some_and(|other| *other != text) {
            number += 1;
            unique = format!("{name} {number}");
        }
        self.texts.insert(unique.clone(), text);
        unique
    }
}

impl<'a> Machine<'a> {
    fn new(sidecar: &'a BTreeMap<String, String>, request: Request<'a>, base: Option<&'a Options>) -> Self {
        Self {
            request,
            base,
            sidecar,
            locals: BTreeMap::new(),
            at: request.folder.clone(),
            texts: BTreeMap::new(),
            written: BTreeMap::new(),
            rendered: BTreeMap::new(),
            output: None,
            status: true,
            printed: false,
            ended: false,
            turns: 0,
            failed: None,
            without_name: Cell::new(false),
        }
    }

    /// Expands a content. An error is kept in `failed`, and reported at the end of the step.
    fn content(&mut self, content: &Content) -> String {
        content.expand(self).unwrap_or_else(|why| {
            self.failed = Some(why);
            String::new()
        })
    }

    fn lines(&mut self, lines: &[Line]) -> Result<()> {
        for line in lines {
            let is_due = match line.join {
                Join::Then => true,
                Join::And => self.status,
                Join::Or => !self.status,
            };
            if self.ended {
                return Ok(());
            }
            if !is_due {
                continue;
            }
            self.request
                .cx
                .check()
                .map_err(|stopped| anyhow!("stopped while reading plugin.yaml: {stopped}"))?;
            self.status = true;
            self.step(&line.step)?;
            if let Some(why) = self.failed.take() {
                return Err(Problem::input(why).into());
            }
            if self.without_name.get() {
                let message = "plugin.yaml's commands ask for the name of the app's folder, which is the whole repository";
                let hint = "the app's path must be a folder of the repository, or the commands name $ARGOCD_APP_NAME";
                return Err(Problem::input(message).hint(hint).into());
            }
            self.status ^= line.negated;
        }
        Ok(())
    }

    fn step(&mut self, step: &Step) -> Result<()> {
        match step {
            Step::Nothing | Step::Own => {}
            Step::Home => {
                self.at = self.request.folder.clone();
                self.locals.clear();
            }
            Step::Assign { name, value } => {
                let value = value.expand(self);
                if value.len() > MOST_VALUE {
                    let message =
                        format!("the variable {name} of plugin.yaml's commands is larger than 1 MiB");
                    return Err(Problem::input(message).into());
                }
                self.locals.insert(name.clone(), value);
            }
            Step::For { name, words, lines } => self.repeat(name, words, lines)?,
            Step::Enter(word) => {
                let name = word.expand(self);
                let place = self.inside(&name)?;
                if !self.request.files.is_dir(&place) {
                    return Err(Problem::input(format!("cd {name}: the app has no such folder")).into());
                }
                self.at = place;
            }
            Step::Edit { edit, words } => self.edit(*edit, words)?,
            Step::Write { file, content } => {
                let name = file.expand(self);
                let text = self.content(content);
                if name.starts_with('/') {
                    self.texts.insert(name, text);
                } else {
                    self.written.insert(self.inside(&name)?, text.into());
                }
            }
            Step::Render { render, file } => self.render(render, file.as_ref())?,
            Step::Read(word, as_avp) => {
                let name = word.expand(self);
                let planned = self.read(&name, *as_avp)?;
                self.put(planned)?;
            }
            Step::Test(test) => {
                let (status, printed) = self.test(test)?;
                self.status = status;
                self.printed |= printed;
            }
            Step::If(branches, otherwise) => return self.branch(branches, otherwise),
            Step::Group(lines) => self.lines(lines)?,
            Step::End(status) => {
                self.status = *status;
                self.ended = true;
            }
        }
        Ok(())
    }

    /// Executes a loop over words and names of files.
    fn repeat(&mut self, name: &str, words: &[Word], lines: &[Line]) -> Result<()> {
        for word in words {
            let mut values = word.fields(self);
            if word.is_pattern() {
                let (files, at) = (self.files(), self.at.clone());
                let place = Place { files: &files, at: &at, cx: self.request.cx };
                values = place.fitting_names(&values)?;
            }
            for value in values {
                self.turns += 1;
                if self.turns > MOST_TURNS {
                    let message = "the loops of plugin.yaml's commands do more than 1,000 turns";
                    return Err(Problem::input(message).into());
                }
                self.locals.insert(name.to_owned(), value);
                self.lines(lines)?;
                if self.ended {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn branch(&mut self, branches: &[(Vec<Line>, Vec<Line>)], otherwise: &[Line]) -> Result<()> {
        for (condition, body) in branches {
            self.lines(condition)?;
            if self.status || self.ended {
                return self.lines(body);
            }
        }
        self.status = true;
        self.lines(otherwise)
    }

    fn test(&mut self, test: &Test) -> Result<(bool, bool)> {
        Ok(match test {
            Test::Always(status) => (*status, false),
            Test::Echo(content) => {
                let text = self.content(content);
                (true, !matches!(text.as_str(), "" | "\n"))
            }
            Test::IsText(word) => (!word.expand(self).is_empty(), false),
            Test::Same(left, right) => (left.expand(self) == right.expand(self), false),
            Test::Not(inner) => (!self.test(inner)?.0, false),
            Test::All(parts) | Test::Any(parts) => {
                let wanted = matches!(test, Test::All(_));
                let mut status = wanted;
                for part in parts {
                    status = self.test(part)?.0;
                    if status != wanted {
                        break;
                    }
                }
                (status, false)
            }
            Test::Exists(word, kind) => {
                let name = word.expand(self);
                (!name.is_empty() && self.exists(&name, *kind), false)
            }
            Test::Search(search) => {
                let (files, at) = (self.files(), self.at.clone());
                let place = Place { files: &files, at: &at, cx: self.request.cx };
                let answer = place.search(search, self)?;
                (answer.status, answer.printed)
            }
        })
    }

    fn exists(&self, name: &str, kind: PathKind) -> bool {
        let Some(path) = self.at.join(name).filter(|_| !name.starts_with('/')) else { return false };
        let files = self.files();
        match kind {
            PathKind::Any => files.resolve(&path).is_ok(),
            PathKind::File => files.is_file(&path),
            PathKind::Folder => files.is_dir(&path),
            PathKind::Filled => files.read(&path).is_ok_and(|content| !content.is_empty()),
        }
    }

    /// The app's tree with the files that the commands have written.
    fn files(&self) -> Edited<'a> {
        Edited::with(self.request.files, self.written.clone())
    }

    /// A path relative to the working directory. A path outside of the app's tree is an error.
    fn inside(&self, name: &str) -> Result<TreePath> {
        let path = self.at.join(name).filter(|_| !name.starts_with('/') && !name.contains("://"));
        path.ok_or_else(|| {
            let message =
                format!("{name:?}, which plugin.yaml's commands name, lies outside of the app's repository");
            Problem::forbidden(message).into()
        })
    }

    fn fields(&mut self, words: &[Word]) -> Vec<String> {
        words.iter().flat_map(|word| word.fields(self)).collect()
    }

    fn edit(&mut self, edit: Edit, words: &[Word]) -> Result<()> {
        let values = self.fields(words);
        let edits = Edits::of_command(edit, &values)?;
        let files = self.files();
        let Some(path) = references::kustomization_file(&files, &self.at) else {
            let message = format!("kustomize edit: {} holds no kustomization", self.at);
            return Err(Problem::input(message).into());
        };
        let text = edits.apply(&files.read(&path)?, path.as_str(), self.request.cx)?;
        self.written.insert(path, text.into());
        Ok(())
    }

    fn base(&self) -> Result<&'a Options> {
        self.base.ok_or_else(|| anyhow!("discovery renders nothing"))
    }

    fn render(&mut self, render: &Render, file: Option<&Word>) -> Result<()> {
        self.write_renderings()?;
        let planned = match render {
            Render::Kustomize(words) => self.kustomize(words)?,
            Render::Helm(words, stdin) => self.helm(words, stdin.as_ref())?,
        };
        match file {
            None => self.put(planned),
            Some(file) => {
                let name = file.expand(self);
                let key = if name.starts_with('/') { name } else { self.inside(&name)?.to_string() };
                self.rendered.insert(key, planned);
                Ok(())
            }
        }
    }

    fn kustomize(&mut self, words: &[Word]) -> Result<Planned> {
        // Flags that start programs count only if the administrator wrote them, not if they come from a variable.
        let literal: Vec<String> = words.iter().filter_map(Word::text).collect();
        let all = self.fields(words);
        let (dir, kustomize) = commands::kustomize(&literal, &all)?;
        let dir = self.inside(&dir)?;
        let options = Options { kustomize, ..self.base()?.clone() };
        Ok(self.of(RootKind::Kustomization, dir, options))
    }

    fn helm(&mut self, words: &[Word], stdin: Option<&Content>) -> Result<Planned> {
        if let Some(content) = stdin {
            let text = self.content(content);
            self.texts.insert("-".to_owned(), text);
        }
        let words = self.fields(words);
        let line = commands::helm(&words)?;
        let chart = self.inside(&line.chart)?;
        let base = self.base()?;
        let named = |name: &str| match self.texts.get(name) {
            Some(text) => Ok(ValuesFile::Text { name: name.to_owned(), text: text.clone() }),
            None => ValuesFile::of_author(name, &self.at),
        };
        let options = Options { helm: line.options(&base.helm, &named)?, ..base.clone() };
        Ok(self.of(RootKind::Chart, chart, options))
    }

    fn of(&self, kind: RootKind, dir: TreePath, options: Options) -> Planned {
        Planned { root: Root { dir, kind }, options, written: self.written.clone() }
    }

    /// A file or folder that argocd-vault-plugin reads: a rendering that was written to a file, or files of the
    /// tree.
    fn read(&mut self, name: &str, as_avp: bool) -> Result<Planned> {
        if let Some(planned) = self.rendered.remove(name) {
            return Ok(planned);
        }
        let path = self.inside(name)?;
        if let Some(planned) = self.rendered.remove(path.as_str()) {
            return Ok(planned);
        }
        self.write_renderings()?;
        let mut options = self.base()?.clone();
        if as_avp && self.files().is_dir(&path) {
            // Files on which argocd-vault-plugin fails are an error here too, for example if the folder is a
            // kustomization and no list of manifests.
            options.habits = Habits::Avp;
        }
        Ok(self.of(RootKind::Yaml, path, options))
    }

    /// Renders what was written to files of the tree, since the next command may read these files.
    fn write_renderings(&mut self) -> Result<()> {
        for (name, planned) in std::mem::take(&mut self.rendered) {
            if name.starts_with('/') {
                self.rendered.insert(name, planned);
                continue;
            }
            let files = Edited::with(self.request.files, planned.written);
            let Request { outside, cx, .. } = self.request;
            let rendered = render::render(&files, &planned.root, &planned.options, outside, cx)?;
            let text = Output::of(&rendered.documents, cx)?.to_bytes();
            if let Some(path) = TreePath::new(&name) {
                self.written.insert(path, text.into());
            }
        }
        Ok(())
    }

    fn put(&mut self, planned: Planned) -> Result<()> {
        if self.output.is_some() {
            let message = "the commands of plugin.yaml print manifests twice for this folder";
            return Err(Problem::input(message).into());
        }
        self.output = Some(planned);
        Ok(())
    }
}
