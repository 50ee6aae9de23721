//! Docker's credential helpers, which are started only if the administrator allows them.

#![cfg(unix)]

use crate::place::{LOGIN, PASSWORD, Place};
use crate::registry::push;
use keyfill_testkit::Registry;
use std::os::unix::fs::PermissionsExt as _;

/// A work tree and a home whose docker configuration names a helper for a registry. The helper records that it ran.
fn place(registry: &Registry, helper: &str) -> Place {
    let (http, oci) = (format!("http://{}", registry.host()), format!("oci://{}", registry.host()));
    let place = Place::new(&[&http, &oci]).file(
        "app/Chart.yaml",
        format!("apiVersion: v2\nname: app\nversion: 1.0.0\ndependencies:\n- {{name: lib, version: ^1, repository: '{oci}/team'}}\n"),
    );
    let (docker, programs) = (place.home().join(".docker"), place.home().join("programs"));
    std::fs::create_dir_all(&docker).unwrap();
    std::fs::create_dir_all(&programs).unwrap();
    let text = format!(r#"{{"credHelpers": {{"{}": "vault-x"}}}}"#, registry.host());
    std::fs::write(docker.join("config.json"), text).unwrap();
    let program = programs.join("docker-credential-vault-x");
    std::fs::write(&program, format!("#!/bin/sh\necho \"$@\" >> {}/ran\n{helper}\n", place.home().display()))
        .unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:/usr/bin:/bin", programs.display());
    place.env("PATH", &path)
}

fn private() -> Option<Registry> {
    let hash = bcrypt::hash(PASSWORD, 4).unwrap();
    let registry = Registry::start(Some(&format!("user:{hash}\n")))?;
    push(&registry, "lib", "1.2.0", Some(LOGIN));
    Some(registry)
}

#[test]
fn a_helper_gives_the_login_where_its_name_is_allowed() {
    let Some(registry) = private() else { return };
    let helper = format!(
        "read server\n[ \"$server\" = {} ] || exit 1\n[ -z \"$VAULT_TOKEN\" ] || exit 1\n\
         echo '{{\"ServerURL\":\"x\",\"Username\":\"user\",\"Secret\":\"{PASSWORD}\"}}'",
        registry.host()
    );
    let place = place(&registry, &helper).env("VAULT_TOKEN", "unused");
    let told = place.keyfill("render app").refused(5);
    assert!(told.contains("KEYFILL_CREDENTIAL_HELPERS") && told.contains("vault-x"), "{told}");
    assert!(!place.home().join("ran").exists(), "it was started");
    let place = place.env("KEYFILL_CREDENTIAL_HELPERS", "ecr-login,vault-x");
    assert!(place.keyfill("render app").text().contains("1.2.0"));
    assert_eq!(std::fs::read_to_string(place.home().join("ran")).unwrap(), "get\n", "once for all requests");
    place.keyfill("lock app").text();
    assert!(place.keyfill("render app").text().contains("1.2.0"));
    let ran = std::fs::read_to_string(place.home().join("ran")).unwrap();
    let place = place.env("KEYFILL_FETCH", "locked");
    place.keyfill("render app").text();
    assert_eq!(
        std::fs::read_to_string(place.home().join("ran")).unwrap(),
        ran,
        "what is there needs no login"
    );
    let place = place.env("KEYFILL_CREDENTIAL_HELPERS", "");
    place.keyfill("render app").refused(5);
    assert!(place.kept(PASSWORD).iter().all(|path| path.ends_with("docker-credential-vault-x")));
}

#[test]
fn a_helper_that_fails_prints_too_much_or_never_ends_is_named() {
    let Some(registry) = private() else { return };
    for (helper, what) in [
        ("echo hunter2; exit 3", "it failed"),
        ("echo hunter2", "it printed no login"),
        ("while :; do echo hunter2hunter2; done", "it prints more than a login"),
        ("exec sleep 60", "it took too long"),
    ] {
        let place = place(&registry, helper).env("KEYFILL_CREDENTIAL_HELPERS", "vault-x");
        let told = place.keyfill("render app --deadline 4s").refused(5);
        assert!(told.contains("docker-credential-vault-x") && told.contains(what), "{told}");
        assert!(told.contains("app/Chart.yaml:5") && !told.contains("hunter2"), "{told}");
    }
}
