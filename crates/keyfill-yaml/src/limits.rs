//! Bounds on what a text may make of the memory and the stack.

/// How deep and how large a document may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Nesting of sequences and mappings.
    pub depth: u32,
    /// Nodes of a document once its aliases are expanded.
    pub nodes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self::from(&keyfill_diag::Limits::default())
    }
}

impl From<&keyfill_diag::Limits> for Limits {
    fn from(limits: &keyfill_diag::Limits) -> Self {
        Self { depth: limits.depth, nodes: limits.nodes }
    }
}
