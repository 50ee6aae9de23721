//! Sends all kinds of hostile requests at once, together with the normal requests of another tenant. That tenant
//! must get its answers, memory must stay below the container's limit, and the server process must survive.

use crate::apps;
use crate::archive::{App, Tree, pack};
use crate::load::{Call, Load, Outcome, send};
use crate::options::Options;
use crate::server::{Server, Store, Which};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;
use tokio::runtime::Runtime;

/// Requests per second of the normal tenant.
const RATE: f64 = 20.0;

/// Megabytes that the process tree may use: the memory limit of the deployment.
const MOST: f64 = 512.0;

/// Time between the end of the attack and the last look at memory, and the megabytes that may be in use then.
const AFTER: Duration = Duration::from_secs(10);
const MOST_AFTER: f64 = 80.0;

/// Longest time that the normal tenant may wait for an answer.
const SLOWEST: Duration = Duration::from_secs(1);

/// Runs the attack and prints the measured figures. Returns the requirement that was not met, if any.
pub fn run(options: &Options, runtime: &Runtime) -> Result<Option<String>, String> {
    let mut own = options.clone();
    own.serve_args.push("--deadline=10s".to_owned());
    let store = Store::start(own.delay())?;
    let mut server = Server::start(Which::Keyfill, &own, &store)?;
    let time = Duration::from_secs(options.hostile_seconds);
    let apps = hostile();
    let attack = Load { clients: apps.len(), ..load(apps, time) };
    let tenant = Load { clients: 4, rate: Some(RATE), ..load(vec![apps::small(0)], time) };
    let (attacked, answered, peak) = runtime.block_on(async {
        let (socket, started) = (server.socket(), [Arc::<AtomicUsize>::default(), Arc::default()]);
        let sending =
            async { tokio::join!(send(&socket, &attack, &started[0]), send(&socket, &tenant, &started[1])) };
        tokio::pin!(sending);
        let mut peak = 0.0_f64;
        loop {
            tokio::select! {
                (attacked, answered) = &mut sending => return (attacked, answered, peak),
                () = tokio::time::sleep(Duration::from_millis(200)) => peak = peak.max(server.memory().0),
            }
        }
    });
    std::thread::sleep(AFTER);
    let after = server.memory().0;
    let p99 = answered.percentile(99.0);
    println!(
        "hostile: {} kinds at once for {} s, beside {RATE} small requests a second",
        attack.apps.len(),
        time.as_secs()
    );
    println!(
        "| hostile requests | tenant's requests | failed | p50 ms | p99 ms | peak MB of the tree | MB after 10 s |"
    );
    println!("|---|---|---|---|---|---|---|");
    println!(
        "| {} | {} | {} | {:.1} | {:.1} | {peak:.0} | {after:.0} |",
        attacked.times.len() + attacked.failed,
        answered.times.len(),
        answered.failed,
        answered.percentile(50.0).as_secs_f64() * 1000.0,
        p99.as_secs_f64() * 1000.0,
    );
    let mut wrong = problems(&answered, p99, peak, after);
    if !server.lives() {
        wrong.push("the server has ended".to_owned());
    }
    Ok((!wrong.is_empty()).then(|| format!("hostile: {}", wrong.join("; "))))
}

fn problems(answered: &Outcome, p99: Duration, peak: f64, after: f64) -> Vec<String> {
    let mut wrong = Vec::new();
    if let Some(why) = &answered.failure {
        wrong.push(format!("{} of the tenant's requests failed: {why}", answered.failed));
    }
    if p99 > SLOWEST {
        wrong.push(format!("the tenant waited {:.1} s", p99.as_secs_f64()));
    }
    if peak > MOST {
        wrong.push(format!("{peak:.0} MB were held"));
    }
    if after > MOST_AFTER {
        wrong.push(format!("{after:.0} MB are held afterwards"));
    }
    wrong
}

fn load(apps: Vec<App>, time: Duration) -> Load {
    Load {
        call: Call::Generate,
        apps: Arc::new(apps),
        clients: 1,
        dial: true,
        requests: usize::MAX,
        time,
        rate: None,
    }
}

