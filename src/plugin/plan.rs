//! The plan: what the commands of plugin.yaml do, before an app's variables and files are known.

use super::parse::Join;
use super::words::{Content, Word};
use crate::render::edits::Edit;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The commands of `init` and `generate`, or those of discovery, as steps.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The steps in their order.
    pub lines: Vec<Line>,
    /// Values of the sidecar's environment variables that the commands name.
    pub sidecar: BTreeMap<String, String>,
    /// Variables of apps that the commands read.
    pub reads: BTreeSet<String>,
}

/// A step and the condition under which it is executed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// The condition: always, or after success or failure of the step before.
    pub join: Join,
    /// Whether `!` stands before the command, which swaps success and failure.
    pub negated: bool,
    /// What the command does.
    pub step: Step,
}

/// What a command does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Step {
    /// A command that may stand in a script and has no effect on the result, such as `helm repo add` or `mkdir`. It
    /// succeeds.
    Nothing,
    /// `keyfill generate .`: keyfill discovers what the folder is and renders it. Also `keyfill discover`.
    Own,
    /// The start of a new section: the working directory is the app's folder again, and the variables of the script
    /// are unset.
    Home,
    /// An assignment to a variable of the script.
    Assign {
        /// The variable's name.
        name: String,
        /// The value.
        value: Word,
    },
    /// `cd`, with the folder.
    Enter(Word),
    /// `kustomize edit`
    Edit {
        /// The field that is edited, such as images.
        edit: Edit,
        /// The arguments: the new values.
        words: Vec<Word>,
    },
    /// A text that `echo` or `printf` writes to a file.
    Write {
        /// The file.
        file: Word,
        /// The text.
        content: Content,
    },
    /// A rendering. Its manifests are the output, or are written to a file.
    Render {
        /// The command that renders.
        render: Render,
        /// The file that the manifests are written to; `None` if they are the output.
        file: Option<Word>,
    },
    /// A file or folder of manifests that is the output: `generate PATH`. `true` if a folder is read as
    /// argocd-vault-plugin reads it.
    Read(Word, bool),
    /// A command that succeeds or fails, such as `test` or `grep`.
    Test(Test),
    /// `if`: the conditions, each with its body, and the body of `else`.
    If(Vec<(Vec<Line>, Vec<Line>)>, Vec<Line>),
    /// Several steps: `{ ...; }`, `( ... )`, `sh -c`.
    Group(Vec<Line>),
    /// `for`: steps that are repeated for each value of a variable.
    For {
        /// The variable's name.
        name: String,
        /// The words whose values the variable takes.
        words: Vec<Word>,
        /// The steps of the body.
        lines: Vec<Line>,
    },
    /// `exit`: `true` for exit code 0.
    End(bool),
}

/// A command that renders.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Render {
    /// `kustomize build`, with its arguments.
    Kustomize(Vec<Word>),
    /// `helm template`, with its arguments and the text that it reads from stdin.
    Helm(Vec<Word>, Option<Content>),
}

/// A test of the app's files and variables, which succeeds or fails.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Test {
    /// `true`, `false`
    Always(bool),
    /// `echo` in discovery: it succeeds, and prints unless the text is empty.
    Echo(Content),
    /// `[ -f x ]`, `[ -d x ]`, `[ -e x ]`, `[ -s x ]`
    Exists(Word, PathKind),
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
    /// A search for files or lines.
    Search(Search),
}

/// What a path must be for a test to succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PathKind {
    /// A file or a folder.
    Any,
    /// A file.
    File,
    /// A folder.
    Folder,
    /// A file that is not empty.
    Filled,
}

/// A pipe that searches for files or lines, such as `find . -name Chart.yaml | grep x`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Search {
    /// The first command of the pipe.
    pub source: Source,
    /// The other commands of the pipe, in their order.
    pub filters: Vec<Filter>,
    /// Whether the pipe prints nothing.
    pub quiet: bool,
}

/// The first command of a search.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Source {
    /// `find`
    Find(Find),
    /// `ls`, with its arguments.
    List(Vec<Word>),
    /// `grep` in files.
    Grep {
        /// The files and folders that are searched.
        paths: Vec<Word>,
        /// `-r`
        recursive: bool,
        /// The patterns and flags.
        grep: Grep,
    },
    /// `cat`, with its files.
    Read(Vec<Word>),
    /// `echo`
    Text(Content),
}

/// A command after the first one of a search.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Filter {
    /// `grep`: keeps the lines that match.
    Lines(Grep),
    /// `xargs grep`: searches in the files that the lines name.
    Files {
        /// The patterns and flags.
        grep: Grep,
        /// Whether `grep` runs once for each file, as with `xargs -I {}`: then the command succeeds only if every
        /// file matches.
        each: bool,
        /// Whether the command always succeeds, as with `find -exec`.
        always: bool,
    },
    /// `head`, `sort` and similar commands: they do not change whether there is output.
    Pass,
    /// `wc -l`
    Count,
}

/// The patterns and flags of `grep`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grep {
    /// All patterns as one regular expression, in Go's syntax.
    pub expression: String,
    /// `-v`
    pub invert: bool,
    /// `-l`
    pub names: bool,
    /// `--include`: patterns of names, of which at least one must match.
    pub include: Vec<String>,
    /// `--exclude`, `--exclude-dir`
    pub exclude: Vec<String>,
}

/// The arguments of `find`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Find {
    /// The files and folders where the search begins.
    pub starts: Vec<Word>,
    /// `-maxdepth`
    pub most_depth: Option<usize>,
    /// `-mindepth`
    pub least_depth: usize,
    /// The tests of a path.
    pub expression: Expression,
}

/// A test of `find` for a path.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Expression {
    /// The test that is always true.
    #[default]
    True,
    /// `-name`, `-iname`
    Name {
        /// The pattern.
        pattern: Word,
        /// `-iname`
        ignore_case: bool,
    },
    /// `-path` and `-regex`, as a regular expression in Go's syntax.
    Path(String),
    /// `-empty`
    Empty,
    /// `-type`: `f`, `d` or `l`.
    Type(char),
    /// `-print` and `-exec`. If there is one, only it prints paths.
    Print,
    /// `!`
    Not(Box<Expression>),
    /// All of these tests succeed; they are made in order until one fails.
    And(Vec<Expression>),
    /// One of these tests succeeds; they are made in order until one does.
    Or(Vec<Expression>),
}
