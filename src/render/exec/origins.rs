//! Corrects the annotations for origins and transformations that an official binary prints for remote bases in its
//! copy: the binary sees `localized-files/...`, but the annotations must name the repository.

use crate::fetch::Base;
use keyfill_files::TreePath;

/// The annotations.
const ANNOTATIONS: [&str; 2] =
    ["config.kubernetes.io/origin: |", "alpha.config.kubernetes.io/transformations: |"];
/// The path that kustomize prints for the root of a repository that it has not cloned yet.
const NOT_CLONED: &str = "notCloned";

/// The output with each origin below a base changed to the base's repository. Paths in it are relative to `dir`.
pub fn named(output: Vec<u8>, dir: &TreePath, bases: &[Base]) -> Vec<u8> {
    let Ok(text) = std::str::from_utf8(&output) else { return output };
    let mut out = String::with_capacity(text.len());
    // The indentation of the annotation in whose text the line is.
    let mut within = None;
    for line in text.split_inclusive('\n') {
        let indent = line.len() - line.trim_start_matches(' ').len();
        if ANNOTATIONS.contains(&line.trim()) {
            within = Some(indent);
        } else if within.is_some_and(|outer| indent <= outer) {
            within = None;
        }
        match within.and_then(|_| of_base(line, dir, bases)) {
            Some(lines) => out.push_str(&lines),
            None => out.push_str(line),
        }
    }
    out.into_bytes()
}

/// The lines that replace a line with the path of a file below a base.
fn of_base(line: &str, dir: &TreePath, bases: &[Base]) -> Option<String> {
    let text = line.trim();
    // An item of a list of transformations begins with a dash.
    let (mark, text) = text.strip_prefix("- ").map_or(("", text), |rest| ("- ", rest));
    let (name, value) = text.split_once(": ")?;
    let path = dir.join(value)?;
    let below = |base: &&Base| path.is_within(&base.folder);
    let base = bases.iter().filter(below).max_by_key(|base| base.folder.as_str().len())?;
    let rest = path.as_str()[base.folder.as_str().len()..].trim_start_matches('/');
    let rest = if base.is_root { format!("{NOT_CLONED}/{rest}") } else { rest.to_owned() };
    let mut repository = vec![format!("repo: {}", base.repository)];
    if !base.reference.is_empty() {
        repository.push(format!("ref: {}", base.reference));
    }
    let own = format!("{name}: {rest}");
    let lines = match name {
        "path" => [vec![own], repository].concat(),
        "configuredIn" => [repository, vec![own]].concat(),
        _ => return None,
    };
    let indent = line.len() - line.trim_start_matches(' ').len();
    let begin = |at: usize| if at == 0 { mark } else { &"  "[..mark.len()] };
    let lines = lines.iter().enumerate();
    Some(lines.map(|(at, text)| format!("{:indent$}{}{text}\n", "", begin(at))).collect())
}

#[cfg(test)]
mod tests {
    use super::named;
    use crate::fetch::Base;
    use keyfill_files::TreePath;

    #[test]
    fn an_origin_below_a_base_names_its_repository() {
        let path = |text: &str| TreePath::new(text).expect("a path");
        let base = |folder: &str, is_root| Base {
            folder: path(folder),
            repository: "https://h/r".to_owned(),
            reference: "v1".to_owned(),
            is_root,
        };
        let bases = [base("app/localized-files/h/r/v1", false), base("base/localized-files/h/r/v1", true)];
        let text = "metadata:\n  annotations:\n    config.kubernetes.io/origin: |\n      path: localized-files/h/r/v1/b/cm.yaml\n  name: a\n\
                    ---\n    config.kubernetes.io/origin: |\n      configuredIn: ../base/localized-files/h/r/v1/k.yaml\n      configuredBy:\n        kind: X\n\
                    ---\n    alpha.config.kubernetes.io/transformations: |\n      - configuredIn: localized-files/h/r/v1/b/k.yaml\n        configuredBy:\n          kind: X\n      - path: k.yaml\n\
                    ---\n    config.kubernetes.io/origin: |\n      path: cm.yaml\ndata:\n  path: localized-files/h/r/v1/b/cm.yaml\n";
        let want = "metadata:\n  annotations:\n    config.kubernetes.io/origin: |\n      path: b/cm.yaml\n      repo: https://h/r\n      ref: v1\n  name: a\n\
                    ---\n    config.kubernetes.io/origin: |\n      repo: https://h/r\n      ref: v1\n      configuredIn: notCloned/k.yaml\n      configuredBy:\n        kind: X\n\
                    ---\n    alpha.config.kubernetes.io/transformations: |\n      - repo: https://h/r\n        ref: v1\n        configuredIn: b/k.yaml\n        configuredBy:\n          kind: X\n      - path: k.yaml\n\
                    ---\n    config.kubernetes.io/origin: |\n      path: cm.yaml\ndata:\n  path: localized-files/h/r/v1/b/cm.yaml\n";
        let got = named(text.as_bytes().to_vec(), &path("app"), &bases);
        assert_eq!(String::from_utf8_lossy(&got), want);
    }
}
