//! Owns asking a forge which deliveries it made, and for some of them again.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use contract::name::{Repository, SourceName};
use contract::time::Timestamp;
use forge_api::client::Client;
use forge_api::error::ApiError;
use forge_api::github::{self, Hook, Owner};
use futures::future::BoxFuture;
use process::settings::reconcile::Api;
use process::settings::source::Source;
use store::reconciliation;

use crate::desk::{Desk, Stopped};
use crate::halt::Halt;
use crate::judge::{Action, Gathered, Told};
use crate::patience;
use crate::repositories::Pages;
use crate::shortfall::Shortfall;

/// Most deliveries of one hook that are gathered: some 30 MB.
const DELIVERIES_PER_HOOK_MAX: usize = 100_000;
/// Most deliveries that are looked up in the ledger at one time.
const LOOKED_UP_MAX: usize = 1_000;
/// Most deliveries that a comparison finds missing; what is beyond is found by the next.
const MISSING_MAX: usize = 10_000;

/// What the forge told of a window.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    pub(crate) hooks: i32,
    pub(crate) deliveries: i64,
    /// Those that the ledger lacks.
    pub(crate) missing: BTreeMap<String, Told>,
    /// Whether the forge told of all of them.
    pub(crate) complete: bool,
}

/// A source whose forge has an API.
pub(crate) struct Asked<'a> {
    pub(crate) desk: &'a Desk,
    pub(crate) name: &'a SourceName,
    pub(crate) source: &'a Source,
    pub(crate) api: &'a Api,
    pub(crate) client: &'a Client,
}

