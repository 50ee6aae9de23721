//! Bitwarden Secrets Manager. The fake server returns secrets that are encrypted as Bitwarden's clients encrypt them.

use crate::{failure, read, text};
use aes::Aes256;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockModeEncrypt as _, KeyIvInit as _};
use keyfill_diag::{Class, Report as _};
use keyfill_secrets::Network;
use keyfill_secrets::bitwarden::{Bitwarden, BitwardenSettings};
use keyfill_testkit::{Fake, Request, Response};
use ring::hmac;
use serde_json::{Value, json};

const TOKEN: &str = "0.ec2c1d46-6a4b-4751-a310-af9601317f2d.hush:X8vbvA0bduihIDe/qrzIQQ==";

/// The key that is derived from the access token, in base64.
const TOKEN_KEY: &str =
    "H9/oIRLtL9nGCQOVDjSMoEbJsjWXSOCb3qeyDt6ckzS3FhyboEDWyTP/CQfbIszNmAVg2ExFganG1FVFGXO/Jg==";

const PROJECT: &str = "8f1f2e4c-0d5b-4a8e-9a53-3c1f0f6d2b7a";

const ORGANIZATION: [u8; 64] = [9; 64];

fn sealed(key: &[u8], plain: &[u8]) -> String {
    let vector = [5_u8; 16];
    let cipher: [u8; 32] = key[..32].try_into().expect("32 bytes");
    let sealed = cbc::Encryptor::<Aes256>::new(&cipher.into(), &vector.into());
    let sealed = sealed.encrypt_padded_vec::<Pkcs7>(plain);
    let mac = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key[32..]), &[&vector[..], &sealed].concat());
    let parts = [&vector[..], &sealed, mac.as_ref()].map(|part| STANDARD.encode(part));
    format!("2.{}", parts.join("|"))
}

fn of_organization(plain: &str) -> String {
    sealed(&ORGANIZATION, plain.as_bytes())
}

fn login() -> Response {
    let payload = json!({ "encryptionKey": STANDARD.encode(ORGANIZATION) }).to_string();
    let key = STANDARD.decode(TOKEN_KEY).expect("it is base64");
    let payload = sealed(&key, payload.as_bytes());
    let answer = json!({ "access_token": "t-1", "expires_in": 3600, "encrypted_payload": payload });
    Response::new(200, answer.to_string())
}

fn bitwarden(answer: impl Fn(&Request) -> Response + Send + Sync + 'static) -> (Fake, Bitwarden) {
    let fake = Fake::start(move |request| {
        if request.path == "/identity/connect/token" {
            assert_eq!(request.header("content-type"), "application/x-www-form-urlencoded");
            let form = "grant_type=client_credentials&scope=api.secrets\
                        &client_id=ec2c1d46-6a4b-4751-a310-af9601317f2d&client_secret=hush";
            assert_eq!(request.body, form);
            return login();
        }
        assert_eq!(request.header("authorization"), "Bearer t-1");
        answer(request)
    });
    let settings = BitwardenSettings {
        access_token: TOKEN.into(),
        server: Some(fake.address()),
        network: Network::default(),
    };
    (fake, Bitwarden::new(&settings).expect("the token is good"))
}

/// The answers for a project with three secrets, two of which have the same name.
fn project(request: &Request) -> Response {
    let secrets = [("s1", "user", "alice"), ("s2", "twice", "hush"), ("s3", "twice", "hush")];
    let listed = format!("/api/projects/{PROJECT}/secrets");
    match (request.method.as_str(), request.path.as_str()) {
        ("GET", path) if path == listed => {
            let secrets = secrets.map(|(id, name, _)| json!({ "id": id, "key": of_organization(name) }));
            Response::new(200, json!({ "secrets": secrets, "projects": [] }).to_string())
        }
        ("POST", "/api/secrets/get-by-ids") => {
            let asked: Value = serde_json::from_str(&request.body).expect("it is JSON");
            let asked = asked["ids"].as_array().expect("a list").clone();
            let given = secrets.iter().filter(|(id, _, _)| asked.contains(&json!(id)));
            let data: Vec<Value> =
                given.map(|(id, _, value)| json!({ "id": id, "value": of_organization(value) })).collect();
            assert_eq!(data.len(), 1, "no more than what is wanted is asked for");
            Response::new(200, json!({ "data": data }).to_string())
        }
        _ => Response::new(404, r#"{"message": "Resource not found."}"#),
    }
}

#[test]
fn a_secret_of_a_project_is_found_by_its_name_and_decrypted() {
    let (fake, source) = bitwarden(project);
    let data = read(&source, PROJECT, None, &["user", "none"]).expect("it is there");
    assert_eq!((text(&data, "user").as_str(), data.len()), ("alice", 1));
    assert!(read(&source, PROJECT, None, &["none"]).expect("the project is there").is_empty());
    assert_eq!((fake.seen().len(), fake.count("/identity/")), (4, 1), "one login serves all");
    let error = failure(read(&source, PROJECT, None, &["twice"]));
    assert!(error.to_string().contains("2 secrets of the project are named twice"), "{error}");
    let error = failure(read(&source, &PROJECT.replace('8', "7"), None, &["user"]));
    assert!(error.is_absent(), "{error}");
    for (path, version) in
        [("app", None), ("../8f1f2e4c-0d5b-4a8e-9a53-3c1f0f6d2", None), (PROJECT, Some("1"))]
    {
        assert_eq!(failure(read(&source, path, version, &["user"])).class(), Class::Usage, "{path}");
    }
}

#[test]
fn unusable_answers_are_errors_without_their_text() {
    let of_other = |plain: &str| sealed(&[8; 64], plain.as_bytes());
    let (_fake, source) = bitwarden(move |_| {
        let secrets = [json!({ "id": "s1", "key": of_other("hush") })];
        Response::new(200, json!({ "secrets": secrets }).to_string())
    });
    let error = failure(read(&source, PROJECT, None, &["user"]));
    assert!(error.to_string().contains("the organization's key does not open it"), "{error}");
    let (_fake, source) = bitwarden(|_| Response::new(200, "<html>hush"));
    assert!(failure(read(&source, PROJECT, None, &["user"])).to_string().contains("not JSON"));
    let (_fake, source) = bitwarden(|_| Response::new(403, r#"{"message": "no"}"#));
    let error = failure(read(&source, PROJECT, None, &["user"]));
    assert!(error.advice().is_some_and(|hint| hint.contains("machine account")), "{error}");
}

#[test]
fn an_invalid_access_token_is_refused_and_not_shown() {
    for token in ["", "hush", "0.hush", "0.a.hush", "0.a.hush:hush", "1.a.hush:X8vbvA0bduihIDe/qrzIQQ=="] {
        let settings =
            BitwardenSettings { access_token: token.into(), server: None, network: Network::default() };
        let Err(error) = Bitwarden::new(&settings) else { panic!("{token} is no token") };
        let said = format!("{error} {:?}", error.advice());
        assert!(said.contains("BWS_ACCESS_TOKEN") && !said.contains("hush"), "{said}");
    }
}
