//! Compares renderings that fetch charts and bases with the official tools: with an empty cache ("cold"), and with
//! a full cache and a lock ("warm"). All servers are on loopback.
//!
//! `KEYFILL_TEST_REQUIRE=all cargo bench --bench fetch -- [--runs N]`

#![allow(clippy::print_stdout, clippy::unwrap_used)]

#[allow(dead_code)]
#[path = "../../tests/fetch/place.rs"]
mod place;

use keyfill_testkit::{GitServer, Server, oracle};
use place::{Place, repository};
use std::time::{Duration, Instant};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // `cargo test --benches` only checks that the program starts.
    if arguments.iter().any(|argument| argument == "--test") {
        return;
    }
    let runs = arguments.iter().position(|argument| argument == "--runs");
    let runs = runs.and_then(|at| arguments.get(at + 1)?.parse().ok()).unwrap_or(15);
    println!("| work | median of {runs} |\n|---|---|");
    charts(runs);
    bases(runs);
}

/// Prints the median time of some runs of `job`. The time of `before`, which runs before each, is not counted.
fn row(work: &str, runs: usize, before: impl Fn(), job: impl Fn()) {
    let mut times: Vec<Duration> = (0..runs)
        .map(|_| {
            before();
            let start = Instant::now();
            job();
            start.elapsed()
        })
        .collect();
    times.sort();
    println!("| {work} | {:.1} ms |", times[runs / 2].as_secs_f64() * 1000.0);
}

/// Removes the cache of fetched contents.
fn cold(place: &Place) {
    let _ = std::fs::remove_dir_all(place.home().join(".cache"));
}

/// Measures a chart with five dependencies from one repository.
fn charts(runs: usize) {
    let names = ["one", "two", "three", "four", "five"];
    let listed: Vec<(&str, &str)> = names.iter().map(|name| (*name, "1.2.3")).collect();
    let server = Server::of_files(repository(&listed));
    let place = Place::new(&[&server.address()]);
    let mut about = "apiVersion: v2\nname: app\nversion: 1.0.0\ndependencies:\n".to_owned();
    for name in names {
        about += &format!("- {{name: {name}, version: ^1, repository: '{}/charts'}}\n", server.address());
    }
    place.write("app/Chart.yaml", &about);
    let render = || drop(place.keyfill("render app --helm-compat 3").text());
    row("keyfill render, 5 dependencies, cold", runs, || cold(&place), render);
    place.keyfill("lock app").text();
    render();
    row("keyfill render, 5 dependencies, warm with a lock", runs, || (), render);
    place.keyfill("vendor app").text();
    row("keyfill render, 5 dependencies, vendored", runs, || (), render);
    let Some(helm) = oracle("helm") else { return };
    let template = || drop(place.run(&helm, "template release-name app").text());
    row("helm template, vendored", runs, || (), template);
    let remove = || {
        let _ = std::fs::remove_dir_all(place.path("app/charts"));
        let _ = std::fs::remove_file(place.path("app/Chart.lock"));
    };
    let both = || {
        place.run(&helm, "dependency update app").text();
        template();
    };
    row("helm dependency update and template", runs, remove, both);
    // `helm dependency build` uses helm's own lock. It needs a named repository in helm's configuration.
    let config = place.home().join(".config/helm");
    std::fs::create_dir_all(&config).unwrap();
    let known =
        format!("apiVersion: ''\nrepositories:\n- {{name: own, url: '{}/charts'}}\n", server.address());
    std::fs::write(config.join("repositories.yaml"), known).unwrap();
    both();
    let remove = || drop(std::fs::remove_dir_all(place.path("app/charts")));
    let both = || {
        place.run(&helm, "dependency build app").text();
        template();
    };
    row("helm dependency build and template", runs, remove, both);
}

/// Measures a kustomization with a base in a git repository.
fn bases(runs: usize) {
    let Some(server) = GitServer::start(None) else { return };
    let map = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n";
    server.commit("shop", &[("base/kustomization.yaml", "resources: [cm.yaml]\n"), ("base/cm.yaml", map)]);
    let place = Place::new(&[&server.server().address()]);
    let layout = format!("resources: ['{}//base?ref=main']\nnamePrefix: x-\n", server.url("shop"));
    place.write("app/kustomization.yaml", layout);
    let render = || drop(place.keyfill("render app").text());
    row("keyfill render, a base in git, cold", runs, || cold(&place), render);
    place.keyfill("lock app").text();
    render();
    row("keyfill render, a base in git, warm with a lock", runs, || (), render);
    let Some(kustomize) = oracle("kustomize") else { return };
    row("kustomize build, a base in git", runs, || (), || drop(place.run(&kustomize, "build app").text()));
}
