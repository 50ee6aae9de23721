//! What a template is made of.

use keyfill_yaml::Value;

/// A part of a template.
#[derive(Clone, Debug, PartialEq)]
pub enum Part {
    /// Text outside of braces.
    Text(String),
    /// What stands in one pair of braces: steps, each taking the results of the one before.
    Action(Vec<Step>),
}

/// One step of an action.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// A quoted text, a number or a bool: the result whatever came before.
    Literal(Value),
    /// `.name`: the value of a key.
    Field(String),
    /// `.*`: all values.
    Wildcard,
    /// `..`: the value and all that is in it.
    Recursive,
    /// `[1]`, `[1:3]`, `[::2]`: items of a list.
    Slice(Slice),
    /// `[?(@.a == 1)]`: the items for which it holds.
    Filter(Filter),
    /// `['a','b']`, `[0,2]`: the results of each, one after the other.
    Union(Vec<Vec<Step>>),
    /// `range`, which begins a loop, `end`, which ends it; any other word is an error when it is reached.
    Word(String),
}

/// Which items of a list. A negative place counts from the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slice {
    /// The first item; the list's first when absent.
    pub from: Option<i64>,
    /// Where to stop.
    pub to: Stop,
    /// Every how many; 1 when absent.
    pub step: Option<i64>,
}

/// Where a slice stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// At the list's end.
    End,
    /// Before a place.
    Before(i64),
    /// After the first item: a single index.
    One,
}

/// A condition on an item.
#[derive(Clone, Debug, PartialEq)]
pub enum Filter {
    /// Something is found.
    Exists(Vec<Step>),
    /// Two sides compare.
    Compare(Vec<Step>, Operator, Vec<Step>),
    /// Two sides stand around what is no operator: an error when it is reached.
    Unknown(String),
}

/// How two sides compare.
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
