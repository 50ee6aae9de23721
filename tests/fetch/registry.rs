//! Charts in a real registry.

use crate::place::{LOGIN, PASSWORD, Place, chart, sha256};
use keyfill_testkit::{Registry, Server, oracle};

/// Pushes a chart as `helm push` does, and returns the digest of its manifest.
pub fn push(registry: &Registry, name: &str, version: &str, login: Option<&str>) -> String {
    push_with(registry, name, version, None, login)
}

/// Pushes a chart with its `.prov` file, as `helm push` does if there is one.
pub fn push_with(
    registry: &Registry,
    name: &str,
    version: &str,
    provenance: Option<&[u8]>,
    login: Option<&str>,
) -> String {
    let repository = format!("team/{name}");
    let archive = chart(name, version);
    let config = format!(r#"{{"name":"{name}","version":"{version}","apiVersion":"v2"}}"#);
    let mut described = Vec::new();
    let proof = provenance.map(|text| (text, "application/vnd.cncf.helm.chart.provenance.v1.prov"));
    let chart = [
        (config.as_bytes(), "application/vnd.cncf.helm.config.v1+json"),
        (&archive[..], "application/vnd.cncf.helm.chart.content.v1.tar+gzip"),
    ];
    for (content, kind) in chart.into_iter().chain(proof) {
        let digest = format!("sha256:{}", sha256(content));
        registry.push_blob(&repository, &digest, content, login);
        described.push(format!(r#"{{"mediaType":"{kind}","digest":"{digest}","size":{}}}"#, content.len()));
    }
    let kind = "application/vnd.oci.image.manifest.v1+json";
    let manifest = format!(
        r#"{{"schemaVersion":2,"mediaType":"{kind}","config":{},"layers":[{}]}}"#,
        described[0],
        described[1..].join(",")
    );
    registry.push_manifest(&repository, &version.replace('+', "_"), kind, &manifest, login);
    format!("sha256:{}", sha256(manifest.as_bytes()))
}

pub fn place(registry: &Registry) -> Place {
    let (http, oci) = (format!("http://{}", registry.host()), format!("oci://{}", registry.host()));
    let tokens = registry.tokens().map_or_else(|| http.clone(), Server::address);
    Place::new(&[&http, &oci, &tokens]).file(
        "app/Chart.yaml",
        format!("apiVersion: v2\nname: app\nversion: 1.0.0\ndependencies:\n- {{name: lib, version: ^1, repository: '{oci}/team'}}\n"),
    )
}

#[test]
fn a_chart_of_a_registry_renders_as_after_helm_dependency_update() {
    let Some(registry) = Registry::start(None) else { return };
    for version in ["1.2.0", "1.10.0", "1.11.0-rc.1", "2.0.0", "1.9.0+build.5"] {
        push(&registry, "lib", version, None);
    }
    let place = place(&registry);
    let ours = place.keyfill("render app --helm-compat 3").text();
    assert!(ours.contains("1.10.0"), "{ours}");
    place.keyfill("lock app").text();
    place.keyfill("vendor app").text();
    let names = place.names("app/charts");
    let Some(helm) = oracle("helm") else { return };
    std::fs::remove_dir_all(place.path("app/charts")).unwrap();
    place.run(&helm, "dependency update app").text();
    assert_eq!(place.run(&helm, "template release-name app").text(), ours);
    assert_eq!(place.names("app/charts"), names);
    place.keyfill("vendor app --check").text();
}

#[test]
fn the_login_of_helms_file_is_used_and_runs_without_it_find_nothing_in_the_cache() {
    let hash = bcrypt::hash(PASSWORD, 4).unwrap();
    let Some(registry) = Registry::start(Some(&format!("user:{hash}\n"))) else { return };
    push(&registry, "lib", "1.2.0", Some(LOGIN));
    let place = place(&registry);
    let told = place.keyfill("render app").refused(5);
    assert!(told.contains("401") && told.contains("app/Chart.yaml:5"), "{told}");
    let config = place.home().join(".config/helm/registry");
    std::fs::create_dir_all(&config).unwrap();
    let login = LOGIN.trim_start_matches("Basic ");
    let text = format!(r#"{{"auths": {{"{}": {{"auth": "{login}"}}}}}}"#, registry.host());
    std::fs::write(config.join("config.json"), text).unwrap();
    assert!(place.keyfill("render app").text().contains("1.2.0"));
    std::fs::remove_file(config.join("config.json")).unwrap();
    let told = place.keyfill("render app").refused(5);
    assert!(told.contains("401") && !told.contains(PASSWORD) && !told.contains(login), "{told}");
    assert!(place.kept(PASSWORD).is_empty() && place.kept(login).is_empty());
}

#[test]
fn a_token_of_the_token_server_is_requested_and_used() {
    let Some(registry) = Registry::start_with_tokens(&[(LOGIN, "team/")]) else { return };
    push(&registry, "lib", "1.2.0", Some(&registry.token("team/lib", &["pull", "push"])));
    push(&registry, "lib", "1.3.0", Some(&registry.token("team/lib", &["pull", "push"])));
    let place = place(&registry);
    let told = place.keyfill("render app").refused(5);
    assert!(told.contains("401") && told.contains("app/Chart.yaml:5"), "{told}");
    let config = place.home().join(".config/helm/registry");
    std::fs::create_dir_all(&config).unwrap();
    let login = LOGIN.trim_start_matches("Basic ");
    let text = format!(r#"{{"auths": {{"{}": {{"auth": "{login}"}}}}}}"#, registry.host());
    std::fs::write(config.join("config.json"), text).unwrap();
    let ours = place.keyfill("render app --helm-compat 3").text();
    assert!(ours.contains("1.3.0"), "{ours}");
    let asked = registry.tokens().unwrap().seen();
    assert!(asked.iter().any(|seen| seen.path.contains("repository%3Ateam%2Flib%3Apull")), "{asked:?}");
    assert!(place.kept(PASSWORD).is_empty());
    // The official helm gets the same from the same servers. If helm falls back to http, it requests no token.
    let Some(helm) = oracle("helm") else { return };
    place.run(&helm, "dependency update app --plain-http").text();
    assert_eq!(place.run(&helm, "template release-name app").text(), ours);
    std::fs::remove_file(config.join("config.json")).unwrap();
    let without = place.run(&helm, "dependency update app --plain-http");
    assert!(without.code != 0 && without.stderr.contains("401"), "{}", without.stderr);
}
