//! Nodes as text, for error messages: Go prints them from the tree, not from the source.

use super::ast::{Branch, Names, NodeId, NodeKind, Tree};
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
            NodeKind::If(branch) => self.write_branch("if", self.branch(branch), out),
            NodeKind::With(branch) => self.write_branch("with", self.branch(branch), out),
            NodeKind::Range(branch) => self.write_branch("range", self.branch(branch), out),
            NodeKind::Template { name, pipe } => {
                out.push_str("{{template ");
                out.push_str(&quote(self.constant(name).as_bytes()));
                if pipe != NodeId::NONE {
                    out.push(' ');
                    self.write(pipe, out);
                }
                out.push_str("}}");
            }
            NodeKind::Pipe { parts, declared, assign } => {
                let (commands, declared) = self.pipe(parts, declared);
                self.write_all(declared, ", ", out);
                if !declared.is_empty() {
                    out.push_str(if assign { " = " } else { " := " });
                }
                self.write_all(commands, " | ", out);
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
            NodeKind::Field(names) => self.write_fields(names, out),
            NodeKind::Variable(variable) => {
                let variable = self.variable(variable);
                out.push_str(&self.variables[variable.name as usize].to_text());
                self.write_fields(variable.fields, out);
            }
            NodeKind::Chain(chain) => {
                let chain = self.chain(chain);
                self.write_operand(chain.node, out);
                self.write_fields(chain.fields, out);
            }
            NodeKind::String { len, .. } | NodeKind::Identifier { len, .. } => {
                out.push_str(&String::from_utf8_lossy(self.source_of(id, len)));
            }
        }
    }

    /// Writes a pipeline that is an operand in parentheses.
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

    fn write_fields(&self, names: Names, out: &mut String) {
        for name in self.names(names) {
            out.push('.');
            out.push_str(&String::from_utf8_lossy(self.name(*name)));
        }
    }
}
