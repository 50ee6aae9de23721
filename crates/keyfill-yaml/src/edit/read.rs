//! Reading: the grammar of libyaml over the scanner's tokens, and which node takes which comment.

use super::{Content, EditDocument, EditNode, NodeComments, scalars, short_tag};
use crate::directives::Directives;
use crate::input::Input;
use crate::parse::at;
use crate::scan::{Dialect, Mark, Scanner, Token, TokenKind};
use crate::{Error, Limits, Style, Text};
use std::borrow::Cow;
use std::collections::HashSet;

pub(super) fn document(text: &[u8], limits: &Limits) -> Result<Option<EditDocument>, Error> {
    let input = Input::new(text)?;
    Reader::new(&input, limits).document()
}

pub(super) fn stream(text: &[u8], limits: &Limits) -> Result<Vec<EditDocument>, Error> {
    let input = Input::new(text)?;
    let mut reader = Reader::new(&input, limits);
    let mut documents = Vec::new();
    while let Some(document) = reader.document()? {
        documents.push(document);
        reader.anchors.clear();
        reader.directives = Directives::default();
    }
    Ok(documents)
}

struct Reader<'a> {
    scanner: Scanner<'a>,
    /// Comments that the next node takes.
    comments: NodeComments,
    /// The comment above a list's item, which goes to the collection that the item is.
    stem: String,
    anchors: HashSet<&'a str>,
    directives: Directives<'a>,
    depth: u32,
    deepest: u32,
}

/// An anchor and a tag before a node.
#[derive(Default)]
struct Properties<'a> {
    anchor: Option<&'a str>,
    tag: Option<Cow<'a, str>>,
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

impl<'a> Reader<'a> {
    fn new(input: &Input<'a>, limits: &Limits) -> Self {
        Self {
            scanner: Scanner::new(input, Dialect::V3, limits.depth).with_comments(),
            comments: NodeComments::default(),
            stem: String::new(),
            anchors: HashSet::new(),
            directives: Directives::default(),
            depth: 0,
            deepest: limits.depth,
        }
    }

