//! Versions: `semver` and `semverCompare`.

use crate::function::{FuncError, Function, text};
use crate::run::Run;
use crate::value::{Encoded, Kind, Object, Str, Type, Value};
use keyfill_go::semver::{Constraint, Version};
use std::borrow::Cow;

/// The functions of this family.
pub const FUNCTIONS: &[Function] = &[
    Function::fixed("semver", &[Type::String], semver),
    Function::fixed("semverCompare", &[Type::String, Type::String], compare),
];

fn semver(_: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    Ok(Value::object(VersionObject(parse(text(args, 0))?)))
}

fn compare(_: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    let constraint = Constraint::parse(&String::from_utf8_lossy(text(args, 0)));
    let constraint = constraint.map_err(|error| error.to_string())?;
    Ok(Value::Bool(constraint.check(&parse(text(args, 1))?)))
}

fn parse(text: &[u8]) -> Result<Version, FuncError> {
    Version::parse(&String::from_utf8_lossy(text)).map_err(|error| error.to_string().into())
}

const VERSION: Type = Type::Named("*semver.Version", Kind::Ptr);

/// `*semver.Version` with its methods.
struct VersionObject(Version);

static METHODS: &[Function] = &[
    Function::fixed("Major", &[], |_, args| number(args, Version::major)),
    Function::fixed("Minor", &[], |_, args| number(args, Version::minor)),
    Function::fixed("Patch", &[], |_, args| number(args, Version::patch)),
    Function::fixed("Prerelease", &[], |_, args| word(args, |v| v.prerelease().into())),
    Function::fixed("Metadata", &[], |_, args| word(args, |v| v.metadata().into())),
    Function::fixed("Original", &[], |_, args| word(args, |v| v.original().into())),
    Function::fixed("String", &[], |_, args| word(args, ToString::to_string)),
    Function::fixed("IncMajor", &[], |_, args| next(args, Version::next_major)),
    Function::fixed("IncMinor", &[], |_, args| next(args, Version::next_minor)),
    Function::fixed("IncPatch", &[], |_, args| next(args, Version::next_patch)),
    Function::fixed("Compare", &[VERSION], |_, args| Ok(Value::Int(order(args)? as i64))),
    Function::fixed("Equal", &[VERSION], |_, args| Ok(Value::Bool(order(args)?.is_eq()))),
    Function::fixed("GreaterThan", &[VERSION], |_, args| Ok(Value::Bool(order(args)?.is_gt()))),
    Function::fixed("GreaterThanEqual", &[VERSION], |_, args| Ok(Value::Bool(order(args)?.is_ge()))),
    Function::fixed("LessThan", &[VERSION], |_, args| Ok(Value::Bool(order(args)?.is_lt()))),
    Function::fixed("LessThanEqual", &[VERSION], |_, args| Ok(Value::Bool(order(args)?.is_le()))),
];

fn version(args: &[Value], index: usize) -> Result<&Version, FuncError> {
    let object = args.get(index).and_then(Value::as_object::<VersionObject>);
    object.map(|object| &object.0).ok_or_else(super::cast::nil_dereference)
}

fn number(args: &[Value], part: fn(&Version) -> u64) -> Result<Value, FuncError> {
    Ok(Value::Uint64(part(version(args, 0)?)))
}

/// In Go this is a `semver.Version`, not a pointer. It has the same methods here.
fn next(args: &[Value], part: fn(&Version) -> Version) -> Result<Value, FuncError> {
    Ok(Value::object(VersionObject(part(version(args, 0)?))))
}

fn word(args: &[Value], part: fn(&Version) -> String) -> Result<Value, FuncError> {
    Ok(part(version(args, 0)?).into())
}

fn order(args: &[Value]) -> Result<std::cmp::Ordering, FuncError> {
    Ok(version(args, 0)?.compare(version(args, 1)?))
}

impl Object for VersionObject {
    fn type_name(&self) -> Cow<'static, str> {
        VERSION.name_cow()
    }

    fn kind(&self) -> Kind {
        Kind::Ptr
    }

    fn method(&self, name: &str) -> Option<&'static Function> {
        METHODS.iter().find(|method| method.name == name)
    }

    fn text(&self) -> Option<Str> {
        Some(self.0.to_string().into())
    }

    fn encode(&self) -> Encoded {
        Encoded::Value(self.0.to_string().into())
    }
}
