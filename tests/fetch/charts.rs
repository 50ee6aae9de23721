//! Charts with dependencies in chart repositories.

use crate::place::{LOGIN, PASSWORD, Place, repository, with_login};
use keyfill_testkit::{Server, oracle};
use std::path::PathBuf;

fn charts() -> Server {
    Server::of_files(repository(&[("lib", "1.2.0"), ("lib", "1.10.0"), ("lib", "2.0.0"), ("cache", "0.3.1")]))
}

fn app(url: &str) -> String {
    format!(
        "apiVersion: v2\nname: app\nversion: 1.0.0\ndependencies:\n\
         - {{name: lib, version: ^1.2.0, repository: '{url}/charts'}}\n\
         - {{name: lib, version: 2.x, repository: '{url}/charts', alias: second, condition: second.enabled}}\n\
         - {{name: cache, version: '*', repository: '{url}/charts'}}\n"
    )
}

/// A work tree with an app that has dependencies on a server, and values for them.
fn place(server: &Server) -> Place {
    Place::new(&[&server.address()])
        .file("app/Chart.yaml", app(&server.address()))
        .file("app/values.yaml", "lib: {size: 3}\nsecond: {enabled: true}\n")
}

fn helm() -> Option<PathBuf> {
    oracle("helm")
}

#[test]
fn a_chart_renders_as_after_helm_dependency_update() {
    let server = charts();
    let place = place(&server);
    let ours = place.keyfill("render app --helm-compat 3 --release-name r").text();
    assert!(ours.contains("1.10.0") && ours.contains("2.0.0") && ours.contains("0.3.1"), "{ours}");
    assert!(!place.path("app/charts").exists(), "nothing is written into the tree");
    let Some(helm) = helm() else { return };
    place.run(&helm, "dependency update app").text();
    assert_eq!(place.run(&helm, "template r app").text(), ours);
    // The archives that helm wrote are used from here on; the result is the same.
    server.forget();
    assert_eq!(place.keyfill("render app --helm-compat 3 --release-name r --fetch off").text(), ours);
    assert!(server.seen().is_empty());
}

#[test]
fn vendored_charts_have_the_names_that_helm_gives_them() {
    let server = charts();
    let place = place(&server);
    place.keyfill("vendor app").text();
    let ours = place.names("app/charts");
    assert_eq!(ours, ["cache-0.3.1.tgz", "lib-1.10.0.tgz", "lib-2.0.0.tgz"]);
    place.keyfill("vendor app --check").text();
    let rendered = place.keyfill("render app --helm-compat 3 --fetch off").text();
    // An archive of another version is reported by `--check`, and replaced by `vendor`.
    std::fs::rename(place.path("app/charts/lib-1.10.0.tgz"), place.path("app/charts/lib-1.2.0.tgz")).unwrap();
    let told = place.keyfill("vendor app --check").refused(4);
    assert!(
        told.contains("lib-1.10.0.tgz is missing") && told.contains("lib-1.2.0.tgz is left over"),
        "{told}"
    );
    place.keyfill("vendor app").text();
    assert_eq!(place.names("app/charts"), ours);
    let Some(helm) = helm() else { return };
    assert_eq!(place.run(&helm, "template release-name app").text(), rendered);
    place.run(&helm, "dependency update app").text();
    assert_eq!(place.names("app/charts"), ours);
}

#[test]
fn the_versions_of_helms_lock_are_used_unless_it_is_out_of_sync() {
    let Some(helm) = helm() else { return };
    let server = charts();
    let place = place(&server);
    // helm writes its lock file while the repository has an older chart only.
    let old = Server::of_files(repository(&[("lib", "1.2.0"), ("lib", "2.0.0"), ("cache", "0.3.1")]));
    let at_old = Place::new(&[&old.address()]).file("app/Chart.yaml", app(&old.address()));
    at_old.run(&helm, "dependency update app").text();
    let lock = at_old.read("app/Chart.lock");
    // The digest in the lock file covers the addresses, so that it is valid only for the server it was made with.
    let moved = Place::new(&[&old.address()])
        .file("app/Chart.yaml", app(&old.address()))
        .file("app/Chart.lock", &lock);
    let ended = moved.keyfill("render app");
    assert!(!ended.stderr.contains("out of sync"), "{}", ended.stderr);
    assert!(ended.text().contains("1.2.0"));
    place.write("app/Chart.lock", lock);
    let ended = place.keyfill("render app");
    assert!(ended.stderr.contains("app/Chart.lock is out of sync with Chart.yaml"), "{}", ended.stderr);
    assert!(ended.text().contains("1.10.0"));
}

#[test]
fn the_login_in_repositories_yaml_is_used_and_shared_with_no_other_run() {
    let private = with_login(repository(&[("lib", "1.2.0")]), LOGIN);
    let place = Place::new(&[&private.address()]).file(
        "app/Chart.yaml",
        "apiVersion: v2\nname: app\nversion: 1.0.0\ndependencies:\n- {name: lib, version: ^1, repository: '@corp'}\n",
    );
    let told = place.keyfill("render app").refused(3);
    assert!(told.contains("app/Chart.yaml:5") && told.contains("@corp"), "{told}");
    let repositories = format!(
        "repositories:\n- {{name: corp, url: '{}/charts', username: user, password: {PASSWORD}}}\n",
        private.address()
    );
    let config = place.home().join(".config/helm");
    std::fs::create_dir_all(&config).unwrap();
    std::fs::write(config.join("repositories.yaml"), repositories).unwrap();
    assert!(place.keyfill("render app").text().contains("1.2.0"));
    std::fs::remove_file(config.join("repositories.yaml")).unwrap();
    // A run without the login does not get from the cache what was fetched with it.
    place.write(
        "app/Chart.yaml",
        place.read("app/Chart.yaml").replace("@corp", &format!("{}/charts", private.address())),
    );
    let told = place.keyfill("render app").refused(5);
    assert!(told.contains("answered 401") && told.contains("app/Chart.yaml:5"), "{told}");
    assert!(place.kept(PASSWORD).is_empty());
}