    /// The next token. The comments up to it are picked up.
    fn peek(&mut self) -> Result<&Token<'a>, Error> {
        self.scanner.peek()?;
        while let Some(comment) = self.scanner.take_comment() {
            join(&mut self.comments.head, &comment.head);
            join(&mut self.comments.foot, &comment.foot);
            join(&mut self.comments.line, &comment.line);
        }
        self.scanner.peek()
    }

    fn take_comments(&mut self) -> NodeComments {
        self.stem.clear();
        std::mem::take(&mut self.comments)
    }

    fn document(&mut self) -> Result<Option<EditDocument>, Error> {
        let is_explicit = match self.peek()?.kind {
            TokenKind::StreamEnd => return Ok(None),
            TokenKind::Version(..) | TokenKind::TagDirective(_) | TokenKind::DocumentStart => true,
            _ => false,
        };
        let mut head = String::new();
        let root = if is_explicit {
            while Directives::is_one(&self.peek()?.kind) {
                let token = self.scanner.next()?;
                self.directives.add(token)?;
            }
            let token = self.peek()?;
            if !matches!(token.kind, TokenKind::DocumentStart) {
                return Err(at(token.mark, "did not find expected <document start>"));
            }
            self.scanner.skip();
            match self.peek()?.kind {
                TokenKind::Version(..)
                | TokenKind::TagDirective(_)
                | TokenKind::DocumentStart
                | TokenKind::DocumentEnd
                | TokenKind::StreamEnd => self.empty()?,
                _ => self.node(true, false)?,
            }
        } else {
            head = self.split_head();
            self.node(true, false)?
        };
        if matches!(self.peek()?.kind, TokenKind::DocumentEnd) {
            self.scanner.skip();
        }
        let NodeComments { head: last, foot, .. } = self.take_comments();
        Ok(Some(EditDocument { root, head, foot: if foot.is_empty() { last } else { foot } }))
    }

    /// What stands above the last empty line before the first node is the document's.
    fn split_head(&mut self) -> String {
        let head = &mut self.comments.head;
        let bytes = head.as_bytes();
        let is_empty_line =
            |i: &usize| bytes[*i] == b'\n' && (*i == bytes.len() - 1 || bytes[*i - 1] == b'\n');
        let Some(at) = (1..bytes.len()).rev().find(is_empty_line) else { return String::new() };
        let end = if at == bytes.len() - 1 { at } else { at - 1 };
        let rest = head.split_off(at + 1);
        head.truncate(end);
        std::mem::replace(head, rest)
    }

    /// A node that is not written.
    fn empty(&mut self) -> Result<EditNode, Error> {
        let line = self.peek()?.mark.line + 1;
        Ok(EditNode { tag: Text::new_static("!!null"), line, ..EditNode::default() })
    }

    fn node(&mut self, block: bool, indentless: bool) -> Result<EditNode, Error> {
        let token = self.peek()?;
        let line = token.mark.line + 1;
        let mark = token.mark;
        if let TokenKind::Alias(name) = token.kind {
            if !self.anchors.contains(name) {
                return Err(at(mark, format!("unknown anchor '{name}' referenced")));
            }
            let comments = self.take_comments();
            self.scanner.skip();
            return Ok(EditNode {
                content: Content::Alias(name.into()),
                comments,
                line,
                ..EditNode::default()
            });
        }
        let properties = self.properties()?;
        if self.depth >= self.deepest {
            return Err(at(mark, format!("the document is nested deeper than {} levels", self.deepest)));
        }
        if let Some(anchor) = properties.anchor {
            self.anchors.insert(anchor);
        }
        self.depth += 1;
        let node = self.content(block, indentless, &properties, mark);
        self.depth -= 1;
        let mut node = node?;
        node.anchor = properties.anchor.unwrap_or("").into();
        node.line = line;
        if let Some(tag) = properties.tag.filter(|tag| tag != "!") {
            node.tag = short_tag(&tag);
            node.is_tagged = true;
        }
        Ok(node)
    }

    fn properties(&mut self) -> Result<Properties<'a>, Error> {
        let mut properties = Properties::default();
        loop {
            match self.peek()?.kind {
                TokenKind::Anchor(_) if properties.anchor.is_none() => {}
                TokenKind::Tag(_) if properties.tag.is_none() => {}
                _ => return Ok(properties),
            }
            let token = self.scanner.next()?;
            match token.kind {
                TokenKind::Anchor(name) => properties.anchor = Some(name),
                TokenKind::Tag(tag) => {
                    let (handle, suffix) = *tag;
                    properties.tag = Some(self.directives.long_tag(handle, suffix, token.mark)?);
                }
                _ => {}
            }
        }
    }

    fn content(
        &mut self,
        block: bool,
        indentless: bool,
        properties: &Properties<'a>,
        mark: Mark,
    ) -> Result<EditNode, Error> {
        match &self.peek()?.kind {
            TokenKind::BlockEntry if indentless => self.block_sequence(true),
            TokenKind::Scalar(..) => {
                let comments = self.take_comments();
                let (text, style) = self.scanner.take_scalar().unwrap_or_default();
                let tag = match style {
                    Style::Plain if text == "<<" => Text::new_static("!!merge"),
                    Style::Plain => scalars::tag_of(&text),
                    _ => Text::new_static("!!str"),
                };
                let content = Content::Scalar(Text::new(&text));
                Ok(EditNode { content, comments, tag, style, ..EditNode::default() })
            }
            TokenKind::FlowSequenceStart => self.flow_sequence(),
            TokenKind::FlowMappingStart => self.flow_mapping(),
            TokenKind::BlockSequenceStart if block => self.block_sequence(false),
            TokenKind::BlockMappingStart if block => self.block_mapping(),
            _ if properties.anchor.is_some() || properties.tag.is_some() => self.empty(),
            _ => Err(at(mark, "did not find expected node content")),
        }
    }

    /// A list of lines that begin with a dash. One that is no deeper than its key has no token where it begins
    /// and ends.
    fn block_sequence(&mut self, indentless: bool) -> Result<EditNode, Error> {
        let mut node = EditNode::default();
        if !indentless {
            node.comments.head = std::mem::take(&mut self.stem);
            self.scanner.skip();
        }
        let mut items = Vec::new();
        loop {
            let token = self.peek()?;
            let mark = token.mark;
            match token.kind {
                TokenKind::BlockEntry => {}
                _ if indentless => break,
                TokenKind::BlockEnd => {
                    self.scanner.skip();
                    break;
                }
                _ => return Err(at(mark, "did not find expected '-' indicator")),
            }
            let above = self.comments.head.len();
            self.scanner.skip();
            self.split_stem(above)?;
            let is_empty = match self.peek()?.kind {
                TokenKind::BlockEntry | TokenKind::BlockEnd => true,
                TokenKind::Key | TokenKind::Value => indentless,
                _ => false,
            };
            items.push(if is_empty { self.empty()? } else { self.node(true, false)? });
        }
        node.content = Content::Seq(items);
        Ok(node)
    }

    /// What stands above a dash belongs to the collection behind it, not to the first thing in there.
    fn split_stem(&mut self, above: usize) -> Result<(), Error> {
        if above == 0
            || !matches!(self.peek()?.kind, TokenKind::BlockSequenceStart | TokenKind::BlockMappingStart)
        {
            return Ok(());
        }
        let rest = self.comments.head.get(above + 1..).unwrap_or("").to_owned();
        self.comments.head.truncate(above);
        self.stem = std::mem::replace(&mut self.comments.head, rest);
        Ok(())
    }

    fn block_mapping(&mut self) -> Result<EditNode, Error> {
        let mut node = EditNode::default();
        node.comments.head = std::mem::take(&mut self.stem);
        self.scanner.skip();
        let mut entries: Vec<(EditNode, EditNode)> = Vec::new();
        loop {
            let token = self.peek()?;
            let mark = token.mark;
            match token.kind {
                TokenKind::Key => self.scanner.skip(),
                TokenKind::BlockEnd => break,
                _ => return Err(at(mark, "did not find expected key")),
            }
            let mut key = self.block_part()?;
            // What follows a value in a deeper place is read before the next key.
            if !key.comments.foot.is_empty()
                && let Some((before, _)) = entries.last_mut()
            {
                before.comments.foot = std::mem::take(&mut key.comments.foot);
            }
            let value = if matches!(self.peek()?.kind, TokenKind::Value) {
                self.scanner.skip();
                self.block_part()?
            } else {
                self.empty()?
            };
            entries.push(with_foot_at_key(key, value));
        }
        let NodeComments { line, foot, .. } = self.take_comments();
        self.scanner.skip();
        node.comments.line = line;
        match entries.last_mut() {
            Some((key, _)) if !foot.is_empty() => key.comments.foot = foot,
            _ => node.comments.foot = foot,
        }
        node.content = Content::Map(entries);
        Ok(node)
    }

    /// A key or value of a block mapping, which may be absent.
    fn block_part(&mut self) -> Result<EditNode, Error> {
        match self.peek()?.kind {
            TokenKind::Key | TokenKind::Value | TokenKind::BlockEnd => self.empty(),
            _ => self.node(true, true),
        }
    }

    fn flow_sequence(&mut self) -> Result<EditNode, Error> {
        let mut node = EditNode { is_flow: true, ..EditNode::default() };
        node.comments.head = self.take_comments().head;
        self.scanner.skip();
        let mut items = Vec::new();
        loop {
            self.flow_comma(
                items.is_empty(),
                |kind| matches!(kind, TokenKind::FlowSequenceEnd),
                "',' or ']'",
            )?;
            match self.peek()?.kind {
                TokenKind::FlowSequenceEnd => break,
                TokenKind::Key => {
                    self.scanner.skip();
                    items.push(self.flow_pair()?);
                }
                _ => items.push(self.node(false, false)?),
            }
        }
        let NodeComments { line, foot, .. } = self.take_comments();
        self.scanner.skip();
        (node.comments.line, node.comments.foot) = (line, foot);
        node.content = Content::Seq(items);
        Ok(node)
    }

    /// The comma before all items but the first.
    fn flow_comma(
        &mut self,
        is_first: bool,
        ends: fn(&TokenKind<'_>) -> bool,
        what: &str,
    ) -> Result<(), Error> {
        let token = self.peek()?;
        let mark = token.mark;
        if is_first || ends(&token.kind) {
            return Ok(());
        }
        if !matches!(token.kind, TokenKind::FlowEntry) {
            return Err(at(mark, format!("did not find expected {what}")));
        }
        self.scanner.skip();
        Ok(())
    }

    /// `key: value` as an item of a flow list.
    fn flow_pair(&mut self) -> Result<EditNode, Error> {
        let key = match self.peek()?.kind {
            TokenKind::Value | TokenKind::FlowEntry | TokenKind::FlowSequenceEnd => {
                // libyaml takes the token that it looked at.
                let key = self.empty()?;
                self.scanner.skip();
                key
            }
            _ => self.node(false, false)?,
        };
        let value = self.flow_value()?;
        let content = Content::Map(vec![with_foot_at_key(key, value)]);
        Ok(EditNode { content, is_flow: true, ..EditNode::default() })
    }

    fn flow_value(&mut self) -> Result<EditNode, Error> {
        if matches!(self.peek()?.kind, TokenKind::Value) {
            self.scanner.skip();
            let ends = matches!(
                self.peek()?.kind,
                TokenKind::FlowEntry | TokenKind::FlowSequenceEnd | TokenKind::FlowMappingEnd
            );
            if !ends {
                return self.node(false, false);
            }
        }
        self.empty()
    }

    fn flow_mapping(&mut self) -> Result<EditNode, Error> {
        let mut node = EditNode { is_flow: true, ..EditNode::default() };
        node.comments.head = self.take_comments().head;
        self.scanner.skip();
        let mut entries = Vec::new();
        loop {
            self.flow_comma(
                entries.is_empty(),
                |kind| matches!(kind, TokenKind::FlowMappingEnd),
                "',' or '}'",
            )?;
            let (key, value) = match self.peek()?.kind {
                TokenKind::FlowMappingEnd => break,
                TokenKind::Key => {
                    self.scanner.skip();
                    let key = match self.peek()?.kind {
                        TokenKind::Value | TokenKind::FlowEntry | TokenKind::FlowMappingEnd => {
                            self.empty()?
                        }
                        _ => self.node(false, false)?,
                    };
                    (key, self.flow_value()?)
                }
                _ => (self.node(false, false)?, self.empty()?),
            };
            entries.push(with_foot_at_key(key, value));
        }
        let NodeComments { line, foot, .. } = self.take_comments();
        self.scanner.skip();
        (node.comments.line, node.comments.foot) = (line, foot);
        node.content = Content::Map(entries);
        Ok(node)
    }
}

/// What stands below a value stands below the entry.
fn with_foot_at_key(mut key: EditNode, mut value: EditNode) -> (EditNode, EditNode) {
    if key.comments.foot.is_empty() {
        key.comments.foot = std::mem::take(&mut value.comments.foot);
    }
    (key, value)
}
