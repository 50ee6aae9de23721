//! Writing a document as libyaml's emitter in yaml.v3 does.
//!
//! A comment is kept in the writer until it reaches a position where a comment of its kind (head, line, foot) can
//! be written. Therefore some comments move, as with yaml.v3.

use super::scalars::{fitting, tag_of};
use super::{Content, EditDocument, EditNode, NodeComments};
use crate::Style;
use crate::directives::CORE;
use crate::emit::analysis::{has_break, is_break};
use std::borrow::Cow;

/// How nested collections are indented.
#[derive(Clone, Copy)]
struct Indentation {
    /// Columns per level.
    step: i32,
    /// Whether a list that is a value is not indented below its key.
    compact: bool,
}

/// The indentation that kustomize sets in yaml.v3.
const COMPACT: Indentation = Indentation { step: 2, compact: true };

/// The longest key, in bytes, that is written on one line with its value.
const KEY_LENGTH: usize = 128;

pub(super) fn document(document: &EditDocument) -> String {
    let mut writer = Writer::new(COMPACT);
    writer.document(document);
    writer.out
}

pub(super) fn stream(documents: &[EditDocument], step: u8) -> String {
    let mut writer = Writer::new(Indentation { step: i32::from(step), compact: false });
    for (number, document) in documents.iter().enumerate() {
        if number > 0 {
            writer.indicator("---", true, false, false);
            writer.write_indent();
        }
        writer.document(document);
    }
    writer.out
}

pub(super) fn node(node: &EditNode) -> String {
    let mut writer = Writer::new(COMPACT);
    writer.root(node);
    writer.end();
    writer.out
}

/// A text as a `>` block, indented by two columns.
pub(super) fn folded(text: &str) -> String {
    let mut writer = Writer::new(COMPACT);
    writer.indent = COMPACT.step;
    writer.folded(text);
    writer.out
}

/// The position of a node in its parent.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Root,
    BlockItem,
    FlowItem,
    SimpleKey,
    /// A value, or a key that needs a `?`.
    InMapping,
}

pub(super) struct Writer {
    out: String,
    column: i32,
    indent: i32,
    indentation: Indentation,
    /// Whether the last character was white space, or nothing was written on the line.
    pub whitespace: bool,
    /// Whether there are only indentation and dashes on the line.
    pub indention: bool,
    /// The indentation of a foot comment that was just written. It is followed by an empty line.
    foot_indent: i32,
    flow_level: u32,
    waiting: NodeComments,
    /// The foot comment of the entry before.
    tail: String,
    /// The line comment of the current key.
    key_line: String,
}

impl Writer {
    fn new(indentation: Indentation) -> Self {
        Self {
            indentation,
            out: String::new(),
            column: 0,
            indent: -1,
            whitespace: true,
            indention: true,
            foot_indent: -1,
            flow_level: 0,
            waiting: NodeComments::default(),
            tail: String::new(),
            key_line: String::new(),
        }
    }

    pub fn put(&mut self, c: char) {
        self.out.push(c);
        self.column += 1;
    }

    pub fn put_break(&mut self) {
        self.out.push('\n');
        self.column = 0;
        self.indention = true;
    }

    pub fn write_break(&mut self, c: char) {
        self.out.push(c);
        self.column = 0;
        self.indention = true;
    }

    pub fn write_indent(&mut self) {
        let indent = self.indent.max(0);
        if !self.indention || self.column > indent || self.column == indent && !self.whitespace {
            self.put_break();
        }
        if self.foot_indent == indent {
            self.put_break();
        }
        while self.column < indent {
            self.put(' ');
        }
        self.whitespace = true;
        self.foot_indent = -1;
    }

    pub fn indicator(&mut self, text: &str, after_blank: bool, whitespace: bool, indention: bool) {
        if after_blank && !self.whitespace {
            self.put(' ');
        }
        text.chars().for_each(|c| self.put(c));
        self.whitespace = whitespace;
        self.indention &= indention;
    }

    /// Keeps the comments of the next node until they can be written. Only one of each kind is kept.
    fn wait_for(&mut self, comments: &NodeComments) {
        let keep = |waiting: &mut String, new: &String| {
            if !new.is_empty() {
                waiting.clone_from(new);
            }
        };
        keep(&mut self.waiting.head, &comments.head);
        keep(&mut self.waiting.line, &comments.line);
        keep(&mut self.waiting.foot, &comments.foot);
    }

    /// Keeps the comments that belong to the start of a node. Line and foot comments of a collection belong to
    /// its end.
    fn wait_for_start(&mut self, node: &EditNode) {
        match node.content {
            Content::Scalar(_) | Content::Alias(_) => self.wait_for(&node.comments),
            Content::Seq(_) | Content::Map(_) => {
                let head = node.comments.head.clone();
                self.wait_for(&NodeComments { head, ..NodeComments::default() });
            }
        }
    }

