//! Builds trees from tokens. The messages are Go's.

mod building;
mod pipeline;

use super::ast::{Branch, Node, NodeId, NodeKind, Nodes, Source, Tree};
use super::lexer::{Lexer, Token, TokenKind};
use crate::error::Error;
use crate::function::Registry;
use crate::value::Str;
use building::{Building, put};
use keyfill_diag::Cx;
use keyfill_go::quote::quote;
use pipeline::constant;
use std::collections::HashMap;
use std::sync::Arc;

/// The deepest nesting of actions and parentheses.
const DEPTH: u32 = 1_000;

/// The number of actions and texts between two checks of the deadline.
const ITEMS_PER_CHECK: u32 = 256;

/// The message for a text that ends inside the body of an action.
const TOO_EARLY: &str = "unexpected EOF";

/// Parses a text. Returns the trees of its definitions, and its own tree last. Parsing stops when the run of `cx`
/// has to stop.
pub(crate) fn parse(
    file: &str,
    text: &Str,
    registry: &Registry,
    cx: Option<&Cx>,
) -> Result<Vec<Tree>, Error> {
    if u32::try_from(text.len()).is_err() {
        return Err(Error::parse(file, 1, "the template is larger than 4 GiB".to_owned()));
    }
    let is_keyword = |name| registry.index(name).is_none();
    let source = Arc::new(Source { file: file.to_owned(), text: text.clone() });
    let mut parser = Parser {
        lexer: Lexer::new(text.as_bytes(), is_keyword("break"), is_keyword("continue")),
        registry,
        current: Building::new(Str::from(file)),
        source,
        finished: Vec::new(),
        places: HashMap::new(),
        depth: 0,
        cx,
        items: 0,
    };
    let root = parser.top_level()?;
    parser.finish(root)?;
    Ok(parser.finished)
}

struct Parser<'a> {
    lexer: Lexer<'a>,
    registry: &'a Registry,
    source: Arc<Source>,
    current: Building,
    finished: Vec<Tree>,
    /// The index of each finished tree in `finished`, by name.
    places: HashMap<Str, usize>,
    depth: u32,
    cx: Option<&'a Cx>,
    items: u32,
}

/// The keyword that ended a list of statements.
enum End {
    End,
    Else,
}

/// A statement, or what ends a list of them.
enum Item {
    Node(NodeId),
    End(End),
}

