//! Errors in files are reported with their place and a hint, and without a value.

use crate::{decrypt, keys, read};
use keyfill_diag::{Class, Cx, Report as _};
use keyfill_sops::{Format, Hidden, Identities, KeyService, Keys, MasterKey, Refusal};
use std::sync::{Arc, Mutex};

fn changed(name: &str, from: &str, to: &str) -> String {
    let text = String::from_utf8(read(name)).expect("it is text");
    assert!(text.contains(from), "{name} holds no {from}");
    text.replacen(from, to, 1)
}

fn fails(text: &str, name: &str, keys: &Keys) -> (String, String, Class) {
    let error = decrypt(text.as_bytes(), name, keys).map(|_| ()).expect_err("it must not be decrypted");
    (error.to_string(), error.advice().unwrap_or_default().to_owned(), error.class())
}

#[test]
fn a_value_that_was_added_or_changed_is_found_by_the_mac() {
    let text = changed("encrypted/encrypted-regex.yaml", "kind: Secret", "kind: ConfigMap");
    let (message, hint, class) = fails(&text, "x.yaml", &keys());
    assert!(message.contains("does not fit its values") && hint.contains("sops edit"), "{message}; {hint}");
    assert_eq!(class, Class::Render);
    let text = changed("encrypted/mac-only.yaml", "kind: Secret", "kind: ConfigMap");
    assert!(decrypt(text.as_bytes(), "x.yaml", &keys()).is_ok(), "this MAC is over encrypted values only");
    let text = changed("encrypted/all.yaml", "\nsecond: ENC", "\nother: ENC");
    let (message, _, _) = fails(&text, "x.yaml", &keys());
    assert!(message.contains("moved from another key") && message.contains("other"), "{message}");
    let text = changed("encrypted/all.yaml", "lastmodified: \"20", "lastmodified: \"21");
    assert!(fails(&text, "x.yaml", &keys()).0.contains("mac"));
    let text = changed("encrypted/all.json", "\"mac\": \"ENC[", "\"mac\": \"\", \"x\": \"ENC[");
    assert!(fails(&text, "x.json", &keys()).0.contains("does not fit"));
}

#[test]
fn a_value_in_clear_where_an_encrypted_one_belongs_is_not_shown() {
    let text = changed("encrypted/all.yaml", "\nnumber: ENC", "\nnumber: hush # ENC");
    let (message, hint, _) = fails(&text, "x.yaml", &keys());
    assert!(message.contains("number") && message.contains("not"), "{message}");
    assert!(!format!("{message}{hint}").contains("hush"));
}

#[test]
fn without_the_key_the_recipients_are_named() {
    let text = String::from_utf8(read("encrypted/all.yaml")).expect("it is text");
    let (message, hint, class) = fails(&text, "x.yaml", &Keys::default());
    assert!(message.contains("age1gkgw9kx67f0vkujkht6qs9xpqhzxkhh9r0qffald9p6aajuwnp3sse5tzl"), "{message}");
    assert!(hint.contains("SOPS_AGE_KEY_FILE"), "{hint}");
    assert_eq!(class, Class::Store);
    let mut other = Identities::new();
    other.add_keys(&String::from_utf8_lossy(&read("key2.txt"))).expect("the key is good");
    let (message, _, _) = fails(&text, "x.yaml", &Keys { identities: other, ..Keys::default() });
    assert!(message.contains("none of the secret keys"), "{message}");
}

#[test]
fn one_of_two_needed_key_groups_is_not_enough() {
    let mut one = Identities::new();
    one.add_keys(&String::from_utf8_lossy(&read("key2.txt"))).expect("the key is good");
    let text = String::from_utf8(read("encrypted/shamir.yaml")).expect("it is text");
    let (message, _, _) = fails(&text, "x.yaml", &Keys { identities: one, ..Keys::default() });
    assert!(message.contains("needs 2 key groups") && message.contains("1 of 3"), "{message}");
}