/// One app for each kind of attack. Each must be answered with an error.
fn hostile() -> Vec<App> {
    let mut all = Vec::new();
    let mut add = |name: &str, tree: Tree, env: &[(&str, &str)]| {
        all.push(App::of_project("hostile", name, ".", &pack(&tree), env, "no manifest holds this"));
    };
    let manifest = |value: &str| {
        let text =
            format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a}}\ndata:\n  x: >-\n    {value}\n");
        vec![("a.yaml".to_owned(), text.into_bytes())]
    };
    let path = "<path:secret/data/hostile/db#pass";
    let (open, close) = ("[".repeat(60), "]".repeat(60));
    let ranges = "{range ..}".repeat(9) + &"{end}".repeat(9);
    add("jsonpath", manifest(&format!("{path} | default {open}1{close} | jsonPath {ranges}>")), &[]);
    add("deep-jsonpath", manifest(&format!("{path} | jsonPath {}>", "{range .}".repeat(5_000))), &[]);
    add("path-template", manifest(&format!("<path:{{{{ {}1 }}}}#pass>", "-".repeat(8_000))), &[]);
    add("modifiers", manifest(&format!("{path}{}>", " | toJson".repeat(28))), &[]);
    add("errors", manifest(&"<path:nokey> ".repeat(60_000)), &[]);
    add("many", manifest(&format!("{path}>").repeat(100_000)), &[]);
    let secrets: String = (0..150_000).map(|i| format!("<path:secret/data/hostile/{i}#pass>")).collect();
    add("secrets", manifest(&secrets), &[]);
    add(
        "expression",
        manifest(&format!("{path}>")),
        &[("ARGOCD_ENV_AVP_PATH_VALIDATION", &"(a?){1000}".repeat(50))],
    );
    for (name, template) in [
        ("repeat", "{{ $a := repeat 100000000 \"x\" }}{{ range until 100000 }}{{ $a }}{{ end }}"),
        ("split", "{{ $x := splitList \",\" (repeat 60000000 \",\") }}"),
        ("recursion", "{{ define \"a\" }}{{ template \"a\" . }}{{ end }}{{ template \"a\" . }}"),
        ("endless", "{{ range until 2000000 }}{{ range until 2000000 }}{{ end }}{{ end }}"),
        ("keys", "{{ range until 1000 }}{{ genPrivateKey \"rsa\" }}{{ end }}"),
    ] {
        add(name, chart(template), &[]);
    }
    let indexes: Vec<String> = (0..400).map(|i| format!("a[{i}][65535]=1")).collect();
    add("indexes", chart(""), &[("ARGOCD_ENV_HELM_ARGS", &format!("--set {}", indexes.join(",")))]);
    let mut schema = chart("");
    schema.push(("values.schema.json".to_owned(), exponential_schema().into_bytes()));
    add("schema", schema, &[]);
    add("globals", globals(), &[]);
    add("aliases", aliases(), &[]);
    add("patches", patches(2_000), &[]);
    add(
        "folders",
        (0..2_000).map(|i| (format!("{i}/{}f.yaml", "a/".repeat(200)), Vec::new())).collect(),
        &[],
    );
    all
}

fn chart(template: &str) -> Tree {
    let manifest =
        format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: x}}\ndata: {{x: y}}\n{template}");
    let about = "apiVersion: v2\nname: c\nversion: 1.0.0\n";
    vec![("Chart.yaml".to_owned(), about.into()), ("templates/x.yaml".to_owned(), manifest.into_bytes())]
}

/// A chart with many subcharts, each of which gets many global values.
fn globals() -> Tree {
    let keys: String = (0..2_000).map(|i| format!("  k{i}: {{a: {{b: c}}}}\n")).collect();
    let mut tree = chart("");
    tree.push(("values.yaml".to_owned(), format!("global:\n{keys}").into_bytes()));
    tree.extend((0..1_500).map(|i| {
        let about = format!("apiVersion: v2\nname: s{i}\nversion: 1.0.0\n");
        (format!("charts/s{i}/Chart.yaml"), about.into_bytes())
    }));
    tree
}

fn exponential_schema() -> String {
    let reference = |i: usize| format!("{{\"$ref\":\"#/definitions/d{i}\"}}");
    let definitions: Vec<String> =
        (0..40).map(|i| format!("\"d{i}\":{{\"anyOf\":[{0},{0}]}}", reference(i + 1))).collect();
    format!(
        "{{\"definitions\":{{{},\"d40\":{{\"not\":{{}}}}}},\"$ref\":\"#/definitions/d0\"}}",
        definitions.join(",")
    )
}

fn aliases() -> Tree {
    let mut text = "apiVersion: v1\nkind: X\nmetadata: {name: x}\na0: &a0 [x,x,x,x,x,x,x,x,x]\n".to_owned();
    for i in 1..9 {
        let before = vec![format!("*a{}", i - 1); 9].join(",");
        text.push_str(&format!("a{i}: &a{i} [{before}]\n"));
    }
    vec![
        ("kustomization.yaml".to_owned(), "resources: [a.yaml]\n".into()),
        ("a.yaml".to_owned(), text.into_bytes()),
    ]
}

/// A kustomization of `count` objects and `count` patches, each of which applies to all of them.
fn patches(count: usize) -> Tree {
    let one = "- target: {name: \".*\"}\n  patch: \"- {op: add, path: /data/x, value: y}\"\n";
    let object =
        |i| format!("---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: c{i}}}\ndata: {{a: b}}\n");
    let objects: String = (0..count).map(object).collect();
    vec![
        (
            "kustomization.yaml".to_owned(),
            format!("resources: [r.yaml]\npatches:\n{}", one.repeat(count)).into(),
        ),
        ("r.yaml".to_owned(), objects.into_bytes()),
    ]
}
