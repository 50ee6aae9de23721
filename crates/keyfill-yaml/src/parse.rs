//! The parser: turns tokens into a tree, by libyaml's grammar. A [`Builder`] makes the nodes, so that each kind
//! of tree is built directly.

use crate::directives::Directives;
use crate::input::Input;
use crate::scan::{Comment, Dialect, Mark, Scanner, Token, TokenKind, at};
use crate::{Error, Limits, Style};
use std::borrow::Cow;
use std::collections::HashMap;

/// A scalar of the text.
pub(crate) struct ScalarEvent<'a> {
    pub text: Cow<'a, str>,
    pub style: Style,
    /// The explicit tag in its long form, if there is one.
    pub tag: Option<Cow<'a, str>>,
    /// Whether the tag is `!`, which stands for no tag.
    pub bare_tag: bool,
    /// Whether the scalar is in a flow collection.
    pub flow: bool,
    pub mark: Mark,
}

impl ScalarEvent<'_> {
    fn empty(mark: Mark) -> Self {
        Self { text: Cow::Borrowed(""), style: Style::Plain, tag: None, bare_tag: false, flow: false, mark }
    }
}

/// Builds the nodes of one kind of tree.
///
/// The methods with a default body are for trees that are edited and written again: these keep comments, anchors
/// and aliases.
pub(crate) trait Builder {
    /// Whether the tree is one that is edited.
    const EDITS: bool = false;

    type Node: Clone;
    type Key;
    type Map;

    /// Called for a comment that belongs to the next token.
    fn comment(&mut self, _comment: Comment) {}
    /// Called if a document begins without `---`.
    fn implicit_document(&mut self) {}
    /// Called at the start of a sequence. If it is not indented below its key (`indentless`), there is no start
    /// token.
    fn begin_seq(&mut self, _flow: bool, _indentless: bool) {}
    /// Length in bytes of the comment above the next dash.
    fn above_dash(&self) -> usize {
        0
    }
    /// Called after a dash. `above` is the length of the comment above it; `opens` says whether a block
    /// collection follows.
    fn behind_dash(&mut self, _above: usize, _opens: bool) {}
    /// Starts a mapping that is one `key: value` in a flow sequence.
    fn pair(&mut self, mark: Mark) -> Self::Map {
        self.map(mark, true)
    }
    /// Builds a node for an alias, if aliases are not expanded.
    fn keep_alias(&mut self, _name: &str, _mark: Mark) -> Option<Self::Node> {
        None
    }
    /// Sets the anchor and the tag, in its long form, of a node.
    fn properties(&mut self, _node: &mut Self::Node, _anchor: Option<&str>, _tag: Option<&str>) {}

    fn scalar(&mut self, scalar: ScalarEvent<'_>) -> Result<Self::Node, Error>;
    fn seq(&mut self, items: Vec<Self::Node>, mark: Mark, flow: bool) -> Result<Self::Node, Error>;
    /// Called for a copy of a node that replaces an alias; `flow` says whether the alias is in a flow collection.
    fn alias(&mut self, _node: &mut Self::Node, _flow: bool) {}
    /// Builds a key from a scalar without an anchor.
    fn key(&mut self, scalar: ScalarEvent<'_>) -> Result<Self::Key, Error>;
    /// Builds a key from any other node.
    fn node_key(&mut self, node: Self::Node, mark: Mark) -> Result<Self::Key, Error>;
    fn map(&mut self, mark: Mark, flow: bool) -> Self::Map;
    fn entry(&mut self, map: &mut Self::Map, key: Self::Key, value: Self::Node) -> Result<(), Error>;
    fn end_map(&mut self, map: Self::Map) -> Result<Self::Node, Error>;
}

/// The node of an anchor.
enum Anchored<N> {
    /// The node is not complete yet: an alias inside it would contain itself.
    Open,
    /// The node, and the number of nodes in it.
    Node(N, u64),
}

#[derive(Default)]
struct Properties<'a> {
    anchor: Option<&'a str>,
    tag: Option<Cow<'a, str>>,
    bare_tag: bool,
}

pub(crate) struct Parser<'a, B: Builder> {
    scanner: Scanner<'a>,
    builder: B,
    dialect: Dialect,
    first: bool,
    directives: Directives<'a>,
    anchors: HashMap<&'a str, Anchored<B::Node>>,
    limits: Limits,
    depth: u32,
    nodes: u64,
    aliased: u64,
}

