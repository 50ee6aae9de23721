//! Helpers of the compiler for the words of a command: its program, its redirections, the script of a shell.

use super::super::lex::Refused;
use super::super::parse::{Command, Redirect, Simple};
use super::super::words::{Piece, Word};
use crate::report::Problem;
use crate::serve::environment;

/// Where the output of a command goes.
pub(super) enum Output {
    Stdout,
    Nowhere,
    File(Word),
}

/// The hint if there is no better one.
pub(super) const WRITE_A_PIPE: &str = "what is understood is a pipe like: kustomize build . | argocd-vault-plugin generate - \
    (docs/coming-from-avp.md lists the forms); keyfill generate . does the usual by itself";

/// Why a command is refused whose output is no manifests.
pub(super) const PRINTS_AMONG: &str = "it would print among the manifests";

/// The hint for a program that is not supported: what to write instead.
pub(super) fn instead_of(program: &str) -> Option<&'static str> {
    Some(match program {
        "sed" | "awk" | "perl" | "tr" => {
            "nothing is run on the manifests: write what changes as helm template --set NAME=\"$ARGOCD_ENV_NAME\", as \
             kustomize edit set image, label, annotation, namespace, nameprefix or namesuffix, or as a patch"
        }
        "envsubst" => {
            "variables are not put into manifests: give them to the chart with helm template --set \
             NAME=\"$ARGOCD_ENV_NAME\", or to paths of placeholders with KEYFILL_APP_ENV and {{ env.NAME }}"
        }
        "yq" | "jq" => "write the change as a patch of a kustomization, or as a value of the chart",
        "tee" => "leave it out: keyfill render FOLDER shows the manifests without secrets",
        "kubeconform" | "kubeval" | "conftest" => {
            "leave it out, and check the manifests in CI: keyfill render FOLDER"
        }
        "jsonnet" | "ytt" | "cue" | "helmfile" | "tanka" | "tk" | "kapitan" => {
            "what it renders only it can render: keep its plugin under argocd-cmp-server, with \
             | keyfill generate - behind it"
        }
        "git" | "curl" | "wget" => "nothing is fetched by commands: the app's repository must hold the files",
        _ => return None,
    })
}

/// The first command after a rendering in a pipe that does not fill.
pub(super) fn behind_a_rendering(commands: &[Command]) -> Option<&Simple> {
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

/// A word as it is written, or without its quotes if it is only text.
pub(super) fn shown(word: &Word) -> &str {
    match word.pieces.as_slice() {
        [Piece::Text { text, .. }] => text,
        _ => &word.source,
    }
}

/// Whether a variable only affects tools, which are not run, or where a shell finds them.
pub(super) fn is_of_tool(name: &str) -> bool {
    ["HELM_", "XDG_", "KUSTOMIZE_", "GIT_"].iter().any(|prefix| name.starts_with(prefix))
        || matches!(name, "HOME" | "PATH" | "TMPDIR" | "TMP" | "IFS" | "LANG" | "LC_ALL")
}

/// Whether a variable is set by the app's author.
pub fn is_apps(name: &str) -> bool {
    name.starts_with("ARGOCD_ENV_") || name.starts_with("PARAM_")
}

/// Whether a variable's value may be several words, or none. The variables that Argo CD sets are always one word.
pub(super) fn is_list(name: &str) -> bool {
    is_apps(name) || !environment::is_of_request(name)
}

/// Parses a command whose variables have no value yet. It is tried without variables whose names say that they hold
/// flags, then with each variable as one word, then without all variables that may be lists.
pub(super) fn probed<T>(
    words: &[Word],
    read: impl Fn(&[String]) -> Result<T, Problem>,
) -> Result<T, Problem> {
    // The word after a flag is the flag's value.
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

/// The name of a command's program, without its folder.
pub(super) fn program(simple: &Simple) -> Option<String> {
    let text = simple.words.first()?.text()?;
    Some(text.rsplit('/').next().unwrap_or_default().to_owned())
}

/// The script of `sh -c SCRIPT`. Flags of the shell before it are skipped.
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

pub(super) fn output(redirects: &[Redirect]) -> Result<Output, &'static str> {
    let mut output = Output::Stdout;
    for redirect in redirects {
        let target = redirect.target.text();
        let target = target.as_deref().unwrap_or_default();
        let is_stderr = redirect.descriptor == Some(2);
        match redirect.sign {
            "<" => {}
            "<<<" => return Err("<<< is understood behind helm and argocd-vault-plugin"),
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

pub(super) fn refused(simple: &Simple, why: &str, hint: &'static str) -> Refused {
    Refused { text: simple.source.clone(), line: simple.line, why: why.to_owned(), hint: Some(hint) }
}
