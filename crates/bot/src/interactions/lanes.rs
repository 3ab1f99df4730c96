//! Where changes wait for each other: one lane for each user and one for each place, some sharing one by chance, and one
//! for the operator's override.

use std::hash::{BuildHasher as _, RandomState};

use tokio::sync::{Mutex, MutexGuard};

/// More than run at once, so that strangers seldom wait for each other.
const LANES: usize = 128;

/// Locks. Whoever takes more than one takes the user's first, so that nobody waits in a circle.
#[derive(Debug)]
pub struct Lanes {
    users: Vec<Mutex<()>>,
    places: Vec<Mutex<()>>,
    control: Mutex<()>,
    hash: RandomState,
}

impl Default for Lanes {
    fn default() -> Self {
        let lanes = || (0..LANES).map(|_| Mutex::default()).collect();
        Self { users: lanes(), places: lanes(), control: Mutex::default(), hash: RandomState::new() }
    }
}

impl Lanes {
    /// Waits until nobody else changes this user's records.
    pub async fn enter(&self, user: u64) -> MutexGuard<'_, ()> {
        self.users[self.lane(user)].lock().await
    }

    /// Waits until nobody else changes this place's records.
    pub async fn enter_place(&self, guild: u64) -> MutexGuard<'_, ()> {
        self.places[self.lane(guild)].lock().await
    }

    /// Waits until nobody else changes the operator's override.
    pub async fn enter_control(&self) -> MutexGuard<'_, ()> {
        self.control.lock().await
    }

    fn lane(&self, of: u64) -> usize {
        usize::try_from(self.hash.hash_one(of) % LANES as u64).unwrap_or(0)
    }
}
