//! Decrypts 200 values with keyfill, with `sops decrypt`, and with kustomize and ksops: wall and processor time of
//! each with all its children, run in turn.
//!
//! `KEYFILL_TEST_REQUIRE=all cargo bench --bench sops -- [--keyfill PROGRAM]`

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
    use keyfill_testkit::{oracle, workspace};
    use std::fmt::Write as _;
    use std::path::Path;
    use std::process::Command;

    const RECIPIENT: &str = "age1gkgw9kx67f0vkujkht6qs9xpqhzxkhh9r0qffald9p6aajuwnp3sse5tzl";
    const RUNS: usize = 11;
    /// Number of files, and of values in each.
    const FILES: usize = 10;
    const VALUES: usize = 20;

    pub fn compare(arguments: &[String]) {
        let (Some(sops), Some(kustomize), Some(ksops)) =
            (oracle("sops"), oracle("kustomize"), oracle("ksops"))
        else {
            return;
        };
        let mut named = arguments.iter().skip_while(|a| *a != "--keyfill").skip(1);
        let keyfill = named.next().cloned().unwrap_or_else(|| env!("CARGO_BIN_EXE_keyfill").to_owned());
        let folder = tempfile::tempdir().expect("a folder");
        let (files, root) = (folder.path().join("files"), folder.path().join("root"));
        for dir in [&files, &root] {
            std::fs::create_dir(dir).expect("a folder");
            encrypt(&sops, dir);
        }
        let plugins = folder.path().join("kustomize/plugin/viaduct.ai/v1/ksops");
        std::fs::create_dir_all(&plugins).expect("a folder");
        std::os::unix::fs::symlink(&ksops, plugins.join("ksops")).expect("a link");
        let names: Vec<String> = (0..FILES).map(|n| format!("s{n}.enc.yaml")).collect();
        let generator = format!(
            "apiVersion: viaduct.ai/v1\nkind: ksops\nmetadata: {{name: g}}\nfiles: [{}]\n",
            names.join(", ")
        );
        std::fs::write(root.join("g.yaml"), generator).expect("a file");
        std::fs::write(root.join("kustomization.yaml"), "generators: [g.yaml]\n").expect("a file");
        std::fs::write(folder.path().join("s.yaml"), "{}").expect("a file");
        println!("| work | official: wall, CPU, peak | keyfill | CPU ratio |\n|---|---|---|---|");
        let each = format!("for f in *.enc.yaml; do {} decrypt $f; done", sops.display());
        row(
            "200 values in 10 files, sops decrypt",
            &files,
            folder.path(),
            &["sh", "-c", &each],
            &[&keyfill, "generate", ".", "--source", "file", "--secrets-file", "../s.yaml", "--root", "."],
        );
        let kustomize = kustomize.to_string_lossy().into_owned();
        row(
            "the same through ksops",
            &root,
            folder.path(),
            &[&kustomize, "build", "--enable-alpha-plugins", "."],
            &[&keyfill, "render", ".", "--root", "."],
        );
    }

    fn encrypt(sops: &Path, dir: &Path) {
        for file in 0..FILES {
            let mut text =
                format!("apiVersion: v1\nkind: Secret\nmetadata:\n    name: s{file}\nstringData:\n");
            for value in 0..VALUES {
                let _ = writeln!(text, "    key{value}: value {value} of file {file}, of a usual length");
            }
            std::fs::write(dir.join("plain.yaml"), text).expect("a file");
            let out = Command::new(sops)
                .current_dir(dir)
                .args(["encrypt", "--age", RECIPIENT, "--encrypted-regex", "^stringData$", "plain.yaml"])
                .output()
                .expect("sops can be started");
            assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
            std::fs::write(dir.join(format!("s{file}.enc.yaml")), out.stdout).expect("a file");
        }
        std::fs::remove_file(dir.join("plain.yaml")).expect("it was made");
    }

    fn row(work: &str, dir: &Path, configurations: &Path, official: &[&str], ours: &[&str]) {
        let key = workspace().join("crates/keyfill-sops/tests/data/key.txt");
        let env = [
            ("PATH".to_owned(), "/usr/bin:/bin".to_owned()),
            ("HOME".to_owned(), configurations.to_string_lossy().into_owned()),
            ("XDG_CONFIG_HOME".to_owned(), configurations.to_string_lossy().into_owned()),
            ("SOPS_AGE_KEY_FILE".to_owned(), key.to_string_lossy().into_owned()),
            ("KEYFILL_SOPS".to_owned(), "true".to_owned()),
        ];
        let (mut theirs, mut mine) = (Vec::new(), Vec::new());
        for _ in 0..RUNS {
            theirs.push(cost(dir, &env, official));
            mine.push(cost(dir, &env, ours));
        }
        let (theirs, mine) = (summary(&theirs), summary(&mine));
        let shown = |c: &Cost| format!("{:.1} ms, {:.1} ms, {:.0} MB", c.wall, c.cpu, c.peak);
        println!("| {work} | {} | {} | {:.1} |", shown(&theirs), shown(&mine), theirs.cpu / mine.cpu);
    }

    fn cost(dir: &Path, env: &[(String, String)], line: &[&str]) -> Cost {
        let program: Vec<String> = line.iter().map(|word| (*word).to_owned()).collect();
        run(&Job { program: &program, dir, stdin: None, env })
    }
}
