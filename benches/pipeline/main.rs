//! Compares the official pipeline (kustomize or helm piped into argocd-vault-plugin) with keyfill on the same
//! work, run in turn, with a real Vault behind a proxy that delays each answer by 3 ms.
//!
//! `KEYFILL_TEST_REQUIRE=all cargo bench --bench pipeline -- [--runs N] [--only WORDS] [--corpus DIR]
//! [--keyfill PROGRAM]`
//!
//! The rows on published repositories need `--corpus` with the folders that [`rows`] names; without it they are
//! skipped, and the benchmark prints their names.

#![allow(clippy::print_stdout)]

#[cfg(unix)]
mod aws;
#[cfg(unix)]
mod measure;
#[cfg(unix)]
mod work;

fn main() {
    #[cfg(unix)]
    measure::main(unix::compare);
    #[cfg(not(unix))]
    println!("left out: what a process costs is measured on unix only");
}

#[cfg(unix)]
mod unix {
    use super::aws;
    use super::measure::{Cost, Job, run, summary};
    use super::work;
    use keyfill_testkit::{Proxy, ROOT_TOKEN, Vault, oracle};
    use std::path::{Path, PathBuf};
    use std::time::Duration;

    /// Delay of each answer of Vault.
    const VAULT_AWAY: Duration = Duration::from_millis(3);

    struct Arguments {
        runs: usize,
        only: String,
        corpus: Option<PathBuf>,
        /// The keyfill binary to measure. The default is the one built for this run; another is, for example, the
        /// static binary.
        keyfill: String,
    }

