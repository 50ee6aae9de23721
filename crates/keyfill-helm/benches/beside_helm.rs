//! Compares rendering charts in process with the official helm, in one run: the processor time of both.
//!
//! `cargo bench -p keyfill-helm`. `KEYFILL_BENCH_CHARTS=DIR:DIR` adds charts. Without helm (see `keyfill-testkit`)
//! only our own figures are shown. Our figures do not include the start of a process.

#![allow(clippy::print_stdout)]

use keyfill_diag::Cx;
use keyfill_files::{DiskFiles, NoFetch, TreePath};
use keyfill_helm::{TemplateRequest, template};
use keyfill_testkit::oracle;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The allocator that the keyfill binary uses.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The number of runs of each. A single run of ours is shorter than a tick of the clock.
const HELM_RUNS: u32 = 5;
const OUR_RUNS: u32 = 50;

fn main() {
    // `cargo test --benches` only checks that the benchmark runs.
    let quick = !std::env::args().any(|arg| arg == "--bench");
    let helm = oracle("helm4");
    let folder = generated();
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/charts/umbrella");
    let mut charts = vec![own, folder.path().to_path_buf()];
    charts.extend(std::env::var_os("KEYFILL_BENCH_CHARTS").iter().flat_map(std::env::split_paths));
    println!("{:40} {:>10} {:>10} {:>7}", "chart", "helm ms", "ours ms", "ratio");
    for chart in charts {
        let ours = cpu_ms(if quick { 1 } else { OUR_RUNS }, 13, || render(&chart));
        let name = chart.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let Some(helm) = helm.as_deref().filter(|_| !quick) else {
            println!("{name:40} {:>10} {ours:>10.1}", "-");
            continue;
        };
        let official = cpu_ms(HELM_RUNS, 15, || run_helm(helm, &chart));
        println!("{name:40} {official:>10.1} {ours:>10.1} {:>6.0}x", official / ours.max(0.1));
    }
}

/// A chart of 100 templates over 5,000 values.
fn generated() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder for the chart can be made");
    let write = |path: &str, text: String| {
        fs::write(folder.path().join(path), text).expect("the chart can be written");
    };
    fs::create_dir(folder.path().join("templates")).expect("the chart can be written");
    write("Chart.yaml", "apiVersion: v2\nname: generated\nversion: 1.0.0\n".into());
    let group = |n: u32| {
        let entries = (0..50).map(|k| format!("  key{k}: value {k}\n")).collect::<String>();
        format!("group{n}:\n{entries}")
    };
    write("values.yaml", (0..100).map(group).collect());
    write(
        "templates/_helpers.tpl",
        "{{ define \"labels\" }}app: {{ .Chart.Name }}\nrelease: {{ .Release.Name | quote }}{{ end }}".into(),
    );
    for n in 0..100 {
        write(
            &format!("templates/cm{n}.yaml"),
            format!(
                "kind: ConfigMap\nmetadata:\n  name: cm{n}\n  labels: {{{{- include \"labels\" . | nindent 4 }}}}\n\
                 data:\n{{{{- range $k, $v := .Values.group{n} }}}}\n  {{{{ $k }}}}: {{{{ $v | upper | quote }}}}\n{{{{- end }}}}\n\
                 all: |\n{{{{ toYaml .Values.group{n} | indent 2 }}}}\n"
            ),
        );
    }
    folder
}

fn render(chart: &Path) {
    let files = DiskFiles::open(chart, 64 << 20).expect("the chart's folder can be opened");
    let rendered = template(&files, &TemplateRequest::new(TreePath::root()), &NoFetch, &Cx::default());
    assert!(!rendered.expect("the chart renders").text().is_empty());
}

fn run_helm(helm: &Path, chart: &Path) {
    let status =
        Command::new(helm).arg("template").arg("release-name").arg(chart).stdout(Stdio::null()).status();
    assert!(status.is_ok_and(|status| status.success()), "helm renders {}", PathBuf::from(chart).display());
}

/// Processor time of one run in milliseconds, by the kernel's count of this process (field 13, counted
/// from 0, and the next) or of its children (field 15 and the next).
fn cpu_ms(runs: u32, field: usize, run: impl Fn()) -> f64 {
    run();
    let before = ticks(field);
    (0..runs).for_each(|_| run());
    (ticks(field) - before) * 10.0 / f64::from(runs)
}

fn ticks(field: usize) -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name, which is the second field, may contain spaces, so fields are counted from its end.
    let fields: Vec<f64> =
        stat.rsplit(") ").next().unwrap_or_default().split(' ').map(|f| f.parse().unwrap_or(0.0)).collect();
    fields.iter().skip(field - 2).take(2).sum()
}
