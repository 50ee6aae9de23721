//! The memory limit of the container.

use std::path::{Path, PathBuf};

/// The memory limit in bytes: the lowest limit of this process's control group and the groups above it, in cgroup
/// v2 and v1. `None` if there is no limit of at most half of the machine's memory: then nobody meant to limit this
/// process.
pub fn container_memory() -> Option<u64> {
    let groups = std::fs::read_to_string("/proc/self/cgroup").ok()?;
    let limit = lowest_limit(&groups, Path::new("/sys/fs/cgroup"))?;
    let machine = machine_memory().unwrap_or(u64::MAX);
    (limit <= machine / 2).then_some(limit)
}

fn machine_memory() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    line.split_whitespace().next()?.parse::<u64>().ok().map(|kilobytes| kilobytes << 10)
}

/// The lowest limit of the groups in `/proc/self/cgroup`, whose files are below `mount`.
fn lowest_limit(groups: &str, mount: &Path) -> Option<u64> {
    let places = groups.lines().filter_map(|line| {
        let mut fields = line.splitn(3, ':');
        let (_, controllers, path) = (fields.next()?, fields.next()?, fields.next()?);
        let path = path.trim_start_matches('/');
        if controllers.is_empty() {
            // The line is of version 2. If both versions are mounted, version 2 is in the folder `unified`.
            return Some(vec![
                (mount.to_owned(), path, "memory.max"),
                (mount.join("unified"), path, "memory.max"),
            ]);
        }
        let of_memory = controllers.split(',').any(|c| c == "memory");
        of_memory.then(|| vec![(mount.join("memory"), path, "memory.limit_in_bytes")])
    });
    places.flatten().filter_map(|(top, path, file)| limit_above(&top, path, file)).min()
}

/// The lowest limit of a group and the groups above it. Inside of a container the path may be the host's and not
/// exist; then only the mount itself counts.
fn limit_above(top: &Path, path: &str, file: &str) -> Option<u64> {
    let group: PathBuf = top.join(path);
    let above = group.ancestors().take_while(|dir| dir.starts_with(top));
    let read = |dir: &Path| std::fs::read_to_string(dir.join(file)).ok()?.trim().parse::<u64>().ok();
    above.filter_map(read).min()
}

#[cfg(test)]
mod tests {
    use super::lowest_limit;

    #[test]
    fn the_lowest_limit_of_a_group_and_those_above_it_counts() {
        let dir = tempfile::tempdir().unwrap();
        let put = |path: &str, text: &str| {
            let file = dir.path().join(path);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, text).unwrap();
        };
        put("pod/c1/memory.max", "max\n");
        put("pod/memory.max", "536870912\n");
        put("memory/docker/x/memory.limit_in_bytes", "1073741824\n");
        put("memory/memory.limit_in_bytes", "9223372036854771712\n");
        let limit = |groups: &str| lowest_limit(groups, dir.path());
        assert_eq!(limit("0::/pod/c1\n"), Some(512 << 20));
        assert_eq!(limit("4:cpu,memory:/docker/x\n0::/\n"), Some(1 << 30));
        assert_eq!(limit("4:memory:/the/hosts/path\n"), Some(9_223_372_036_854_771_712));
        assert_eq!(limit("0::/elsewhere\n"), None);
        assert_eq!(limit("nonsense\n"), None);
    }
}
