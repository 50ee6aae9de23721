//! The syntax tree of a template.

use keyfill_yaml::Value;

/// A part of a template.
#[derive(Clone, Debug, PartialEq)]
pub enum Part {
    /// Text outside of braces.
    Text(String),
    /// The content of one pair of braces: steps, each applied to the results of the step before.
    Action(Vec<Step>),
}

/// One step of an action.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// A quoted text, a number or a boolean: it replaces the results of the step before.
    Literal(Value),
    /// `.name`: the value of a key.
    Field(String),
    /// `.*`: all values.
    Wildcard,
    /// `..`: the value and all values inside it.
    Recursive,
    /// `[1]`, `[1:3]`, `[::2]`: items of a list.
    Slice(Slice),
    /// `[?(@.a == 1)]`: the items for which the condition is true.
    Filter(Filter),
    /// `['a','b']`, `[0,2]`: the results of each member, one after the other.
    Union(Vec<Vec<Step>>),
    /// `range`, which begins a loop, `end`, which ends it; any other word is an error when it is executed.
    Word(String),
}

/// A range of items of a list. A negative index counts from the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slice {
    /// Index of the first item; 0 when absent.
    pub from: Option<i64>,
    /// Where the range ends.
    pub to: Stop,
    /// The distance from one item to the next; 1 when absent.
    pub step: Option<i64>,
}

/// The end of a slice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The list's end.
    End,
    /// The item with this index, which is excluded.
    Before(i64),
    /// After one item: the slice was written as a single index.
    One,
}

/// A condition on an item.
#[derive(Clone, Debug, PartialEq)]
pub enum Filter {
    /// True if the steps find anything.
    Exists(Vec<Step>),
    /// Compares the results of two sides.
    Compare(Vec<Step>, Operator, Vec<Step>),
    /// A comparison with an unknown operator: an error when it is executed.
    Unknown(String),
}

/// A comparison operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}
