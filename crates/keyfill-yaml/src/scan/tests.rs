//! Tests of the scanner: its tokens are those of libyaml.

use super::{Dialect, Scanner, TokenKind};
use crate::input::Input;

fn tokens(text: &str) -> String {
    let input = Input::new(text.as_bytes()).expect("clean");
    let mut scanner = Scanner::new(&input, Dialect::V2, 100);
    let mut out = Vec::new();
    loop {
        let token = match scanner.next() {
            Ok(token) => token,
            Err(e) => {
                out.push(format!("error {e}"));
                break;
            }
        };
        out.push(match token.kind {
            TokenKind::StreamEnd => break,
            TokenKind::Scalar(text, style) => format!("{style:?}:{text:?}"),
            TokenKind::BlockMappingStart => "{{".into(),
            TokenKind::BlockSequenceStart => "[[".into(),
            TokenKind::BlockEnd => "^".into(),
            TokenKind::Key => "?".into(),
            TokenKind::Value => ":".into(),
            TokenKind::BlockEntry => "-".into(),
            TokenKind::FlowEntry => ",".into(),
            TokenKind::FlowMappingStart => "{".into(),
            TokenKind::FlowMappingEnd => "}".into(),
            TokenKind::FlowSequenceStart => "[".into(),
            TokenKind::FlowSequenceEnd => "]".into(),
            other => format!("{other:?}"),
        });
    }
    out.join(" ")
}

#[test]
fn block_collections_begin_and_end_with_tokens() {
    assert_eq!(tokens("a: b\n"), r#"{{ ? Plain:"a" : Plain:"b" ^"#);
    assert_eq!(
        tokens("a:\n- x\n- y: 1\n  z: 2\n"),
        r#"{{ ? Plain:"a" : - Plain:"x" - {{ ? Plain:"y" : Plain:"1" ? Plain:"z" : Plain:"2" ^ ^"#
    );
    assert_eq!(tokens("- - a\n  -\n"), r#"[[ - [[ - Plain:"a" - ^ ^"#);
    assert_eq!(tokens("? a\n: b"), r#"{{ ? Plain:"a" : Plain:"b" ^"#);
}

#[test]
fn flow_collections_may_hold_pairs() {
    assert_eq!(
        tokens("{a: [b, 'c'], \"d\":e}"),
        r#"{ ? Plain:"a" : [ Plain:"b" , Single:"c" ] , ? Double:"d" : Plain:"e" }"#
    );
    assert_eq!(tokens("[a:b, c: ]"), r#"[ Plain:"a:b" , ? Plain:"c" : ]"#);
}

#[test]
fn scalars_of_several_lines_are_folded() {
    assert_eq!(tokens("a: b\n  c\n\n  d\n"), r#"{{ ? Plain:"a" : Plain:"b c\nd" ^"#);
    assert_eq!(tokens("\"a \\\n  b\n\n c\""), r#"Double:"a b\nc""#);
    assert_eq!(tokens("'it''s\n  x'"), r#"Single:"it's x""#);
    assert_eq!(tokens("|\n  a\n   b\n\n  c\n\n"), r#"Literal:"a\n b\n\nc\n""#);
    assert_eq!(tokens(">-\n a\n b\n\n c\n  d\n e\n"), r#"Folded:"a b\nc\n d\ne""#);
    assert_eq!(tokens("|+\n a\n\n"), r#"Literal:"a\n\n""#);
    assert_eq!(tokens("|2-\n   a\n"), r#"Literal:" a""#);
    assert_eq!(tokens("a #c\n#d"), r#"Plain:"a""#);
    assert_eq!(tokens("a#b"), r#"Plain:"a#b""#);
}

#[test]
fn escapes_become_characters() {
    assert_eq!(tokens(r#""\x41\u00e9\U0001F600\n\"\/""#), "error line 1: found unknown escape character");
    assert_eq!(tokens(r#""\x41\u00e9\n\"\e\_""#), r#"Double:"Aé\n\"\u{1b}\u{a0}""#);
    assert_eq!(tokens(r#""\ud83d\ude00""#), "error line 1: found invalid Unicode character escape code");
}

#[test]
fn anchors_tags_and_directives_are_tokens() {
    assert_eq!(tokens("&a !!str b"), r#"{"#.replace('{', r#"Anchor("a") Tag(("!!", "str")) Plain:"b""#));
    assert_eq!(tokens("*a"), r#"Alias("a")"#);
    assert_eq!(tokens("!<x:y> a"), r#"Tag(("", "x:y")) Plain:"a""#);
    assert_eq!(tokens("!a%41%C3%A9 b"), r#"Tag(("!", "aAé")) Plain:"b""#);
    assert_eq!(tokens("! b"), r#"Tag(("", "!")) Plain:"b""#);
    assert_eq!(
        tokens("%YAML 1.1\n%TAG !e! x:\n--- a\n..."),
        r#"Version(1, 1) TagDirective(("!e!", "x:")) DocumentStart Plain:"a" DocumentEnd"#
    );
}

#[test]
fn errors_name_their_line() {
    assert!(tokens("a: b\nc\n").ends_with("error line 2: could not find expected ':'"));
    assert!(tokens("a: b: c\n").ends_with("error line 1: mapping values are not allowed in this context"));
    assert!(
        tokens("a:\n\tb: 1\n").contains("error line 2: found character that cannot start any token: a tab")
    );
    assert!(tokens("a: \"b\n").contains("found unexpected end of stream"));
    assert!(tokens("a: @b\n").contains("found character that cannot start any token: @"));
    let deep = "[".repeat(101);
    assert!(tokens(&deep).contains("nested deeper than 100 levels"));
}
