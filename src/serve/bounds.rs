//! How many workers there are, and how much memory each may have: from the container's limit, unless it is said.

use crate::cli::args::ServeArgs;
use keyfill_workers::limits;

const MIB: u64 = 1 << 20;

/// What is shared where no container has a limit: what the deployment's example gives.
const DEFAULT_TOTAL: u64 = 512 * MIB;

/// What the supervisor needs besides its caches: code, connections, requests on their way.
const OWN: u64 = 48 * MIB;

/// What a worker needs at least, to be of any use.
const LEAST: u64 = 32 * MIB;

/// Workers that may be large at once: two, so that no project has all of them.
const LANES: u64 = 2;

/// The memory of the whole process tree, shared out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Workers that work at once.
    pub workers: usize,
    /// Bytes that a worker may hold.
    pub small: u64,
    /// Bytes that a worker may hold whose request turned out to need more.
    pub large: u64,
    /// How many of those there are at once.
    pub lanes: usize,
    /// Bytes that a worker may hold for whose request that was not enough either: it takes all lanes.
    pub whole: u64,
    /// Bytes of archives that are held in memory.
    pub archive_memory: u64,
    /// Bytes of temporary disk for archives.
    pub archive_disk: u64,
    /// Bytes of rendered results that are kept.
    pub render_cache: u64,
    /// Bytes of answers on their way from workers to clients. At 512 MiB it is the 100 MB of one message.
    pub answers: u64,
    /// Bytes of secrets that are kept, of all stores together.
    pub secrets: u64,
}

impl Bounds {
    /// For this machine.
    pub fn of(args: &ServeArgs) -> Self {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Self::share(args, limits::container_memory().unwrap_or(DEFAULT_TOTAL), processors)
    }

    fn share(args: &ServeArgs, total: u64, processors: usize) -> Self {
        let part = |share: u64, most: u64| (total / share).clamp(4 * MIB, most * MIB);
        let archive_memory = args.archive_memory.map_or_else(|| part(16, 64), |mb| mb * MIB);
        let render_cache = args.render_cache.map_or_else(|| part(32, 64), |mb| mb * MIB);
        let (answers, secrets) = (part(5, 256), part(32, 16));
        let own = OWN + archive_memory + render_cache + answers + secrets;
        let rest = total.saturating_sub(own).max(total / 3);
        let fit = usize::try_from(rest / (2 * LEAST)).unwrap_or(usize::MAX);
        // Half of them are the most that one project gets: enough to keep every processor busy.
        let workers = args.workers.unwrap_or((2 * processors).min(fit)).max(2);
        let each = rest / workers as u64;
        let (small, large, lanes) = match args.worker_memory {
            Some(mb) => (mb * MIB, mb * MIB, workers),
            None if workers < 4 => (each.max(LEAST), each.max(LEAST), workers),
            None => {
                let small = (each / 2).max(LEAST);
                let taken = small * (workers as u64 - LANES);
                (small, (rest.saturating_sub(taken) / LANES).max(small), LANES as usize)
            }
        };
        let whole = if large > small { large * LANES } else { large };
        let archive_disk = args.archive_disk * MIB;
        Self {
            workers,
            small,
            large,
            lanes,
            whole,
            archive_memory,
            archive_disk,
            render_cache,
            answers,
            secrets,
        }
    }

    /// The most that all workers hold together.
    #[cfg(test)]
    pub fn of_workers(&self) -> u64 {
        let small = self.workers.saturating_sub(self.lanes) as u64;
        self.small * small + self.large * self.lanes.min(self.workers) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::{Bounds, MIB};
    use crate::cli::args::{Cli, Command, ServeArgs};
    use clap::Parser as _;

    fn args(line: &[&str]) -> ServeArgs {
        let cli = Cli::try_parse_from(["keyfill", "serve"].iter().chain(line)).unwrap();
        let Command::Serve(args) = cli.command else { panic!("not serve") };
        args.into_inner()
    }

    #[test]
    fn all_parts_together_stay_below_the_limit() {
        for total in [256, 512, 1_024, 4_096, 16_384] {
            for processors in [1, 2, 8, 64] {
                let b = Bounds::share(&args(&[]), total * MIB, processors);
                let all = b.of_workers() + b.archive_memory + b.render_cache + b.answers + b.secrets;
                assert!(all <= total * MIB, "{total} {processors}: {b:?}");
                assert!(b.workers >= 2 && b.large >= b.small && b.small >= 32 * MIB, "{b:?}");
                assert!(b.whole == b.large || b.whole == b.large * b.lanes as u64, "{b:?}");
            }
        }
    }

    #[test]
    fn one_message_of_100_mb_fits_where_no_container_has_a_limit() {
        let b = Bounds::share(&args(&[]), super::DEFAULT_TOTAL, 2);
        assert!(b.answers >= 100 * MIB && b.whole >= 200 * MIB, "{b:?}");
    }

    #[test]
    fn what_is_said_is_done() {
        let b = Bounds::share(&args(&["--workers", "7", "--worker-memory", "100"]), 512 * MIB, 2);
        assert_eq!((b.workers, b.small, b.large, b.whole), (7, 100 * MIB, 100 * MIB, 100 * MIB));
        assert_eq!(b.of_workers(), 700 * MIB);
    }
}
