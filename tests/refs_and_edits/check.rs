//! `check` and `generate` of what is easily passed over without a word.

use super::{keyfill, said};

/// A text in UTF-16 with its byte order mark.
fn utf_16(text: &str, order: fn(u16) -> [u8; 2]) -> Vec<u8> {
    std::iter::once(0xfeff).chain(text.encode_utf16()).flat_map(order).collect()
}

const SECRET: &str =
    "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {k: '<path:secret/data/a#k>'}\n";

#[test]
fn a_manifest_in_utf_16_is_named_and_no_text_of_another_kind_is() {
    for order in [u16::to_le_bytes, u16::to_be_bytes] {
        for text in [SECRET, "a: <path:secret/data/a#k>\n"] {
            let outcome = keyfill(&["check"]).file("app/wide.yaml", utf_16(text, order)).run();
            let said = said(&outcome, 3);
            assert!(
                said.contains("app/wide.yaml") && said.contains("UTF-16") && said.contains("1 root"),
                "{said}"
            );
        }
        let outcome = keyfill(&["check"]).file("notes.yaml", utf_16("just: notes\n", order)).run();
        assert!(said(&outcome, 0).contains("0 roots"));
        let outcome = keyfill(&["generate", "app"]).file("app/wide.yaml", utf_16(SECRET, order)).run();
        assert!(said(&outcome, 3).contains("UTF-16"));
        let outcome = keyfill(&["generate", "-"]).stdin(utf_16(SECRET, order)).run();
        assert!(said(&outcome, 3).contains("UTF-16"));
        let outcome = keyfill(&["check"])
            .file("kustomization.yaml", "resources: [wide.yaml]\n")
            .file("wide.yaml", utf_16(SECRET, order))
            .run();
        assert!(said(&outcome, 3).contains("wide.yaml"));
    }
}

/// A document whose annotation names a path.
fn annotated(value: &str) -> String {
    format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: page   # as it came\n  annotations: {{avp.kubernetes.io/path: secret/data/a}}\ndata:\n  page: {value}\n"
    )
}

#[test]
fn a_key_behind_html_escapes_is_warned_of_and_an_error_in_a_check() {
    for value in
        ["'&lt;user&gt;'", "'x &#60;user&#62; y'", "'&amp;lt;user&amp;gt;'", "'&lt;user | base64encode&gt;'"]
    {
        let run = |args: &[&str]| {
            keyfill(args)
                .file("a.yaml", annotated(value))
                .file("s.yaml", "secret/data/a: {user: hunter2}\n")
                .run()
        };
        let outcome = run(&["generate", ".", "--source", "file", "--secrets-file", "s.yaml"]);
        assert_eq!(outcome.text(), annotated(value), "what is not filled leaves as it came");
        assert!(
            outcome.stderr.contains("was changed by HTML escapes and is not filled"),
            "{}",
            outcome.stderr
        );
        assert!(outcome.stderr.contains("a.yaml:7"), "{}", outcome.stderr);
        let said = said(&run(&["check", "a.yaml"]), 3);
        assert!(said.contains("error: ") && said.contains("HTML escapes"), "{said}");
    }
}

#[test]
fn text_of_html_is_no_placeholder() {
    for value in [
        "'&lt;b&gt;bold&lt;/b&gt;'",
        "'one&lt;br&gt;two'",
        "'&lt;a href=&#34;x&#34;&gt;'",
        "'&lt; user &lt;'",
        "'a &lt;= b &amp;&amp; c &gt; d'",
        "'&lt;!-- note --&gt;'",
    ] {
        let outcome = keyfill(&["check", "a.yaml"]).file("a.yaml", annotated(value)).run();
        assert!(said(&outcome, 0).contains("0 warnings"), "{value}");
    }
    // Without an annotation there are no keys.
    let plain = annotated("'&lt;user&gt;'").replace("avp.kubernetes.io/path", "example.com/path");
    assert!(said(&keyfill(&["check", "a.yaml"]).file("a.yaml", plain).run(), 0).contains("0 warnings"));
}

#[test]
fn values_beyond_64_bits_keep_their_digits_from_a_file_of_secrets() {
    const LARGE: &str = "123456789012345678901234567890";
    let outcome = keyfill(&["generate", ".", "--source", "file", "--secrets-file", "s.yaml"])
        .file("a.yaml", annotated("<large>").replace("<large>", "'<large>'\n  more: '<fraction>, <large>'"))
        .file("s.yaml", format!("secret/data/a: {{large: {LARGE}, fraction: 1.10}}\n"))
        .run();
    let text = said(&outcome, 0);
    assert!(
        text.contains(&format!("page: \"{LARGE}\"")) || text.contains(&format!("page: {LARGE}")),
        "{text}"
    );
    assert!(text.contains(&format!("more: 1.10, {LARGE}")), "{text}");
}

#[test]
fn a_file_is_no_folder_to_lock_or_to_vendor() {
    for command in ["lock", "vendor"] {
        let outcome = keyfill(&[command, "a.yaml"]).file("a.yaml", SECRET).run();
        assert!(said(&outcome, 2).contains("a.yaml is a file: name a folder"), "{command}");
    }
}
