//! A memory of what was seen and is still used, as `consumer/cache.py` has it: two generations, the older one thrown away
//! when the younger is full.
//!
//! What was seen is known by a hash of 128 bits, and is not kept itself. The hash is a keyed one that stands up to people who
//! make collisions, and its key never leaves the process.

use std::sync::Arc;

use ahash::AHashMap;
use highway::{HighwayHash, HighwayHasher, Key};

pub type Hash = [u64; 2];

/// Hashes what is looked up.
pub struct Hashing(Key);

impl Hashing {
    pub fn new() -> Self {
        let random = ahash::RandomState::new();
        Hashing(Key([0, 1, 2, 3].map(|place: u64| random.hash_one(place))))
    }

    /// Return the hash of some texts, each of which must say where it ends.
    pub fn of(&self, texts: &[&[u8]]) -> Hash {
        let mut hasher = HighwayHasher::new(self.0);
        for text in texts {
            hasher.append(text);
        }
        hasher.finalize128()
    }
}

pub struct Cache<V> {
    young: AHashMap<Hash, Arc<V>>,
    old: AHashMap<Hash, Arc<V>>,
    cost: usize,
    capacity: usize,
}

/// What an entry takes besides its texts.
const OVERHEAD: usize = 200;

impl<V> Cache<V> {
    /// Remember values of up to about twice `capacity` bytes.
    pub fn new(capacity: usize) -> Self {
        Cache { young: AHashMap::new(), old: AHashMap::new(), cost: 0, capacity }
    }

    pub fn get(&mut self, key: Hash) -> Option<Arc<V>> {
        if let Some(value) = self.young.get(&key) {
            return Some(value.clone());
        }
        let value = self.old.remove(&key)?;
        self.insert(key, value.clone(), 0);
        Some(value)
    }

    /// Remember a value with texts of `cost` bytes.
    pub fn put(&mut self, key: Hash, value: V, cost: usize) -> Arc<V> {
        let value = Arc::new(value);
        self.insert(key, value.clone(), cost);
        value
    }

    /// Take a value for new again.
    pub fn remove(&mut self, key: Hash) {
        self.young.remove(&key);
        self.old.remove(&key);
    }

    pub fn clear(&mut self) {
        *self = Cache::new(self.capacity);
    }

    fn insert(&mut self, key: Hash, value: Arc<V>, cost: usize) {
        self.cost += cost + OVERHEAD;
        self.young.insert(key, value);
        if self.cost > self.capacity {
            self.old = std::mem::take(&mut self.young);
            self.cost = 0;
        }
    }
}
