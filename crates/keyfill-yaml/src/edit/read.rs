//! Building the tree: which node each comment belongs to. The grammar is that of all trees ([`crate::parse`]).

use super::{Content, EditDocument, EditNode, NodeComments, scalars, short_tag};
use crate::input::Input;
use crate::parse::{Builder, Parser, ScalarEvent};
use crate::scan::{Comment, Dialect, Mark};
use crate::{Error, Limits, Style, Text};

pub(super) fn document(text: &[u8], limits: &Limits) -> Result<Option<EditDocument>, Error> {
    let input = Input::new(text)?;
    next(&mut Parser::new(&input, Dialect::V3, limits, EditBuilder::default()))
}

pub(super) fn stream(text: &[u8], limits: &Limits) -> Result<Vec<EditDocument>, Error> {
    let input = Input::new(text)?;
    let mut parser = Parser::new(&input, Dialect::V3, limits, EditBuilder::default());
    let mut documents = Vec::new();
    while let Some(document) = next(&mut parser)? {
        documents.push(document);
    }
    Ok(documents)
}

fn next(parser: &mut Parser<'_, EditBuilder>) -> Result<Option<EditDocument>, Error> {
    let Some(root) = parser.document()? else { return Ok(None) };
    let builder = parser.builder();
    let head = std::mem::take(&mut builder.head);
    let NodeComments { head: last, foot, .. } = builder.take_comments();
    Ok(Some(EditDocument { root, head, foot: if foot.is_empty() { last } else { foot } }))
}

/// Builds the nodes of an [`EditDocument`].
#[derive(Default)]
struct EditBuilder {
    /// Comments that belong to the next node.
    comments: NodeComments,
    /// The comment above an item's dash, if the item is a collection: it belongs to that collection.
    stem: String,
    /// The comments above the sequences that are open.
    heads: Vec<String>,
    /// The comment that belongs to the document and not to its node.
    head: String,
}

/// A mapping that is being built.
struct EditMap {
    node: EditNode,
    entries: Vec<(EditNode, EditNode)>,
    /// Whether it is a pair in a flow sequence (`[a: 1]`), which has no braces and therefore no comments of its
    /// own.
    is_pair: bool,
}

fn join(all: &mut String, more: &str) {
    if more.is_empty() {
        return;
    }
    if !all.is_empty() {
        all.push('\n');
    }
    all.push_str(more);
}

impl EditBuilder {
    fn take_comments(&mut self) -> NodeComments {
        self.stem.clear();
        std::mem::take(&mut self.comments)
    }

    fn begin(&mut self, mark: Mark, is_flow: bool) -> EditNode {
        let mut node = EditNode { is_flow, line: mark.line + 1, ..EditNode::default() };
        node.comments.head = if is_flow { self.take_comments().head } else { std::mem::take(&mut self.stem) };
        node
    }
}

impl Builder for EditBuilder {
    const EDITS: bool = true;

    type Node = EditNode;
    type Key = EditNode;
    type Map = EditMap;

    fn comment(&mut self, comment: Comment) {
        join(&mut self.comments.head, &comment.head);
        join(&mut self.comments.foot, &comment.foot);
        join(&mut self.comments.line, &comment.line);
    }

    /// Comments above the last empty line before the first node belong to the document.
    fn implicit_document(&mut self) {
        let head = &mut self.comments.head;
        let bytes = head.as_bytes();
        let is_empty_line =
            |i: &usize| bytes[*i] == b'\n' && (*i == bytes.len() - 1 || bytes[*i - 1] == b'\n');
        let Some(at) = (1..bytes.len()).rev().find(is_empty_line) else { return };
        let end = if at == bytes.len() - 1 { at } else { at - 1 };
        let rest = head.split_off(at + 1);
        head.truncate(end);
        self.head = std::mem::replace(head, rest);
    }

    fn begin_seq(&mut self, flow: bool, indentless: bool) {
        let head = match (flow, indentless) {
            (true, _) => self.take_comments().head,
            (false, true) => String::new(),
            (false, false) => std::mem::take(&mut self.stem),
        };
        self.heads.push(head);
    }

