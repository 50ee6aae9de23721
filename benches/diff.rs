//! Compares `keyfill diff` with `kustomize build` of both revisions: wall and processor time of each with all its
//! children, run in turn. A last row compares `keyfill refs` over many roots with `kustomize build` of all of
//! them.
//!
//! `KEYFILL_TEST_REQUIRE=all cargo bench --bench diff -- [--keyfill PROGRAM] [--corpus FOLDER]`
//!
//! The corpus is a folder of real roots: `roots.tsv` with a column `root`, and `repos/` that holds them. For each
//! real root the benchmark writes a root whose resources are the real root and one base that all of them share.
//! Between the two revisions only the shared base changes.

#![allow(clippy::print_stdout)]

#[cfg(unix)]
#[path = "pipeline/measure.rs"]
mod measure;

fn main() {
    #[cfg(unix)]
    measure::main(unix::compare);
    #[cfg(not(unix))]
    println!("left out: what a process costs is measured on unix only");
}

#[cfg(unix)]
mod unix {
    use super::measure::{Cost, Job, run, summary};
    use keyfill_testkit::{oracle, program};
    use std::path::{Path, PathBuf};
    use std::process::Command;

    /// Runs of a comparison that takes milliseconds, and of one that takes minutes.
    const RUNS: usize = 11;
    const LONG_RUNS: usize = 3;
    const ROOTS: usize = 100;
    const CHANGED: [usize; 3] = [7, 50, 99];
    const REFERRED: usize = 500;

