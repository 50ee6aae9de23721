//! A fair queue: a fixed number of requests hold a place and are worked on at once. Projects take turns, and within
//! a project its apps. No project holds more than half of the places, so other projects find free ones.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::oneshot;

/// A queue for places. Clones share the queue.
#[derive(Clone)]
pub struct Queue(Arc<Inner>);

struct Inner {
    /// The most places that one project holds.
    most: usize,
    state: Mutex<State>,
    waiting: AtomicUsize,
}

struct State {
    free: usize,
    /// How many places each project holds.
    held: HashMap<Arc<str>, usize>,
    /// Projects that wait, in the order of their turns.
    turns: VecDeque<Arc<str>>,
    waiting: HashMap<Arc<str>, Project>,
}

/// The requests of one project that wait.
#[derive(Default)]
struct Project {
    /// Apps that wait, in the order of their turns.
    turns: VecDeque<String>,
    waiting: HashMap<String, VecDeque<oneshot::Sender<Place>>>,
}

/// The right to work on a request. Dropping it gives it to the next request.
pub struct Place(Option<(Queue, Arc<str>)>);

impl Queue {
    /// A queue with `places` places, at least one.
    pub fn new(places: usize) -> Self {
        let free = places.max(1);
        let state = State { free, held: HashMap::new(), turns: VecDeque::new(), waiting: HashMap::new() };
        let most = (free / 2).max(1);
        Self(Arc::new(Inner { most, state: Mutex::new(state), waiting: AtomicUsize::new(0) }))
    }

    /// Waits for a place. Dropping the future leaves the queue.
    pub async fn place(&self, project: &str, app: &str) -> Place {
        let project: Arc<str> = project.into();
        let ticket = {
            let mut state = self.lock();
            if state.free > 0 && state.held(&project) < self.0.most && !state.waiting.contains_key(&project) {
                return self.give(&mut state, project);
            }
            let (give, ticket) = oneshot::channel();
            if !state.waiting.contains_key(&project) {
                state.turns.push_back(Arc::clone(&project));
            }
            state.waiting.entry(project).or_default().push(app, give);
            ticket
        };
        self.0.waiting.fetch_add(1, Ordering::Relaxed);
        let _one_less = OneLess(&self.0.waiting);
        // The queue answers every ticket before it is dropped, and it is not dropped during this call.
        ticket.await.unwrap_or(Place(None))
    }

    /// How many requests wait.
    pub fn waiting(&self) -> usize {
        self.0.waiting.load(Ordering::Relaxed)
    }

    /// Whether a project other than this one waits.
    pub fn others_wait(&self, project: &str) -> bool {
        self.lock().waiting.keys().any(|waiting| **waiting != *project)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn give(&self, state: &mut State, project: Arc<str>) -> Place {
        state.free -= 1;
        *state.held.entry(Arc::clone(&project)).or_default() += 1;
        Place(Some((self.clone(), project)))
    }

    /// Takes a place back, and gives free places to the requests whose turn it is.
    fn take_back(&self, project: &Arc<str>) {
        let mut state = self.lock();
        state.return_place(project);
        // Each waiting project is looked at once at most. Projects that hold their share are skipped.
        for _ in 0..state.turns.len() {
            if state.free == 0 {
                return;
            }
            let Some(next) = state.turns.pop_front() else { return };
            while state.free > 0 && state.held(&next) < self.0.most {
                let Some(ticket) = state.waiting.get_mut(&next).and_then(Project::pop) else { break };
                let place = self.give(&mut state, Arc::clone(&next));
                match ticket.send(place) {
                    // A project gets one place for each turn; then it is the next project's turn.
                    Ok(()) => break,
                    // The request has left the queue. Its place is returned here, since dropping it would lock the
                    // queue again.
                    Err(mut place) => {
                        place.0 = None;
                        state.return_place(&next);
                    }
                }
            }
            if state.waiting.get(&next).is_some_and(|project| !project.turns.is_empty()) {
                state.turns.push_back(next);
            } else {
                state.waiting.remove(&next);
            }
        }
    }
}

impl State {
    fn held(&self, project: &str) -> usize {
        self.held.get(project).copied().unwrap_or(0)
    }

