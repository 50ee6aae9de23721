//! Counts open connections. A shutdown waits until there were none for a while.

use std::time::Duration;
use tokio::sync::watch;

/// The number of open connections. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Connections(watch::Sender<usize>);

/// An open connection, which is counted until it is dropped.
#[derive(Debug)]
pub(crate) struct Open(watch::Sender<usize>);

impl Connections {
    pub fn new() -> Self {
        Self(watch::Sender::new(0))
    }

    /// Counts a new connection.
    pub fn open(&self) -> Open {
        self.0.send_modify(|count| *count += 1);
        Open(self.0.clone())
    }

    /// Waits until no connection was open for this time.
    pub async fn quiet(&self, time: Duration) {
        let mut count = self.0.subscribe();
        loop {
            // An error is not possible: this call holds the sender.
            drop(count.wait_for(|count| *count == 0).await);
            if tokio::time::timeout(time, count.changed()).await.is_err() {
                return;
            }
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}

#[cfg(test)]
mod tests {
    use super::Connections;
    use std::time::{Duration, Instant};

    #[tokio::test]
    async fn it_is_quiet_when_no_connection_was_open_for_a_while() {
        let connections = Connections::new();
        let start = Instant::now();
        let busy = async {
            for _ in 0..5 {
                let open = connections.open();
                tokio::time::sleep(Duration::from_millis(60)).await;
                drop(open);
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::join!(busy, connections.quiet(Duration::from_millis(100)));
        assert!(start.elapsed() >= Duration::from_millis(480), "{:?}", start.elapsed());
    }
}
