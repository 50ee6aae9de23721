//! 1Password Connect.

use crate::{failure, read, text};
use keyfill_diag::{Class, Report as _};
use keyfill_secrets::Network;
use keyfill_secrets::onepassword::{OnePassword, OnePasswordSettings};
use keyfill_testkit::{Fake, Request, Response};

const VAULT: &str = "abcdefghijklmnopqrstuvwxy1";
const ITEM: &str = "abcdefghijklmnopqrstuvwxy2";

fn connect(answer: impl Fn(&Request) -> Response + Send + Sync + 'static) -> (Fake, OnePassword) {
    let fake = Fake::start(move |request| {
        if request.header("authorization") != "Bearer hush-token" || request.method != "GET" {
            return Response::new(401, r#"{"status": 401, "message": "Invalid token"}"#);
        }
        answer(request)
    });
    let settings = OnePasswordSettings {
        host: format!("{}/", fake.address()),
        token: "hush-token".into(),
        network: Network::default(),
    };
    (fake, OnePassword::new(settings))
}

fn play(request: &Request) -> Response {
    let item = r#"{"fields": [{"label": "user", "value": "alice"}, {"label": "a", "value": "1"}, {"label": "a", "value": "2"},
                    {"label": "empty"}, {"value": "no label"}]}"#;
    let path = request.path.as_str();
    let titles = format!("/v1/vaults/{VAULT}/items?filter=title%20eq%20%22");
    if path == format!("/v1/vaults/{VAULT}/items/{ITEM}") {
        Response::new(200, item)
    } else if path == "/v1/vaults?filter=title%20eq%20%22Team%20A%22" {
        Response::new(200, format!(r#"[{{"id": "{VAULT}"}}]"#))
    } else if path == format!("{titles}app%2Fdb%22")
        || path == format!("{titles}titlethatlookslikeanid1234%22")
    {
        Response::new(200, format!(r#"[{{"id": "{ITEM}"}}]"#))
    } else if path == format!("{titles}twice%22") {
        Response::new(200, format!(r#"[{{"id": "{ITEM}"}}, {{"id": "{VAULT}"}}]"#))
    } else if path.contains("?filter=") {
        Response::new(200, "[]")
    } else {
        Response::new(404, r#"{"status": 404, "message": "not found"}"#)
    }
}

#[test]
fn items_are_found_by_id_and_by_title() {
    let (fake, source) = connect(play);
    let data = read(&source, &format!("vaults/{VAULT}/items/{ITEM}"), None, &[]).expect("it is there");
    assert_eq!(data.keys().collect::<Vec<_>>(), ["a", "empty", "user"]);
    assert_eq!((text(&data, "a").as_str(), text(&data, "empty").as_str()), ("2", ""));
    assert_eq!(fake.seen().len(), 1);
    for _ in 0..2 {
        let data = read(&source, "vaults/Team A/items/app/db", None, &[]).expect("it is there");
        assert_eq!(text(&data, "user"), "alice");
    }
    assert_eq!((fake.seen().len(), fake.count("/v1/vaults?")), (6, 1), "the vault's id is remembered");
    let data = read(&source, &format!("vaults/{VAULT}/items/titlethatlookslikeanid1234"), None, &[]);
    assert_eq!(text(&data.expect("it is found by its title"), "user"), "alice");
}

#[test]
fn missing_ambiguous_and_refused_items_are_errors() {
    let (_fake, source) = connect(play);
    let class = |path: &str| failure(read(&source, path, None, &[])).class();
    assert_eq!(class(&format!("vaults/{VAULT}/items/none")), Class::Missing);
    assert_eq!(class("vaults/none/items/none"), Class::Missing);
    assert_eq!(class(&format!("vaults/{VAULT}/items/twice")), Class::Store);
    for path in ["app", "vaults/a", "vaults/a/things/b", "vaults/a\"b/items/c"] {
        assert_eq!(class(path), Class::Usage, "{path}");
    }
    let (_fake, source) =
        connect(|_| Response::new(403, r#"{"message": "Authorization: token does not have access"}"#));
    let error = failure(read(&source, &format!("vaults/{VAULT}/items/{ITEM}"), None, &[]));
    assert!(error.to_string().contains("does not have access"), "{error}");
    let (_fake, source) = connect(|_| Response::new(200, "<html>hush"));
    assert!(
        failure(read(&source, &format!("vaults/{VAULT}/items/{ITEM}"), None, &[]))
            .to_string()
            .contains("not JSON")
    );
}
