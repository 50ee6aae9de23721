//! Kustomizations with remote bases, files and charts.

use crate::place::{LOGIN, PASSWORD, Place, repository};
use keyfill_testkit::{GitServer, Server, oracle};

const MAP: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: remote\ndata:\n  a: \"1\"\n";

fn bases(login: Option<&'static str>) -> Option<GitServer> {
    let server = GitServer::start(login)?;
    server.commit(
        "shop",
        &[
            ("base/kustomization.yaml", "resources: [cm.yaml, ../shared]\nnamePrefix: b-\n"),
            ("base/cm.yaml", MAP),
            ("shared/kustomization.yaml", "resources: [svc.yaml]\n"),
            ("shared/svc.yaml", "apiVersion: v1\nkind: Service\nmetadata:\n  name: shared\n"),
            (
                "part/kustomization.yaml",
                "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nnameSuffix: -part\n",
            ),
            ("linked", "-> base"),
            ("kustomization.yaml", "resources: [base]\n"),
        ],
    );
    server.git("shop", &["tag", "v1.0.0"]);
    server.git("shop", &["push", "-q", "origin", "v1.0.0"]);
    Some(server)
}

#[test]
fn ten_kustomizations_build_as_with_the_official_kustomize() {
    let (Some(server), Some(kustomize)) = (bases(None), oracle("kustomize")) else { return };
    // The servers of the other tests cannot filter.
    server.allow_filters("shop");
    let commit = server.git("shop", &["rev-parse", "HEAD"]).trim().to_owned();
    let files = Server::of_files(
        [
            ("/a/b/cm.yaml".to_owned(), MAP.as_bytes().to_vec()),
            ("/p.yaml".to_owned(), MAP.replace("a: \"1\"", "b: \"2\"").into_bytes()),
            ("/data.txt".to_owned(), b"hello\n".to_vec()),
        ]
        .into(),
    );
    let (git, web) = (server.url("shop"), files.address());
    let place = Place::new(&[&server.server().address(), &web]);
    let layouts = [
        format!("resources: ['{git}//base?ref=main']"),
        format!("resources: ['{git}//base?ref=v1.0.0']\nnamespace: ns\n"),
        format!("resources: ['{git}//base?ref={commit}']\ncomponents: ['{git}//part?ref=main']\n"),
        format!("resources: ['{git}?ref=main']"),
        format!("resources: ['{git}/shared?version=main']\nnamePrefix: x-\n"),
        format!("resources: ['{git}//linked?ref=main']"),
        format!("resources: ['{web}/a/b/cm.yaml']\npatches: [{{path: '{web}/p.yaml'}}]\n"),
        format!("configMapGenerator:\n- {{name: g, files: ['{web}/data.txt', 'k={web}/data.txt']}}\n"),
        format!("resources: ['{git}//base?ref=main']\nbuildMetadata: [originAnnotations]\n"),
        format!(
            "resources: ['{git}?ref=v1.0.0']\nbuildMetadata: [originAnnotations, transformerAnnotations]\nnamePrefix: y-\n"
        ),
    ];
    for (at, layout) in layouts.iter().enumerate() {
        let folder = format!("app{at}");
        place.write(&format!("{folder}/kustomization.yaml"), layout);
        let ours = place.keyfill(&format!("render {folder}")).text();
        let theirs = place.run(&kustomize, &format!("build {folder}")).text();
        assert_eq!(ours, theirs, "{layout}");
    }
}

#[test]
fn a_private_repository_needs_its_login_and_another_host_never_sees_it() {
    let Some(server) = bases(Some(LOGIN)) else { return };
    let place = Place::new(&[&server.server().address()])
        .file("app/kustomization.yaml", format!("resources:\n- {}//base?ref=main\n", server.url("shop")));
    let told = place.keyfill("render app").refused(5);
    assert!(told.contains("app/kustomization.yaml:2") && told.contains("401"), "{told}");
    let line = server.server().address().replace("http://", &format!("http://user:{PASSWORD}@"));
    std::fs::write(place.home().join(".git-credentials"), format!("{line}\n")).unwrap();
    assert!(place.keyfill("render app").text().contains("b-remote"));
    std::fs::remove_file(place.home().join(".git-credentials")).unwrap();
    place.keyfill("render app").refused(5);
    assert!(place.kept(PASSWORD).is_empty());
}

#[test]
fn a_chart_of_a_kustomization_is_vendored_where_kustomize_puts_it() {
    let (Some(kustomize), Some(helm)) = (oracle("kustomize"), oracle("helm")) else { return };
    let server = Server::of_files(repository(&[("lib", "1.2.0"), ("lib", "1.10.0")]));
    let charts = format!("{}/charts", server.address());
    let entry =
        |more: &str| format!("helmCharts:\n- {{name: lib, repo: '{charts}', releaseName: r{more}}}\n");
    for (at, layout) in [
        entry(", version: 1.2.0, valuesInline: {size: 7}"),
        entry(""),
        format!("helmGlobals: {{chartHome: home}}\n{}", entry(", version: 1.2.0")),
    ]
    .iter()
    .enumerate()
    {
        let place = Place::new(&[&server.address()]).file("app/kustomization.yaml", layout);
        let ours = place.keyfill("render app --enable-helm --helm-compat 3").text();
        assert_eq!(place.names("app"), ["kustomization.yaml"], "nothing is written");
        place.keyfill("vendor app").text();
        let (mine, vendored) =
            (tree(&place), place.keyfill("render app --enable-helm --helm-compat 3 --fetch off").text());
        assert_eq!(vendored, ours);
        let official = Place::new(&[]).file("app/kustomization.yaml", layout);
        let line = format!("build app --enable-helm --helm-command {}", helm.display());
        assert_eq!(official.run(&kustomize, &line).text(), ours, "layout {at}");
        assert_eq!(tree(&official), mine, "layout {at}");
    }
}

