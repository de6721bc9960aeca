//! Owns the transaction: how the requests stand, their results, the audit entries.

use std::collections::HashMap;

use contract::ids::RequestId;
use contract::time;
use store::audit_entry;
use store::error::StoreError;
use store::transaction::LedgerConnection;
use store::verification_attempt::VerificationRow;
use store::verification_claim::{self, ClaimRow};
use store::verification_stand::{self, StandRow};

use crate::unchecked::plan::{self, Asked, By, Standing};
use crate::unchecked::versions::Versions;

/// Records what can be recorded of these messages, and says how each stands then.
pub(crate) async fn write(
    conn: &mut LedgerConnection,
    versions: &Versions,
    by: &By,
    asked: &[Asked],
) -> Result<Vec<Standing>, StoreError> {
    let tries = plan::tries(asked);
    let stands = verification_stand::of(conn, &tries).await?;
    let named = stands.iter().filter_map(|stand| stand.lab_version_id);
    let versions = versions.of(conn, named.collect()).await?;
    let earlier = earlier(conn, &tries, &stands).await?;
    let planned = plan::plan(asked, &stands, &versions, by, time::now());
    // One request is in the plan once. What it was made from does not hold any more where somebody
    // recorded one of them since: then all is looked at again.
    VerificationRow::insert_new(conn, &planned.results).await?;
    let entries = plan::entries(asked, &planned, &earlier);
    audit_entry::append_new(conn, &entries).await?;
    Ok(planned.standings)
}

/// The claims of those that somebody has claimed and not ended: a verifier that took each by
/// itself, before there were batches.
async fn earlier(
    conn: &mut LedgerConnection,
    tries: &[(RequestId, i32)],
    stands: &[StandRow],
) -> Result<HashMap<RequestId, Vec<ClaimRow>>, StoreError> {
    let mut earlier = HashMap::new();
    for stand in stands {
        let request = RequestId::from_uuid(stand.request_id);
        if stand.token == 0 || stand.is_over {
            continue;
        }
        for &(_, number) in tries.iter().filter(|(asked, _)| *asked == request) {
            let claims = verification_claim::list(conn, request, number).await?;
            earlier.insert(request, claims);
        }
    }
    Ok(earlier)
}
