//! Limits on the memory and the stack that parsing a text may use.

use keyfill_diag::Cx;

/// The largest document that is parsed.
#[derive(Clone, Debug)]
pub struct Limits {
    /// The deepest nesting of sequences and mappings.
    pub depth: u32,
    /// The most nodes of a document after its aliases are expanded.
    pub nodes: u64,
    /// The run that parsing belongs to: its deadline and memory limit are checked regularly, and before aliases are
    /// copied.
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
    /// The limits of a run, whose deadline and memory limit stop parsing, too.
    fn from(cx: &Cx) -> Self {
        Self { cx: Some(cx.clone()), ..Self::from(&cx.limits) }
    }
}
