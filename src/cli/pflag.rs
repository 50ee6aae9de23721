//! Switches as Go's pflag parses them: `--flag=true`, `--flag=false`, and flags that are given twice.

use clap::{ArgAction, Command};
use std::collections::BTreeSet;
use std::ffi::OsString;

/// Rewrites the words of a command line for clap: each switch is there once or not at all, as its last value says.
/// The error names a switch whose value is no boolean.
pub fn normalize(words: Vec<OsString>, command: &Command) -> Result<Vec<OsString>, String> {
    let mut switches = BTreeSet::new();
    collect(command, &mut switches);
    let mut kept = Vec::new();
    let mut seen: BTreeSet<String> = BTreeSet::new();
    // There are no flags after `--`.
    let end = words.iter().position(|word| word == "--").unwrap_or(words.len());
    for (at, word) in words.into_iter().enumerate().rev() {
        let Some((flag, value)) = word.to_str().filter(|_| at < end).and_then(|text| switch(text, &switches))
        else {
            kept.push(word);
            continue;
        };
        let is_on = value.map_or(Some(true), parse_bool).ok_or_else(|| {
            format!(
                "{flag}={} is no boolean: write {flag}, {flag}=true or {flag}=false",
                value.unwrap_or_default()
            )
        })?;
        if seen.insert(flag.to_owned()) && is_on {
            kept.push(flag.into());
        }
    }
    kept.reverse();
    Ok(kept)
}

/// Splits a word into a switch and its value; `None` if it is no switch.
fn switch<'a>(text: &'a str, switches: &BTreeSet<String>) -> Option<(&'a str, Option<&'a str>)> {
    let (flag, value) = text.split_once('=').map_or((text, None), |(flag, value)| (flag, Some(value)));
    switches.contains(flag).then_some((flag, value))
}

/// Adds every switch of a command and its subcommands, with its dashes.
fn collect(command: &Command, into: &mut BTreeSet<String>) {
    for arg in command.get_arguments().filter(|arg| matches!(arg.get_action(), ArgAction::SetTrue)) {
        let long = arg.get_long().into_iter().chain(arg.get_all_aliases().unwrap_or_default());
        into.extend(long.map(|name| format!("--{name}")));
        into.extend(arg.get_short().map(|c| format!("-{c}")));
    }
    command.get_subcommands().for_each(|below| collect(below, into));
}

/// Parses a boolean as Go's `strconv.ParseBool` does.
pub fn parse_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::normalize;
    use clap::{Arg, ArgAction, Command};

    fn command() -> Command {
        let switch = |name: &'static str| Arg::new(name).long(name).action(ArgAction::SetTrue);
        Command::new("x")
            .arg(switch("debug").short('d'))
            .subcommand(Command::new("y").arg(switch("wait")).arg(Arg::new("set").long("set")))
    }

    fn read(line: &str) -> Result<String, String> {
        let words = normalize(line.split(' ').map(Into::into).collect(), &command())?;
        Ok(words.iter().map(|w| w.to_str().unwrap()).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn a_switch_may_have_a_value_and_come_twice() {
        for (line, want) in [
            ("x --debug=true y", "x --debug y"),
            ("x -d=T y --wait=false", "x -d y"),
            ("x --debug y --debug --debug", "x y --debug"),
            ("x --debug y --debug=false", "x y"),
            ("x --debug=0 y --debug", "x y --debug"),
            ("x y --set a=true --set=b", "x y --set a=true --set=b"),
            ("x y -- --wait=true", "x y -- --wait=true"),
        ] {
            assert_eq!(read(line).as_deref(), Ok(want), "{line}");
        }
    }

    #[test]
    fn a_switch_whose_value_is_no_boolean_is_named() {
        assert!(read("x y --wait=perhaps").unwrap_err().contains("--wait=perhaps"));
        assert!(read("x y --wait=").is_err());
    }
}
