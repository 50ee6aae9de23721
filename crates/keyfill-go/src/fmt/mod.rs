//! Go's `fmt`: the verbs of `Printf`, and `Print` and `Println`.
//!
//! A value is printed through [`Arg`], which returns a [`View`] of it: so any tree of values can be printed
//! without being converted first.

mod number;
mod printer;
mod scan;

pub use printer::Printer;

use std::borrow::Cow;

/// A value that can be printed.
pub trait Arg {
    /// A view of the value.
    fn view(&self) -> View<'_>;

    /// The Go type of the value, as `%T` prints it.
    fn type_name(&self) -> Cow<'_, str>;
}

/// The kind and content of an [`Arg`].
pub enum View<'a> {
    /// A nil `interface {}`.
    Nil,
    /// `bool`
    Bool(bool),
    /// A signed integer of any size.
    Int(i64),
    /// An unsigned integer of any size.
    Uint(u64),
    /// `float64`
    Float(f64),
    /// `complex128`
    Complex(f64, f64),
    /// A string.
    Str(&'a [u8]),
    /// `[]byte`, and whether it is nil.
    Bytes(&'a [u8], bool),
    /// A slice.
    List(&'a dyn Items),
    /// A map.
    Map(&'a dyn Items),
    /// A struct with its fields.
    Struct(&'a dyn Items),
    /// A pointer to a struct.
    StructPointer(&'a dyn Items),
    /// An `error` or `fmt.Stringer`: the text of its method, and the view without that method.
    Text(Cow<'a, [u8]>, Box<View<'a>>),
    /// A function or another pointer: its address, 0 for nil.
    Pointer(usize),
}

/// The items of a slice, map or struct.
pub trait Items {
    /// Whether the slice, map or pointer is nil.
    fn is_nil(&self) -> bool;

    /// Calls `visit` for each item, in the order of printing. The key is `None` for slices, and the field's name
    /// for structs.
    fn each(&self, visit: Visit<'_>);
}

/// The function that [`Items::each`] calls with key and item.
pub type Visit<'a> = &'a mut dyn FnMut(Option<&dyn Arg>, &dyn Arg);

/// The error for a value that is too large to be printed: it is nested too deep, contains itself, or prints to
/// more than 64 MiB, since its parts may occur many times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLarge;

impl Arg for &[u8] {
    fn view(&self) -> View<'_> {
        View::Str(self)
    }

    fn type_name(&self) -> Cow<'_, str> {
        "string".into()
    }
}

/// `fmt.Sprintf`, appending to `out`.
pub fn sprintf(out: &mut Vec<u8>, format: &[u8], args: &[&dyn Arg]) -> Result<(), TooLarge> {
    let mut printer = Printer::new(out);
    printer.printf(format, args);
    printer.finish()
}

/// `fmt.Sprint`, appending to `out`: a space between two arguments if neither is a string.
pub fn sprint(out: &mut Vec<u8>, args: &[&dyn Arg]) -> Result<(), TooLarge> {
    let mut printer = Printer::new(out);
    let mut before = true;
    for (index, arg) in args.iter().enumerate() {
        let is_string = matches!(arg.view(), View::Str(_));
        if index > 0 && !is_string && !before {
            printer.raw(b" ");
        }
        printer.arg(*arg, 'v');
        before = is_string;
    }
    printer.finish()
}

/// `fmt.Sprintln`, appending to `out`: a space between all arguments, a newline at the end.
pub fn sprintln(out: &mut Vec<u8>, args: &[&dyn Arg]) -> Result<(), TooLarge> {
    let mut printer = Printer::new(out);
    for (index, arg) in args.iter().enumerate() {
        if index > 0 {
            printer.raw(b" ");
        }
        printer.arg(*arg, 'v');
    }
    printer.raw(b"\n");
    printer.finish()
}

#[cfg(test)]
mod tests;
