//! Owns the recording of many at once: one transaction for all that come together, and each by
//! itself where one of them cannot be recorded.

use bus::consume::Outcome;
use store::error::StoreError;

use crate::ground::Ground;

/// Records many in one transaction.
pub trait Together: Sync {
    /// One of those that are recorded.
    type One: Sync;
    /// What became of it.
    type Done: Send;

    /// Records all of them in one transaction, or none; says what became of each, in their order.
    fn transact(
        &self,
        ones: &[Self::One],
    ) -> impl Future<Output = Result<Vec<Self::Done>, StoreError>> + Send;

    /// What becomes of those that the ledger did not take.
    fn ground(&self) -> &Ground;
}

/// Records them; what a bad one fails is split until the bad one stands alone. Says what became of
/// each, in their order, or what becomes of its message.
pub async fn record<T: Together>(by: &T, ones: &[T::One]) -> Vec<Result<T::Done, Outcome>> {
    let mut all = Vec::with_capacity(ones.len());
    // The last is the next in order.
    let mut parts = vec![ones];
    while let Some(part) = parts.pop() {
        if part.is_empty() {
            continue;
        }
        match by.transact(part).await {
            Ok(done) => all.extend(done.into_iter().map(Ok)),
            Err(error) if !error.is_transient() && part.len() > 1 => {
                let (left, right) = part.split_at(part.len() / 2);
                parts.extend([right, left]);
            }
            Err(error) => {
                let outcome = by.ground().ledger_refused(&error);
                all.extend(part.iter().map(|_| Err(outcome.clone())));
            }
        }
    }
    all
}
