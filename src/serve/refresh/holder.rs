//! The Lease that one replica holds while it refreshes apps: how it is taken, renewed with each write, released,
//! and taken over from a replica that is gone.

use super::done::{ANNOTATION, Done};
use keyfill_diag::Cx;
use keyfill_go::time::{Time, Zone};
use keyfill_secrets::kubernetes::leases::{self, Lease};
use keyfill_secrets::kubernetes::{InCluster, Refused};
use std::time::{Duration, Instant};

/// The Lease's name.
pub const NAME: &str = "keyfill-refresh";

/// For how long the Lease holds after a write, in seconds.
const SECONDS: u64 = 15;

/// How long one replica holds the Lease before it lets the others have it.
const TURN: Duration = Duration::from_secs(10);

/// How long a replica then waits before it takes the Lease again.
const BREAK: Duration = Duration::from_millis(1_500);

/// How long a request to the API server may take.
const TIME: Duration = Duration::from_secs(5);

/// The format of `metav1.MicroTime`.
const LAYOUT: &[u8] = b"2006-01-02T15:04:05.000000Z07:00";

/// This replica's view of the Lease.
pub struct Holder {
    cluster: InCluster,
    namespace: String,
    me: String,
    held: Option<(Lease, Instant)>,
    /// The resource version of another replica's Lease, and when it was seen first.
    seen: Option<(String, Instant)>,
    rests_until: Instant,
}

impl Holder {
    /// A replica that does not hold the Lease. No other replica may have the name `me`.
    pub fn new(cluster: InCluster, namespace: String, me: String) -> Self {
        Self { cluster, namespace, me, held: None, seen: None, rests_until: Instant::now() }
    }

    /// The refreshes that are remembered, if this replica may refresh now; `None` while another replica holds the
    /// Lease. This replica holds the Lease only after [`Holder::write`].
    pub async fn take(&mut self) -> Result<Option<Done>, Refused> {
        let now = Instant::now();
        if now < self.rests_until {
            return Ok(None);
        }
        if let Some((lease, _)) = &self.held {
            return Ok(Some(Done::read(lease.annotation(ANNOTATION))));
        }
        let there = leases::get(&self.cluster, &self.namespace, NAME, &cx()).await?;
        let lease = there.unwrap_or_else(|| Lease::new(&self.namespace, NAME));
        if !self.is_free(&lease, now) {
            return Ok(None);
        }
        let done = Done::read(lease.annotation(ANNOTATION));
        self.held = Some((lease, now));
        Ok(Some(done))
    }

    /// Whether the Lease is free or ours, or its holder has not renewed it in time. The time is measured by this
    /// replica's clock.
    fn is_free(&mut self, lease: &Lease, now: Instant) -> bool {
        if lease.holder().is_empty() || lease.holder() == self.me {
            return true;
        }
        let version = lease.resource_version();
        match &self.seen {
            Some((seen, since)) if seen == version => {
                now.duration_since(*since) >= Duration::from_secs(lease.seconds().max(1))
            }
            _ => {
                self.seen = Some((version.to_owned(), now));
                false
            }
        }
    }

    /// Takes or renews the Lease, and writes the refreshes, those that come next included. Returns `false` if
    /// another replica was faster.
    pub async fn write(&mut self, done: &Done) -> Result<bool, Refused> {
        let Some((mut lease, since)) = self.held.take() else { return Ok(false) };
        lease.annotate(ANNOTATION, &done.text());
        lease.hold(&self.me, SECONDS, &now_text());
        match leases::put(&self.cluster, &self.namespace, NAME, &lease, &cx()).await {
            Ok(lease) => {
                self.held = Some((lease, since));
                Ok(true)
            }
            // The Lease was deleted in the meantime, or another replica has it.
            Err(Refused::Conflict | Refused::Absent) => Ok(false),
            Err(refused) => Err(refused),
        }
    }

    /// Releases the Lease if this replica has held it for `TURN`, or has nothing to do soon.
    pub async fn rest(&mut self, is_idle: bool) {
        let Some((_, since)) = &self.held else { return };
        if is_idle || since.elapsed() >= TURN {
            self.release().await;
            self.rests_until = Instant::now() + if is_idle { Duration::ZERO } else { BREAK };
        }
    }

    /// Releases the Lease. If that fails, the others wait until it expires.
    pub async fn release(&mut self) {
        let Some((mut lease, _)) = self.held.take() else { return };
        // A Lease that was read and never written is not ours.
        if lease.holder() == self.me {
            lease.hold("", 0, &now_text());
            let _ = leases::put(&self.cluster, &self.namespace, NAME, &lease, &cx()).await;
        }
    }

    /// Does not try to take the Lease for this time.
    pub fn pause(&mut self, time: Duration) {
        self.held = None;
        self.rests_until = Instant::now() + time;
    }
}

fn cx() -> Cx {
    Cx::with_time(TIME)
}

fn now_text() -> String {
    String::from_utf8_lossy(&Time::now(Zone::Utc).format(LAYOUT)).into_owned()
}
