#![doc = include_str!("../README.md")]

mod forges;
mod labs;
mod messages;
mod reports;
mod spool;

/// What is done with the bytes of one input. Panics when something does not hold.
pub type Target = fn(&[u8]);

/// Every target, by the name of its folder in `fuzz/corpus`.
pub const TARGETS: [(&str, Target); 12] = [
    ("lab_toml", labs::lab_toml),
    ("message", messages::message),
    ("push_bitbucket", forges::push_bitbucket),
    ("push_gitea", forges::push_gitea),
    ("push_github", forges::push_github),
    ("push_gitlab", forges::push_gitlab),
    ("push_standard_webhooks", forges::push_standard_webhooks),
    ("report_junit", reports::report_junit),
    ("report_tap", reports::report_tap),
    ("signature", forges::signature),
    ("spool_message", spool::message),
    ("spool_recovery", spool::recovery),
];

/// The target of this name, if there is one.
pub fn target(name: &str) -> Option<Target> {
    let (_, target) = TARGETS.iter().find(|(known, _)| *known == name)?;
    Some(*target)
}