    fn above_dash(&self) -> usize {
        self.comments.head.len()
    }

    /// A comment above a dash belongs to the collection behind the dash, and not to the first node in that
    /// collection.
    fn behind_dash(&mut self, above: usize, opens: bool) {
        if above == 0 || !opens {
            return;
        }
        let rest = self.comments.head.get(above + 1..).unwrap_or("").to_owned();
        self.comments.head.truncate(above);
        self.stem = std::mem::replace(&mut self.comments.head, rest);
    }

    fn keep_alias(&mut self, name: &str, mark: Mark) -> Option<EditNode> {
        let (content, comments) = (Content::Alias(name.into()), self.take_comments());
        Some(EditNode { content, comments, line: mark.line + 1, ..EditNode::default() })
    }

    fn properties(&mut self, node: &mut EditNode, anchor: Option<&str>, tag: Option<&str>) {
        if let Some(anchor) = anchor {
            node.anchor = anchor.into();
        }
        if let Some(tag) = tag {
            node.tag = short_tag(tag);
            node.is_tagged = true;
        }
    }

    fn scalar(&mut self, scalar: ScalarEvent<'_>) -> Result<EditNode, Error> {
        let ScalarEvent { text, style, mark, .. } = scalar;
        let line = mark.line + 1;
        if style == Style::Plain && text.is_empty() {
            // A node that is not written in the text has no comments.
            return Ok(EditNode { tag: Text::new_static("!!null"), line, ..EditNode::default() });
        }
        let tag = match style {
            Style::Plain if text == "<<" => Text::new_static("!!merge"),
            Style::Plain => scalars::tag_of(&text),
            _ => Text::new_static("!!str"),
        };
        let (content, comments) = (Content::Scalar(Text::new(&text)), self.take_comments());
        Ok(EditNode { content, comments, tag, style, line, ..EditNode::default() })
    }

    fn seq(&mut self, items: Vec<EditNode>, mark: Mark, flow: bool) -> Result<EditNode, Error> {
        let head = self.heads.pop().unwrap_or_default();
        let NodeComments { line, foot, .. } =
            if flow { self.take_comments() } else { NodeComments::default() };
        let (content, comments) = (Content::Seq(items), NodeComments { head, line, foot });
        Ok(EditNode { content, comments, is_flow: flow, line: mark.line + 1, ..EditNode::default() })
    }

    fn key(&mut self, scalar: ScalarEvent<'_>) -> Result<EditNode, Error> {
        self.scalar(scalar)
    }

    fn node_key(&mut self, node: EditNode, _: Mark) -> Result<EditNode, Error> {
        Ok(node)
    }

    fn map(&mut self, mark: Mark, flow: bool) -> EditMap {
        EditMap { node: self.begin(mark, flow), entries: Vec::new(), is_pair: false }
    }

    fn pair(&mut self, _: Mark) -> EditMap {
        let node = EditNode { is_flow: true, ..EditNode::default() };
        EditMap { node, entries: Vec::new(), is_pair: true }
    }

    fn entry(&mut self, map: &mut EditMap, mut key: EditNode, mut value: EditNode) -> Result<(), Error> {
        // A foot comment below a deeper value is parsed only before the next key: it belongs to the entry before.
        if !map.node.is_flow
            && !key.comments.foot.is_empty()
            && let Some((before, _)) = map.entries.last_mut()
        {
            before.comments.foot = std::mem::take(&mut key.comments.foot);
        }
        // A comment below a value belongs to the whole entry.
        if key.comments.foot.is_empty() {
            key.comments.foot = std::mem::take(&mut value.comments.foot);
        }
        map.entries.push((key, value));
        Ok(())
    }

    fn end_map(&mut self, map: EditMap) -> Result<EditNode, Error> {
        let EditMap { mut node, mut entries, is_pair } = map;
        if !is_pair {
            let NodeComments { line, foot, .. } = self.take_comments();
            node.comments.line = line;
            match entries.last_mut() {
                Some((key, _)) if !node.is_flow && !foot.is_empty() => key.comments.foot = foot,
                _ => node.comments.foot = foot,
            }
        }
        node.content = Content::Map(entries);
        Ok(node)
    }
}
