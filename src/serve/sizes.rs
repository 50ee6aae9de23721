//! How much memory a request's worker may have, and which apps are known to need more.

use super::bounds::Bounds;
use keyfill_cmp::AppRequest;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The most apps that are remembered.
const MOST: usize = 10_000;

/// How much memory a request's worker may have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Size {
    /// The memory that suffices for most requests.
    #[default]
    Small,
    /// The memory of a large worker. The request takes one of the lanes, of which there are few.
    Large,
    /// The memory of all large workers together. The request takes all lanes, until another project waits for one.
    Whole,
}

/// Project and name of the app, and its folder.
type App = (String, String);

/// The sizes in bytes, and the apps that are known to need more than the smallest.
pub struct Sizes {
    bounds: Bounds,
    known: Mutex<HashMap<App, Size>>,
}

impl Sizes {
    /// No app is known to need more.
    pub fn new(bounds: Bounds) -> Self {
        Self { bounds, known: Mutex::default() }
    }

    /// The size that an app is known to need.
    pub fn of(&self, request: &AppRequest) -> Size {
        self.lock().get(&app(request)).copied().unwrap_or_default()
    }

    /// Notes that an app needs a size.
    pub fn note(&self, request: &AppRequest, size: Size) {
        let mut known = self.lock();
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(app(request), size);
    }

    /// The bytes of memory of a size.
    pub fn bytes(&self, size: Size) -> u64 {
        match size {
            Size::Small => self.bounds.small,
            Size::Large => self.bounds.large,
            Size::Whole => self.bounds.whole,
        }
    }

    /// The next size that has more memory.
    pub fn larger(&self, size: Size) -> Option<Size> {
        let larger = [Size::Large, Size::Whole].into_iter().filter(|next| *next > size);
        larger.into_iter().find(|next| self.bytes(*next) > self.bytes(size))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<App, Size>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn app(request: &AppRequest) -> App {
    (format!("{}/{}", request.project(), request.app()), request.path.as_str().to_owned())
}
