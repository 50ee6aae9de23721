//! Templates that functions execute: helm's `include` and `tpl`.

use super::Execution;
use crate::compiler::{Tree, parse};
use crate::error::Error;
use crate::failure::FuncError;
use crate::templates::Templates;
use crate::value::{Str, Value};
use keyfill_go::quote::quote;
use std::sync::Arc;

/// How deeply a template may include itself, directly or through others.
const NESTED_INCLUDES: u32 = 1_000;

/// The limits of the cache for texts of `tpl`: number of texts, bytes of one text, bytes of all texts.
const KEPT_TEXTS: usize = 1_000;
const KEPT_LENGTH: usize = 64 << 10;
const KEPT_IN_ALL: usize = 4 << 20;

/// A parsed text of `tpl`: the templates that it defines, and the text itself.
#[derive(Clone)]
pub(super) struct Parsed {
    definitions: Arc<[Arc<Tree>]>,
    main: Arc<Tree>,
}

impl Execution {
    /// The output of a template: helm's `include`.
    pub(super) fn include(&mut self, name: &Str, data: &Value) -> Result<Str, FuncError> {
        let deepest = self.cx().limits.depth;
        let nested = self.included.entry(name.clone()).or_insert(0);
        if *nested > NESTED_INCLUDES || self.depth >= deepest {
            let name = name.to_text();
            let message =
                format!("rendering template has a nested reference name: {name}: unable to execute template");
            return Err(FuncError::new(message));
        }
        *nested += 1;
        let result = self.captured(|inner| inner.execute(name.as_bytes(), data));
        if let Some(nested) = self.included.get_mut(name) {
            *nested -= 1;
        }
        Ok(result?)
    }

    /// The output of a text that is executed as a template: helm's `tpl`. The text can call all templates. The
    /// templates that it defines exist for it and for what it includes, but not after it.
    pub(super) fn tpl(&mut self, text: &Str, data: &Value) -> Result<Str, FuncError> {
        let parsed = match self.parsed.get(text) {
            Some(parsed) => parsed.clone(),
            None => self.parse_text(text)?,
        };
        let outer = Arc::clone(&self.templates);
        if !parsed.definitions.is_empty() {
            let mut templates = Templates::over(&outer);
            parsed.definitions.iter().for_each(|tree| templates.add(Arc::clone(tree)));
            self.templates = Arc::new(templates);
        }
        let result = self.captured(|inner| inner.execute_tree(&parsed.main, data));
        self.templates = outer;
        let printed = result.map_err(|error| {
            let text = quote(text.as_bytes());
            FuncError::from(error).wrap(format!("error during tpl function execution for {text}"))
        })?;
        Ok(without_no_value(printed))
    }

    fn parse_text(&mut self, text: &Str) -> Result<Parsed, FuncError> {
        // A parsed text takes several times as much memory as the text.
        self.run.spend(8 * text.len() as u64)?;
        let name = self.templates.name().to_text().into_owned();
        let cx = self.cx().clone();
        let trees = parse(&name, text, self.templates.registry(), Some(&cx)).map_err(|error| {
            let error = error.with_line_of(text.as_bytes());
            FuncError::from(error).wrap(format!("cannot parse template {}", quote(text.as_bytes())))
        })?;
        let mut trees: Vec<Arc<Tree>> = trees.into_iter().map(Arc::new).collect();
        // The text's own tree has the name of the set. A definition of that name in the text replaces it.
        let own = trees.iter().position(|tree| tree.name == *self.templates.name());
        let Some(own) = own else {
            return Err(FuncError::new("the text that tpl executes has no template of its own"));
        };
        let main = trees.remove(own);
        let parsed = Parsed { definitions: trees.into(), main };
        if text.len() <= KEPT_LENGTH {
            self.parsed_bytes += text.len();
            if self.parsed.len() >= KEPT_TEXTS || self.parsed_bytes > KEPT_IN_ALL {
                self.parsed.clear();
                self.parsed_bytes = text.len();
            }
            self.parsed.insert(text.clone(), parsed.clone());
        }
        Ok(parsed)
    }

    /// Runs `execute` and returns what it prints, instead of appending that to the output.
    fn captured(&mut self, execute: impl FnOnce(&mut Self) -> Result<(), Error>) -> Result<Str, Error> {
        let start = self.out.len();
        let result = execute(self);
        let printed = Str::new(&self.out[start..]);
        self.out.truncate(start);
        result.map(|()| printed)
    }
}

/// Removes `<no value>` as helm does.
fn without_no_value(text: Str) -> Str {
    const WORDS: &[u8] = b"<no value>";
    if memchr::memmem::find(text.as_bytes(), WORDS).is_none() {
        return text;
    }
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some(at) = memchr::memmem::find(rest, WORDS) {
        out.extend_from_slice(&rest[..at]);
        rest = &rest[at + WORDS.len()..];
    }
    out.extend_from_slice(rest);
    Str::from(out)
}
