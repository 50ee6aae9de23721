//! The folders of `testdata/`: `in` is a tree; `expected.yaml` is what the official tool prints for it, or
//! `error.txt` is the error report. A folder is named after the feature, or the trap, that it is about.
//!
//! With `KEYFILL_TEST_REQUIRE=all` the expected bytes are compared with the official tool's, too.

use keyfill_diag::{Cx, Report as _};
use keyfill_files::{DiskFiles, TreePath};
use keyfill_kustomize::{BuildRequest, Built, Error, Outside, build};
use std::path::{Path, PathBuf};
use std::process::Command;

fn folders(below: &str) -> Vec<PathBuf> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata").join(below);
    let entries = std::fs::read_dir(dir).expect("testdata is there").flatten().map(|e| e.path());
    let mut folders: Vec<PathBuf> = entries.filter(|p| p.join("in").is_dir()).collect();
    folders.sort();
    assert!(!folders.is_empty(), "no cases in {below}");
    folders
}

fn run(folder: &Path) -> Result<Built, Error> {
    let files = DiskFiles::open(&folder.join("in"), 1 << 20).expect("the tree can be opened");
    let request = BuildRequest { root: Some(TreePath::root()), ..BuildRequest::default() };
    build(&files, &request, Outside::default(), &Cx::default())
}

fn stream(built: &Built) -> String {
    String::from_utf8(built.text()).expect("the output is UTF-8")
}

fn told(error: &Error) -> String {
    let mut text = String::new();
    for diagnostic in error.diagnostics() {
        text.push_str(&format!("{diagnostic}\n"));
        diagnostic.trail.iter().for_each(|step| text.push_str(&format!("in {step}\n")));
        diagnostic.hint.iter().for_each(|hint| text.push_str(&format!("hint: {hint}\n")));
    }
    if error.is_unsupported() {
        text.push_str("unsupported\n");
    }
    text
}

fn official(folder: &Path) -> Option<std::process::Output> {
    let tool = keyfill_testkit::oracle("kustomize")?;
    Some(Command::new(tool).arg("build").arg(folder.join("in")).output().expect("kustomize can be run"))
}

#[test]
fn trees_give_the_expected_bytes() {
    for folder in folders("") {
        let expected = std::fs::read_to_string(folder.join("expected.yaml")).expect("it is there");
        let name = folder.display();
        match run(&folder) {
            Ok(built) => assert_eq!(stream(&built), expected, "{name}"),
            Err(e) => panic!("{name}: {}", told(&e)),
        }
        if let Some(output) = official(&folder) {
            assert_eq!(
                String::from_utf8_lossy(&output.stdout),
                expected,
                "{name}: expected.yaml is not right"
            );
        }
    }
}

#[test]
fn errors_say_what_to_do() {
    for folder in folders("errors") {
        let name = folder.display();
        let error = run(&folder).err().unwrap_or_else(|| panic!("{name} should fail"));
        let golden = folder.join("error.txt");
        if std::env::var_os("KEYFILL_UPDATE").is_some() {
            std::fs::write(&golden, told(&error)).expect("it can be written");
        }
        let expected = std::fs::read_to_string(&golden).expect("it is there");
        assert_eq!(told(&error), expected, "{name}");
        if !error.is_unsupported()
            && let Some(output) = official(&folder)
        {
            assert!(!output.status.success(), "{name}: the official tool does not fail");
        }
    }
}
