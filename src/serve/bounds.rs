//! How many workers there are, and how much memory each may have. Flags set it; the default comes from the
//! container's memory limit.

use crate::cli::args::ServeArgs;
use keyfill_workers::limits;

const MIB: u64 = 1 << 20;

/// The memory in bytes that is assumed if the container has no limit: as much as the example deployment has.
const DEFAULT_TOTAL: u64 = 512 * MIB;

/// The bytes that the supervisor needs besides its caches: for code, connections, and requests in progress.
const OWN: u64 = 48 * MIB;

/// The least memory with which a worker can render typical apps, in bytes.
const LEAST: u64 = 32 * MIB;

/// How many workers may be large at once. There are two, so that no project has all of them.
const LANES: u64 = 2;

/// How the memory of supervisor and workers is divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// The most workers that work at once.
    pub workers: usize,
    /// Bytes of memory that a worker may hold.
    pub small: u64,
    /// Bytes of memory that a worker may hold for a request that needs more than `small`.
    pub large: u64,
    /// How many large workers there are at once. The right to use one of them is called a lane.
    pub lanes: usize,
    /// Bytes of memory that a worker may hold for a request that needs more than `large`. It takes all lanes.
    pub whole: u64,
    /// Bytes of archives that are held in memory.
    pub archive_memory: u64,
    /// Bytes of temporary disk for archives.
    pub archive_disk: u64,
    /// Bytes of renderings that are cached.
    pub render_cache: u64,
    /// Bytes of answers on their way from workers to clients. With 512 MiB in total, one answer of 100 MB fits,
    /// which is the default limit of a gRPC message.
    pub answers: u64,
    /// Bytes of secrets that are cached, of all stores together.
    pub secrets: u64,
}

impl Bounds {
    /// The bounds for this machine or container.
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
        // One project gets at most half of the workers, so two for each processor keep all processors busy.
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

    /// The most bytes that all workers hold together.
    #[cfg(test)]
    pub fn of_workers(&self) -> u64 {
        let small = self.workers.saturating_sub(self.lanes) as u64;
        self.small * small + self.large * self.lanes.min(self.workers) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::{Bounds, MIB};
    use crate::cli::args::{Command, ServeArgs, parse};

    fn args(line: &[&str]) -> ServeArgs {
        let cli = parse(["keyfill", "serve"].iter().chain(line).map(Into::into).collect()).unwrap();
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
    fn an_answer_of_100_mb_fits_if_the_container_has_no_limit() {
        let b = Bounds::share(&args(&[]), super::DEFAULT_TOTAL, 2);
        assert!(b.answers >= 100 * MIB && b.whole >= 200 * MIB, "{b:?}");
    }

    #[test]
    fn flags_override_the_defaults() {
        let b = Bounds::share(&args(&["--workers", "7", "--worker-memory", "100"]), 512 * MIB, 2);
        assert_eq!((b.workers, b.small, b.large, b.whole), (7, 100 * MIB, 100 * MIB, 100 * MIB));
        assert_eq!(b.of_workers(), 700 * MIB);
    }
}
