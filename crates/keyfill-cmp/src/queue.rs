//! So many requests at once, and a fair turn for every app: one app's flood does not hold up the others.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::oneshot;

/// A queue for places to work. Apps take turns; within an app the first come is the first served.
#[derive(Clone)]
pub struct Queue(Arc<Inner>);

struct Inner {
    state: Mutex<State>,
    waiting: AtomicUsize,
}

struct State {
    free: usize,
    /// Apps that wait, in the order of their turns.
    turns: VecDeque<String>,
    waiting: HashMap<String, VecDeque<oneshot::Sender<Place>>>,
}

/// A place to work, free again when it is dropped.
pub struct Place(Option<Queue>);

impl Queue {
    /// A queue with so many places, at least one.
    pub fn new(places: usize) -> Self {
        let state = State { free: places.max(1), turns: VecDeque::new(), waiting: HashMap::new() };
        Self(Arc::new(Inner { state: Mutex::new(state), waiting: AtomicUsize::new(0) }))
    }

    /// Waits for a place. Whoever stops waiting loses the turn and nothing else.
    pub async fn place(&self, app: &str) -> Place {
        let ticket = {
            let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
            if state.free > 0 {
                state.free -= 1;
                return Place(Some(self.clone()));
            }
            let (give, ticket) = oneshot::channel();
            let line = state.waiting.entry(app.to_owned()).or_default();
            line.push_back(give);
            if line.len() == 1 {
                state.turns.push_back(app.to_owned());
            }
            ticket
        };
        self.0.waiting.fetch_add(1, Ordering::Relaxed);
        let _one_less = OneLess(&self.0.waiting);
        // The queue answers every ticket before it goes, and it lives as long as this call.
        ticket.await.unwrap_or(Place(None))
    }

    /// How many requests wait.
    pub fn waiting(&self) -> usize {
        self.0.waiting.load(Ordering::Relaxed)
    }

    fn give_on(&self) {
        let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        let state = &mut *state;
        while let Some(app) = state.turns.pop_front() {
            let Some(line) = state.waiting.get_mut(&app) else { continue };
            let next = line.pop_front();
            if line.is_empty() {
                state.waiting.remove(&app);
            } else {
                state.turns.push_back(app);
            }
            match next.map(|next| next.send(Place(Some(self.clone())))) {
                Some(Ok(())) => return,
                // It went away: its place must not be given on from within this lock.
                Some(Err(mut place)) => place.0 = None,
                None => {}
            }
        }
        state.free += 1;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(queue) = self.0.take() {
            queue.give_on();
        }
    }
}

/// Counts down however the wait ends.
struct OneLess<'a>(&'a AtomicUsize);

impl Drop for OneLess<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::Queue;
    use std::sync::{Arc, Mutex};

    #[tokio::test(flavor = "current_thread")]
    async fn apps_take_turns() {
        let queue = Queue::new(1);
        let order = Arc::new(Mutex::new(Vec::new()));
        let first = queue.place("a").await;
        let mut tasks = Vec::new();
        for app in ["a", "a", "a", "b", "c"] {
            let (queue, order) = (queue.clone(), Arc::clone(&order));
            tasks.push(tokio::spawn(async move {
                let _place = queue.place(app).await;
                order.lock().unwrap().push(app);
            }));
            tokio::task::yield_now().await;
        }
        assert_eq!(queue.waiting(), 5);
        drop(first);
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(*order.lock().unwrap(), ["a", "b", "c", "a", "a"]);
        assert_eq!(queue.waiting(), 0);
    }

    #[tokio::test(flavor = "current_thread")]
    async fn who_goes_away_takes_no_place_along() {
        let queue = Queue::new(1);
        let first = queue.place("a").await;
        let gone = tokio::spawn({
            let queue = queue.clone();
            async move { drop(queue.place("b").await) }
        });
        tokio::task::yield_now().await;
        gone.abort();
        assert!(gone.await.is_err());
        drop(first);
        drop(queue.place("c").await);
        drop(queue.place("d").await);
        assert_eq!(queue.waiting(), 0);
    }
}
