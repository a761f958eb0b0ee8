//! Work on many rows, in small units, so that nobody waits long for the writer.

use super::JobError;

/// Does a unit of work again and again, until one does less than it may `at_once`: then nothing is left. Gives how much
/// all did together. Before each, `check` tells whether to go on.
pub async fn in_small_units<E, F>(
    check: impl Fn() -> Result<(), JobError>,
    at_once: u64,
    unit: impl Fn() -> F,
) -> Result<u64, JobError>
where
    F: Future<Output = Result<u64, E>>,
    JobError: From<E>,
{
    let mut all = 0;
    loop {
        check()?;
        let some = unit().await?;
        all += some;
        if some < at_once {
            return Ok(all);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        cell::Cell,
        future::{Ready, ready},
    };

    use super::*;

    /// Does up to ten at once of what is left.
    fn some_of(left: &Cell<u64>) -> Ready<Result<u64, JobError>> {
        let some = left.get().min(10);
        left.set(left.get() - some);
        ready(Ok(some))
    }

    #[tokio::test]
    async fn units_follow_each_other_until_one_finds_less_than_it_may_do() {
        for (all, units) in [(0, 1), (9, 1), (10, 2), (25, 3)] {
            let (left, begun) = (Cell::new(all), Cell::new(0));
            let count = || {
                begun.set(begun.get() + 1);
                Ok(())
            };

            let done = in_small_units(count, 10, || some_of(&left)).await.unwrap();

            assert_eq!((done, left.get(), begun.get()), (all, 0, units));
        }
    }

    #[tokio::test]
    async fn no_unit_begins_after_the_job_was_stopped() {
        let left = Cell::new(100);
        let check = || if left.get() > 80 { Ok(()) } else { Err(JobError::Interrupted) };

        let done = in_small_units(check, 10, || some_of(&left)).await;

        assert!(matches!(done, Err(JobError::Interrupted)));
        assert_eq!(left.get(), 80);
    }
}
