//! YAML with comments, parsed as by SOPS and written as by its YAML library. Each comment becomes an item before its
//! key, so that some comments are written at another place than where they were.

use crate::{Branch, Comment, Error, Hidden, Item, Value};
use keyfill_diag::Cx;
use keyfill_yaml::{Content, EditDocument, EditNode, Limits, Typed};
use std::collections::HashSet;

/// The number of blanks with which SOPS indents.
const INDENT: u8 = 4;

pub(super) fn read(text: &[u8], cx: &Cx) -> Result<Vec<Branch>, Error> {
    let documents = EditDocument::read_all(text, &Limits::from(cx)).map_err(|e| Error::yaml(&e))?;
    documents.iter().map(document).collect()
}

fn document(document: &EditDocument) -> Result<Branch, Error> {
    let root = &document.root;
    let mut branch = Branch::default();
    push_comments(&mut branch, document.head_comment(), false);
    push_comments(&mut branch, root.head_comment(), false);
    push_comments(&mut branch, root.line_comment(), false);
    match &root.content {
        Content::Map(entries) => read_entries(&mut branch, entries)?,
        Content::Scalar(_) if root.typed() == Some(Typed::Null) => {}
        _ => return Err(Error::file("the document is not a map").at_line(root.line())),
    }
    push_comments(&mut branch, root.foot_comment(), false);
    push_comments(&mut branch, document.foot_comment(), false);
    Ok(branch)
}

fn comments(text: &str, inline: bool) -> impl Iterator<Item = Comment> {
    let lines = text.split('\n').filter_map(|line| line.get(1..));
    lines.map(move |line| Comment { text: Hidden::new(line), inline })
}

fn push_comments(branch: &mut Branch, text: &str, inline: bool) {
    branch.0.extend(comments(text, inline).map(Item::Comment));
}

fn read_entries(branch: &mut Branch, entries: &[(EditNode, EditNode)]) -> Result<(), Error> {
    let mut seen = HashSet::new();
    for (key, node) in entries {
        push_comments(branch, key.head_comment(), false);
        push_comments(branch, key.line_comment(), false);
        let is_scalar = matches!(node.content, Content::Scalar(_) | Content::Alias(_));
        if is_scalar {
            push_comments(branch, node.head_comment(), false);
            push_comments(branch, node.line_comment(), true);
        }
        let Some(Typed::Str(name)) = key.typed() else {
            return Err(Error::file("a key is not a string, which SOPS does not support").at_line(key.line()));
        };
        if !seen.insert(name.clone()) {
            return Err(Error::file(format!("the key {name} occurs twice")).at_line(key.line()));
        }
        branch.0.push(Item::Entry(name.to_string(), read_value(node, is_scalar)?));
        if is_scalar {
            push_comments(branch, node.foot_comment(), false);
        }
        push_comments(branch, key.foot_comment(), false);
    }
    Ok(())
}

/// Reads a value. `comments_taken`: the comments of the node were already added before it.
fn read_value(node: &EditNode, comments_taken: bool) -> Result<Value, Error> {
    match &node.content {
        Content::Scalar(_) => scalar(node),
        Content::Alias(name) => Err(Error::file(format!("the alias *{name} stands in an encrypted file"))
            .hint("sops writes none: encrypt the file with sops again")
            .at_line(node.line())),
        Content::Map(entries) => {
            let mut branch = Branch::default();
            if !comments_taken {
                push_comments(&mut branch, node.head_comment(), false);
                push_comments(&mut branch, node.line_comment(), false);
            }
            read_entries(&mut branch, entries)?;
            if !comments_taken {
                push_comments(&mut branch, node.foot_comment(), false);
            }
            Ok(Value::Map(branch))
        }
        Content::Seq(items) => {
            let mut list = Vec::new();
            let add = |list: &mut Vec<Value>, text: &str, inline| {
                list.extend(comments(text, inline).map(Value::Comment));
            };
            if !comments_taken {
                add(&mut list, node.head_comment(), false);
                add(&mut list, node.line_comment(), false);
            }
            for item in items {
                add(&mut list, item.head_comment(), false);
                add(&mut list, item.line_comment(), true);
                list.push(read_value(item, true)?);
                add(&mut list, item.foot_comment(), false);
            }
            if !comments_taken {
                add(&mut list, node.foot_comment(), false);
            }
            Ok(Value::List(list))
        }
    }
}