impl<'a, B: Builder> Parser<'a, B> {
    pub fn new(input: &Input<'a>, dialect: Dialect, limits: &Limits, builder: B) -> Self {
        let scanner = Scanner::new(input, dialect, limits.depth);
        Self {
            scanner: if B::EDITS { scanner.with_comments() } else { scanner },
            builder,
            dialect,
            first: true,
            directives: Directives::default(),
            anchors: HashMap::new(),
            limits: limits.clone(),
            depth: 0,
            nodes: 0,
            aliased: 0,
        }
    }

    /// The current position of the scanner: line and column, counted from 0.
    pub fn place(&mut self) -> (u32, u32) {
        self.scanner.place()
    }

    /// The builder.
    pub fn builder(&mut self) -> &mut B {
        &mut self.builder
    }

    /// The next token, without taking it. The builder gets the comments that belong to it.
    #[inline]
    fn peek(&mut self) -> Result<&Token<'a>, Error> {
        if B::EDITS {
            self.scanner.peek()?;
            while let Some(comment) = self.scanner.take_comment() {
                self.builder.comment(comment);
            }
        }
        self.scanner.peek()
    }

    /// Parses the next document of the stream; `None` at its end.
    pub fn document(&mut self) -> Result<Option<B::Node>, Error> {
        let first = std::mem::replace(&mut self.first, false);
        if !first {
            while matches!(self.peek()?.kind, TokenKind::DocumentEnd) {
                self.scanner.skip();
            }
        }
        self.nodes = 0;
        self.aliased = 0;
        if self.dialect == Dialect::V2 || B::EDITS {
            self.anchors.clear();
        }
        let explicit = match self.peek()?.kind {
            TokenKind::StreamEnd => return Ok(None),
            TokenKind::Version(..) | TokenKind::TagDirective(_) | TokenKind::DocumentStart => true,
            _ => !first,
        };
        self.directives = Directives::default();
        if explicit {
            while Directives::is_one(&self.peek()?.kind) {
                let token = self.scanner.next()?;
                self.directives.add(token)?;
            }
            let token = self.scanner.next()?;
            if !matches!(token.kind, TokenKind::DocumentStart) {
                return Err(at(token.mark, "did not find expected <document start>"));
            }
        } else {
            self.builder.implicit_document();
        }
        let token = self.peek()?;
        let mark = token.mark;
        let empty = matches!(
            token.kind,
            TokenKind::Version(..)
                | TokenKind::TagDirective(_)
                | TokenKind::DocumentStart
                | TokenKind::DocumentEnd
                | TokenKind::StreamEnd
        );
        let node = if explicit && empty { self.empty(mark)? } else { self.node(true, false)? };
        if matches!(self.peek()?.kind, TokenKind::DocumentEnd) {
            self.scanner.next()?;
        }
        Ok(Some(node))
    }

    fn count(&mut self, more: u64, mark: Mark) -> Result<(), Error> {
        let before = self.nodes;
        self.nodes = self.nodes.saturating_add(more);
        if before / OFTEN != self.nodes / OFTEN
            && let Some(cx) = &self.limits.cx
        {
            cx.check().map_err(Error::stop)?;
        }
        if self.nodes > self.limits.nodes {
            let message =
                format!("the document has more than {} nodes with its aliases expanded", self.limits.nodes);
            return Err(at(mark, message));
        }
        Ok(())
    }

    fn empty(&mut self, mark: Mark) -> Result<B::Node, Error> {
        self.count(1, mark)?;
        self.builder.scalar(ScalarEvent::empty(mark))
    }

    fn empty_in_flow(&mut self, mark: Mark) -> Result<B::Node, Error> {
        self.count(1, mark)?;
        self.builder.scalar(ScalarEvent { flow: true, ..ScalarEvent::empty(mark) })
    }

    /// Parses a node. `block` allows block collections, `indentless` a sequence that is not indented below its
    /// key.
    fn node(&mut self, block: bool, indentless: bool) -> Result<B::Node, Error> {
        let token = self.peek()?;
        let start = token.mark;
        let mut properties = Properties::default();
        match token.kind {
            TokenKind::Alias(name) => {
                self.scanner.next()?;
                return self.alias(name, start, !block);
            }
            TokenKind::Anchor(_) | TokenKind::Tag(_) => properties = self.properties()?,
            _ => {}
        }
        if B::EDITS {
            return self.edited(block, indentless, start, properties);
        }
        let Some(anchor) = properties.anchor else {
            return self.content(block, indentless, start, properties);
        };
        let before = self.nodes;
        self.anchors.insert(anchor, Anchored::Open);
        let node = self.content(block, indentless, start, properties)?;
        self.anchors.insert(anchor, Anchored::Node(node.clone(), self.nodes - before));
        Ok(node)
    }

    /// Parses a node with its anchor and tag, for a tree that is edited.
    fn edited(
        &mut self,
        block: bool,
        indentless: bool,
        start: Mark,
        properties: Properties<'a>,
    ) -> Result<B::Node, Error> {
        let (anchor, tag) = (properties.anchor, properties.tag.clone());
        if let Some(anchor) = anchor {
            self.anchors.insert(anchor, Anchored::Open);
        }
        let mut node = self.content(block, indentless, start, properties)?;
        self.builder.properties(&mut node, anchor, tag.as_deref());
        Ok(node)
    }

    fn properties(&mut self) -> Result<Properties<'a>, Error> {
        let mut properties = Properties::default();
        let mut tagged = false;
        loop {
            match self.peek()?.kind {
                TokenKind::Anchor(_) if properties.anchor.is_none() => {}
                TokenKind::Tag(_) if !tagged => {}
                _ => return Ok(properties),
            }
            let token = self.scanner.next()?;
            match token.kind {
                TokenKind::Anchor(name) => properties.anchor = Some(name),
                TokenKind::Tag(tag) => {
                    let (handle, suffix) = *tag;
                    tagged = true;
                    let tag = self.directives.long_tag(handle, suffix, token.mark)?;
                    properties.bare_tag = tag == "!";
                    properties.tag = (tag != "!").then_some(tag);
                }
                _ => {}
            }
        }
    }

    /// Parses the content of a node, which follows its anchor and tag.
    #[inline]
    fn content(
        &mut self,
        block: bool,
        indentless: bool,
        start: Mark,
        properties: Properties<'a>,
    ) -> Result<B::Node, Error> {
        let bare = properties.anchor.is_none() && properties.tag.is_none() && !properties.bare_tag;
        self.count(1, start)?;
        let token = self.peek()?;
        let mark = token.mark;
        match &token.kind {
            TokenKind::Scalar(..) => {
                let mut scalar = self.take_scalar(start, properties)?;
                scalar.flow = !block;
                self.builder.scalar(scalar)
            }
            TokenKind::BlockEntry if indentless => self.nested(start, Self::indentless_sequence),
            TokenKind::FlowSequenceStart => self.nested(start, Self::flow_sequence),
            TokenKind::FlowMappingStart => self.nested(start, Self::flow_mapping),
            TokenKind::BlockSequenceStart if block => self.nested(start, Self::block_sequence),
            TokenKind::BlockMappingStart if block => self.nested(start, Self::block_mapping),
            _ if !bare => {
                let event = ScalarEvent {
                    tag: properties.tag,
                    bare_tag: properties.bare_tag,
                    flow: !block,
                    ..ScalarEvent::empty(start)
                };
                self.builder.scalar(event)
            }
            _ => Err(at(mark, "did not find expected node content")),
        }
    }

    fn take_scalar(&mut self, mark: Mark, properties: Properties<'a>) -> Result<ScalarEvent<'a>, Error> {
        let (text, style) =
            self.scanner.take_scalar().ok_or_else(|| at(mark, "did not find expected node content"))?;
        let Properties { tag, bare_tag, .. } = properties;
        Ok(ScalarEvent { text, style, tag, bare_tag, flow: false, mark })
    }

    fn nested(
        &mut self,
        mark: Mark,
        parse: fn(&mut Self, Mark) -> Result<B::Node, Error>,
    ) -> Result<B::Node, Error> {
        if self.depth >= self.limits.depth {
            return Err(at(mark, format!("the document is nested deeper than {} levels", self.limits.depth)));
        }
        self.depth += 1;
        let node = parse(self, mark);
        self.depth -= 1;
        node
    }

    fn alias(&mut self, name: &str, mark: Mark, flow: bool) -> Result<B::Node, Error> {
        let Some(anchored) = self.anchors.get(name) else {
            return Err(at(mark, format!("unknown anchor '{name}' referenced")).about_value().hint(
                "text that begins with * is put into quotes; anchors do not reach into other documents",
            ));
        };
        if let Some(node) = self.builder.keep_alias(name, mark) {
            self.count(1, mark)?;
            return Ok(node);
        }
        let (node, size) = match anchored {
            Anchored::Open => {
                return Err(at(mark, format!("anchor '{name}' value contains itself")).about_value());
            }
            Anchored::Node(node, size) => (node, *size),
        };
        // The limits are checked before the node is copied.
        let total = self.nodes.saturating_add(size);
        let aliased = self.aliased.saturating_add(size);
        let excessive = aliased > 100 && total > 1000 && ratio(aliased, total) > allowed_ratio(total);
        let is_bomb = match self.dialect {
            Dialect::V2 => excessive,
            Dialect::V3 => aliased > self.limits.nodes / ALIASED_SHARE,
        };
        if is_bomb {
            return Err(at(mark, "document contains excessive aliasing").about_value());
        }
        if total > self.limits.nodes {
            return Err(self.count(size, mark).err().unwrap_or_else(|| at(mark, "too many nodes")));
        }
        if let Some(cx) = &self.limits.cx {
            cx.room(size.saturating_mul(bytes_of::<B>())).map_err(Error::stop)?;
        }
        let mut node = node.clone();
        self.builder.alias(&mut node, flow);
        self.nodes = total;
        self.aliased = aliased;
        Ok(node)
    }

    /// Takes the dash that `peek` returned.
    #[inline]
    fn skip_dash(&mut self) -> Result<(), Error> {
        let above = self.builder.above_dash();
        self.scanner.skip();
        if B::EDITS {
            let next = &self.peek()?.kind;
            let opens = matches!(next, TokenKind::BlockSequenceStart | TokenKind::BlockMappingStart);
            self.builder.behind_dash(above, opens);
        }
        Ok(())
    }

    fn block_sequence(&mut self, mark: Mark) -> Result<B::Node, Error> {
        self.builder.begin_seq(false, false);
        self.scanner.skip();
        let mut items = Vec::new();
        loop {
            let token = self.peek()?;
            match token.kind {
                TokenKind::BlockEntry => self.skip_dash()?,
                TokenKind::BlockEnd => {
                    self.scanner.skip();
                    return self.builder.seq(items, mark, false);
                }
                _ => {
                    return Err(at(token.mark, "did not find expected '-' indicator")
                        .hint("all items of a list begin in one column"));
                }
            }
            let after = self.peek()?;
            let (place, empty) =
                (after.mark, matches!(after.kind, TokenKind::BlockEntry | TokenKind::BlockEnd));
            items.push(if empty { self.empty(place)? } else { self.node(true, false)? });
        }
    }

    fn indentless_sequence(&mut self, mark: Mark) -> Result<B::Node, Error> {
        self.builder.begin_seq(false, true);
        let mut items = Vec::new();
        while matches!(self.peek()?.kind, TokenKind::BlockEntry) {
            self.skip_dash()?;
            let after = self.peek()?;
            let empty = matches!(
                after.kind,
                TokenKind::BlockEntry | TokenKind::Key | TokenKind::Value | TokenKind::BlockEnd
            );
            let place = after.mark;
            items.push(if empty { self.empty(place)? } else { self.node(true, false)? });
        }
        self.builder.seq(items, mark, false)
    }

    fn block_mapping(&mut self, mark: Mark) -> Result<B::Node, Error> {
        self.scanner.skip();
        let mut map = self.builder.map(mark, false);
        loop {
            let token = self.peek()?;
            let place = token.mark;
            let key = match token.kind {
                TokenKind::Key => {
                    self.scanner.skip();
                    self.block_key(place)?
                }
                TokenKind::BlockEnd => {
                    self.scanner.skip();
                    return self.builder.end_map(map);
                }
                _ => {
                    return Err(at(place, "did not find expected key")
                        .hint("check the indentation: all keys of a mapping begin in one column"));
                }
            };
            let after = self.peek()?;
            let place = after.mark;
            let value = if matches!(after.kind, TokenKind::Value) {
                self.scanner.skip();
                let after = self.peek()?;
                let place = after.mark;
                if matches!(after.kind, TokenKind::Key | TokenKind::Value | TokenKind::BlockEnd) {
                    self.empty(place)?
                } else {
                    self.node(true, true)?
                }
            } else {
                self.empty(place)?
            };
            self.builder.entry(&mut map, key, value)?;
        }
    }

    fn block_key(&mut self, mark: Mark) -> Result<B::Key, Error> {
        match self.peek()?.kind {
            TokenKind::Key | TokenKind::Value | TokenKind::BlockEnd => self.empty_key(mark),
            _ => self.key_node(true),
        }
    }

    fn empty_key(&mut self, mark: Mark) -> Result<B::Key, Error> {
        self.count(1, mark)?;
        self.builder.key(ScalarEvent::empty(mark))
    }

    fn key_node(&mut self, block: bool) -> Result<B::Key, Error> {
        let token = self.peek()?;
        let mark = token.mark;
        if B::EDITS {
            let node = self.node(block, block)?;
            return self.builder.node_key(node, mark);
        }
        if matches!(token.kind, TokenKind::Scalar(..)) {
            self.count(1, mark)?;
            let scalar = self.take_scalar(mark, Properties::default())?;
            return self.builder.key(scalar);
        }
        if matches!(token.kind, TokenKind::Tag(_)) {
            let properties = self.properties()?;
            if properties.anchor.is_none() && matches!(self.peek()?.kind, TokenKind::Scalar(..)) {
                self.count(1, mark)?;
                let scalar = self.take_scalar(mark, properties)?;
                return self.builder.key(scalar);
            }
            let node = self.content(block, block, mark, properties)?;
            return self.builder.node_key(node, mark);
        }
        let node = self.node(block, block)?;
        self.builder.node_key(node, mark)
    }

    fn flow_sequence(&mut self, mark: Mark) -> Result<B::Node, Error> {
        self.builder.begin_seq(true, false);
        self.scanner.next()?;
        let mut items = Vec::new();
        loop {
            if !items.is_empty() && !matches!(self.peek()?.kind, TokenKind::FlowSequenceEnd) {
                let token = self.scanner.next()?;
                if !matches!(token.kind, TokenKind::FlowEntry) {
                    return Err(at(token.mark, "did not find expected ',' or ']'"));
                }
            }
            match self.peek()?.kind {
                TokenKind::FlowSequenceEnd => {
                    self.scanner.next()?;
                    return self.builder.seq(items, mark, true);
                }
                TokenKind::Key => {
                    let mark = self.scanner.next()?.mark;
                    self.count(1, mark)?;
                    items.push(self.nested(mark, Self::flow_pair)?);
                }
                _ => items.push(self.node(false, false)?),
            }
        }
    }

    /// Parses `key: value` as an item of a flow sequence: a mapping with one entry.
    fn flow_pair(&mut self, mark: Mark) -> Result<B::Node, Error> {
        let mut map = self.builder.pair(mark);
        let after = self.peek()?;
        let place = after.mark;
        let key = match after.kind {
            TokenKind::Value | TokenKind::FlowEntry | TokenKind::FlowSequenceEnd => {
                // libyaml drops the next token here, and continues with the one after it.
                self.scanner.next()?;
                self.empty_key(place)?
            }
            _ => self.key_node(false)?,
        };
        let value =
            self.flow_value(|kind| matches!(kind, TokenKind::FlowEntry | TokenKind::FlowSequenceEnd))?;
        self.builder.entry(&mut map, key, value)?;
        self.builder.end_map(map)
    }

    fn flow_value(&mut self, ends: fn(&TokenKind<'_>) -> bool) -> Result<B::Node, Error> {
        if matches!(self.peek()?.kind, TokenKind::Value) {
            self.scanner.skip();
            if !ends(&self.peek()?.kind) {
                return self.node(false, false);
            }
        }
        let place = self.peek()?.mark;
        self.empty_in_flow(place)
    }

    fn flow_mapping(&mut self, mark: Mark) -> Result<B::Node, Error> {
        self.scanner.next()?;
        let mut map = self.builder.map(mark, true);
        let mut first = true;
        loop {
            if !std::mem::replace(&mut first, false)
                && !matches!(self.peek()?.kind, TokenKind::FlowMappingEnd)
            {
                let token = self.scanner.next()?;
                if !matches!(token.kind, TokenKind::FlowEntry) {
                    return Err(at(token.mark, "did not find expected ',' or '}'"));
                }
            }
            let token = self.peek()?;
            let place = token.mark;
            let (key, value) = match token.kind {
                TokenKind::FlowMappingEnd => {
                    self.scanner.next()?;
                    return self.builder.end_map(map);
                }
                TokenKind::Key => {
                    self.scanner.next()?;
                    let after = self.peek()?;
                    let place = after.mark;
                    let key = match after.kind {
                        TokenKind::Value | TokenKind::FlowEntry | TokenKind::FlowMappingEnd => {
                            self.empty_key(place)?
                        }
                        _ => self.key_node(false)?,
                    };
                    let ends = |kind: &TokenKind<'_>| {
                        matches!(kind, TokenKind::FlowEntry | TokenKind::FlowMappingEnd)
                    };
                    (key, self.flow_value(ends)?)
                }
                _ => (self.key_node(false)?, self.empty_in_flow(place)?),
            };
            self.builder.entry(&mut map, key, value)?;
        }
    }
}

/// The size in bytes of a node with its key.
fn bytes_of<B: Builder>() -> u64 {
    (size_of::<B::Node>() + size_of::<B::Key>()) as u64
}

/// The number of nodes between two checks whether the run was stopped.
const OFTEN: u64 = 4096;

/// At most one in so many nodes of the limit may come from aliases. yaml.v3 has no limit of its own.
const ALIASED_SHARE: u64 = 10;

fn ratio(part: u64, whole: u64) -> f64 {
    part as f64 / whole as f64
}

/// The share of a document's nodes that yaml.v2 allows to come from aliases: 99 % in a small document, 10 % in
/// one with millions of nodes.
fn allowed_ratio(nodes: u64) -> f64 {
    const LOW: f64 = 400_000.0;
    const HIGH: f64 = 4_000_000.0;
    let nodes = nodes as f64;
    if nodes <= LOW {
        0.99
    } else if nodes >= HIGH {
        0.10
    } else {
        0.99 - 0.89 * ((nodes - LOW) / (HIGH - LOW))
    }
}
