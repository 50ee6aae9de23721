//! Nodes as text, for error messages: Go prints them from the tree, not from the source.

use super::ast::{Branch, NodeId, NodeKind, Tree};
use crate::value::Str;
use keyfill_go::quote::quote;

impl Tree {
    /// A node as Go prints it.
    pub fn show(&self, id: NodeId) -> String {
        let mut out = String::new();
        self.write(id, &mut out);
        out
    }

    fn write(&self, id: NodeId, out: &mut String) {
        match self[id].kind {
            NodeKind::Text(start, end) => {
                out.push_str(&String::from_utf8_lossy(self.text(start, end)));
            }
            NodeKind::Action(pipe) => {
                out.push_str("{{");
                self.write(pipe, out);
                out.push_str("}}");
            }
            NodeKind::Break => out.push_str("{{break}}"),
            NodeKind::Continue => out.push_str("{{continue}}"),
            NodeKind::If(branch) => self.write_branch("if", &branch, out),
            NodeKind::With(branch) => self.write_branch("with", &branch, out),
            NodeKind::Range(branch) => self.write_branch("range", &branch, out),
            NodeKind::Template { name, pipe } => {
                out.push_str("{{template ");
                out.push_str(&quote(self.name(name).as_bytes()));
                if let Some(pipe) = pipe {
                    out.push(' ');
                    self.write(pipe, out);
                }
                out.push_str("}}");
            }
            NodeKind::Pipe { declared, assign, commands } => {
                self.write_all(self.list(declared), ", ", out);
                if declared.len > 0 {
                    out.push_str(if assign { " = " } else { " := " });
                }
                self.write_all(self.list(commands), " | ", out);
            }
            NodeKind::Command(words) => {
                for (index, word) in self.list(words).iter().enumerate() {
                    if index > 0 {
                        out.push(' ');
                    }
                    self.write_operand(*word, out);
                }
            }
            NodeKind::Dot => out.push('.'),
            NodeKind::Nil => out.push_str("nil"),
            NodeKind::Bool(b) => out.push_str(if b { "true" } else { "false" }),
            NodeKind::Number(number) => out.push_str(&self.number(number).text),
            NodeKind::String { quoted: (start, end), .. } => {
                out.push_str(&String::from_utf8_lossy(self.text(start, end)));
            }
            NodeKind::Field(names) => write_fields(self.names(names), out),
            NodeKind::Variable(variable) => {
                out.push_str(&self.variables[variable.name as usize].to_text());
                write_fields(self.names(variable.fields), out);
            }
            NodeKind::Chain { node, fields } => {
                self.write_operand(node, out);
                write_fields(self.names(fields), out);
            }
            NodeKind::Identifier { len, .. } => {
                out.push_str(&String::from_utf8_lossy(self.identifier(id, len)));
            }
        }
    }

    /// A pipeline as an operand stands in parentheses.
    fn write_operand(&self, id: NodeId, out: &mut String) {
        if matches!(self[id].kind, NodeKind::Pipe { .. }) {
            out.push('(');
            self.write(id, out);
            out.push(')');
        } else {
            self.write(id, out);
        }
    }

    fn write_all(&self, ids: &[NodeId], between: &str, out: &mut String) {
        for (index, id) in ids.iter().enumerate() {
            if index > 0 {
                out.push_str(between);
            }
            self.write(*id, out);
        }
    }

    fn write_branch(&self, word: &str, branch: &Branch, out: &mut String) {
        out.push_str("{{");
        out.push_str(word);
        out.push(' ');
        self.write(branch.pipe, out);
        out.push_str("}}");
        self.write_all(self.list(branch.body), "", out);
        if let Some(otherwise) = branch.otherwise {
            out.push_str("{{else}}");
            self.write_all(self.list(otherwise), "", out);
        }
        out.push_str("{{end}}");
    }
}

fn write_fields(names: &[Str], out: &mut String) {
    for name in names {
        out.push('.');
        out.push_str(&name.to_text());
    }
}