fn scalar(node: &EditNode) -> Result<Value, Error> {
    Ok(match node.typed() {
        Some(Typed::Null) => Value::Null,
        Some(Typed::Bool(flag)) => Value::Bool(flag),
        Some(Typed::Int(n)) => Value::Int(n),
        Some(Typed::Float(n)) => Value::Float(n),
        Some(Typed::Time(text)) => Value::Time(text),
        Some(Typed::Str(text)) => Value::text(text.as_bytes()),
        Some(Typed::Binary(bytes)) => Value::text(bytes),
        Some(Typed::Uint(_)) => {
            return Err(Error::file("an integer does not fit 64 bits, which SOPS does not support")
                .at_line(node.line()));
        }
        None => return Err(Error::file("a value does not fit its tag").at_line(node.line())),
    })
}

pub(super) fn write(documents: &[Branch]) -> Result<Hidden, Error> {
    let documents = documents.iter().map(|branch| map_node(branch).map(EditDocument::new));
    let documents = documents.collect::<Result<Vec<_>, Error>>()?;
    Ok(Hidden::new(EditDocument::write_all(&documents, INDENT)))
}

/// Comments that were read and belong to the next node.
#[derive(Default)]
struct Waiting {
    head: Vec<String>,
    line: Vec<String>,
}

impl Waiting {
    fn add(&mut self, comment: &Comment) {
        let text = String::from_utf8_lossy(comment.text.bytes()).into_owned();
        if comment.inline { &mut self.line } else { &mut self.head }.push(text);
    }

    /// The comments that are left at the end of a collection, as one comment.
    fn rest(mut self) -> String {
        self.head.append(&mut self.line);
        joined(&self.head)
    }
}

/// Joins comments to one text, each line with `#`.
fn joined(comments: &[String]) -> String {
    if comments.is_empty() { String::new() } else { format!("#{}", comments.join("\n#")) }
}

fn above(node: &mut EditNode, comments: &mut Vec<String>) {
    if !comments.is_empty() {
        let comment = joined(&std::mem::take(comments));
        let own = node.head_comment();
        let comment = if own.is_empty() { comment } else { format!("{comment}\n{own}") };
        node.set_head_comment(comment);
    }
}

fn behind(node: &mut EditNode, comments: &mut Vec<String>) {
    if !comments.is_empty() {
        node.set_line_comment(joined(&std::mem::take(comments)));
    }
}

fn below(node: &mut EditNode, comment: String) {
    if !comment.is_empty() {
        node.set_foot_comment(comment);
    }
}

fn map_node(branch: &Branch) -> Result<EditNode, Error> {
    let mut node = EditNode::new(Content::Map(Vec::new()));
    let mut entries: Vec<(EditNode, EditNode)> = Vec::new();
    let mut waiting = Waiting::default();
    for item in &branch.0 {
        match item {
            Item::Comment(comment) => waiting.add(comment),
            Item::Entry(key, value) => {
                if entries.is_empty() {
                    above(&mut node, &mut waiting.head);
                }
                let mut key = EditNode::string(key.as_str());
                above(&mut key, &mut waiting.head);
                let mut value = value_node(value)?;
                behind(&mut value, &mut waiting.line);
                entries.push((key, value));
            }
        }
    }
    let rest = waiting.rest();
    match entries.last_mut() {
        Some((key, _)) => below(key, rest),
        None if !rest.is_empty() => node.set_head_comment(rest),
        None => {}
    }
    node.content = Content::Map(entries);
    Ok(node)
}

fn list_node(values: &[Value]) -> Result<EditNode, Error> {
    let mut node = EditNode::new(Content::Seq(Vec::new()));
    let mut items: Vec<EditNode> = Vec::new();
    let mut waiting = Waiting::default();
    for value in values {
        if let Value::Comment(comment) = value {
            waiting.add(comment);
            continue;
        }
        if items.is_empty() {
            above(&mut node, &mut waiting.head);
        }
        let mut item = value_node(value)?;
        above(&mut item, &mut waiting.head);
        behind(&mut item, &mut waiting.line);
        items.push(item);
    }
    let rest = waiting.rest();
    match items.last_mut() {
        Some(item) => below(item, rest),
        None if !rest.is_empty() => node.set_head_comment(rest),
        None => {}
    }
    node.content = Content::Seq(items);
    Ok(node)
}

fn value_node(value: &Value) -> Result<EditNode, Error> {
    Ok(match value {
        Value::Null => EditNode::plain("null"),
        Value::Bool(flag) => EditNode::plain(if *flag { "true" } else { "false" }),
        Value::Int(n) => EditNode::plain(n.to_string()),
        Value::Float(n) => EditNode::float(*n),
        Value::Time(text) => EditNode::plain(text.as_str()),
        Value::Str(text) => text.text().map_or_else(|| EditNode::binary(text.bytes()), EditNode::string),
        Value::List(values) => list_node(values)?,
        Value::Map(branch) => map_node(branch)?,
        Value::Comment(_) => return Err(Error::file("a comment stands in the place of a value")),
    })
}