    /// One row of the table: the official pipeline as a shell command, and keyfill's arguments for the same work.
    struct Row {
        work: &'static str,
        dir: PathBuf,
        stdin: Option<PathBuf>,
        official: &'static str,
        ours: &'static [&'static str],
    }

    pub fn compare(arguments: &[String]) {
        // `cargo test --benches` only checks that the program starts.
        let bench = arguments.iter().any(|a| a == "--bench");
        let arguments = parse(arguments);
        let Some(vault) = Vault::start() else { return };
        for (path, keys) in work::secrets() {
            vault.put(&format!("secret/data/{path}"), &keys);
        }
        let proxy = Proxy::start(vault.host());
        proxy.delay(VAULT_AWAY);
        let folder = tempfile::tempdir().expect("a folder can be made");
        let tools = ["kustomize", "helm", "argocd-vault-plugin"].map(oracle);
        let env = environment(folder.path(), &proxy, &tools);
        println!(
            "| work | official: wall, CPU, peak, reads | keyfill | wall ratio | CPU ratio | peak ratio |"
        );
        println!("|---|---|---|---|---|---|");
        for row in rows(folder.path(), arguments.corpus.as_deref()) {
            if !row.work.contains(&arguments.only) {
                continue;
            }
            let official = vec!["sh".to_owned(), "-c".to_owned(), row.official.to_owned()];
            let keyfill = arguments.keyfill.as_str();
            let ours: Vec<String> =
                std::iter::once(keyfill).chain(row.ours.iter().copied()).map(Into::into).collect();
            let sides = [Some(official).filter(|_| tools.iter().all(Option::is_some) && bench), Some(ours)];
            let runs = if bench { arguments.runs } else { 1 };
            print(row.work, &measure(&row, &sides, &env, &vault, runs));
        }
        if aws::WORK.contains(&arguments.only) {
            let command = |program: String| vec![program, "generate".to_owned(), "-".to_owned()];
            let avp = tools[2].as_ref().map(|avp| command(avp.display().to_string()));
            let sides = [avp.filter(|_| bench), Some(command(arguments.keyfill.clone()))];
            let path = env.iter().find(|(name, _)| name == "PATH").map_or("", |(_, path)| path);
            let runs = if bench { arguments.runs } else { 1 };
            match aws::measure(folder.path(), &sides, path, runs) {
                Some(costs) => print(aws::WORK, &costs),
                None => println!("left out: {}: moto is not there", aws::WORK),
            }
        }
    }

    fn parse(arguments: &[String]) -> Arguments {
        let value =
            |name| arguments.iter().position(|a| a == name).and_then(|at| arguments.get(at + 1)).cloned();
        Arguments {
            runs: value("--runs").map_or(11, |n| n.parse().expect("--runs takes a number")),
            only: value("--only").unwrap_or_default(),
            corpus: value("--corpus").map(PathBuf::from),
            keyfill: value("--keyfill").unwrap_or_else(|| env!("CARGO_BIN_EXE_keyfill").to_owned()),
        }
    }

    /// The environment of both sides: the tools on PATH, the address of Vault's proxy, and an empty home folder.
    fn environment(home: &Path, proxy: &Proxy, tools: &[Option<PathBuf>]) -> Vec<(String, String)> {
        let inherited = std::env::var("PATH").unwrap_or_default();
        let folders = tools.iter().flatten().filter_map(|t| t.parent()).map(|p| p.display().to_string());
        let path: Vec<String> = folders.take(1).chain([inherited]).collect();
        [
            ("PATH", path.join(":")),
            ("HOME", home.display().to_string()),
            ("VAULT_ADDR", proxy.address()),
            ("AVP_TYPE", "vault".into()),
            ("AVP_AUTH_TYPE", "token".into()),
            ("VAULT_TOKEN", ROOT_TOKEN.into()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
    }

    fn rows(folder: &Path, corpus: Option<&Path>) -> Vec<Row> {
        let made = |name: &str, make: fn(&Path)| {
            let dir = folder.join(name);
            make(&dir);
            dir
        };
        let row = |work, dir, official, ours| Row { work, dir, stdin: None, official, ours };
        let mut rows = vec![
            row("small app, 5 placeholders", made("small", work::small_app), FILLED, GENERATE),
            row("100 resources annotated with one path", made("one", work::one_path), FILLED, GENERATE),
            row(
                "50 secrets, 100 placeholders, 50 distinct paths",
                made("many", work::many_secrets),
                "argocd-vault-plugin generate .",
                GENERATE,
            ),
        ];
        let stream = folder.join("stream.yaml");
        work::large_stream(&stream, 7_600_000);
        let piped: [(&str, &[&str]); 2] = [
            ("7.6 MB on stdin, one Secret to fill", &["generate", "-"]),
            ("the same with --compat avp", &["generate", "-", "--compat", "avp"]),
        ];
        rows.extend(piped.map(|(work, ours)| Row {
            work,
            dir: folder.to_path_buf(),
            stdin: Some(stream.clone()),
            official: "argocd-vault-plugin generate -",
            ours,
        }));
        rows.push(row("rendered: one ConfigMap", made("trivial", work::one_config_map), BUILT, RENDER));
        rows.extend(published(corpus));
        rows
    }

    const FILLED: &str = "kustomize build . | argocd-vault-plugin generate -";
    const BUILT: &str = "kustomize build .";
    const GENERATE: &[&str] = &["generate", "."];
    const RENDER: &[&str] = &["render", "."];

    /// The rows on published repositories: each is rendered in one row, and rendered and filled in another.
    fn published(corpus: Option<&Path>) -> Vec<Row> {
        const HYDRATOR: &str =
            "kustomize/real/repos/argoproj+argo-cd/manifests/cluster-install-with-hydrator";
        const KSERVE: &str = "kustomize/real/repos/kserve+kserve/config/overlays/all";
        const STACK: &str = "helm/real/charts/prometheus-community+helm-charts/kube-prometheus-stack";
        let all: [(&str, &str, &str, &[&str]); 6] = [
            ("rendered: argo-cd install with hydrator, 1.9 MB", HYDRATOR, BUILT, RENDER),
            ("rendered and filled: the same", HYDRATOR, FILLED, GENERATE),
            ("rendered: kserve overlays/all, 7.6 MB", KSERVE, BUILT, RENDER),
            ("rendered and filled: the same", KSERVE, FILLED, GENERATE),
            (
                "rendered: kube-prometheus-stack chart",
                STACK,
                "helm template rel .",
                &["render", ".", "--release-name", "rel"],
            ),
            (
                "rendered and filled: the same, with CRDs",
                STACK,
                "helm template rel . --include-crds | argocd-vault-plugin generate -",
                &["generate", ".", "--release-name", "rel"],
            ),
        ];
        let mut rows = Vec::new();
        for (work, path, official, ours) in all {
            match corpus.map(|c| c.join(path)).filter(|dir| dir.is_dir()) {
                Some(dir) => rows.push(Row { work, dir, stdin: None, official, ours }),
                None => println!("left out: {work}: --corpus names no folder that holds {path}"),
            }
        }
        rows
    }

    /// Runs both sides in turn and returns the cost of each, with the number of reads of secrets in one run.
    fn measure(
        row: &Row,
        sides: &[Option<Vec<String>>; 2],
        env: &[(String, String)],
        vault: &Vault,
        runs: usize,
    ) -> [Option<(Cost, u64)>; 2] {
        let mut costs = [Vec::new(), Vec::new()];
        let mut reads = [0, 0];
        for _ in 0..runs {
            for (side, program) in sides.iter().enumerate() {
                let Some(program) = program else { continue };
                vault.forget();
                costs[side].push(run(&Job { program, dir: &row.dir, stdin: row.stdin.as_deref(), env }));
                let secrets = vault.counts().into_iter().filter(|(name, _)| name.starts_with("GET secret/"));
                reads[side] = secrets.map(|(_, times)| times).sum();
            }
        }
        [0, 1].map(|side| (!costs[side].is_empty()).then(|| (summary(&costs[side]), reads[side])))
    }

    fn print(work: &str, [official, ours]: &[Option<(Cost, u64)>; 2]) {
        let show = |side: &Option<(Cost, u64)>| match side {
            Some((c, reads)) => format!("{:.1} ms, {:.1} ms, {:.0} MB, {reads}", c.wall, c.cpu, c.peak),
            None => "not there".to_owned(),
        };
        let ratio = |figure: fn(&Cost) -> f64| match (official, ours) {
            (Some((a, _)), Some((b, _))) => format!("{:.1}", figure(a) / figure(b)),
            _ => "-".to_owned(),
        };
        println!(
            "| {} | {} | {} | {} | {} | {} |",
            work,
            show(official),
            show(ours),
            ratio(|c| c.wall),
            ratio(|c| c.cpu),
            ratio(|c| c.peak)
        );
    }
}
