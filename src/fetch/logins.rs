//! Logins that several runs share. They are read again if their files changed, or if the list of Argo CD's Secrets
//! is too old.

use super::Plan;
use super::argo_cd::{self, Place};
use super::files::{CredentialFiles, Stamp};
use keyfill_fetch::{ArgoCdRepository, Credentials};
use keyfill_files::FetchError;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::{Duration, Instant};

/// How old a list of Argo CD's Secrets may be before they are listed again.
const FRESH: Duration = Duration::from_secs(60);
/// How old the list may be if the API server does not answer.
const STALE: Duration = Duration::from_secs(3600);

/// The logins read from files, and the stamps that the files had then.
type OfFiles = (CredentialFiles, Vec<Stamp>, Arc<Credentials>);

/// The logins from files and from Argo CD's Secrets.
#[derive(Default)]
pub struct Logins {
    files: Mutex<Option<OfFiles>>,
    argo_cd: Mutex<Option<Known>>,
    /// Locked while one run lists Argo CD's Secrets; other runs use the previous list meanwhile.
    listing: Mutex<()>,
}

/// A list of Argo CD's Secrets.
#[derive(Clone)]
struct Known {
    place: Place,
    at: Instant,
    repositories: Arc<Vec<ArgoCdRepository>>,
}

impl Logins {
    /// The logins for a run, and a warning if an old list of Secrets is used.
    pub fn of(&self, plan: &Plan) -> Result<(Arc<Credentials>, Option<String>), FetchError> {
        let of_files = self.of_files(&plan.credentials)?;
        if plan.argo_cd.is_none() && plan.lent.is_none() {
            return Ok((of_files, None));
        }
        let (mut all, mut warning) = ((*of_files).clone(), None);
        if let Some(place) = &plan.argo_cd {
            let (repositories, old) = self.of_argo_cd(place)?;
            all.add_argo_cd(&repositories, plan.project.as_deref());
            warning = old;
        }
        if let Some((repository, login)) = &plan.lent {
            all.add_first(repository, login.clone());
        }
        Ok((Arc::new(all), warning))
    }

    fn of_files(&self, files: &CredentialFiles) -> Result<Arc<Credentials>, FetchError> {
        let mut known = held(&self.files);
        // The stamps are taken before the files are read, so that a change meanwhile is noticed next time.
        let stamps = files.stamps();
        if let Some((of, read, credentials)) = &*known
            && of == files
            && *read == stamps
        {
            return Ok(Arc::clone(credentials));
        }
        let credentials = Arc::new(files.read()?);
        *known = Some((files.clone(), stamps, Arc::clone(&credentials)));
        Ok(credentials)
    }

    fn of_argo_cd(&self, place: &Place) -> Result<(Arc<Vec<ArgoCdRepository>>, Option<String>), FetchError> {
        let known = |age: Duration| {
            let known = held(&self.argo_cd).clone();
            known.filter(|known| known.place == *place && known.at.elapsed() < age)
        };
        if let Some(fresh) = known(FRESH) {
            return Ok((fresh.repositories, None));
        }
        let old = known(STALE);
        let _listing = match (self.listing.try_lock(), &old) {
            (Ok(guard), _) => guard,
            (Err(TryLockError::WouldBlock), Some(old)) => return Ok((Arc::clone(&old.repositories), None)),
            (Err(TryLockError::WouldBlock), None) => held(&self.listing),
            (Err(TryLockError::Poisoned(guard)), _) => guard.into_inner(),
        };
        if let Some(fresh) = known(FRESH) {
            return Ok((fresh.repositories, None));
        }
        match (argo_cd::list(place), old) {
            (Ok(repositories), _) => {
                let repositories = Arc::new(repositories);
                let listed = Known {
                    place: place.clone(),
                    at: Instant::now(),
                    repositories: Arc::clone(&repositories),
                };
                *held(&self.argo_cd) = Some(listed);
                Ok((repositories, None))
            }
            (Err(error), Some(old)) => {
                let minutes = old.at.elapsed().as_secs() / 60;
                let warning = format!("{error}; Argo CD's logins of {minutes} minutes ago are used");
                Ok((old.repositories, Some(warning)))
            }
            (Err(error), None) => Err(error),
        }
    }
}

fn held<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}
