//! The texts that `echo` and `printf` print, which other commands read as a file.

use super::lex::Refused;
use super::parse::{Command, Script, Simple};
use super::words::{Content, Word};

/// The text that the script in `<(echo "$A")` prints.
pub fn of_script(script: &Script) -> Result<Content, Refused> {
    let refused = |command: Option<&Command>| {
        let (text, line) = match command {
            Some(Command::Simple(simple)) => (simple.source.clone(), simple.line),
            _ => (String::new(), 0),
        };
        let why = "a file can be made with echo or printf alone".to_owned();
        Refused { text, line, why, hint: Some("write <(echo \"$ARGOCD_ENV_HELM_VALUES\")") }
    };
    match script.statements.as_slice() {
        [statement] if !statement.negated => {
            of_pipe(&statement.commands).unwrap_or_else(|| Err(refused(statement.commands.first())))
        }
        statements => Err(refused(statements.first().and_then(|statement| statement.commands.first()))),
    }
}

/// The text of `echo ...` or `echo ... | base64 -d`; `None` if the pipe is something else.
pub fn of_pipe(commands: &[Command]) -> Option<Result<Content, Refused>> {
    let [Command::Simple(first), filters @ ..] = commands else { return None };
    let program = first.words.first()?.text()?;
    let mut content = match program.as_str() {
        "echo" => echo(&first.words[1..]),
        "printf" => printf(&first.words[1..]),
        _ => return None,
    };
    for filter in filters {
        match filter {
            Command::Simple(simple) if is_base64(simple) => {
                content = content.map(|c| Content { from_base64: true, ..c });
            }
            _ => return None,
        }
    }
    let refused = |why: &str| Refused {
        text: first.source.clone(),
        line: first.line,
        why: why.to_owned(),
        hint: Some("write echo \"$NAME\" or printf '%s' \"$NAME\""),
    };
    Some(content.map_err(refused))
}

fn echo(words: &[Word]) -> Result<Content, &'static str> {
    let mut words = words;
    let mut line_break = true;
    while let Some((first, rest)) = words.split_first() {
        match first.text().as_deref() {
            Some("-n") => line_break = false,
            Some("-e" | "-ne" | "-en") => return Err("-e changes the backslashes of the value"),
            _ => break,
        }
        words = rest;
    }
    Ok(Content { words: words.to_vec(), line_break, from_base64: false })
}

fn printf(words: &[Word]) -> Result<Content, &'static str> {
    let (format, words) = words.split_first().ok_or("the format is missing")?;
    let line_break = match format.text().as_deref() {
        Some("%s") => false,
        Some("%s\\n" | "%s\n") => true,
        _ => return Err("the formats that are known are %s and %s\\n"),
    };
    match words {
        [word] => Ok(Content { words: vec![word.clone()], line_break, from_base64: false }),
        _ => Err("one value is expected behind the format"),
    }
}

fn is_base64(simple: &Simple) -> bool {
    let words: Vec<Option<String>> = simple.words.iter().map(Word::text).collect();
    let words: Vec<&str> = words.iter().map(|word| word.as_deref().unwrap_or_default()).collect();
    matches!(words.as_slice(), ["base64", "-d" | "-D" | "--decode"])
}
