//! The user's values, merged in helm's order: files first, then `--set-json`, `--set`, `--set-string`,
//! `--set-file` and `--set-literal`, whatever their order on the command line.

use super::documents::{self, File};
use super::set::{self, Reading};
use super::tree::Node;
use crate::error::{self, Error, Result};
use crate::request::{HelmCompat, TemplateRequest, ValuesSource};
use keyfill_diag::Cx;
use keyfill_files::{Files, TreePath};
use keyfill_go::json_decode;
use keyfill_template::value::{Map, Value};
use keyfill_yaml::locate;

/// All values of the request, merged.
pub(crate) fn merged(files: &dyn Files, request: &TemplateRequest, cx: &Cx) -> Result<Map> {
    let mut given = Given { values: Node::map(), files, helm: request.helm, cx, left: set::MOST_FILLED };
    for source in &request.values {
        match source {
            ValuesSource::File(path) => given.file(path)?,
            ValuesSource::Text { name, text } => given.text(text.as_bytes(), name)?,
            ValuesSource::Value(value) => given.merge(value.clone().into())?,
            _ => {}
        }
    }
    for flag in ORDER {
        for source in request.values.iter().filter(|source| flag_of(source) == Some(flag)) {
            given.flag(flag, source)?;
        }
    }
    Ok(given.values.into_map())
}

/// Adds to an error the file that sets the value at its path: the last values file of the request that has the
/// value, or the chart's own.
pub(crate) fn where_given(error: Error, files: &dyn Files, request: &TemplateRequest, own: &str) -> Error {
    let (None, Some(path)) = (error.place_file(), error.path()) else { return error };
    let steps = error::steps(path);
    let find = |text: &[u8], name: String| {
        let mark = locate(text, &steps)?;
        let at = usize::try_from(mark.line).ok()?.checked_sub(1)?;
        let line = text.split(|b| *b == b'\n').nth(at).map(|line| String::from_utf8_lossy(line).into_owned());
        Some((mark, name, line))
    };
    let of_request = request.values.iter().rev().find_map(|source| match source {
        ValuesSource::File(file) => find(&files.read(file).ok()?, file.to_string()),
        ValuesSource::Text { name, text } => find(text.as_bytes(), name.clone()),
        _ => None,
    });
    let of_chart = || find(&files.read(&TreePath::new(own)?).ok()?, own.to_owned());
    match of_request.or_else(of_chart) {
        Some((mark, name, line)) => error.in_file(name).at(mark.line, Some(mark.column)).source_line(line),
        None => error,
    }
}

/// The values of a chart's `values.yaml`, merged from its documents.
pub(crate) fn of_chart(documents: Vec<keyfill_yaml::Value>, cx: &Cx) -> Result<Map> {
    if let [document] = &documents[..] {
        return Ok(match Value::from(document) {
            Value::Map(map) => map,
            _ => Map::new(),
        });
    }
    let mut values = Node::map();
    for document in documents {
        values.merge(document.into(), cx)?;
    }
    Ok(values.into_map())
}

/// The flags that set single values, in the order in which helm applies them.
const ORDER: [&str; 5] = ["--set-json", "--set", "--set-string", "--set-file", "--set-literal"];

/// The helm flag of a source; none for whole files.
fn flag_of(source: &ValuesSource) -> Option<&'static str> {
    match source {
        ValuesSource::File(_) | ValuesSource::Text { .. } | ValuesSource::Value(_) => None,
        ValuesSource::SetJson(_) => Some("--set-json"),
        ValuesSource::Set(_) => Some("--set"),
        ValuesSource::SetString(_) => Some("--set-string"),
        ValuesSource::SetFile { .. } | ValuesSource::SetFileText { .. } => Some("--set-file"),
        ValuesSource::SetLiteral(_) => Some("--set-literal"),
    }
}

/// The values that were merged so far.
struct Given<'a> {
    values: Node,
    files: &'a dyn Files,
    helm: HelmCompat,
    cx: &'a Cx,
    /// How many items may still be added to lists because an index is beyond their end.
    left: usize,
}

impl Given<'_> {
    fn merge(&mut self, over: Node) -> Result<()> {
        self.values.merge(over, self.cx)
    }

    fn file(&mut self, path: &TreePath) -> Result<()> {
        let text = self.files.read(path).map_err(|e| Error::file("a values file cannot be read", e))?;
        self.text(&text, &path.to_string())
    }

    fn text(&mut self, text: &[u8], name: &str) -> Result<()> {
        let limits = (&self.cx.limits).into();
        let file = File { what: "the values", failed: "the values cannot be read", place: name };
        for document in documents::load(text, file, self.helm, &limits)? {
            self.merge(document.into())?;
        }
        Ok(())
    }

    fn flag(&mut self, flag: &str, source: &ValuesSource) -> Result<()> {
        match source {
            ValuesSource::File(_) | ValuesSource::Text { .. } | ValuesSource::Value(_) => Ok(()),
            ValuesSource::SetJson(line) => match self.whole_object(line) {
                Some(object) => self.merge(object?),
                None => self.set(flag, line, Reading::Json),
            },
            ValuesSource::Set(line) => self.set(flag, line, Reading::Typed),
            ValuesSource::SetString(line) => self.set(flag, line, Reading::Text),
            ValuesSource::SetLiteral(line) => self.set(flag, line, Reading::Literal),
            ValuesSource::SetFile { name, path } => {
                let text = self.text_of(path)?;
                self.set_text(flag, name, &text)
            }
            ValuesSource::SetFileText { name, text } => self.set_text(flag, name, text),
        }
    }

    /// The object of `--set-json '{"a": 1}'`, which helm 4 parses as values and not as a name.
    fn whole_object(&self, line: &str) -> Option<Result<Node>> {
        let text = line.trim();
        if self.helm == HelmCompat::V3 || !text.starts_with('{') {
            return None;
        }
        let read = json_decode::decode(text.as_bytes(), self.cx.limits.depth);
        let read = read.and_then(json_decode::Decoded::into_result);
        Some(read.map(Node::from).map_err(|e| Error::usage(format!("failed parsing --set-json data: {e}"))))
    }

    fn set(&mut self, flag: &str, line: &str, reading: Reading<'_>) -> Result<()> {
        let bounds = set::Bounds { cx: self.cx, left: &mut self.left };
        set::parse_into(line, reading, bounds, &mut self.values).map_err(|why| match why {
            set::Failure::Stopped(stopped) => Error::stopped(stopped),
            // The line holds a value, maybe a secret one: only its name is shown.
            set::Failure::Wrong(why) => {
                let name = line.split(['=', ',']).next().unwrap_or_default();
                Error::usage(format!("failed parsing {flag} data for {:?}: {why}", set::shortened(name)))
            }
        })
    }

    /// Sets a name to the text of a file, which is not parsed.
    fn set_text(&mut self, flag: &str, name: &str, text: &str) -> Result<()> {
        self.set(flag, &format!("{name}=file"), Reading::File(text))
    }

    /// The text of a file for `--set-file`. The host has already turned its path into a tree path.
    fn text_of(&self, path: &TreePath) -> Result<String> {
        let content =
            self.files.read(path).map_err(|e| Error::file("a file of --set-file cannot be read", e))?;
        String::from_utf8(content.to_vec())
            .map_err(|_| Error::render("a file of --set-file is not UTF-8 text").in_file(path.to_string()))
    }
}