    fn return_place(&mut self, project: &Arc<str>) {
        self.free += 1;
        if let Some(held) = self.held.get_mut(project) {
            *held -= 1;
            if *held == 0 {
                self.held.remove(project);
            }
        }
    }
}

impl Project {
    fn push(&mut self, app: &str, ticket: oneshot::Sender<Place>) {
        let line = self.waiting.entry(app.to_owned()).or_default();
        line.push_back(ticket);
        if line.len() == 1 {
            self.turns.push_back(app.to_owned());
        }
    }

    /// Takes the first ticket of the app whose turn it is.
    fn pop(&mut self) -> Option<oneshot::Sender<Place>> {
        let app = self.turns.pop_front()?;
        let line = self.waiting.get_mut(&app)?;
        let ticket = line.pop_front();
        if line.is_empty() {
            self.waiting.remove(&app);
        } else {
            self.turns.push_back(app);
        }
        ticket
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some((queue, project)) = self.0.take() {
            queue.take_back(&project);
        }
    }
}

/// Decreases the number of waiting requests, whether the wait ends or is dropped.
struct OneLess<'a>(&'a AtomicUsize);

impl Drop for OneLess<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::{Place, Queue};
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    /// The order in which requests get their places, one at a time.
    async fn order(
        queue: &Queue,
        first: Place,
        requests: &[(&'static str, &'static str)],
    ) -> Vec<&'static str> {
        let order = Arc::new(Mutex::new(Vec::new()));
        let mut tasks = Vec::new();
        for (project, app) in requests.iter().copied() {
            let (queue, order) = (queue.clone(), Arc::clone(&order));
            tasks.push(tokio::spawn(async move {
                let _place = queue.place(project, app).await;
                order.lock().unwrap().push(app);
            }));
            tokio::task::yield_now().await;
        }
        assert_eq!(queue.waiting(), requests.len());
        drop(first);
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(queue.waiting(), 0);
        let order = order.lock().unwrap();
        order.clone()
    }

    #[tokio::test(flavor = "current_thread")]
    async fn apps_of_a_project_take_turns() {
        let queue = Queue::new(1);
        let first = queue.place("p", "a").await;
        let requests = [("p", "a"), ("p", "a"), ("p", "a"), ("p", "b"), ("p", "c")];
        assert_eq!(order(&queue, first, &requests).await, ["a", "b", "c", "a", "a"]);
    }

    #[tokio::test(flavor = "current_thread")]
    async fn projects_take_turns_before_their_apps() {
        let queue = Queue::new(1);
        let first = queue.place("p", "a").await;
        let requests = [("p", "a"), ("p", "b"), ("p", "c"), ("q", "x"), ("q", "y")];
        assert_eq!(order(&queue, first, &requests).await, ["a", "x", "b", "y", "c"]);
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_project_holds_at_most_half_of_the_places() {
        let queue = Queue::new(4);
        let held = [queue.place("p", "a").await, queue.place("p", "b").await];
        let third = tokio::time::timeout(Duration::from_millis(20), queue.place("p", "c")).await;
        assert!(third.is_err(), "two of four are half");
        let others = [queue.place("q", "x").await, queue.place("q", "y").await];
        drop(held);
        drop(queue.place("p", "c").await);
        drop(others);
        drop([queue.place("r", "z").await, queue.place("r", "z").await]);
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_request_that_is_dropped_holds_no_place() {
        let queue = Queue::new(1);
        let first = queue.place("p", "a").await;
        let gone = tokio::spawn({
            let queue = queue.clone();
            async move { drop(queue.place("q", "b").await) }
        });
        tokio::task::yield_now().await;
        gone.abort();
        assert!(gone.await.is_err());
        drop(first);
        drop(queue.place("q", "c").await);
        drop(queue.place("p", "d").await);
        assert_eq!(queue.waiting(), 0);
    }
}