impl Parser<'_> {
    fn add(&mut self, pos: u32, kind: NodeKind) -> NodeId {
        let id = NodeId(self.current.nodes.len() as u32);
        self.current.nodes.push(Node { pos, kind });
        id
    }

    fn next(&mut self) -> Token {
        let current = &mut self.current;
        if current.peeked > 0 {
            current.peeked -= 1;
        } else {
            current.ahead[0] = self.lexer.next();
        }
        current.ahead[current.peeked]
    }

    fn peek(&mut self) -> Token {
        let token = self.next();
        self.current.peeked += 1;
        token
    }

    fn next_solid(&mut self) -> Token {
        loop {
            let token = self.next();
            if token.kind != TokenKind::Space {
                return token;
            }
        }
    }

    fn peek_solid(&mut self) -> Token {
        let token = self.next_solid();
        self.current.peeked += 1;
        token
    }

    /// Puts back tokens. `before` are those before the newest one, which is put back too.
    fn put_back(&mut self, before: &[Token]) {
        for (place, token) in self.current.ahead[1..].iter_mut().zip(before) {
            *place = *token;
        }
        self.current.peeked = before.len() + 1;
    }

    fn error(&self, message: impl Into<String>) -> Error {
        let line = self.lexer.line(self.current.ahead[0].start);
        Error::parse(&self.source.file, line, message.into())
    }

    fn unexpected(&self, token: Token, context: &str) -> Error {
        let text = self.lexer.describe(token);
        if token.kind != TokenKind::Error {
            return self.error(format!("unexpected {text} in {context}"));
        }
        let line = self.lexer.line(token.start);
        let started = self.current.action.map(|pos| self.lexer.line(pos)).filter(|at| *at != line);
        self.error(match started {
            // Not "unclosed action in action".
            Some(at) if text.ends_with(" action") => format!("{text} started at {}:{at}", self.source.file),
            Some(at) => format!("{text} in action started at {}:{at}", self.source.file),
            None => text,
        })
    }

    fn expect(&mut self, kind: TokenKind, context: &str) -> Result<Token, Error> {
        let token = self.next_solid();
        if token.kind == kind { Ok(token) } else { Err(self.unexpected(token, context)) }
    }

    fn nested<T>(&mut self, parse: impl FnOnce(&mut Self) -> Result<T, Error>) -> Result<T, Error> {
        if self.depth >= DEPTH {
            return Err(self.error("max expression depth exceeded"));
        }
        self.depth += 1;
        let result = stacker::maybe_grow(STACK_LEFT, STACK_MORE, || parse(self));
        self.depth -= 1;
        result
    }

    /// Parses the whole text, with its definitions.
    fn top_level(&mut self) -> Result<Nodes, Error> {
        loop {
            let token = self.peek();
            match token.kind {
                TokenKind::Eof => return Ok(self.current.close(0)),
                TokenKind::LeftDelim => {
                    let delimiter = self.next();
                    if self.next_solid().kind == TokenKind::Define {
                        self.definition(delimiter.start)?;
                        continue;
                    }
                    self.put_back(&[delimiter]);
                }
                _ => {}
            }
            match self.text_or_action()? {
                Item::Node(node) => self.current.open.push(node),
                Item::End(End::End) => return Err(self.error("unexpected {{end}}")),
                Item::End(End::Else) => return Err(self.error("unexpected {{else}}")),
            }
        }
    }

    /// Parses `{{define "name"}} ... {{end}}` after the keyword. `opened` is the position at which the action
    /// begins.
    fn definition(&mut self, opened: u32) -> Result<(), Error> {
        self.tick()?;
        let context = "define clause";
        let outer = std::mem::replace(&mut self.current, Building::new(Str::EMPTY));
        let token = self.next_solid();
        self.current.name = self.template_name(token, context)?;
        self.expect(TokenKind::RightDelim, context)?;
        self.body_of_definition(context).map_err(|error| self.not_closed(Some(opened), error))?;
        self.current = outer;
        Ok(())
    }

    /// Adds a hint to the error of a text that ends too early: the innermost action without an `end`.
    fn not_closed(&self, opened: Option<u32>, error: Error) -> Error {
        let Some(at) = opened.filter(|_| error.message() == TOO_EARLY && error.hint().is_none()) else {
            return error;
        };
        let line = self.lexer.line(at);
        error.with_hint(Some(format!("the action that begins in line {line} has no {{{{ end }}}}")))
    }

    fn body_of_definition(&mut self, context: &str) -> Result<(), Error> {
        let (list, end) = self.nested(Self::item_list)?;
        if let End::Else = end {
            return Err(self.error(format!("unexpected {{{{else}}}} in {context}")));
        }
        self.finish(list)
    }

    /// Adds the current tree to the finished ones.
    fn finish(&mut self, root: Nodes) -> Result<(), Error> {
        let current = &mut self.current;
        // Trees live as long as the run, so they are copied without spare capacity, which the next tree uses again.
        let tree = Tree {
            name: current.name.clone(),
            source: Arc::clone(&self.source),
            nodes: current.nodes.as_slice().into(),
            lists: current.lists.as_slice().into(),
            names: current.names.as_slice().into(),
            texts: current.texts.drain(..).collect(),
            numbers: current.numbers.drain(..).collect(),
            branches: current.branches.as_slice().into(),
            uses: current.uses.as_slice().into(),
            chains: current.chains.as_slice().into(),
            root,
            variables: current.variables.drain(..).collect(),
        };
        match self.places.get(&tree.name).copied() {
            None => {
                self.places.insert(tree.name.clone(), self.finished.len());
                self.finished.push(tree);
            }
            Some(at) if self.finished[at].is_empty() => self.finished[at] = tree,
            Some(_) if tree.is_empty() => {}
            Some(_) => {
                let name = quote(tree.name.as_bytes());
                return Err(self.error(format!("template: multiple definition of template {name}")));
            }
        }
        Ok(())
    }

    fn template_name(&mut self, token: Token, context: &str) -> Result<Str, Error> {
        match token.kind {
            TokenKind::String | TokenKind::RawString => match constant(self.lexer.text(token)) {
                Ok(name) => Ok(name),
                Err(error) => Err(self.error(error.to_string())),
            },
            _ => Err(self.unexpected(token, context)),
        }
    }

    /// Parses statements up to `end` or `else`.
    fn item_list(&mut self) -> Result<(Nodes, End), Error> {
        let base = self.current.open.len();
        let opened = self.current.action;
        while self.peek_solid().kind != TokenKind::Eof {
            match self.text_or_action()? {
                Item::Node(node) => self.current.open.push(node),
                Item::End(end) => return Ok((self.current.close(base), end)),
            }
        }
        Err(self.not_closed(opened, self.error(TOO_EARLY)))
    }

    /// From time to time checks whether the run has to stop.
    fn tick(&mut self) -> Result<(), Error> {
        self.items = self.items.wrapping_add(1);
        match self.cx {
            Some(cx) if self.items.is_multiple_of(ITEMS_PER_CHECK) => {
                cx.check().map_err(|stopped| Error::plain(stopped.to_string(), true))
            }
            _ => Ok(()),
        }
    }

    fn text_or_action(&mut self) -> Result<Item, Error> {
        self.tick()?;
        let token = self.next_solid();
        match token.kind {
            TokenKind::Text => {
                let text = NodeKind::Text(token.start, token.end);
                Ok(Item::Node(self.add(token.start, text)))
            }
            TokenKind::LeftDelim => {
                self.current.action = Some(token.start);
                let item = self.action()?;
                self.current.action = None;
                Ok(item)
            }
            _ => Err(self.unexpected(token, "input")),
        }
    }

    fn action(&mut self) -> Result<Item, Error> {
        let token = self.next_solid();
        let node = match token.kind {
            TokenKind::Block => self.block()?,
            TokenKind::Break => self.jump(token, "break", NodeKind::Break)?,
            TokenKind::Continue => self.jump(token, "continue", NodeKind::Continue)?,
            TokenKind::Else => return self.else_keyword(),
            TokenKind::End => {
                self.expect(TokenKind::RightDelim, "end")?;
                return Ok(Item::End(End::End));
            }
            TokenKind::If => self.nested(|p| p.control("if"))?,
            TokenKind::Range => self.nested(|p| p.control("range"))?,
            TokenKind::With => self.nested(|p| p.control("with"))?,
            TokenKind::Template => self.template()?,
            _ => {
                self.current.peeked += 1;
                let start = self.peek().start;
                let pipe = self.pipeline("command", TokenKind::RightDelim)?;
                self.add(start, NodeKind::Action(pipe))
            }
        };
        Ok(Item::Node(node))
    }

    fn jump(&mut self, keyword: Token, word: &str, kind: NodeKind) -> Result<NodeId, Error> {
        self.expect(TokenKind::RightDelim, &format!("{{{{{word}}}}}"))?;
        if self.current.ranges == 0 {
            return Err(self.error(format!("{{{{{word}}}}} outside {{{{range}}}}")));
        }
        Ok(self.add(keyword.start, kind))
    }

    /// Parses `else` after its keyword. An `if` or `with` after it is left to the caller.
    fn else_keyword(&mut self) -> Result<Item, Error> {
        if !matches!(self.peek_solid().kind, TokenKind::If | TokenKind::With) {
            self.expect(TokenKind::RightDelim, "else")?;
        }
        Ok(Item::End(End::Else))
    }

    /// Parses `if`, `range` or `with`, after the keyword.
    fn control(&mut self, word: &str) -> Result<NodeId, Error> {
        let scope = (self.current.known.len(), self.current.stack.len());
        let pipe = self.pipeline(word, TokenKind::RightDelim)?;
        let height = self.current.stack.len();
        self.current.ranges += u32::from(word == "range");
        let (body, end) = self.item_list()?;
        self.current.ranges -= u32::from(word == "range");
        // Variables of the body are known in the other branch, in Go's view, but are not on the stack when that is
        // executed.
        self.current.stack.truncate(height);
        let otherwise = match end {
            End::End => None,
            End::Else => Some(self.otherwise(word)?),
        };
        self.current.known.truncate(scope.0);
        self.current.stack.truncate(scope.1);
        let branch = put(&mut self.current.branches, Branch { pipe, body, otherwise });
        let pos = self.current.nodes[pipe.0 as usize].pos;
        Ok(self.add(
            pos,
            match word {
                "if" => NodeKind::If(branch),
                "with" => NodeKind::With(branch),
                _ => NodeKind::Range(branch),
            },
        ))
    }

    /// Parses what follows `else`. An `else if` or `else with` of the same kind shares the `end`.
    fn otherwise(&mut self, word: &str) -> Result<Nodes, Error> {
        let chained = match self.peek().kind {
            TokenKind::If => word == "if",
            TokenKind::With => word == "with",
            _ => false,
        };
        if chained {
            self.next();
            let inner = self.nested(|p| p.control(word))?;
            let base = self.current.open.len();
            self.current.open.push(inner);
            return Ok(self.current.close(base));
        }
        match self.item_list()? {
            (list, End::End) => Ok(list),
            (_, End::Else) => Err(self.error("expected end; found {{else}}")),
        }
    }

    /// Parses `{{block "name" pipeline}} ... {{end}}`: a definition and a call of it.
    fn block(&mut self) -> Result<NodeId, Error> {
        let context = "block clause";
        let token = self.next_solid();
        let name = self.template_name(token, context)?;
        let pipe = self.pipeline(context, TokenKind::RightDelim)?;
        let outer = std::mem::replace(&mut self.current, Building::new(name.clone()));
        self.body_of_definition(context)?;
        self.current = outer;
        let name = put(&mut self.current.texts, name);
        Ok(self.add(token.start, NodeKind::Template { name, pipe }))
    }

    fn template(&mut self) -> Result<NodeId, Error> {
        let context = "template clause";
        let token = self.next_solid();
        let name = self.template_name(token, context)?;
        let mut pipe = NodeId::NONE;
        if self.next_solid().kind != TokenKind::RightDelim {
            self.current.peeked += 1;
            pipe = self.pipeline(context, TokenKind::RightDelim)?;
        }
        let name = put(&mut self.current.texts, name);
        Ok(self.add(token.start, NodeKind::Template { name, pipe }))
    }
}

/// If less stack than this is left, in bytes, more is allocated on the heap.
const STACK_LEFT: usize = 512 << 10;
/// The number of bytes that are allocated then.
const STACK_MORE: usize = 4 << 20;
