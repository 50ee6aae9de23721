//! Generators of the kind `ksops`: keyfill prints the same bytes as kustomize with the plugin.
//!
//! The real ksops is not available from Go's module proxy; `tests/oracles/ksops` replaces it, with SOPS' own library.

use crate::{encrypted, key_file, keyfill, printed, said};
use keyfill_testkit::oracle;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

const GENERATOR: &str = "apiVersion: viaduct.ai/v1\nkind: ksops\nmetadata:\n  name: gen\n";

/// The annotation that makes kustomize run the plugin as a KRM function.
const FUNCTION: &str =
    "  annotations:\n    config.kubernetes.io/function: |\n      exec:\n        path: ksops\n";

#[test]
fn a_generator_makes_manifests_and_secrets() {
    let generator = format!(
        "{GENERATOR}files: [./secret.enc.yaml]\nsecretFrom:\n- metadata: {{name: made}}\n  files: [k=values.enc.yaml]\n  \
         binaryFiles: [blob.enc.bin]\n  envs: [vars.enc.env]\n"
    );
    let run = keyfill(&["render", "app"])
        .file("app/kustomization.yaml", "namePrefix: p-\ngenerators: [g.yaml]\n")
        .file("app/g.yaml", generator);
    let text = printed(&run.run());
    for line in [
        "  name: p-open",
        "  greeting: hush-of-map",
        "  blob.enc.bin: AP9odXNoLW9mLWJ5dGVz",
        "  TOKEN: hush-of-env",
        "  URL: http://x/hush-of-env",
        "        password: hush-of-values",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
    }
    assert!(text.contains("name: p-app-") && !text.contains("needs-hash"), "{text}");
}

#[test]
fn a_generator_is_refused_unless_the_administrator_allows_sops() {
    let run = keyfill(&["render", "app"])
        .env("KEYFILL_SOPS", "")
        .file("app/kustomization.yaml", "generators: [g.yaml]\n")
        .file("app/g.yaml", format!("{GENERATOR}files: [secret.enc.yaml]\n"));
    let said = said(&run.run(), 3);
    assert!(said.contains("KEYFILL_SOPS=true") && said.contains("app/g.yaml"), "{said}");
}

#[test]
fn errors_in_a_generator_are_reported_with_its_file() {
    for (fields, what) in [
        ("other: 1\n", "`files` or `secretFrom`"),
        ("files: [secret.enc.yml]\n", "did you mean"),
        ("files: [open.yaml]\n", "no metadata of SOPS"),
        ("files: [values.enc.yaml]\n", "kind"),
        ("secretFrom:\n- metadata: {name: x}\n  envs: [blob.enc.bin]\n", "decrypted variables"),
        ("secretFrom:\n- metadata: {name: x}\n  files: [a=b=c]\n", "contains '='"),
        ("secretFrom:\n- files: [values.enc.yaml]\n", "metadata.name"),
    ] {
        let run = keyfill(&["render", "app"])
            .file("app/kustomization.yaml", "generators: [g.yaml]\n")
            .file("app/open.yaml", "a: 1\n")
            .file("app/g.yaml", format!("{GENERATOR}{fields}"));
        let said = said(&run.run(), 3);
        assert!(said.contains(what) && said.contains("app/g.yaml"), "{fields}: {said}");
    }
}

/// A random root: generators for files that SOPS encrypted, and other fields of a kustomization.
struct Root {
    folder: tempfile::TempDir,
    /// Whether the generators are KRM functions; else they are exec plugins.
    functions: bool,
}

fn sops(folder: &Path, name: &str, rule: &[&str]) {
    let Some(program) = oracle("sops") else { return };
    let out = Command::new(program)
        .current_dir(folder)
        .args(["encrypt", "--age", "age1gkgw9kx67f0vkujkht6qs9xpqhzxkhh9r0qffald9p6aajuwnp3sse5tzl"])
        .args(rule)
        .arg(format!("plain-{name}"))
        .output()
        .expect("sops can be started");
    assert!(out.status.success(), "{name}: {}", String::from_utf8_lossy(&out.stderr));
    std::fs::write(folder.join(name), out.stdout).expect("a file");
}