#[test]
fn a_check_sends_no_request_and_names_the_line_that_needs_fetching() {
    let server = charts();
    let place = place(&server);
    let ended = place.keyfill("check app");
    assert_eq!(ended.code, 0, "{}", ended.stdout);
    assert!(
        ended.stdout.contains("app/Chart.yaml:5") && ended.stdout.contains("warning"),
        "{}",
        ended.stdout
    );
    assert!(server.seen().is_empty());
    // After a rendering, the chart is in the cache, and `check` uses it.
    place.keyfill("render app").text();
    server.forget();
    let ended = place.keyfill("check app");
    assert!(ended.stdout.contains("0 warnings"), "{}", ended.stdout);
    assert!(server.seen().is_empty());
}

#[test]
fn ten_charts_render_as_with_the_official_helm() {
    let Some(helm) = helm() else { return };
    let server = charts();
    let place = Place::new(&[&server.address()]);
    for at in 0..10 {
        let repository = format!("{}/charts", server.address());
        let (api, file) = if at % 5 == 4 { ("v1", "requirements.yaml") } else { ("v2", "Chart.yaml") };
        let about = format!("apiVersion: {api}\nname: app{at}\nversion: 0.{at}.0\n");
        let imports = if at % 2 == 0 { ", import-values: [{child: size, parent: s}]" } else { "" };
        let alias = if at % 3 == 0 { ", alias: other" } else { "" };
        let range = ["^1", "~1.2.0", ">=1.0.0 <3", "1.2.0", "2"][at % 5];
        let needs = format!(
            "dependencies:\n- {{name: lib, version: '{range}', repository: '{repository}'{alias}{imports}, tags: [t{at}]}}\n\
             - {{name: cache, version: 0.3.x, repository: '{repository}', condition: cache.enabled}}\n"
        );
        let folder = format!("app{at}");
        if file == "Chart.yaml" {
            place.write(&format!("{folder}/Chart.yaml"), about + &needs);
        } else {
            place.write(&format!("{folder}/Chart.yaml"), about);
            place.write(&format!("{folder}/requirements.yaml"), needs);
        }
        let values = format!("cache: {{enabled: {}}}\ntags: {{t{at}: {}}}\n", at % 4 != 0, at != 7);
        place.write(&format!("{folder}/values.yaml"), values);
        place.write(&format!("{folder}/templates/own.yaml"), "kind: Own\nvalues: {{ .Values | toJson }}\n");
        let ours = place.keyfill(&format!("render {folder} --helm-compat 3 --release-name r")).text();
        place.run(&helm, &format!("dependency update {folder}")).text();
        assert_eq!(ours, place.run(&helm, &format!("template r {folder}")).text(), "{folder}");
        place.keyfill(&format!("vendor {folder} --check")).text();
    }
}

#[test]
fn a_chart_of_the_tree_is_packed_where_helm_packs_it() {
    let place = Place::new(&[])
        .file(
            "app/Chart.yaml",
            "apiVersion: v2\nname: app\nversion: 1.0.0\ndependencies:\n- {name: lib, version: '*', repository: 'file://../lib'}\n",
        )
        .file("lib/Chart.yaml", "apiVersion: v2\nname: lib\nversion: 1.2.3\n")
        .file("lib/values.yaml", "a: 1\n")
        .file("lib/.helmignore", "*.bak\n")
        .file("lib/templates/old.bak", "{{ broken")
        .file("lib/templates/cm.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: lib}\ndata: {a: '{{ .Values.a }}'}\n");
    let ours = place.keyfill("render app --helm-compat 3").text();
    let told = place.keyfill("vendor app --check").refused(4);
    assert!(told.contains("app/charts/lib-1.2.3.tgz is missing"), "{told}");
    place.keyfill("vendor app").text();
    place.keyfill("vendor app --check").text();
    assert_eq!(place.names("app/charts"), ["lib-1.2.3.tgz"]);
    assert_eq!(place.keyfill("render app --helm-compat 3 --fetch off").text(), ours);
    // A change in the tree is noticed, and the archive of an old version is removed.
    place.write("lib/values.yaml", "a: 2\n");
    place.keyfill("vendor app --check").refused(4);
    place.write("lib/Chart.yaml", "apiVersion: v2\nname: lib\nversion: 1.3.0\n");
    place.keyfill("vendor app").text();
    assert_eq!(place.names("app/charts"), ["lib-1.3.0.tgz"]);
    let ours = place.keyfill("render app --helm-compat 3").text();
    let Some(helm) = oracle("helm") else { return };
    assert_eq!(place.run(&helm, "template release-name app").text(), ours);
    std::fs::remove_dir_all(place.path("app/charts")).unwrap();
    place.run(&helm, "dependency update app").text();
    assert_eq!(place.names("app/charts"), ["lib-1.3.0.tgz"]);
    assert_eq!(place.run(&helm, "template release-name app").text(), ours);
}