    const MAP: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: shared-base}\ndata: {v: VALUE}\n";
    const APP: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - name: web
        image: registry.example/web:VALUE
        env: [{name: PASSWORD, value: <path:secret/data/web#password>}]
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {ports: [{port: 80}], selector: {app: web}}
";

    struct Tools {
        git: PathBuf,
        kustomize: String,
        keyfill: String,
    }

    pub fn compare(arguments: &[String]) {
        let (Some(git), Some(kustomize)) = (program("git"), oracle("kustomize")) else { return };
        let named = |flag: &str| arguments.iter().skip_while(|a| *a != flag).nth(1).cloned();
        let keyfill = named("--keyfill").unwrap_or_else(|| env!("CARGO_BIN_EXE_keyfill").to_owned());
        let tools = Tools { git, kustomize: kustomize.to_string_lossy().into_owned(), keyfill };
        println!(
            "| work | kustomize build of both: wall, CPU, peak | keyfill diff | wall ratio |\n|---|---|---|---|"
        );
        hundred(&tools);
        references(&tools);
        if let Some(corpus) = named("--corpus") {
            real(&tools, Path::new(&corpus));
        }
    }

    /// Measures a hundred overlays, each on its own base. Three of the bases change.
    fn hundred(tools: &Tools) {
        let folder = tempfile::tempdir().expect("a folder");
        let dir = &folder.path().join("repository");
        for app in 0..ROOTS {
            put(dir, &format!("apps/{app}/base/kustomization.yaml"), "resources: [web.yaml]\n");
            put(dir, &format!("apps/{app}/base/web.yaml"), &APP.replace("VALUE", "1.0.0"));
            let overlay = format!("resources: [../base]\nnamespace: team-{app}\nnamePrefix: prod-\n");
            put(dir, &format!("apps/{app}/prod/kustomization.yaml"), &overlay);
        }
        tools.git(dir, &["init", "-q", "-b", "main"]);
        tools.commit(dir);
        for app in CHANGED {
            put(dir, &format!("apps/{app}/base/web.yaml"), &APP.replace("VALUE", "1.1.0"));
        }
        tools.commit(dir);
        tools.git(dir, &["gc", "-q"]);
        let roots: Vec<String> = (0..ROOTS).map(|app| format!("apps/{app}/prod")).collect();
        tools.row(dir, &roots, "100 roots, 3 of them changed", RUNS);
    }

    /// Measures `keyfill refs` over five hundred roots with a placeholder each, and `kustomize build` of all of them.
    fn references(tools: &Tools) {
        let folder = tempfile::tempdir().expect("a folder");
        let dir = &folder.path().join("repository");
        for app in 0..REFERRED {
            put(dir, &format!("apps/{app}/base/kustomization.yaml"), "resources: [web.yaml]\n");
            put(dir, &format!("apps/{app}/base/web.yaml"), &APP.replace("VALUE", "1.0.0"));
            let overlay = format!("resources: [../base]\nnamespace: team-{app}\nnamePrefix: prod-\n");
            put(dir, &format!("apps/{app}/prod/kustomization.yaml"), &overlay);
        }
        let script = format!(
            "i=0; while test $i -lt {REFERRED}; do {} build apps/$i/prod > a.out; i=$((i+1)); done; rm a.out",
            tools.kustomize
        );
        let theirs = ["sh".to_owned(), "-c".to_owned(), script];
        let words = "refs --root . --format json";
        let ours = ["sh".to_owned(), "-c".to_owned(), format!("{} {words} > ../refs.json", tools.keyfill)];
        let official = cost(dir, &theirs);
        let own: Vec<Cost> = (0..RUNS).map(|_| cost(dir, &ours)).collect();
        let found = std::fs::read_to_string(dir.join("../refs.json")).expect("it is written");
        assert_eq!(found.matches("\"path\": \"secret/data/web\"").count(), REFERRED);
        print_row(&format!("refs over {REFERRED} roots"), &official, &summary(&own));
    }

    fn print_row(work: &str, official: &Cost, own: &Cost) {
        let shown = |c: &Cost| format!("{:.1} ms, {:.1} ms, {:.0} MB", c.wall, c.cpu, c.peak);
        println!("| {work} | {} | {} | {:.1} |", shown(official), shown(own), official.wall / own.wall);
    }

    /// Measures the corpus' real roots, each together with a shared base that changes.
    fn real(tools: &Tools, corpus: &Path) {
        let table = std::fs::read_to_string(corpus.join("roots.tsv")).expect("the corpus has a table");
        let mut lines = table.lines();
        let columns: Vec<&str> = lines.next().unwrap_or_default().split('\t').collect();
        let column = columns.iter().position(|name| *name == "root").expect("a column named root");
        let folder = tempfile::tempdir().expect("a folder");
        let dir = &folder.path().join("repository");
        std::fs::create_dir(dir).expect("a folder can be made");
        let copied = Command::new("cp").arg("-a").arg(corpus.join("repos")).arg(dir).status();
        assert!(copied.expect("cp runs").success(), "the corpus can be copied");
        put(dir, "shared/kustomization.yaml", "resources: [m.yaml]\n");
        put(dir, "shared/m.yaml", &MAP.replace("VALUE", "one"));
        let mut roots = Vec::new();
        for (number, line) in lines.enumerate() {
            let root = line.split('\t').nth(column).unwrap_or_default();
            let text = format!("resources:\n- \"../../repos/{root}\"\n- ../../shared\n");
            put(dir, &format!("roots/{number:04}/kustomization.yaml"), &text);
            roots.push(format!("roots/{number:04}"));
        }
        tools.git(dir, &["init", "-q", "-b", "main"]);
        tools.commit(dir);
        put(dir, "shared/m.yaml", &MAP.replace("VALUE", "two"));
        tools.commit(dir);
        tools.git(dir, &["gc", "-q"]);
        tools.row(dir, &roots, &format!("{} real roots on a base that changed", roots.len()), LONG_RUNS);
    }

    impl Tools {
        fn row(&self, dir: &Path, roots: &[String], work: &str, runs: usize) {
            // What a user does without keyfill: check out the older revision and build both.
            let list = roots.join("\n");
            put(dir, "../roots-to-build", &list);
            let old = dir.with_extension("old");
            let script = format!(
                "{git} worktree add -f --detach -q {old} HEAD~1\nwhile read -r root; do\n{k} build {old}/$root > a.out 2>/dev/null; {k} \
                 build $root > b.out 2>/dev/null; cmp -s a.out b.out\ndone < ../roots-to-build\n{git} worktree remove --force {old}\nrm -f \
                 a.out b.out; true",
                git = self.git.display(),
                old = old.display(),
                k = self.kustomize,
            );
            let theirs = ["sh".to_owned(), "-c".to_owned(), script];
            let words = "diff HEAD~1 HEAD --format json --memory 2Gi --deadline 10m";
            // Exit code 1 means a difference, 3 a root that cannot be rendered.
            let script = format!("{} {words} > ../ours.json; test $? -le 3", self.keyfill);
            let ours = ["sh".to_owned(), "-c".to_owned(), script];
            let (mut official, mut own) = (Vec::new(), Vec::new());
            for _ in 0..runs {
                official.push(cost(dir, &theirs));
                own.push(cost(dir, &ours));
            }
            print_row(work, &summary(&official), &summary(&own));
        }

        fn commit(&self, dir: &Path) {
            self.git(dir, &["add", "-A", "-f"]);
            self.git(dir, &["commit", "-q", "-m", "state"]);
        }

        fn git(&self, dir: &Path, args: &[&str]) {
            let status = Command::new(&self.git)
                .current_dir(dir)
                .args(["-c", "user.name=t", "-c", "user.email=t@example.com"])
                .args(args)
                .env("GIT_CONFIG_GLOBAL", "/dev/null")
                .status();
            assert!(status.expect("git runs").success(), "git {args:?}");
        }
    }

    fn put(dir: &Path, path: &str, text: &str) {
        let path = dir.join(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder can be made");
        std::fs::write(path, text).expect("a file can be written");
    }

    fn cost(dir: &Path, program: &[String]) -> Cost {
        let env = [
            ("PATH".to_owned(), "/usr/local/bin:/usr/bin:/bin".to_owned()),
            ("HOME".to_owned(), dir.to_string_lossy().into_owned()),
        ];
        run(&Job { program, dir, stdin: None, env: &env })
    }
}