impl Asked<'_> {
    /// The deliveries since then that the ledger lacks, of all hooks, or of one repository's.
    pub(crate) async fn missing(
        &self,
        since: Timestamp,
        repository: Option<&Repository>,
        short: &mut Shortfall,
    ) -> Result<Heard, Halt> {
        let mut heard = Heard {
            complete: true,
            ..Heard::default()
        };
        if let Some(repository) = repository {
            let owners = [repository.full_name().to_owned()];
            self.of_owners(&owners, since, &mut heard, short).await?;
        } else if self.api.hooks.is_empty() {
            let mut pages = Pages::new(self.desk, self.name);
            while let Some(page) = pages.next().await? {
                let owners: Vec<String> = page
                    .iter()
                    .filter_map(|open| open.repository.split_once(':'))
                    .map(|(_, full_name)| full_name.to_owned())
                    .collect();
                self.of_owners(&owners, since, &mut heard, short).await?;
            }
        } else {
            let owners = &self.api.hooks;
            self.of_owners(owners, since, &mut heard, short).await?;
        }
        Ok(heard)
    }

    async fn of_owners(
        &self,
        owners: &[String],
        since: Timestamp,
        heard: &mut Heard,
        short: &mut Shortfall,
    ) -> Result<(), Halt> {
        for owner in owners.iter().filter_map(|text| Owner::parse(text)) {
            let hooks = match self
                .ask(|| Box::pin(github::hooks(self.client, &owner)))
                .await?
            {
                Ok(hooks) => hooks,
                Err(error) => {
                    heard.complete = false;
                    short.add(error.to_string());
                    continue;
                }
            };
            for hook in hooks.iter().filter(|hook| self.is_ours(hook)) {
                heard.hooks += 1;
                match self.of_hook(&owner, hook, since, heard).await? {
                    Ok(()) => {}
                    Err(reason) => {
                        heard.complete = false;
                        short.add(reason);
                    }
                }
            }
        }
        Ok(())
    }

    /// Whether a hook delivers to this source.
    fn is_ours(&self, hook: &Hook) -> bool {
        let url = hook.config.url.trim_end_matches('/');
        match &self.api.hook_url {
            Some(ours) => url == ours.trim_end_matches('/'),
            None => url.ends_with(&format!("/hooks/{}", self.name)),
        }
    }

    /// Adds what the ledger lacks of a hook's deliveries; or says why not all is known.
    async fn of_hook(
        &self,
        owner: &Owner,
        hook: &Hook,
        since: Timestamp,
        heard: &mut Heard,
    ) -> Result<Result<(), String>, Halt> {
        let mut gathered = Gathered::new(owner.clone(), hook.id);
        let mut place: Option<String> = None;
        let ended = loop {
            let here = place.as_deref();
            let page = match self
                .ask(|| Box::pin(github::deliveries(self.client, owner, hook.id, here)))
                .await?
            {
                Ok(page) => page,
                Err(error) => break Err(error.to_string()),
            };
            let past = page.deliveries.iter().any(|tried| tried.at() < since);
            for tried in page.deliveries.iter().filter(|tried| tried.at() >= since) {
                if self.source.wants(&tried.event) && is_id(&tried.guid) {
                    gathered.take(tried);
                }
            }
            if past || page.next.is_none() {
                break Ok(());
            }
            if gathered.len() >= DELIVERIES_PER_HOOK_MAX {
                break Err(format!(
                    "hook {} of {owner} has too many deliveries",
                    hook.id
                ));
            }
            place = page.next;
        };
        let told = gathered.into_told();
        heard.deliveries += i64::try_from(told.len()).unwrap_or(i64::MAX);
        let missing = self.lacked(&told).await?;
        for (guid, told) in told.into_iter().filter(|(guid, _)| missing.contains(guid)) {
            if heard.missing.len() >= MISSING_MAX {
                return Ok(Err(format!(
                    "more than {MISSING_MAX} deliveries are missing"
                )));
            }
            heard.missing.insert(guid, told);
        }
        Ok(ended)
    }

    /// Which of these the ledger lacks now.
    pub(crate) async fn lacked(
        &self,
        told: &BTreeMap<String, Told>,
    ) -> Result<HashSet<String>, Halt> {
        let guids: Vec<&str> = told.keys().map(String::as_str).collect();
        let mut lacked: HashSet<String> = told.keys().cloned().collect();
        for part in guids.chunks(LOOKED_UP_MAX) {
            let mut conn = self.desk.ground.store.connection().await?;
            for known in reconciliation::received(&mut conn, self.name, part).await? {
                lacked.remove(&known);
            }
        }
        Ok(lacked)
    }

    /// Asks for deliveries again, at most as many and as fast as the settings say; gives how many
    /// the forge promised.
    pub(crate) async fn redeliver(
        &self,
        told: &[&Told],
        short: &mut Shortfall,
    ) -> Result<i64, Halt> {
        let wanted = told.iter().copied();
        let wanted = wanted.filter(|told| told.action() == Action::Redelivery);
        let every = Duration::from_secs(60) / self.desk.limits.redeliveries_per_minute;
        let mut promised = 0;
        for told in wanted.take(self.desk.limits.redeliveries_max) {
            let Told {
                owner,
                hook,
                newest,
                ..
            } = told;
            let asked =
                self.ask(|| Box::pin(github::redeliver(self.client, owner, *hook, *newest)));
            match asked.await? {
                Ok(()) => {
                    promised += 1;
                    let source = self.name.to_string();
                    metrics::counter!(
                        "assay_reconcile_redeliveries_requested_total", "source" => source
                    )
                    .increment(1);
                }
                Err(error) => {
                    let is_limit = matches!(error, ApiError::Limited { .. });
                    short.add(error.to_string());
                    if is_limit {
                        // The others are still missing at the next comparison.
                        break;
                    }
                }
            }
            self.desk.pause(every).await?;
        }
        Ok(promised)
    }

    async fn ask<'b, T>(
        &'b self,
        question: impl Fn() -> BoxFuture<'b, Result<T, ApiError>>,
    ) -> Result<Result<T, ApiError>, Stopped> {
        patience::ask(|time| Box::pin(self.desk.pause(time)), question).await
    }
}

/// Whether a forge's id is one that a delivery could have come under.
fn is_id(guid: &str) -> bool {
    (1..=128).contains(&guid.len()) && guid.bytes().all(|byte| byte.is_ascii_graphic())
}