    fn wait_for_end(&mut self, node: &EditNode) {
        let NodeComments { line, foot, .. } = &node.comments;
        self.wait_for(&NodeComments { head: String::new(), line: line.clone(), foot: foot.clone() });
    }

    fn comment(&mut self, text: &str) {
        let (mut breaks, mut has_sign) = (false, false);
        for c in text.chars() {
            if is_break(c) {
                self.write_break(c);
                (breaks, has_sign) = (true, false);
                continue;
            }
            if std::mem::take(&mut breaks) {
                self.write_indent();
            }
            if !std::mem::replace(&mut has_sign, true) && c != '#' {
                self.put('#');
                self.put(' ');
            }
            self.put(c);
            self.indention = false;
        }
        if !breaks {
            self.put_break();
        }
        self.whitespace = true;
    }

    /// Writes a comment on lines of its own, with an empty line after it.
    fn comment_below(&mut self, text: &str) {
        self.write_indent();
        self.comment(text);
        self.foot_indent = self.indent.max(0);
    }

    fn head_comment(&mut self) {
        let tail = std::mem::take(&mut self.tail);
        if !tail.is_empty() {
            self.comment_below(&tail);
        }
        let head = std::mem::take(&mut self.waiting.head);
        if !head.is_empty() {
            self.write_indent();
            self.comment(&head);
        }
    }

    fn line_comment(&mut self) {
        let line = std::mem::take(&mut self.waiting.line);
        if line.is_empty() {
            return;
        }
        if !self.whitespace {
            self.put(' ');
        }
        self.comment(&line);
    }

    /// Ends the first line of a block scalar.
    pub fn line_comment_or_break(&mut self) {
        if self.waiting.line.is_empty() {
            self.put_break();
        } else {
            self.line_comment();
        }
    }

    fn foot_comment(&mut self) {
        let foot = std::mem::take(&mut self.waiting.foot);
        if !foot.is_empty() {
            self.comment_below(&foot);
        }
    }

    fn has_comment_behind(&self) -> bool {
        !(self.waiting.line.is_empty() && self.waiting.foot.is_empty() && self.tail.is_empty())
    }

    fn root(&mut self, node: &EditNode) {
        self.wait_for_start(node);
        self.head_comment();
        self.start(node, Place::Root);
        self.line_comment();
        self.foot_comment();
        self.inside(node, Place::Root);
    }

    fn document(&mut self, document: &EditDocument) {
        self.waiting.head.clone_from(&document.head);
        if !document.head.is_empty() {
            self.head_comment();
            self.put_break();
        }
        self.root(&document.root);
        self.wait_for(&NodeComments { foot: document.foot.clone(), ..NodeComments::default() });
        self.end();
    }

    fn end(&mut self) {
        self.foot_indent = 0;
        self.foot_comment();
        self.foot_indent = -1;
        self.write_indent();
    }

    /// Columns of one level of indentation.
    pub fn step(&self) -> i32 {
        self.indentation.step
    }

    /// Starts a deeper level; returns the indentation before.
    fn deepen(&mut self, is_flow: bool, place: Place) -> i32 {
        let before = self.indent;
        let step = self.step();
        self.indent = match (before, place) {
            (..0, _) if is_flow => step,
            (..0, _) => 0,
            // The dash is part of the indentation.
            (_, Place::BlockItem) => before + 2,
            _ => step * ((before + step) / step),
        };
        before
    }

    /// Writes a scalar or an alias, or what precedes the content of a collection.
    fn start(&mut self, node: &EditNode, place: Place) {
        if let Content::Alias(name) = &node.content {
            self.indicator("*", true, false, false);
            return self.name(name);
        }
        if !node.anchor.is_empty() {
            self.indicator("&", true, false, false);
            self.name(&node.anchor);
        }
        let (tag, is_quoted) = shown_tag(node);
        self.tag(tag);
        let Content::Scalar(text) = &node.content else { return };
        let style = match node.style {
            Style::Plain if text.contains('\n') => Style::Literal,
            Style::Plain if is_quoted => Style::Double,
            style => style,
        };
        let style = fitting(style, text, self.flow_level > 0, place == Place::SimpleKey);
        let before = self.deepen(true, place);
        self.scalar(text, style);
        self.indent = before;
    }

    fn name(&mut self, name: &str) {
        name.chars().for_each(|c| self.put(c));
        (self.whitespace, self.indention) = (false, false);
    }

