//! Settings that may change while the server runs, as their readers hold them.

use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};

/// The settings of a room, always those in force. A cheap handle; reading costs a few nanoseconds.
#[derive(Debug)]
pub struct Live<T>(Arc<ArcSwap<T>>);

impl<T> Clone for Live<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> From<T> for Live<T> {
    fn from(settings: T) -> Self {
        Self(Arc::new(ArcSwap::from_pointee(settings)))
    }
}

impl<T: Default> Default for Live<T> {
    fn default() -> Self {
        T::default().into()
    }
}

impl<T> Live<T> {
    /// The settings in force at this moment, for a look. Don't hold it over an await: [`Self::snapshot`] is for that.
    pub fn get(&self) -> Guard<Arc<T>> {
        self.0.load()
    }

    /// The settings in force at this moment, for work that must not see them change.
    pub fn snapshot(&self) -> Arc<T> {
        self.0.load_full()
    }

    /// Puts other settings in force: for whoever looks next.
    pub fn set(&self, settings: T) {
        self.0.store(Arc::new(settings));
    }
}

/// Something made of settings that is costly to make: made anew when they have changed, and not before.
#[derive(Debug)]
pub struct Derived<S, D> {
    settings: Live<S>,
    make: fn(&S) -> D,
    made: ArcSwap<Made<S, D>>,
}

/// What was made, and of what.
#[derive(Debug)]
pub struct Made<S, D> {
    of: Arc<S>,
    /// What was made.
    pub value: D,
}

impl<S, D> Derived<S, D> {
    /// What `make` makes of the settings.
    pub fn new(settings: Live<S>, make: fn(&S) -> D) -> Self {
        let of = settings.snapshot();
        let value = make(&of);
        Self { settings, make, made: ArcSwap::from_pointee(Made { of, value }) }
    }

    /// What belongs to the settings in force.
    pub fn get(&self) -> Guard<Arc<Made<S, D>>> {
        let (settings, made) = (self.settings.get(), self.made.load());
        if Arc::ptr_eq(&made.of, &settings) {
            return made;
        }
        let of = Guard::into_inner(settings);
        let value = (self.make)(&of);
        self.made.store(Arc::new(Made { of, value }));
        self.made.load()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn every_handle_sees_a_change_and_a_snapshot_does_not() {
        let live = Live::from(1);
        let (other, before) = (live.clone(), live.snapshot());

        live.set(2);

        assert_eq!((**other.get(), *before), (2, 1));
    }

    #[test]
    fn what_is_derived_is_made_once_for_each_change() {
        static MADE: AtomicUsize = AtomicUsize::new(0);
        let live = Live::from(1);
        let doubled = Derived::new(live.clone(), |number: &i32| {
            MADE.fetch_add(1, Ordering::Relaxed);
            number * 2
        });

        assert_eq!((doubled.get().value, doubled.get().value), (2, 2));
        live.set(5);
        assert_eq!((doubled.get().value, doubled.get().value), (10, 10));
        assert_eq!(MADE.load(Ordering::Relaxed), 2);
    }
}
