//! Compiles tests of the app's folder: `test`, and pipes that search for files.

use super::super::content;
use super::super::explain::Section;
use super::super::looking;
use super::super::parse::{Command, Simple};
use super::super::plan::{Filter, Search, Source, Step, Test};
use super::forms::{Output, WRITE_A_PIPE, instead_of, program, refused};
use super::{Compiler, Result};

impl Compiler<'_> {
    pub(super) fn test(&mut self, simple: &Simple, program: &str) -> Result<Step> {
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

    /// Compiles a pipe that searches for files.
    pub(super) fn search(&mut self, commands: &[Command]) -> Result<Step> {
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
            let hint = instead_of(&name).unwrap_or(WRITE_A_PIPE);
            return Err(refused(first, &format!("{name} is not known"), hint));
        };
        let (source, mut filters, mut quiet) = begun?;
        if rest.is_empty() {
            // `grep -c` by itself succeeds if a line matches, as `grep` does, so the count is no filter here.
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
            return Err(refuse(first, super::forms::PRINTS_AMONG));
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
