//! The connections that are open, counted: the end waits until there are none for a while.

use std::time::Duration;
use tokio::sync::watch;

/// Counts open connections.
#[derive(Clone, Debug)]
pub(crate) struct Connections(watch::Sender<usize>);

/// An open connection; it counts until it is dropped.
#[derive(Debug)]
pub(crate) struct Open(watch::Sender<usize>);

impl Connections {
    pub fn new() -> Self {
        Self(watch::Sender::new(0))
    }

    /// Counts one more.
    pub fn open(&self) -> Open {
        self.0.send_modify(|count| *count += 1);
        Open(self.0.clone())
    }

    /// Waits until none was open for so long.
    pub async fn quiet(&self, time: Duration) {
        let mut count = self.0.subscribe();
        loop {
            // The sender is held by this call: it cannot be gone.
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