impl Root {
    fn make(seed: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let root = Self { folder: tempfile::tempdir().expect("a folder"), functions: random.bool() };
        let mut generators = Vec::new();
        for number in 0..random.usize(1..3) {
            let name = format!("gen-{number}.yaml");
            root.write(&name, &root.generator(number, &mut random));
            generators.push(name);
        }
        let mut kustomization = format!("generators: [{}]\n", generators.join(", "));
        for (field, likely) in [
            ("namePrefix: pre-\n", random.bool()),
            ("nameSuffix: -suf\n", random.u8(..4) == 0),
            ("namespace: team\n", random.bool()),
            ("commonLabels: {app: x}\n", random.u8(..3) == 0),
            ("sortOptions: {order: fifo}\n", random.bool()),
        ] {
            if likely {
                kustomization.push_str(field);
            }
        }
        if random.u8(..3) == 0 {
            let base = "secretGenerator:\n- name: made-0\n  literals: [base=1]\n  options: {disableNameSuffixHash: true}\n";
            kustomization.push_str(base);
        }
        root.write("kustomization.yaml", &kustomization);
        root
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.folder.path().join(name), text).expect("a file");
    }

    fn encrypted(&self, name: &str, text: &str, rule: &[&str]) -> String {
        self.write(&format!("plain-{name}"), text);
        sops(self.folder.path(), name, rule);
        format!("{}{name}", if text.len().is_multiple_of(2) { "./" } else { "" })
    }

    fn generator(&self, number: usize, random: &mut fastrand::Rng) -> String {
        let mut text = format!(
            "{}{}",
            GENERATOR.replace("gen", &format!("gen-{number}")),
            if self.functions { FUNCTION } else { "" }
        );
        if random.u8(..4) != 0 {
            text.push_str("files:\n");
            for file in 0..random.usize(1..3) {
                let manifests = manifests(number * 10 + file, random);
                let rule: &[&str] =
                    if random.bool() { &["--encrypted-regex", "^(data|stringData)$"] } else { &[] };
                let ending = if manifests.contains("---") || random.bool() { "yaml" } else { "yml" };
                let name = self.encrypted(&format!("m{number}-{file}.enc.{ending}"), &manifests, rule);
                let _ = writeln!(text, "- {name}");
            }
        } else {
            text.push_str("files: []\n");
        }
        if random.bool() {
            text.push_str("secretFrom:\n");
            for secret in 0..random.usize(1..3) {
                self.secret(&mut text, number * 10 + secret, random);
            }
        }
        text
    }

    fn secret(&self, text: &mut String, number: usize, random: &mut fastrand::Rng) {
        let annotations = [
            "",
            ", annotations: {kustomize.config.k8s.io/needs-hash: \"true\"}",
            ", annotations: {kustomize.config.k8s.io/behavior: merge, a: b}",
            ", labels: {x: \"1\", a: y}, annotations: {z: q}",
            ", namespace: own",
        ];
        let _ = writeln!(
            text,
            "- metadata: {{name: made-{number}{}}}",
            annotations[random.usize(..annotations.len())]
        );
        let values =
            self.encrypted(&format!("v{number}.enc.json"), "{\"a\": \"x\", \"n\": 1.5, \"t\": true}", &[]);
        let _ = writeln!(text, "  files: [{values}, key={values}]");
        if random.bool() {
            let blob = self.encrypted(&format!("b{number}.enc.bin"), "bytes\u{0}\u{1}ü", &[]);
            let _ = writeln!(text, "  binaryFiles: [{blob}]");
        }
        if random.bool() {
            let lines = ["A=1", "B=two words # note", "C='$A'", "D=\"x\\\\ny$A\"", "E=${A}x", "F=a#b", "G="];
            let chosen: Vec<&str> = lines.iter().copied().filter(|_| random.bool()).chain(["Z=z"]).collect();
            let vars =
                self.encrypted(&format!("e{number}.enc.env"), &format!("{}\n", chosen.join("\n")), &[]);
            let _ = writeln!(text, "  envs: [{vars}]");
        }
        if random.bool() {
            text.push_str("  type: kubernetes.io/x\n");
        }
    }

    fn official(&self) -> Option<Result<String, String>> {
        let (kustomize, ksops) = (oracle("kustomize")?, oracle("ksops")?);
        let plugins = tempfile::tempdir().expect("a folder");
        let place = plugins.path().join("kustomize/plugin/viaduct.ai/v1/ksops");
        std::fs::create_dir_all(&place).expect("a folder");
        std::os::unix::fs::symlink(&ksops, place.join("ksops")).expect("a link");
        let out = Command::new(kustomize)
            .current_dir(self.folder.path())
            .env_clear()
            .env("PATH", ksops.parent().expect("a folder"))
            .env("HOME", plugins.path())
            .env("XDG_CONFIG_HOME", plugins.path())
            .env("SOPS_AGE_KEY_FILE", key_file())
            .args(["build", "--enable-alpha-plugins", "--enable-exec", "."])
            .output()
            .expect("kustomize can be started");
        Some(match out.status.success() {
            true => Ok(String::from_utf8_lossy(&out.stdout).into_owned()),
            false => Err(String::from_utf8_lossy(&out.stderr).into_owned()),
        })
    }

    fn ours(&self) -> Result<String, String> {
        let out = Command::new(env!("CARGO_BIN_EXE_keyfill"))
            .current_dir(self.folder.path())
            .env_clear()
            .env("KEYFILL_SOPS", "true")
            .env("SOPS_AGE_KEY_FILE", key_file())
            .args(["render", ".", "--engine", "native", "--root", "."])
            .output()
            .expect("keyfill can be started");
        match out.status.success() {
            true => Ok(String::from_utf8_lossy(&out.stdout).into_owned()),
            false => Err(String::from_utf8_lossy(&out.stderr).into_owned()),
        }
    }
}

