//! The last stage: prints the whole result on stdout, or nothing.

use crate::overrun;
use crate::report::Problem;
use anyhow::{Context as _, Result};
use keyfill_diag::{Cx, Stopped};
use keyfill_yaml::{Body, Document, Within};
use std::io::Write;

/// The separator between two documents if the second one does not bring its own.
const SEPARATOR: &[u8] = b"---\n";

/// The bytes of a stream, in pieces that are not copied.
pub struct Output {
    pieces: Vec<bytes::Bytes>,
}

impl Output {
    /// Joins documents. Trees are encoded as YAML; texts are not changed. A separator is put before each document
    /// but the first: the document's own one, if it has one.
    pub fn of(documents: &[Document], cx: &Cx) -> Result<Self, Problem> {
        let mut pieces: Vec<bytes::Bytes> = Vec::with_capacity(documents.len() * 2);
        for document in documents {
            cx.check().map_err(stopped)?;
            let before = match (document.before.is_empty(), pieces.is_empty()) {
                (true, false) => bytes::Bytes::from_static(SEPARATOR),
                _ => document.before.clone(),
            };
            let unfinished = pieces.iter().rev().find(|p| !p.is_empty()).is_some_and(|p| !p.ends_with(b"\n"));
            if unfinished && !before.starts_with(b"\n") {
                pieces.push(bytes::Bytes::from_static(b"\n"));
            }
            pieces.push(before);
            pieces.push(match &document.body {
                Body::Raw(bytes) => bytes.clone(),
                Body::Tree(node) => {
                    let written = Within::run(cx, &**node).written(keyfill_yaml::to_yaml);
                    written.map_err(stopped)?.into()
                }
            });
        }
        Ok(Self { pieces })
    }

    /// Whether nothing but white space, comments and separators would be printed.
    pub fn is_empty(&self) -> bool {
        let says_something = |line: &[u8]| {
            let line = line.trim_ascii();
            !line.is_empty() && !line.starts_with(b"#") && !line.starts_with(b"---") && line != b"..."
        };
        !self.pieces.iter().any(|piece| piece.split(|b| *b == b'\n').any(says_something))
    }

    /// Writes the whole output.
    pub fn write(&self, to: &mut dyn Write) -> std::io::Result<()> {
        let mut to = std::io::BufWriter::with_capacity(64 << 10, to);
        for piece in &self.pieces {
            to.write_all(piece)?;
        }
        to.flush()
    }

    /// The whole output as one byte string.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.pieces.concat()
    }
}

fn stopped(stopped: Stopped) -> Problem {
    Problem::input(format!("stopped while the result was written: {stopped}"))
}

/// Refuses an empty result, unless empty results are allowed: Argo CD would prune all objects of the app.
pub fn refuse_empty(is_empty: bool, allowed: bool) -> Result<(), Problem> {
    if is_empty && !allowed {
        let message = "the result is empty, and Argo CD would delete everything of the app";
        let hint = "if that is meant, say so with --allow-empty or KEYFILL_ALLOW_EMPTY=true";
        return Err(Problem::input(message).hint(hint));
    }
    Ok(())
}

/// Writes to stdout. A closed pipe is an error too, since the reader did not get the whole result.
pub fn to_stdout(output: &Output) -> Result<()> {
    overrun::ends_no_more();
    output.write(&mut std::io::stdout().lock()).context("cannot write to stdout")
}

#[cfg(test)]
mod tests {
    use super::{Output, refuse_empty};
    use bytes::Bytes;
    use keyfill_diag::Cx;
    use keyfill_yaml::{Body, Document, Node, Origin, Seq};
    use std::sync::Arc;
    use std::time::Duration;

    fn raw(before: &'static str, body: &'static str) -> Document {
        let body = Body::Raw(Bytes::from_static(body.as_bytes()));
        Document { before: Bytes::from_static(before.as_bytes()), body, origin: Origin::default() }
    }

    fn written(documents: &[Document]) -> Output {
        Output::of(documents, &Cx::default()).expect("there is time")
    }

    fn text(documents: &[Document]) -> String {
        String::from_utf8(written(documents).to_bytes()).unwrap()
    }

    #[test]
    fn documents_are_set_apart() {
        assert_eq!(text(&[raw("", "a: 1\n"), raw("", "b: 2")]), "a: 1\n---\nb: 2");
        assert_eq!(text(&[raw("", "a: 1"), raw("", "b: 2\n")]), "a: 1\n---\nb: 2\n");
        assert_eq!(text(&[raw("--- # x\n", "a: 1\n"), raw("---\n", "b: 2\n")]), "--- # x\na: 1\n---\nb: 2\n");
    }

    #[test]
    fn trees_are_emitted() {
        let mut node = Node::map();
        node.as_map_mut().unwrap().set("b", Node::plain("1"));
        let tree = Document { body: Body::Tree(Arc::new(node)), ..raw("", "") };
        assert_eq!(text(&[tree]), "b: 1\n");
    }

    #[test]
    fn a_result_is_not_written_past_the_deadline() {
        let mut node = Node::map();
        let items = Seq { items: vec![Node::plain("1"); 5_000], ..Seq::default() };
        node.as_map_mut().unwrap().set("b", Node::Seq(items));
        let tree = Document { body: Body::Tree(Arc::new(node)), ..raw("", "") };
        let over = Cx::with_time(Duration::ZERO);
        assert!(Output::of(&[tree], &over).is_err() && Output::of(&[raw("", "a: 1")], &over).is_err());
    }

    #[test]
    fn an_empty_result_is_refused_unless_it_is_allowed() {
        for empty in ["", "\n", "# only\n", "---\n# a comment\n"] {
            let output = written(&[raw("", empty)]);
            assert!(output.is_empty());
            assert!(refuse_empty(true, false).is_err() && refuse_empty(true, true).is_ok());
        }
        assert!(!written(&[raw("---\n", "a: 1\n")]).is_empty() && refuse_empty(false, false).is_ok());
    }
}