    fn tag(&mut self, tag: &str) {
        if tag.is_empty() {
            return;
        }
        let text = match (tag.strip_prefix("!!"), tag.strip_prefix('!')) {
            (Some(name), _) => format!("!!{}", escaped_tag(name)),
            (None, Some(name)) => format!("!{}", escaped_tag(name)),
            (None, None) => match tag.strip_prefix(CORE) {
                Some(name) => format!("!!{}", escaped_tag(name)),
                None => format!("!<{}>", escaped_tag(tag)),
            },
        };
        self.indicator(&text, true, false, false);
    }

    /// Writes the content of a collection.
    fn inside(&mut self, node: &EditNode, place: Place) {
        let is_flow = self.flow_level > 0 || node.is_flow;
        match &node.content {
            Content::Scalar(_) | Content::Alias(_) => {}
            Content::Seq(items) if is_flow || items.is_empty() => self.flow_seq(node, items, place),
            Content::Seq(items) => self.block_seq(items, place),
            Content::Map(entries) if is_flow || entries.is_empty() => self.flow_map(node, entries, place),
            Content::Map(entries) => self.block_map(node, entries, place),
        }
        if !is_flow && !node.is_empty() {
            self.wait_for_end(node);
        }
    }

    fn block_seq(&mut self, items: &[EditNode], place: Place) {
        let is_in_mapping = matches!(place, Place::InMapping | Place::SimpleKey);
        let is_compact = self.indentation.compact && is_in_mapping && (self.column == 0 || !self.indention);
        let before = self.deepen(false, place);
        if is_compact && before >= 0 {
            self.indent -= 2;
        }
        for item in items {
            self.wait_for_start(item);
            self.head_comment();
            self.write_indent();
            self.indicator("-", true, false, true);
            self.start(item, Place::BlockItem);
            self.line_comment();
            self.foot_comment();
            self.inside(item, Place::BlockItem);
        }
        self.indent = before;
    }

    fn block_map(&mut self, node: &EditNode, entries: &[(EditNode, EditNode)], place: Place) {
        let before = self.deepen(false, place);
        let mut foot = String::new();
        for (key, value) in entries {
            let key = &*self.key_comments(key, &mut foot);
            self.head_comment();
            self.write_indent();
            if !self.waiting.line.is_empty() {
                self.key_line = std::mem::take(&mut self.waiting.line);
            }
            if is_simple_key(key) {
                self.start(key, Place::SimpleKey);
                self.inside(key, Place::SimpleKey);
                self.wait_for_start(value);
                self.indicator(":", false, false, false);
            } else {
                self.indicator("?", true, false, true);
                self.start(key, Place::InMapping);
                self.inside(key, Place::InMapping);
                self.wait_for_start(value);
                self.write_indent();
                self.indicator(":", true, false, true);
            }
            self.key_line_comment(value);
            self.start(value, Place::InMapping);
            self.line_comment();
            self.foot_comment();
            self.inside(value, Place::InMapping);
        }
        self.set_tail(foot);
        self.wait_for_end(node);
        self.head_comment();
        self.indent = before;
    }

