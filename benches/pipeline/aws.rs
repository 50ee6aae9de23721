//! 50 secrets of AWS Secrets Manager, simulated by moto and read by argocd-vault-plugin and keyfill in turn.

use super::measure::{Cost, Job, run, summary};
use keyfill_testkit::{Moto, Proxy};
use serde_json::json;
use std::fmt::Write as _;
use std::path::Path;

/// Name of the row in the table.
pub const WORK: &str = "50 secrets of AWS Secrets Manager, 100 placeholders";

/// How many secrets there are.
const SECRETS: usize = 50;

/// Runs each side `runs` times and returns its cost and its number of requests in one run; `None` if moto is not
/// installed.
pub fn measure(
    folder: &Path,
    sides: &[Option<Vec<String>>; 2],
    path: &str,
    runs: usize,
) -> Option<[Option<(Cost, u64)>; 2]> {
    let moto = Moto::start()?;
    let mut stream = String::new();
    for number in 0..SECRETS {
        let name = format!("many/{number}");
        let text = json!({ "user": format!("u{number}"), "password": format!("p{number}") }).to_string();
        let body = json!({ "Name": name, "SecretString": text });
        moto.call("secretsmanager.CreateSecret", "eu-west-1", &body);
        // Writing to a string cannot fail.
        let _ = write!(
            stream,
            "---\napiVersion: v1\nkind: Secret\nmetadata:\n  name: s{number}\nstringData:\n  \
             user: <path:{name}#user>\n  password: <path:{name}#password>\n"
        );
    }
    let input = folder.join("aws.yaml");
    std::fs::write(&input, stream).expect("a file can be written");
    let proxy = Proxy::start(moto.host());
    let env = [
        ("PATH", path.to_owned()),
        ("HOME", folder.display().to_string()),
        ("AVP_TYPE", "awssecretsmanager".to_owned()),
        ("AWS_REGION", "eu-west-1".to_owned()),
        ("AWS_ENDPOINT_URL", proxy.address()),
        ("AWS_ACCESS_KEY_ID", "k".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "s".to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value));
    let mut costs = [Vec::new(), Vec::new()];
    let mut requests = [0, 0];
    for _ in 0..runs {
        for (side, program) in sides.iter().enumerate() {
            let Some(program) = program else { continue };
            let before = proxy.seen().len();
            costs[side].push(run(&Job { program, dir: folder, stdin: Some(&input), env: &env }));
            requests[side] = (proxy.seen().len() - before) as u64;
        }
    }
    Some([0, 1].map(|side| (!costs[side].is_empty()).then(|| (summary(&costs[side]), requests[side]))))
}
