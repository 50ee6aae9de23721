//! Fetching over https: certificates, and logins that are sent over https only.

use crate::certificate::Certificate;
use crate::place::{LOGIN, PASSWORD, Place};
use keyfill_testkit::GitServer;

const MAP: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: remote}\n";

fn shop() -> Option<GitServer> {
    let server = GitServer::start(Some(LOGIN))?;
    server.commit("shop", &[("base/kustomization.yaml", "resources: [cm.yaml]\n"), ("base/cm.yaml", MAP)]);
    Some(server)
}

fn place(address: &str) -> Place {
    Place::new(&[&format!("https://{address}")])
        .file("app/kustomization.yaml", format!("resources:\n- https://{address}/shop.git//base?ref=main\n"))
}

#[test]
fn a_repository_behind_tls_and_a_login_is_fetched_with_netrc() {
    let folder = tempfile::tempdir().unwrap();
    let Some(certificate) = Certificate::for_address(folder.path(), "IP:127.0.0.1") else { return };
    let Some(server) = shop() else { return };
    let address = certificate.before(server.server().host());
    let place = place(&address).env("SSL_CERT_FILE", &certificate.certificate.display().to_string());
    let told = place.keyfill("render app").refused(5);
    assert!(told.contains("answered 401") && told.contains("app/kustomization.yaml:2"), "{told}");
    let netrc = format!("machine 127.0.0.1 login user password {PASSWORD}\n");
    std::fs::write(place.home().join(".netrc"), netrc).unwrap();
    assert!(place.keyfill("render app").text().contains("name: remote"));
    place.keyfill("lock app").text();
    assert!(!place.read("keyfill.lock").contains(PASSWORD));
}

#[test]
fn an_untrusted_certificate_is_refused_before_a_login_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    for (name, is_trusted) in [("IP:127.0.0.1", false), ("DNS:other.example", true)] {
        let Some(certificate) = Certificate::for_address(folder.path(), name) else { return };
        let Some(server) = shop() else { return };
        let address = certificate.before(server.server().host());
        let mut place = place(&address);
        if is_trusted {
            place = place.env("SSL_CERT_FILE", &certificate.certificate.display().to_string());
        }
        let netrc = format!("machine 127.0.0.1 login user password {PASSWORD}\n");
        std::fs::write(place.home().join(".netrc"), netrc).unwrap();
        let told = place.keyfill("render app --deadline 4s").refused(5);
        assert!(told.contains("certificate") && told.contains("app/kustomization.yaml:2"), "{told}");
        assert!(!told.contains(PASSWORD) && server.server().seen().is_empty(), "{told}");
    }
}
