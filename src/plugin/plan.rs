//! What commands come to, before an app's variables and files are known.

use super::parse::Join;
use super::words::{Content, Word};
use crate::render::edits::Edit;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The commands of `init` and `generate`, as what they do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// One after the other.
    pub lines: Vec<Line>,
    /// Values of the sidecar's own variables that they name.
    pub sidecar: BTreeMap<String, String>,
    /// Variables of apps that they read.
    pub reads: BTreeSet<String>,
}

/// A step and when it is done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// When.
    pub join: Join,
    /// Whether success and failure are exchanged.
    pub negated: bool,
    /// What is done.
    pub step: Step,
}

/// What is done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Step {
    /// Something that changes nothing here, and succeeds.
    Nothing,
    /// `keyfill generate .`: what keyfill does by itself.
    Own,
    /// Back to the app's folder, with none of the shell's own variables.
    Home,
    /// A variable of the shell.
    Assign {
        /// Its name.
        name: String,
        /// Its value.
        value: Word,
    },
    /// `cd`
    Enter(Word),
    /// `kustomize edit`
    Edit {
        /// What is edited.
        edit: Edit,
        /// With what.
        words: Vec<Word>,
    },
    /// A text that is written to a file.
    Write {
        /// The file.
        file: Word,
        /// The text.
        content: Content,
    },
    /// Manifests, and the file that they are written to; without one they are what is filled.
    Render {
        /// How.
        render: Render,
        /// Where to.
        file: Option<Word>,
    },
    /// A file or folder of manifests, which is filled: `generate PATH`. With whether it is read as argocd-vault-plugin
    /// reads it.
    Read(Word, bool),
    /// A question.
    Test(Test),
    /// `if`: questions with what follows, and `else`.
    If(Vec<(Vec<Line>, Vec<Line>)>, Vec<Line>),
    /// Several steps.
    Group(Vec<Line>),
    /// Steps for each value of a variable.
    For {
        /// The variable.
        name: String,
        /// Its values.
        words: Vec<Word>,
        /// The steps.
        lines: Vec<Line>,
    },
    /// `exit`
    End(bool),
}

/// Who renders.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Render {
    /// `kustomize build`
    Kustomize(Vec<Word>),
    /// `helm template`, with what it reads from stdin.
    Helm(Vec<Word>, Option<Content>),
}

/// A question about the app's files and variables.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Test {
    /// `true`, `false`
    Always(bool),
    /// `echo`: it succeeds, and prints unless the text is empty.
    Echo(Content),
    /// `[ -f x ]`
    Exists(Word, Kind),
    /// `[ -n x ]`
    IsText(Word),
    /// `[ a = b ]`
    Same(Word, Word),
    /// `!` inside brackets.
    Not(Box<Test>),
    /// `-a` and `&&` inside brackets.
    All(Vec<Test>),
    /// `-o` and `||` inside brackets.
    Any(Vec<Test>),
    /// Files that are looked for.
    Search(Search),
}

/// What a path must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// Anything.
    Any,
    /// A file.
    File,
    /// A folder.
    Folder,
    /// A file that is not empty.
    Filled,
}

/// A pipe that looks for files or lines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Search {
    /// What it begins with.
    pub source: Source,
    /// What its lines go through.
    pub filters: Vec<Filter>,
    /// Whether nothing is printed.
    pub quiet: bool,
}

/// What a search begins with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Source {
    /// `find`
    Find(Find),
    /// `ls`
    List(Vec<Word>),
    /// `grep` in files, with whether it looks into folders.
    Grep {
        /// Files and folders.
        paths: Vec<Word>,
        /// `-r`
        recursive: bool,
        /// What is looked for.
        grep: Grep,
    },
    /// `cat`
    Read(Vec<Word>),
    /// `echo`
    Text(Content),
}

/// What lines go through.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Filter {
    /// `grep`: the lines that fit.
    Lines(Grep),
    /// `xargs grep`: lines are names of files.
    Files {
        /// What is looked for in them.
        grep: Grep,
        /// Whether each file has a run of its own, all of which must find something: `xargs -I {}`.
        each: bool,
        /// Whether its success is that of `find -exec`: always.
        always: bool,
    },
    /// `head`, `sort` and the like: something stays something.
    Pass,
    /// `wc -l`
    Count,
}

/// What `grep` looks for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grep {
    /// The expression, in Go's syntax.
    pub expression: String,
    /// `-v`
    pub invert: bool,
    /// `-l`
    pub names: bool,
    /// `--include`: patterns of names, any of which may fit.
    pub include: Vec<String>,
    /// `--exclude`, `--exclude-dir`
    pub exclude: Vec<String>,
}

/// What `find` looks for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Find {
    /// Where it begins.
    pub starts: Vec<Word>,
    /// `-maxdepth`
    pub most_depth: Option<usize>,
    /// `-mindepth`
    pub least_depth: usize,
    /// What must hold.
    pub expression: Expression,
}

/// What must hold of a path.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Expression {
    /// Nothing.
    #[default]
    True,
    /// `-name`, `-iname`
    Name {
        /// The pattern.
        pattern: Word,
        /// `-iname`
        ignore_case: bool,
    },
    /// `-path` and `-regex`, in Go's syntax.
    Path(String),
    /// `-empty`
    Empty,
    /// `-type`
    Type(char),
    /// `-print` and `-exec`: where there is one, it alone prints.
    Print,
    /// `!`
    Not(Box<Expression>),
    /// All of them.
    And(Vec<Expression>),
    /// One of them.
    Or(Vec<Expression>),
}
