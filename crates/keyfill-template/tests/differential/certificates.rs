//! keyfill-template and sprig can use each other's certificates and keys.

use super::case::{Case, Mode, Outcome};
use super::oracle::Oracle;

/// A template that creates keys and certificates of every kind, as JSON.
const MAKE: &str = r#"{{- $ec := genPrivateKey "ecdsa" -}}{{- $ed := genPrivateKey "ed25519" -}}
{{- $ca := genCA "authority & co" 30 -}}{{- $ecca := genCAWithKey "ec authority" 30 $ec -}}
{{- $edca := genCAWithKey "ed authority" 30 $ed -}}
{{- $leaf := genSignedCert "leaf" (list "10.0.0.1" "fe80::1") (list "a.example" "b.example") 400 $ca -}}
{{- $ecleaf := genSignedCertWithKey "" nil (list "c.example") 10000 $ecca $ed -}}
{{- $self := genSelfSignedCertWithKey "self" (list "127.0.0.1") nil -1 $ed -}}
{{- $all := list $ca $ecca $edca $leaf $ecleaf $self -}}
{{- $out := dict "pairs" (list) "authorities" (list) -}}
{{- range $all }}{{ $_ := set $out "pairs" (append $out.pairs (dict "Cert" (.Cert | b64enc) "Key" (.Key | b64enc))) }}{{ end -}}
{{- $out | toJson -}}"#;

/// A template that parses these certificates and keys, and signs with each.
const READ: &str = r#"{{- range .pairs }}{{ $c := buildCustomCert .Cert .Key }}{{ typeOf $c }} {{ eq $c.Key (.Key | b64dec) }}
{{- $s := genSignedCertWithKey "x" nil nil 1 $c $c.Key }} {{ contains "BEGIN CERTIFICATE" $s.Cert }} {{ eq $s.Key $c.Key }}
{{ end }}"#;

const EXPECTED: &str = "sprig.certificate true true true\n";

fn text(outcome: Outcome) -> String {
    match outcome {
        Outcome::Output(text) => String::from_utf8_lossy(&text).into_owned(),
        other => panic!("{other}"),
    }
}

/// Checks that each program can use what the other one created.
pub fn go_both_ways(oracle: &mut Oracle) {
    let make = || Case::one(MAKE, "{}").for_helm();
    let read = |made: String| Case::one(READ, made).for_helm();
    let ours = text(make().run(Mode::Helm));
    let theirs = text(oracle.ask(Mode::Helm, &[make()]).remove(0));
    for made in [ours, theirs] {
        assert_eq!(text(oracle.ask(Mode::Helm, &[read(made.clone())]).remove(0)), EXPECTED.repeat(6));
        assert_eq!(text(read(made).run(Mode::Helm)), EXPECTED.repeat(6));
    }
}
