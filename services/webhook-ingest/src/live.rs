//! Owns the sources that hold now. They are swapped as a whole: a request keeps to the end those
//! that it began with.

use std::sync::{Arc, PoisonError, RwLock};

use crate::source::{Configured, Sources};

pub(crate) struct Live(RwLock<Arc<Sources>>);

impl Live {
    pub(crate) fn new(configured: &Configured) -> Self {
        Self(RwLock::new(Arc::new(Sources::new(configured, None))))
    }

    pub(crate) fn now(&self) -> Arc<Sources> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn swap(&self, configured: &Configured) {
        let new = Sources::new(configured, Some(&self.now()));
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(new);
    }
}
