//! URLs: splitting them into a dictionary, and joining them again.

use crate::function::{FuncError, Function, map, text};
use crate::run::Run;
use crate::value::{Map, Type, Value};
use keyfill_go::url::{self, Url};

/// The functions of this family.
pub const FUNCTIONS: &[Function] =
    &[Function::fixed("urlParse", &[Type::String], parse), Function::fixed("urlJoin", &[Type::Map], join)];

fn parse(_: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    let url = url::parse(text(args, 0)).map_err(|error| format!("unable to parse url: {error}"))?;
    let user = url.user.as_ref().map(url::User::written).unwrap_or_default();
    let hostname = url.hostname().to_vec();
    let parts = [
        ("scheme", url.scheme),
        ("host", url.host),
        ("hostname", hostname),
        ("path", url.path),
        ("query", url.query),
        ("opaque", url.opaque),
        ("fragment", url.fragment),
        ("userinfo", user),
    ];
    Ok(parts.into_iter().map(|(name, part)| (name, Value::str(part))).collect::<Map>().into())
}

fn join(_: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    let parts = map(args, 0);
    let part = |name: &str| match parts.get(name.as_bytes()) {
        None => Ok(Vec::new()),
        Some(Value::Str(text)) => Ok(text.as_bytes().to_vec()),
        Some(Value::Nil) => Err(super::cast::nil_dereference()),
        Some(other) => {
            let kind = other.kind().name();
            let refused = format!("unable to parse {name} key, must be of type string, but {kind} found");
            Err(FuncError::new(refused))
        }
    };
    let user = part("userinfo")?;
    let mut url = Url {
        scheme: part("scheme")?,
        host: part("host")?,
        path: part("path")?,
        query: part("query")?,
        opaque: part("opaque")?,
        fragment: part("fragment")?,
        user: None,
    };
    if !user.is_empty() {
        let probe = [b"proto://", user.as_slice(), b"@host"].concat();
        let probe =
            url::parse(&probe).map_err(|error| format!("unable to parse userinfo in dict: {error}"))?;
        url.user = probe.user;
    }
    Ok(Value::str(url.written()))
}
