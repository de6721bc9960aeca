//! Owns being the only one who compares a source: a lock in the ledger, held by a connection that
//! belongs to no pool. Two at a time would be harmless, and twice the work.

use contract::name::SourceName;
use retry::delays::Delays;
use retry::policy::DEPENDENCY;
use store::error::StoreError;
use store::pool::Dedicated;
use store::reconciliation;

use crate::desk::Desk;
use crate::halt::Halt;

/// Takes the lock of a source, if nobody has it.
pub(crate) async fn try_alone(
    desk: &Desk,
    source: &SourceName,
) -> Result<Option<Dedicated>, StoreError> {
    let mut conn = desk.ground.store.dedicated().await?;
    let got = reconciliation::try_lock(&mut conn, source).await?;
    Ok(got.then_some(conn))
}

/// Waits until nobody else compares the source.
pub(crate) async fn alone(desk: &Desk, source: &SourceName) -> Result<Dedicated, Halt> {
    let mut delays = Delays::new(&DEPENDENCY);
    loop {
        if let Some(lock) = try_alone(desk, source).await? {
            return Ok(lock);
        }
        desk.pause(delays.next()).await?;
    }
}