    /// Keeps the comments of an entry's key. The foot comment comes after the value, so it is kept in `foot`
    /// until the next entry; the returned key has none.
    fn key_comments<'n>(&mut self, key: &'n EditNode, foot: &mut String) -> Cow<'n, EditNode> {
        let before = std::mem::replace(foot, key.comments.foot.clone());
        if matches!(key.content, Content::Scalar(_) | Content::Map(_)) {
            self.set_tail(before);
        }
        let NodeComments { head, line, .. } = &key.comments;
        let is_leaf = matches!(key.content, Content::Scalar(_) | Content::Alias(_));
        let line = if is_leaf { line.clone() } else { String::new() };
        self.wait_for(&NodeComments { head: head.clone(), line, foot: String::new() });
        if is_leaf || foot.is_empty() {
            return Cow::Borrowed(key);
        }
        let mut footless = key.clone();
        footless.comments.foot.clear();
        Cow::Owned(footless)
    }

    fn set_tail(&mut self, tail: String) {
        if !tail.is_empty() {
            self.tail = tail;
        }
    }

    /// A key's line comment is written behind a scalar value without a comment, or before a block collection.
    fn key_line_comment(&mut self, value: &EditNode) {
        if self.key_line.is_empty() {
            return;
        }
        match value.content {
            Content::Scalar(_) if self.waiting.line.is_empty() => {
                self.waiting.line = std::mem::take(&mut self.key_line);
            }
            Content::Seq(_) | Content::Map(_) if !value.is_flow => {
                let line = std::mem::replace(&mut self.waiting.line, std::mem::take(&mut self.key_line));
                self.line_comment();
                self.waiting.line = line;
            }
            _ => {}
        }
    }

    fn flow_seq(&mut self, node: &EditNode, items: &[EditNode], place: Place) {
        self.indicator("[", true, true, false);
        let before = self.deepen(true, place);
        self.flow_level += 1;
        let mut needs_comma = false;
        for item in items {
            self.wait_for_start(item);
            if needs_comma {
                self.indicator(",", false, false, false);
            }
            self.flow_line();
            let has_comment = self.has_comment_behind();
            needs_comma = !has_comment;
            self.start(item, Place::FlowItem);
            self.flow_comments(has_comment);
            self.inside(item, Place::FlowItem);
        }
        self.wait_for_end(node);
        self.flow_level -= 1;
        self.indent = before;
        if self.column == 0 {
            self.write_indent();
        }
        self.flow_end("]");
    }

    fn flow_map(&mut self, node: &EditNode, entries: &[(EditNode, EditNode)], place: Place) {
        self.indicator("{", true, true, false);
        let before = self.deepen(true, place);
        self.flow_level += 1;
        let mut needs_comma = false;
        let mut foot = String::new();
        for (key, value) in entries {
            let key = &*self.key_comments(key, &mut foot);
            if needs_comma {
                self.indicator(",", false, false, false);
            }
            self.flow_line();
            let is_simple = is_simple_key(key);
            let key_place = if is_simple { Place::SimpleKey } else { Place::InMapping };
            if !is_simple {
                self.indicator("?", true, false, false);
            }
            self.start(key, key_place);
            self.inside(key, key_place);
            self.wait_for_start(value);
            self.indicator(":", !is_simple, false, false);
            let has_comment = self.has_comment_behind();
            needs_comma = !has_comment;
            self.start(value, Place::InMapping);
            self.flow_comments(has_comment);
            self.inside(value, Place::InMapping);
        }
        self.set_tail(foot);
        self.wait_for_end(node);
        let has_comment =
            !(self.waiting.head.is_empty() && self.waiting.foot.is_empty() && self.tail.is_empty());
        if has_comment && needs_comma {
            self.indicator(",", false, false, false);
        }
        self.head_comment();
        self.flow_level -= 1;
        self.indent = before;
        self.flow_end("}");
    }

    /// Before an item of a flow collection: writes its head comment, and the indentation if that ended the line.
    fn flow_line(&mut self) {
        self.head_comment();
        if self.column == 0 {
            self.write_indent();
        }
    }

    /// After an item of a flow collection. A comment ends the line, so the comma is written before it.
    fn flow_comments(&mut self, has_comment: bool) {
        if has_comment {
            self.indicator(",", false, false, false);
        }
        self.line_comment();
        self.foot_comment();
    }

    fn flow_end(&mut self, sign: &str) {
        self.indicator(sign, false, false, false);
        self.line_comment();
        self.foot_comment();
    }
}

impl EditNode {
    fn is_empty(&self) -> bool {
        match &self.content {
            Content::Scalar(_) | Content::Alias(_) => true,
            Content::Seq(items) => items.is_empty(),
            Content::Map(entries) => entries.is_empty(),
        }
    }
}

/// The tag to write, and whether a plain text needs quotes to stay a string.
fn shown_tag(node: &EditNode) -> (&str, bool) {
    let tag = node.tag.as_str();
    if tag.is_empty() || node.is_tagged {
        return (tag, false);
    }
    match &node.content {
        Content::Scalar(_) if tag == "!!str" && node.style != Style::Plain => ("", false),
        Content::Scalar(text) if tag_of(text) == tag => ("", false),
        Content::Scalar(_) if tag == "!!str" => ("", true),
        Content::Seq(_) if tag == "!!seq" => ("", false),
        Content::Map(_) if tag == "!!map" => ("", false),
        _ => (tag, false),
    }
}

/// Whether a key can be written on one line with its value.
fn is_simple_key(key: &EditNode) -> bool {
    let tag = shown_tag(key).0.trim_start_matches("!!");
    let tag_length = if shown_tag(key).0.is_empty() { 0 } else { tag.len() + 2 };
    let length = match &key.content {
        Content::Alias(name) => name.len(),
        Content::Scalar(text) if has_break(text) => return false,
        Content::Scalar(text) => key.anchor.len() + tag_length + text.len(),
        _ if !key.is_empty() => return false,
        _ => key.anchor.len() + tag_length,
    };
    length <= KEY_LENGTH
}

/// The tag, with each character that is not allowed in tags as `%XX`.
fn escaped_tag(tag: &str) -> String {
    let mut out = String::new();
    for b in tag.bytes() {
        if b.is_ascii_alphanumeric() || b"-;/?:@&=+$,_.~*'()[]".contains(&b) {
            out.push(char::from(b));
        } else {
            out.push_str(&format!("%{b:02X}"));
        }
    }
    out
}