/// All files below the app.
fn tree(place: &Place) -> Vec<String> {
    let (mut found, mut ahead) = (Vec::new(), vec!["app".to_owned()]);
    while let Some(dir) = ahead.pop() {
        for name in place.names(&dir) {
            let path = format!("{dir}/{name}");
            if place.path(&path).is_dir() { ahead.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    found
}

#[test]
fn what_must_not_be_fetched_is_reported_with_its_line_and_no_request_is_sent() {
    let Some(server) = bases(None) else { return };
    let place = Place::new(&[&server.server().address()])
        .file("app/kustomization.yaml", format!("resources:\n- {}//base?ref=main\n", server.url("shop")));
    let ended = place.keyfill("check app");
    assert!(
        ended.stdout.contains("app/kustomization.yaml:2") && ended.stdout.contains("warning"),
        "{}",
        ended.stdout
    );
    let told = place.keyfill("render app --engine native --fetch off").refused(3);
    assert!(told.contains("app/kustomization.yaml:2") && told.contains("is not in the tree"), "{told}");
    assert!(server.server().seen().is_empty());
}

#[test]
fn inside_argo_cd_hosts_must_be_listed_and_then_only_what_is_locked_is_fetched() {
    let Some(server) = bases(None) else { return };
    let layout = format!("resources:\n- {}//base?ref=main\n", server.url("shop"));
    let place = Place::new(&[&server.server().address()]).file("app/kustomization.yaml", &layout);
    place.keyfill("lock app").text();
    let lock = place.read("keyfill.lock");
    let inside = Place::new(&[&server.server().address()])
        .env("ARGOCD_APP_NAME", "app")
        .env("ARGOCD_APP_SOURCE_PATH", "app")
        .file("app/kustomization.yaml", &layout);
    let told = inside.keyfill("generate app").refused(6);
    assert!(told.contains("is not in keyfill.lock") && told.contains("keyfill lock"), "{told}");
    inside.write("keyfill.lock", lock);
    inside.write("none.yaml", "{}\n");
    assert!(
        inside.keyfill("generate app --source file --secrets-file none.yaml").text().contains("b-remote")
    );
    let closed = Place::new(&[])
        .env("KEYFILL_FETCH_HOSTS", "")
        .env("ARGOCD_APP_NAME", "app")
        .file("app/kustomization.yaml", &layout);
    server.server().forget();
    let told = closed.keyfill("generate app --engine native").refused(3);
    assert!(told.contains("is not in the tree"), "{told}");
    assert!(server.server().seen().is_empty());
}

#[test]
fn vendored_bases_build_without_a_network_with_either_tool() {
    let Some(server) = bases(None) else { return };
    let files =
        Server::of_files([("/a/b/cm.yaml".to_owned(), MAP.replace("remote", "file").into_bytes())].into());
    let (git, web) = (server.url("shop"), files.address());
    let place = Place::new(&[&server.server().address(), &web]).file(
        "app/kustomization.yaml",
        format!("# mine\nresources:\n- {git}//base?ref=main # the base\n- '{web}/a/b/cm.yaml'\ncomponents: ['{git}//part?ref=v1.0.0']\n"),
    );
    let ours = place.keyfill("render app").text();
    let told = place.keyfill("vendor app --bases --check").refused(4);
    assert!(told.contains("app/kustomization.yaml"), "{told}");
    place.keyfill("vendor app --bases").text();
    let text = place.read("app/kustomization.yaml");
    assert!(text.starts_with("# mine\n") && text.contains("# the base") && !text.contains("http"), "{text}");
    server.server().forget();
    files.forget();
    assert_eq!(place.keyfill("render app --fetch off").text(), ours);
    place.keyfill("vendor app --bases --check").text();
    assert!(server.server().seen().is_empty() && files.seen().is_empty());
    let Some(kustomize) = oracle("kustomize") else { return };
    assert_eq!(place.run(&kustomize, "build app").text(), ours);
}

#[test]
fn one_run_vendors_bases_and_the_charts_that_they_name() {
    let Some(server) = GitServer::start(None) else { return };
    let charts = Server::of_files(repository(&[("lib", "1.2.0")]));
    let entry = format!("{{name: lib, version: 1.2.0, repo: '{}/charts', releaseName: r}}", charts.address());
    server.commit(
        "shop",
        &[
            ("base/kustomization.yaml", &format!("helmCharts:\n- {entry}\nresources: [cm.yaml]\n")),
            ("base/cm.yaml", MAP),
        ],
    );
    let layout = format!("resources: ['{}//base?ref=main']\nnamePrefix: x-\n", server.url("shop"));
    let place =
        Place::new(&[&server.server().address(), &charts.address()]).file("app/kustomization.yaml", layout);
    let ours = place.keyfill("render app --enable-helm --helm-compat 3").text();
    place.keyfill("vendor app --bases").text();
    place.keyfill("vendor app --bases --check").text();
    assert_eq!(place.keyfill("render app --enable-helm --helm-compat 3 --fetch off").text(), ours);
    let (Some(kustomize), Some(helm)) = (oracle("kustomize"), oracle("helm")) else { return };
    server.server().forget();
    charts.forget();
    let line = format!("build app --enable-helm --helm-command {}", helm.display());
    assert_eq!(place.run(&kustomize, &line).text(), ours);
    assert!(server.server().seen().is_empty() && charts.seen().is_empty());
}
