//! Pipelines: the content of an action, from declarations to constants.

use super::super::ast::{Chain, Name, Names, NodeId, NodeKind, Number, Variable};
use super::super::lexer::{Token, TokenKind};
use super::Parser;
use super::building::put;
use crate::error::Error;
use crate::value::Str;
use keyfill_go::quote::{quote, unquote};
use keyfill_go::strconv::NumError;
use smallvec::SmallVec;

impl Parser<'_> {
    /// Parses declarations and commands up to `end`.
    pub(super) fn pipeline(&mut self, context: &str, end: TokenKind) -> Result<NodeId, Error> {
        let start = self.peek_solid().start;
        let (declared, assign) = self.declarations(context)?;
        let base = self.current.open.len();
        loop {
            let token = self.next_solid();
            match token.kind {
                kind if kind == end => break,
                TokenKind::Bool
                | TokenKind::CharConstant
                | TokenKind::Complex
                | TokenKind::Dot
                | TokenKind::Field
                | TokenKind::Identifier
                | TokenKind::Number
                | TokenKind::Nil
                | TokenKind::RawString
                | TokenKind::String
                | TokenKind::Variable
                | TokenKind::LeftParen => {
                    self.current.peeked += 1;
                    let command = self.command()?;
                    self.current.open.push(command);
                }
                _ => return Err(self.unexpected(token, context)),
            }
        }
        self.check_commands(base, context)?;
        self.declare(&declared, assign, end);
        let parts = self.current.close(base);
        // There are at most two, in a range.
        let declared = declared.len() as u8;
        Ok(self.add(start, NodeKind::Pipe { parts, declared, assign }))
    }

    /// The variables before `:=` or `=`, as tokens.
    fn declarations(&mut self, context: &str) -> Result<(Vec<Token>, bool), Error> {
        let mut declared = Vec::new();
        loop {
            let variable = self.peek_solid();
            if variable.kind != TokenKind::Variable {
                return Ok((declared, false));
            }
            self.next();
            // A space between the variable and what follows has to be put back too.
            let after = self.peek();
            let next = self.peek_solid();
            let is_comma = next.kind == TokenKind::Char && self.lexer.text(next) == b",";
            match next.kind {
                TokenKind::Assign | TokenKind::Declare => {
                    self.next_solid();
                    self.know(variable);
                    declared.push(variable);
                    return Ok((declared, next.kind == TokenKind::Assign));
                }
                _ if is_comma => {
                    self.next_solid();
                    self.know(variable);
                    declared.push(variable);
                    if context != "range" || declared.len() > 1 {
                        return Err(self.error(format!("too many declarations in {context}")));
                    }
                    let next = self.peek_solid().kind;
                    let good = [TokenKind::Variable, TokenKind::RightDelim, TokenKind::RightParen];
                    if !good.contains(&next) {
                        return Err(self.error("range can only initialize variables"));
                    }
                }
                _ if after.kind == TokenKind::Space => {
                    self.put_back(&[after, variable]);
                    return Ok((declared, false));
                }
                _ => {
                    self.put_back(&[variable]);
                    return Ok((declared, false));
                }
            }
        }
    }

    fn know(&mut self, variable: Token) {
        let name = self.current.variable(self.lexer.text(variable));
        self.current.known.push(name);
    }

    /// Adds the nodes of declared variables, which get on the stack after the pipeline was evaluated.
    fn declare(&mut self, tokens: &[Token], assign: bool, end: TokenKind) {
        if end == TokenKind::RightParen && !tokens.is_empty() && !assign {
            self.current.dynamic = true;
        }
        for token in tokens {
            let name = self.current.variable(self.lexer.text(*token));
            if !assign {
                self.current.stack.push(name);
            }
            let slot = self.current.slot(name);
            let variable = Variable { name, slot, fields: Names::default() };
            let variable = put(&mut self.current.uses, variable);
            let node = self.add(token.start, NodeKind::Variable(variable));
            self.current.open.push(node);
        }
    }

    fn check_commands(&self, base: usize, context: &str) -> Result<(), Error> {
        let commands = &self.current.open[base..];
        if commands.is_empty() {
            return Err(self.error(format!("missing value for {context}")));
        }
        for (index, command) in commands.iter().enumerate().skip(1) {
            let NodeKind::Command(words) = self.current.nodes[command.0 as usize].kind else { continue };
            let first = self.current.lists[words.start as usize];
            if let NodeKind::Bool(_)
            | NodeKind::Dot
            | NodeKind::Nil
            | NodeKind::Number(_)
            | NodeKind::String { .. } = self.current.nodes[first.0 as usize].kind
            {
                let stage = index + 1;
                return Err(self.error(format!("non executable command in pipeline stage {stage}")));
            }
        }
        Ok(())
    }

    fn command(&mut self) -> Result<NodeId, Error> {
        let start = self.peek_solid().start;
        let base = self.current.open.len();
        loop {
            self.peek_solid();
            let word = self.operand()?;
            self.current.open.extend(word);
            let token = self.next();
            match token.kind {
                TokenKind::Space => continue,
                TokenKind::RightDelim | TokenKind::RightParen => self.current.peeked += 1,
                TokenKind::Pipe => {}
                _ => return Err(self.unexpected(token, "operand")),
            }
            break;
        }
        let words = self.current.close(base);
        if words.len == 0 {
            return Err(self.error("empty command"));
        }
        Ok(self.add(start, NodeKind::Command(words)))
    }

    /// A term and the fields that follow it.
    fn operand(&mut self) -> Result<Option<NodeId>, Error> {
        let Some(term) = self.term()? else { return Ok(None) };
        let first = self.peek();
        if first.kind != TokenKind::Field {
            return Ok(Some(term));
        }
        let mut fields: SmallVec<[Name; 4]> = SmallVec::new();
        while self.peek().kind == TokenKind::Field {
            fields.push(field_name(self.next()));
        }
        let current = &mut self.current;
        let node = &mut current.nodes[term.0 as usize];
        // In a chain of fields, the position in Go's errors is that of the second field.
        match node.kind {
            NodeKind::Field(names) => {
                node.pos = first.start;
                let names = current.extend(names, &fields);
                current.nodes[term.0 as usize].kind = NodeKind::Field(names);
                Ok(Some(term))
            }
            NodeKind::Variable(variable) => {
                node.pos = first.start;
                let before = current.uses[variable as usize].fields;
                current.uses[variable as usize].fields = current.extend(before, &fields);
                Ok(Some(term))
            }
            NodeKind::Bool(_)
            | NodeKind::String { .. }
            | NodeKind::Number(_)
            | NodeKind::Nil
            | NodeKind::Dot => {
                let shown = quote(self.show(term).as_bytes());
                Err(self.error(format!("unexpected . after term {shown}")))
            }
            _ => {
                let fields = current.extend(Names::default(), &fields);
                let chain = put(&mut current.chains, Chain { node: term, fields });
                Ok(Some(self.add(first.start, NodeKind::Chain(chain))))
            }
        }
    }

    /// A constant as messages show it.
    fn show(&self, id: NodeId) -> String {
        match self.current.nodes[id.0 as usize].kind {
            NodeKind::Bool(b) => b.to_string(),
            NodeKind::Nil => "nil".to_owned(),
            NodeKind::Number(number) => self.current.numbers[number as usize].text.clone(),
            NodeKind::String { len, .. } => {
                let start = self.current.nodes[id.0 as usize].pos as usize;
                let text = &self.source.text.as_bytes()[start..start + len as usize];
                String::from_utf8_lossy(text).into_owned()
            }
            _ => ".".to_owned(),
        }
    }

    /// A constant, name or parenthesized pipeline; `None` if the next token is none of these.
    fn term(&mut self) -> Result<Option<NodeId>, Error> {
        let token = self.next_solid();
        let text = self.lexer.text(token);
        let kind = match token.kind {
            TokenKind::Identifier => self.identifier(text)?,
            TokenKind::Dot => NodeKind::Dot,
            TokenKind::Nil => NodeKind::Nil,
            TokenKind::Variable => self.variable(text)?,
            TokenKind::Field => NodeKind::Field(self.current.extend(Names::default(), &[field_name(token)])),
            TokenKind::Bool => NodeKind::Bool(text == b"true"),
            TokenKind::CharConstant | TokenKind::Complex | TokenKind::Number => {
                self.number(token.kind, text)?
            }
            TokenKind::LeftParen => {
                let pipeline = |p: &mut Self| p.pipeline("parenthesized pipeline", TokenKind::RightParen);
                return self.nested(pipeline).map(Some);
            }
            TokenKind::String | TokenKind::RawString => match constant(text) {
                Ok(text) => {
                    let text = put(&mut self.current.texts, text);
                    NodeKind::String { text, len: token.end - token.start }
                }
                Err(error) => return Err(self.error(error.to_string())),
            },
            _ => {
                self.current.peeked += 1;
                return Ok(None);
            }
        };
        Ok(Some(self.add(token.start, kind)))
    }

    fn identifier(&mut self, text: &[u8]) -> Result<NodeKind, Error> {
        let function = std::str::from_utf8(text).ok().and_then(|name| self.registry.index(name));
        match function {
            Some(function) => Ok(NodeKind::Identifier { function, len: text.len() as u32 }),
            None => {
                let names = self.registry.functions().iter().map(|function| function.name);
                let name = String::from_utf8_lossy(text);
                let near = keyfill_diag::nearest(&name, names);
                let error = self.error(format!("function {} not defined", quote(text))).of_undefined(&name);
                Err(error.with_hint(near.map(|near| format!("did you mean {near}?"))))
            }
        }
    }

    fn variable(&mut self, text: &[u8]) -> Result<NodeKind, Error> {
        let known = self.current.variables.iter().position(|v| v.as_bytes() == text);
        match known.map(|name| name as u32).filter(|name| self.current.known.contains(name)) {
            Some(name) => {
                let slot = self.current.slot(name);
                let variable = Variable { name, slot, fields: Names::default() };
                Ok(NodeKind::Variable(put(&mut self.current.uses, variable)))
            }
            None => Err(self.error(format!("undefined variable {}", quote(text)))),
        }
    }

    fn number(&mut self, kind: TokenKind, text: &[u8]) -> Result<NodeKind, Error> {
        let text = String::from_utf8_lossy(text);
        let number = match kind {
            TokenKind::CharConstant => Number::character(&text),
            TokenKind::Complex => Number::complex(&text),
            _ => Number::parse(&text),
        };
        let number = number.map_err(|message| self.error(message))?;
        Ok(NodeKind::Number(put(&mut self.current.numbers, number)))
    }
}

/// The name in a token such as `.name`.
fn field_name(token: Token) -> Name {
    Name { start: token.start + 1, len: token.end - token.start - 1 }
}

/// The text of a string constant. Most have no escapes and are copied unchanged.
pub(super) fn constant(literal: &[u8]) -> Result<Str, NumError> {
    let text = literal.get(1..literal.len().saturating_sub(1)).unwrap_or_default();
    let plain = match literal.first() {
        Some(b'`') => memchr::memchr(b'\r', text).is_none(),
        _ => memchr::memchr(b'\\', text).is_none() && std::str::from_utf8(text).is_ok(),
    };
    if plain { Ok(Str::new(text)) } else { unquote(literal).map(Str::from) }
}
