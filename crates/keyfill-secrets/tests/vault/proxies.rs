//! Requests through a proxy: a tunnel for https, absolute URLs for http, and hosts that are reached without it.

use crate::{read, shared, text, with_token};
use keyfill_secrets::Secret;
use keyfill_secrets::vault::{Proxy, Tls, VaultSettings};
use keyfill_testkit::ROOT_TOKEN;
use serde_json::json;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// A proxy that records the head of each request and forwards the request to `upstream`.
fn proxy(upstream: &str) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://user:pw@{}", listener.local_addr().unwrap());
    let heads = Arc::new(Mutex::new(Vec::new()));
    let (notes, upstream) = (Arc::clone(&heads), upstream.to_owned());
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let mut reader = BufReader::new(client.try_clone().unwrap());
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") && reader.read_line(&mut head).unwrap() > 0 {}
            let mut server = TcpStream::connect(&upstream).unwrap();
            if head.starts_with("CONNECT ") {
                (&client).write_all(b"HTTP/1.1 200 Connected\r\n\r\n").unwrap();
            } else {
                // HTTP/1.0, so that each connection has only one request.
                server.write_all(head.replacen(" HTTP/1.1", " HTTP/1.0", 1).as_bytes()).unwrap();
            }
            notes.lock().unwrap().push(head);
            let mut back = server.try_clone().unwrap();
            let mut to_client = client.try_clone().unwrap();
            std::thread::spawn(move || {
                let _ = std::io::copy(&mut back, &mut to_client);
                let _ = to_client.shutdown(std::net::Shutdown::Both);
            });
            std::thread::spawn(move || {
                let mut buffer = [0; 4096];
                while let Ok(n @ 1..) = reader.read(&mut buffer) {
                    if server.write_all(&buffer[..n]).is_err() {
                        break;
                    }
                }
            });
        }
    });
    (address, heads)
}

#[test]
fn https_is_sent_through_a_tunnel_and_http_with_absolute_urls() {
    let Some(vault) = shared() else { return };
    vault.put("secret/data/proxies", &json!({ "user": "alice" }));
    let tls = Tls { ca_file: Some(vault.file("ca.pem")), ..Tls::default() };
    let https = vault.https_address();
    let (address, heads) = proxy(https.trim_start_matches("https://"));
    let settings = VaultSettings {
        tls,
        proxy: Proxy { https: Some(Secret::new(address.as_str())), ..Proxy::default() },
        ..with_token(&https, ROOT_TOKEN)
    };
    assert_eq!(text(&read(settings.clone(), "secret/data/proxies").unwrap(), "user"), "alice");
    let head = heads.lock().unwrap().pop().unwrap().to_lowercase();
    assert!(
        head.starts_with(&format!("connect {} http/1.1", https.trim_start_matches("https://"))),
        "{head}"
    );
    assert!(head.contains("proxy-authorization: basic dxnlcjpwdw=="), "{head}");
    assert!(!head.contains("x-vault-token"), "{head}");

    let without = VaultSettings {
        proxy: Proxy { no_proxy: Some("example.com, 127.0.0.0/8".into()), ..settings.proxy.clone() },
        ..settings
    };
    assert!(read(without, "secret/data/proxies").is_ok());
    assert!(heads.lock().unwrap().is_empty());

    let (address, heads) = proxy(vault.host());
    let plain = VaultSettings {
        proxy: Proxy { http: Some(Secret::new(address.as_str())), ..Proxy::default() },
        ..with_token(&vault.address(), ROOT_TOKEN)
    };
    assert_eq!(text(&read(plain, "secret/data/proxies").unwrap(), "user"), "alice");
    let head = heads.lock().unwrap().pop().unwrap().to_lowercase();
    assert!(head.starts_with(&format!("get {}/v1/secret/data/proxies http/1.1", vault.address())), "{head}");
    assert!(head.contains("proxy-authorization: basic dxnlcjpwdw=="), "{head}");
}