#[test]
fn files_that_sops_did_not_encrypt_are_refused() {
    for (text, name) in [
        ("a: 1", "x.yaml"),
        ("{}", "x.json"),
        ("A=1", "x.env"),
        ("[a]\nb=1", "x.ini"),
        ("hush", "x.bin"),
        ("", "x.yaml"),
        ("- a", "x.yaml"),
        ("sops: hush", "x.yaml"),
        ("sops: {age: [{recipient: hush}]}", "x.yaml"),
        ("a: *x", "x.yaml"),
        ("[hush", "x.ini"),
        ("hush", "x.env"),
        ("{\"a\": hush}", "x.json"),
    ] {
        let (message, hint, class) = fails(text, name, &keys());
        assert!(!message.is_empty() && class != Class::Other, "{text}");
        assert!(!format!("{message}{hint}").contains("hush"), "{text}: {message}; {hint}");
    }
}

#[test]
fn deep_nesting_alias_bombs_and_late_runs_are_refused() {
    let deep = format!("{}1{}", "{\"a\":".repeat(5000), "}".repeat(5000));
    fails(&deep, "x.json", &keys());
    let deep = format!("a: {}{}", "[".repeat(20_000), "]".repeat(20_000));
    fails(&deep, "x.yaml", &keys());
    let bomb = "a: &a [1,1]\nb: &b [*a,*a]\nc: [*b,*b]\nsops: {}\n";
    assert!(fails(bomb, "x.yaml", &keys()).0.contains("alias"));
    let text = String::from_utf8(read("encrypted/all.yaml")).expect("it is text");
    let late = Cx::with_time(std::time::Duration::ZERO);
    let stopped = keyfill_sops::decrypt(text.as_bytes(), Format::Yaml, &keys(), &late);
    assert!(stopped.is_err_and(|e| e.to_string().contains("deadline")));
}

/// A key service that records the master keys that it gets and refuses all of them.
struct Service(Mutex<Vec<MasterKey>>);

impl KeyService for Service {
    fn decrypt(&self, key: &MasterKey, _: &Cx) -> Result<Hidden, Refusal> {
        self.0.lock().expect("no panic").push(key.clone());
        Err(Refusal::new("permission denied").hint("let the role decrypt"))
    }
}

#[test]
fn key_services_are_asked_only_if_no_age_key_fits() {
    let from = "    age:\n";
    let to = "    hc_vault:\n        - vault_address: https://v\n          engine_path: transit\n          key_name: k\n          \
              enc: vault:v1:x\n    pgp:\n        - fp: ABCD\n    age:\n";
    let text = changed("encrypted/recipients.yaml", from, to);
    let service = Arc::new(Service(Mutex::default()));
    let with = |identities| Keys { identities, service: Some(service.clone()), ..Keys::default() };
    assert!(decrypt(text.as_bytes(), "x.yaml", &with(keys().identities)).is_ok());
    assert!(service.0.lock().expect("no panic").is_empty());
    let (message, hint, _) = fails(&text, "x.yaml", &with(Identities::new()));
    assert!(message.contains("Vault https://v/v1/transit/keys/k: permission denied"), "{message}");
    assert!(message.contains("PGP ABCD: permission denied"), "{message}");
    assert!(!hint.is_empty());
}

#[test]
fn keys_that_cannot_be_used_are_refused_without_being_shown() {
    let mut identities = Identities::new();
    for text in ["AGE-SECRET-KEY-1HUSH", "AGE-PLUGIN-YUBIKEY-1HUSH", "AGE-SECRET-KEY-PQ-1HUSH", "hush"] {
        let refusal = identities.add_keys(text).expect_err("it is not a key");
        let text = format!("{refusal:?}");
        assert!(!text.to_lowercase().contains("hush"), "{text}");
    }
    for text in ["hush", "-----BEGIN OPENSSH PRIVATE KEY-----\naHVzaA==\n-----END OPENSSH PRIVATE KEY-----"] {
        assert!(identities.add_ssh_key(text).is_err());
    }
    assert!(identities.is_empty());
    let pair = String::from_utf8_lossy(&read("key.txt")).replace('\n', "\n\n# note\n");
    assert!(identities.add_keys(&pair).is_ok() && !identities.is_empty());
    assert_eq!(format!("{identities:?}"), "1 identities");
}
