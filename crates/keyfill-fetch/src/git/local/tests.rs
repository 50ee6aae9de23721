use super::{LocalRepository, changes};
use keyfill_diag::Cx;
use keyfill_files::{DiskFiles, FileKind, Files, TreePath};
use keyfill_testkit::program;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A repository that is made with the program `git`.
struct Made {
    git: PathBuf,
    folder: tempfile::TempDir,
}

impl Made {
    fn new() -> Option<Self> {
        let git = program("git")?;
        let made = Self { git, folder: tempfile::tempdir().unwrap() };
        std::fs::create_dir(made.work()).unwrap();
        made.git(&["init", "-q", "-b", "main"]);
        Some(made)
    }

    fn work(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    fn git(&self, args: &[&str]) -> String {
        self.git_in(&self.work(), args)
    }

    fn git_in(&self, folder: &Path, args: &[&str]) -> String {
        let output = Command::new(&self.git)
            .current_dir(folder)
            .args(["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "protocol.file.allow=always"])
            .args(args)
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .output()
            .unwrap();
        assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    fn put(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.work().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    fn commit(&self, message: &str) -> String {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "--allow-empty", "-m", message]);
        self.git(&["rev-parse", "HEAD"])
    }
}

fn at(path: &str) -> TreePath {
    TreePath::new(path).unwrap()
}

fn names(found: &super::Changes) -> Vec<&str> {
    found.paths.iter().map(TreePath::as_str).collect()
}

#[test]
fn loose_and_packed_objects_read_the_same() {
    let Some(made) = Made::new() else { return };
    // `git gc` stores versions of one long file as deltas.
    let mut commits = Vec::new();
    for version in 0..12 {
        let long: String =
            (0..3000).map(|n| format!("line {n} of {}\n", if n == 7 { version } else { 0 })).collect();
        made.put("long.txt", long);
        made.put(&format!("dir/{version}.yaml"), format!("v: {version}"));
        commits.push(made.commit("c"));
    }
    let read = || -> Vec<(String, bytes::Bytes)> {
        let repository = LocalRepository::open(&made.work()).unwrap();
        let all = commits.iter().enumerate().map(|(version, commit)| {
            let files = repository.files(&repository.revision(commit).unwrap()).unwrap();
            assert_eq!(files.list(&at("dir")).unwrap().len(), version + 1);
            (format!("{:?}", files.walk(&TreePath::root())), files.read(&at("long.txt")).unwrap())
        });
        all.collect()
    };
    let loose = read();
    made.git(&["gc", "-q", "--aggressive", "--prune=now"]);
    let objects = std::fs::read_dir(made.work().join(".git/objects")).unwrap();
    assert!(
        objects.flatten().all(|e| ["pack", "info"].contains(&e.file_name().to_str().unwrap())),
        "all packed"
    );
    assert!(read() == loose);
}

#[test]
fn expressions_name_the_same_commits_as_in_git() {
    let Some(made) = Made::new() else { return };
    made.put("a", "1");
    made.commit("one");
    made.git(&["tag", "-a", "v1", "-m", "t"]);
    made.git(&["checkout", "-q", "-b", "side/x"]);
    made.put("b", "1");
    made.commit("side");
    made.git(&["checkout", "-q", "main"]);
    made.put("a", "2");
    made.commit("two");
    made.git(&["merge", "-q", "--no-ff", "-m", "m", "side/x"]);
    let head = made.git(&["rev-parse", "HEAD"]);
    let expressions = [
        "HEAD",
        "@",
        "main",
        "refs/heads/main",
        "v1",
        "side/x",
        "HEAD~1",
        "HEAD^2",
        "main~1^1~0",
        "v1^0",
        &head[..7],
        &head,
    ];
    for pack in [false, true] {
        if pack {
            made.git(&["pack-refs", "--all"]);
            made.git(&["gc", "-q"]);
        }
        let repository = LocalRepository::open(&made.work()).unwrap();
        for expression in expressions {
            let want = made.git(&["rev-parse", &format!("{expression}^{{commit}}")]);
            assert_eq!(repository.revision(expression).unwrap().commit(), want, "{expression}");
        }
        let base = made.git(&["merge-base", "HEAD~1", "side/x"]);
        assert_eq!(repository.revision("HEAD~1...side/x").unwrap().commit(), base);
        for wrong in ["nope", "HEAD~99", "HEAD^3", "../../x", "0000", "HEAD~x", "HEAD^{tree}", "--all", ""] {
            assert!(repository.revision(wrong).is_err(), "{wrong}");
        }
    }
}

#[test]
fn changes_are_the_same_as_in_git() {
    let Some(made) = Made::new() else { return };
    made.put("same/a", "1");
    made.put("dir/changed", "1");
    made.put("dir/gone", "1");
    made.put("kind", "1");
    made.put("moved/x", "a long line that is moved");
    made.commit("one");
    made.put("dir/changed", "2");
    std::fs::remove_file(made.work().join("dir/gone")).unwrap();
    std::fs::remove_file(made.work().join("kind")).unwrap();
    made.put("kind/is/folder", "1");
    std::fs::rename(made.work().join("moved"), made.work().join("other")).unwrap();
    made.put("bytes", b"\xff\xfe\x00");
    let repository = LocalRepository::open(&made.work()).unwrap();
    let base = repository.files(&repository.revision("HEAD").unwrap()).unwrap();
    let disk = DiskFiles::open(&made.work(), 1 << 20).unwrap();
    let uncommitted = base.changes_to(&disk, &Cx::default()).unwrap();
    made.commit("two");
    let want = made.git(&["diff", "--name-only", "--no-renames", "HEAD~1", "HEAD"]);
    let head = repository.files(&repository.revision("HEAD").unwrap()).unwrap();
    let committed = changes(&base, &head, &Cx::default()).unwrap();
    assert_eq!(names(&committed), want.lines().collect::<Vec<_>>());
    assert_eq!(uncommitted, committed);
    assert_eq!(head.changes_to(&disk, &Cx::default()).unwrap(), super::Changes::default());
    assert_eq!(&head.read(&at("bytes")).unwrap()[..], b"\xff\xfe\x00");
}

#[cfg(unix)]
#[test]
fn links_stay_in_the_tree_and_odd_names_are_no_files() {
    use std::os::unix::ffi::OsStrExt as _;
    let Some(made) = Made::new() else { return };
    made.put("real/a.yaml", "1");
    std::os::unix::fs::symlink("real", made.work().join("link")).unwrap();
    std::os::unix::fs::symlink("../../etc", made.work().join("out")).unwrap();
    std::os::unix::fs::symlink("/etc", made.work().join("absolute")).unwrap();
    std::fs::write(made.work().join(std::ffi::OsStr::from_bytes(b"odd\xff.yaml")), "1").unwrap();
    made.commit("one");
    let repository = LocalRepository::open(&made.work()).unwrap();
    let files = repository.files(&repository.revision("HEAD").unwrap()).unwrap();
    assert_eq!(&files.read(&at("link/a.yaml")).unwrap()[..], b"1");
    assert!(files.read(&at("out/passwd")).is_err() && files.read(&at("absolute/passwd")).is_err());
    let disk = DiskFiles::open(&made.work(), 1 << 20).unwrap();
    let listed = |files: &dyn Files| -> Vec<_> {
        let all = files.list(&TreePath::root()).unwrap();
        all.into_iter().filter(|e| e.name != ".git").map(|e| (e.name, e.kind, e.is_link)).collect()
    };
    assert_eq!(listed(&files), listed(&disk));
    assert!(listed(&files).iter().any(|(name, kind, _)| name.starts_with("odd") && *kind == FileKind::Other));
}

#[test]
fn work_trees_alternates_and_submodules_are_read() {
    let Some(made) = Made::new() else { return };
    made.put("a", "1");
    made.commit("one");
    let beside = made.folder.path().join("beside");
    made.git(&["worktree", "add", "-q", beside.to_str().unwrap(), "-b", "beside"]);
    let borrowed = made.folder.path().join("borrowed");
    made.git_in(made.folder.path(), &["clone", "-q", "--shared", "work", "borrowed"]);
    let bare = made.folder.path().join("bare");
    made.git_in(made.folder.path(), &["clone", "-q", "--bare", "work", "bare"]);
    for folder in [&beside, &borrowed, &bare] {
        let repository = LocalRepository::open(folder).unwrap();
        let files = repository.files(&repository.revision("HEAD").unwrap()).unwrap();
        assert_eq!(&files.read(&at("a")).unwrap()[..], b"1", "{}", folder.display());
    }
    let with = made.folder.path().join("with");
    made.git_in(made.folder.path(), &["init", "-q", "-b", "main", "with"]);
    made.git_in(&with, &["submodule", "add", "-q", bare.to_str().unwrap(), "lib/shared"]);
    made.git_in(&with, &["commit", "-q", "-m", "sub"]);
    let repository = LocalRepository::open(&with).unwrap();
    let files = repository.files(&repository.revision("HEAD").unwrap()).unwrap();
    assert_eq!(&files.read(&at("lib/shared/a")).unwrap()[..], b"1");
    // A submodule that was not checked out is an empty folder, as on disk.
    made.git_in(made.folder.path(), &["clone", "-q", "with", "without"]);
    let without = made.folder.path().join("without");
    let repository = LocalRepository::open(&without).unwrap();
    let files = repository.files(&repository.revision("HEAD").unwrap()).unwrap();
    assert!(files.list(&at("lib/shared")).unwrap().is_empty());
    let disk = DiskFiles::open(&without, 1 << 20).unwrap();
    assert_eq!(names(&files.changes_to(&disk, &Cx::default()).unwrap()), [""; 0]);
}

#[test]
fn the_error_about_a_missing_commit_says_that_the_clone_is_shallow() {
    let Some(made) = Made::new() else { return };
    made.put("a", "1");
    made.commit("one");
    made.put("a", "2");
    made.commit("two");
    let url = format!("file://{}", made.work().display());
    made.git_in(made.folder.path(), &["clone", "-q", "--depth", "1", &url, "shallow"]);
    let repository = LocalRepository::open(&made.folder.path().join("shallow")).unwrap();
    let files = repository.files(&repository.revision("HEAD").unwrap()).unwrap();
    assert_eq!(&files.read(&at("a")).unwrap()[..], b"2");
    for expression in ["HEAD~1", "v9"] {
        let error = repository.revision(expression).unwrap_err();
        assert!(error.help().is_some_and(|hint| hint.contains("shallow clone")), "{expression}: {error}");
    }
}

#[test]
fn an_unsupported_repository_format_is_named() {
    let Some(made) = Made::new() else { return };
    let folder = made.folder.path().join("sha256");
    made.git_in(made.folder.path(), &["init", "-q", "--object-format=sha256", "sha256"]);
    let error = LocalRepository::open(&folder).err().unwrap().to_string();
    assert!(error.contains("objectformat = sha256"), "{error}");
    assert!(LocalRepository::open(made.folder.path()).is_err());
}
