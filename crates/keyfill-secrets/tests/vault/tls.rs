//! https, unix sockets, and the errors for certificates that are not trusted.

use crate::{read, shared, text};
use keyfill_diag::{Class, Report as _};
use keyfill_secrets::vault::{Tls, VaultSettings};
use keyfill_testkit::{ROOT_TOKEN, Vault};
use serde_json::json;
use std::time::{Duration, Instant};

fn settings(vault: &Vault, tls: Tls) -> VaultSettings {
    vault.put("secret/data/tls", &json!({ "user": "alice" }));
    VaultSettings { tls, ..crate::with_token(&vault.https_address(), ROOT_TOKEN) }
}

#[test]
fn root_certificates_come_from_a_file_a_folder_or_a_text() {
    let Some(vault) = shared() else { return };
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(vault.file("ca.pem"), folder.path().join("one.pem")).unwrap();
    std::fs::write(folder.path().join("README"), "no certificate").unwrap();
    let pem = std::fs::read_to_string(vault.file("ca.pem")).unwrap();
    let all = [
        Tls { ca_file: Some(vault.file("ca.pem")), ..Tls::default() },
        Tls { ca_dir: Some(folder.path().into()), ..Tls::default() },
        Tls { ca_bytes: Some(pem.clone()), ca_file: Some("/absent".into()), ..Tls::default() },
        Tls { skip_verify: true, ..Tls::default() },
        Tls { ca_bytes: Some(pem), server_name: Some("vault.test".into()), ..Tls::default() },
    ];
    for tls in all {
        let named = format!("{tls:?}");
        let data = read(settings(vault, tls), "secret/data/tls").unwrap_or_else(|e| panic!("{named}: {e}"));
        assert_eq!(text(&data, "user"), "alice");
    }
}

#[test]
fn a_certificate_that_is_not_trusted_is_an_error_without_retries() {
    let Some(vault) = shared() else { return };
    let pem = std::fs::read_to_string(vault.file("ca.pem")).unwrap();
    let wrong = [
        (Tls::default(), "which is not trusted"),
        (
            Tls { ca_bytes: Some(pem), server_name: Some("other.test".into()), ..Tls::default() },
            "the certificate is for",
        ),
    ];
    for (tls, words) in wrong {
        let started = Instant::now();
        let error = read(settings(vault, tls), "secret/data/tls").unwrap_err();
        assert_eq!(error.class(), Class::Store);
        assert!(error.to_string().contains("no trusted connection to Vault at https://127.0.0.1"), "{error}");
        assert!(error.to_string().contains(words), "{error}");
        assert!(started.elapsed() < Duration::from_secs(5), "{error}");
    }
}

#[test]
fn unusable_certificate_settings_are_errors_for_http_too() {
    let cases = [
        (Tls { ca_file: Some("absent.pem".into()), ..Tls::default() }, "absent.pem"),
        (Tls { ca_dir: Some("absent.dir".into()), ..Tls::default() }, "absent.dir"),
        (Tls { ca_bytes: Some("oops".into()), ..Tls::default() }, "VAULT_CACERT_BYTES holds no certificate"),
        (Tls { client_cert: Some("c.pem".into()), ..Tls::default() }, "VAULT_CLIENT_KEY"),
    ];
    for (tls, words) in cases {
        // They are read for an http address too, as Vault's own client does.
        let settings = VaultSettings { tls, ..crate::with_token("http://127.0.0.1:9", "t") };
        let error = read(settings, "secret/data/tls").unwrap_err();
        assert_eq!(error.class(), Class::Usage);
        assert!(error.to_string().contains(words), "{error}");
    }
}

#[test]
fn vault_is_reached_through_a_unix_socket() {
    let Some(vault) = shared() else { return };
    vault.put("secret/data/unix", &json!({ "user": "alice" }));
    let data = read(crate::with_token(&vault.unix_address(), ROOT_TOKEN), "secret/data/unix").unwrap();
    assert_eq!(text(&data, "user"), "alice");
    let absent = VaultSettings { max_retries: Some(0), ..crate::with_token("unix:///absent/v.sock", "t") };
    let error = read(absent, "secret/data/unix").unwrap_err();
    assert!(error.to_string().contains("Vault at unix:///absent/v.sock is not reachable"), "{error}");
}
