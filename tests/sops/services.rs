//! Master keys in key services: files that the real SOPS encrypted with Vault's transit engine and AWS KMS are
//! decrypted.

use crate::{keyfill, printed, said};
use keyfill_testkit::{Moto, Run, oracle};
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::Command;

const TOKEN: &str = "hvs.test";

/// Encrypts a text with SOPS, with these flags and environment variables.
fn sops(args: &[&str], vars: &[(&str, &str)]) -> Option<Vec<u8>> {
    let program = oracle("sops")?;
    let folder = tempfile::tempdir().expect("a folder");
    let plain = "apiVersion: v1\nkind: Secret\nmetadata:\n    name: x\nstringData:\n    a: hush-of-service\n";
    std::fs::write(folder.path().join("x.yaml"), plain).expect("a file");
    let out = Command::new(program)
        .current_dir(folder.path())
        .env_clear()
        .env("HOME", folder.path())
        .envs(vars.iter().copied())
        .args(["encrypt", "--encrypted-regex", "^stringData$"])
        .args(args)
        .arg("x.yaml")
        .output()
        .expect("sops can be started");
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    Some(out.stdout)
}

fn generate(encrypted: &[u8]) -> Run {
    keyfill(&["generate", "app/x.yaml", "--source", "file", "--secrets-file", "s.yaml"])
        .env("SOPS_AGE_KEY_FILE", "")
        .file("s.yaml", "{}")
        .file("app/x.yaml", encrypted)
}

/// Starts a server with the part of Vault's transit engine that this test needs, and the key `app`, and returns its
/// address. The `vault-dev` of the tests cannot be built with the real engine.
fn transit() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener.local_addr().expect("it has an address");
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || answer(stream));
        }
    });
    format!("http://{address}")
}

fn answer(mut stream: TcpStream) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    loop {
        let lines: Vec<String> =
            reader.by_ref().lines().map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
        let header = |name: &str| {
            let mut named = lines.iter().filter_map(|line| line.split_once(": "));
            named.find(|(given, _)| given.eq_ignore_ascii_case(name)).map(|(_, value)| value)
        };
        let mut body = vec![0; header("content-length")?.parse().ok()?];
        reader.read_exact(&mut body).ok()?;
        let asked: Value = serde_json::from_slice(&body).ok()?;
        let turned = |text: &str| text.chars().rev().collect::<String>();
        let path = lines.first()?.split(' ').nth(1)?;
        let (status, said) = match (header("x-vault-token"), path) {
            (Some(TOKEN), "/v1/transit/encrypt/app") => {
                let ciphertext = format!("vault:v1:{}", turned(asked["plaintext"].as_str()?));
                (200, json!({ "data": { "ciphertext": ciphertext } }))
            }
            (Some(TOKEN), "/v1/transit/decrypt/app") => {
                let plaintext = turned(asked["ciphertext"].as_str()?.strip_prefix("vault:v1:")?);
                (200, json!({ "data": { "plaintext": plaintext } }))
            }
            _ => (403, json!({ "errors": ["permission denied"] })),
        };
        let said = said.to_string();
        let head = "Content-Type: application/json\r\nContent-Length";
        write!(stream, "HTTP/1.1 {status} X\r\n{head}: {}\r\n\r\n{said}", said.len()).ok()?;
    }
}

#[test]
fn vaults_transit_engine_decrypts_with_the_login_for_vault() {
    let address = transit();
    let key = format!("{address}/v1/transit/keys/app");
    let vars = [("VAULT_ADDR", address.as_str()), ("VAULT_TOKEN", TOKEN)];
    let Some(encrypted) = sops(&["--hc-vault-transit", &key], &vars) else { return };
    let with = |token: &str| generate(&encrypted).env("VAULT_ADDR", &address).env("VAULT_TOKEN", token);
    assert!(printed(&with(TOKEN).run()).contains("a: hush-of-service"));
    let allowed = with(TOKEN).env("KEYFILL_SOPS_KEYS", "transit/keys/app");
    printed(&allowed.run());
    let refused = said(&with(TOKEN).env("KEYFILL_SOPS_KEYS", "transit/keys/{{ app.project }}, age").run(), 5);
    assert!(refused.contains("transit/keys/app") && refused.contains("KEYFILL_SOPS_KEYS"), "{refused}");
    let denied = said(&with("no-token").run(), 5);
    assert!(denied.contains("403") && denied.contains("transit/decrypt/app"), "{denied}");
    let elsewhere = generate(&encrypted).env("VAULT_ADDR", "http://127.0.0.1:1").env("VAULT_TOKEN", "t");
    assert!(said(&elsewhere.run(), 5).contains("is not keyfill's Vault"));
    let none = said(&generate(&encrypted).run(), 5);
    assert!(none.contains("VAULT_"), "{none}");
}

#[test]
fn aws_kms_decrypts_with_the_credentials_of_the_store() {
    let Some(moto) = Moto::start() else { return };
    let made = moto.call("TrentService.CreateKey", "eu-west-1", &json!({}));
    let arn = made["KeyMetadata"]["Arn"].as_str().expect("an ARN").to_owned();
    let address = moto.address();
    let vars = [
        ("AWS_ENDPOINT_URL", address.as_str()),
        ("AWS_ACCESS_KEY_ID", "id"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
    ];
    let flags = ["--kms", &arn, "--encryption-context", "app:x"];
    let Some(encrypted) = sops(&flags, &vars) else { return };
    let run = |text: &[u8]| vars.iter().fold(generate(text), |run, (name, value)| run.env(name, value));
    assert!(printed(&run(&encrypted).run()).contains("a: hush-of-service"));
    let text = String::from_utf8(encrypted).expect("it is text");
    let other = said(&run(text.replacen("app: x", "app: \"y\"", 1).as_bytes()).run(), 5);
    assert!(other.contains("AWS KMS"), "{other}");
    let role = text.replacen(
        &format!("arn: {arn}"),
        &format!("arn: {arn}\n          role: arn:aws:iam::1:role/x"),
        1,
    );
    assert!(role.contains("role:"), "{role}");
    assert!(said(&run(role.as_bytes()).run(), 5).contains("assume the role"));
}