fn manifests(number: usize, random: &mut fastrand::Rng) -> String {
    let bodies = [
        "kind: Secret\nmetadata:\n    name: NAME\nstringData:\n    text: |\n        two\n        lines\n    n: \"12\"\n    yes: \"no\"\n",
        "kind: Secret\nmetadata:\n    name: NAME\n    annotations:\n        kustomize.config.k8s.io/needs-hash: \"true\"\ndata:\n    \
         a: aHVzaA==\n",
        "kind: ConfigMap\nmetadata:\n    name: NAME\n    labels: {z: a, b: c}\ndata: {k: v, \"1\": 'x y'}\n",
        "kind: Secret\nmetadata:\n    name: NAME # note\n    annotations:\n        b: \"1\"\n        a: x\n        \
         kustomize.config.k8s.io/needs-hash: \"false\"\ntype: Opaque\nstringData:\n    # comment\n    long: \"WORDS\"\n",
        "kind: List\nitems:\n- apiVersion: v1\n  kind: ConfigMap\n  metadata: {name: NAME}\n  data: {a: b}\n",
    ];
    let count = random.usize(1..3);
    let documents = (0..count).map(|at| {
        let body = bodies[random.usize(..bodies.len())].replace("NAME", &format!("n{number}-{at}"));
        format!("apiVersion: v1\n{}", body.replace("WORDS", &"some words ".repeat(20)))
    });
    documents.collect::<Vec<_>>().join("---\n")
}

/// `KEYFILL_KSOPS_ROOTS` is the number of random roots; the default is 40.
#[test]
fn generated_roots_give_the_bytes_of_kustomize_with_ksops() {
    if oracle("sops").is_none() || oracle("kustomize").is_none() || oracle("ksops").is_none() {
        return;
    }
    let roots = std::env::var("KEYFILL_KSOPS_ROOTS").ok().and_then(|n| n.parse().ok()).unwrap_or(40);
    let mut good = 0;
    for seed in 0..roots {
        let root = Root::make(seed);
        let Some(official) = root.official() else { return };
        let ours = root.ours();
        let shown = || {
            let files = std::fs::read_dir(root.folder.path()).expect("a folder").flatten();
            let texts = files.filter(|f| f.file_name().to_string_lossy().starts_with(['g', 'k', 'p']));
            texts
                .map(|f| {
                    format!(
                        "# {}\n{}\n",
                        f.path().display(),
                        std::fs::read_to_string(f.path()).unwrap_or_default()
                    )
                })
                .collect::<String>()
        };
        match (&official, &ours) {
            (Ok(official), Ok(ours)) => assert_eq!(ours, official, "seed {seed}\n{}", shown()),
            (Err(_), Err(_)) => {}
            (official, ours) => panic!("seed {seed}: {official:?}\n{ours:?}\n{}", shown()),
        }
        good += u64::from(official.is_ok());
    }
    println!("{roots} roots, {good} of them good, no difference");
    assert!(
        good * 2 > roots,
        "most roots must be good for the comparison to mean something: {good} of {roots}"
    );
    assert!(!encrypted("secret.enc.yaml").is_empty());
}
