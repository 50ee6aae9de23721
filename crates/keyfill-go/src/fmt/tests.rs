use super::{Arg, Items, View, sprint, sprintf, sprintln};
use std::borrow::Cow;

enum Sample {
    Nil,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Float(f64),
    Str(&'static str),
    Bytes(&'static [u8]),
    List(Vec<Sample>),
    Map(Vec<(&'static str, Sample)>),
}

impl Arg for Sample {
    fn view(&self) -> View<'_> {
        match self {
            Self::Nil => View::Nil,
            Self::Bool(b) => View::Bool(*b),
            Self::Int(n) => View::Int(*n),
            Self::Uint(n) => View::Uint(*n),
            Self::Float(f) => View::Float(*f),
            Self::Str(s) => View::Str(s.as_bytes()),
            Self::Bytes(b) => View::Bytes(b, false),
            Self::List(_) => View::List(self),
            Self::Map(_) => View::Map(self),
        }
    }

    fn type_name(&self) -> Cow<'_, str> {
        match self {
            Self::Nil => "<nil>",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Uint(_) => "uint",
            Self::Float(_) => "float64",
            Self::Str(_) => "string",
            Self::Bytes(_) => "[]uint8",
            Self::List(_) => "[]interface {}",
            Self::Map(_) => "map[string]interface {}",
        }
        .into()
    }
}

impl Items for Sample {
    fn is_nil(&self) -> bool {
        false
    }

    fn each(&self, visit: super::Visit<'_>) {
        match self {
            Self::List(items) => items.iter().for_each(|item| visit(None, item)),
            Self::Map(entries) => entries.iter().for_each(|(k, v)| visit(Some(&Self::Str(k)), v)),
            _ => {}
        }
    }
}

fn check(format: &str, args: &[Sample], want: &str) {
    let args: Vec<&dyn Arg> = args.iter().map(|a| a as &dyn Arg).collect();
    let mut out = Vec::new();
    assert_eq!(sprintf(&mut out, format.as_bytes(), &args), Ok(()));
    assert_eq!(String::from_utf8_lossy(&out), want, "{format}");
}

/// The expected texts were printed by Go.
#[test]
fn verbs_print_as_in_go() {
    check(
        "%d|%5d|%-5d|%05d|%+d|% d|%.3d",
        &[7, 7, 7, -7, 7, 7, 7].map(Sample::Int),
        "7|    7|7    |-0007|+7| 7|007",
    );
    check("%x|%X|%#x|%o|%O|%#o|%b|%#b", &[30; 8].map(Sample::Int), "1e|1E|0x1e|36|0o36|036|11110|0b11110");
    check("%c|%q|%U|%#U", &[0x41, 0x27, 0x2318, 0x2318].map(Sample::Int), "A|'\\''|U+2318|U+2318 '⌘'");
    check(
        "%v|%f|%.2f|%e|%g|%8.3f|%-8.1f|%+08.2f",
        &[1.5; 8].map(Sample::Float),
        "1.5|1.500000|1.50|1.500000e+00|1.5|   1.500|1.5     |+0001.50",
    );
    check("%x|%b|%#g|%G", &[1.5; 4].map(Sample::Float), "0x1.8p+00|6755399441055744p-52|1.50000|1.5");
    check("%v|%v|%v", &[Sample::Float(1e21), Sample::Float(1e20), Sample::Float(1e-7)], "1e+21|1e+20|1e-07");
    check(
        "%s|%10s|%-10s|%.2s|%q|%x|% x|%#x",
        &["héy"; 8].map(Sample::Str),
        "héy|       héy|héy       |hé|\"héy\"|68c3a979|68 c3 a9 79|0x68c3a979",
    );
    check("%t|%5t|%v", &[true, false, true].map(Sample::Bool), "true|false|true");
    check("%T|%T|%T", &[Sample::Nil, Sample::Int(1), Sample::List(Vec::new())], "<nil>|int|[]interface {}");
    check("%v|%d|%s|%x", &[b"ab"; 4].map(|b| Sample::Bytes(b)), "[97 98]|[97 98]|ab|6162");
}

#[test]
fn misused_verbs_are_shown_as_in_go() {
    check("%d", &[Sample::Str("x")], "%!d(string=x)");
    check("%s|%d", &[Sample::Nil, Sample::Nil], "%!s(<nil>)|%!d(<nil>)");
    check("%d %d", &[Sample::Int(1)], "1 %!d(MISSING)");
    check("a", &[Sample::Int(1), Sample::Nil, Sample::Str("b")], "a%!(EXTRA int=1, <nil>, string=b)");
    check("%", &[], "%!(NOVERB)");
    check("%!|%z", &[Sample::Int(1), Sample::Int(2)], "%!!(int=1)|%!z(int=2)");
    check("%[2]d %[1]d|%[3]d|%[x]d", &[Sample::Int(1), Sample::Int(2)], "2 1|%!d(BADINDEX)|%!d(BADINDEX)");
    check(
        "%*d|%-*d|%.*f",
        &[
            Sample::Int(4),
            Sample::Int(1),
            Sample::Int(3),
            Sample::Int(2),
            Sample::Int(1),
            Sample::Float(2.55),
        ],
        "   1|2  |2.5",
    );
    check("%*d", &[Sample::Str("w"), Sample::Int(1)], "%!(BADWIDTH)1");
    check("100%%|%5%", &[], "100%|%");
}

#[test]
fn composites_print_as_in_go() {
    let tree = || {
        Sample::Map(vec![
            ("a", Sample::List(vec![Sample::Int(1), Sample::Nil, Sample::Str("x y")])),
            ("b", Sample::Map(Vec::new())),
            ("c", Sample::Uint(3)),
        ])
    };
    check("%v", &[tree()], "map[a:[1 <nil> x y] b:map[] c:3]");
    check("%+v", &[tree()], "map[a:[1 <nil> x y] b:map[] c:3]");
    check(
        "%#v",
        &[tree()],
        r#"map[string]interface {}{"a":[]interface {}{1, interface {}(nil), "x y"}, "b":map[string]interface {}{}, "c":0x3}"#,
    );
    check("%q", &[Sample::List(vec![Sample::Str("a"), Sample::Int(98)])], r#"["a" 'b']"#);
    check("%s", &[Sample::List(vec![Sample::Nil, Sample::Int(1)])], "[<nil> %!s(int=1)]");
    check("%d", &[Sample::Map(vec![("k", Sample::Bool(true))])], "map[%!d(string=k):%!d(bool=true)]");
    check("%5v", &[Sample::List(vec![Sample::Int(1), Sample::Str("a")])], "[    1     a]");
}

#[test]
fn print_puts_spaces_between_operands_that_are_no_strings() {
    let args: Vec<Sample> =
        vec![Sample::Int(1), Sample::Int(2), Sample::Str("a"), Sample::Int(3), Sample::Nil];
    let args: Vec<&dyn Arg> = args.iter().map(|a| a as &dyn Arg).collect();
    let mut out = Vec::new();
    assert_eq!(sprint(&mut out, &args), Ok(()));
    assert_eq!(out, b"1 2a3 <nil>");
    out.clear();
    assert_eq!(sprintln(&mut out, &args), Ok(()));
    assert_eq!(out, b"1 2 a 3 <nil>\n");
}
