//! Bounds on what a text may make of the memory and the stack.

use keyfill_diag::Cx;

/// How deep and how large a document may be.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Nesting of sequences and mappings.
    pub depth: u32,
    /// Nodes of a document once its aliases are expanded.
    pub nodes: u64,
    /// The run that the reading belongs to: it is asked now and then whether to go on, and before aliases take
    /// memory.
    pub cx: Option<Cx>,
}

impl Default for Limits {
    fn default() -> Self {
        Self::from(&keyfill_diag::Limits::default())
    }
}

impl From<&keyfill_diag::Limits> for Limits {
    fn from(limits: &keyfill_diag::Limits) -> Self {
        Self { depth: limits.depth, nodes: limits.nodes, cx: None }
    }
}

impl From<&Cx> for Limits {
    /// The bounds of a run, which stops the reading too when its time or its memory is used up.
    fn from(cx: &Cx) -> Self {
        Self { cx: Some(cx.clone()), ..Self::from(&cx.limits) }
    }
}
