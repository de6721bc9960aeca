#![doc = include_str!("../README.md")]

mod labs;
mod messages;

/// What is done with the bytes of one input. Panics when something does not hold.
pub type Target = fn(&[u8]);

/// Every target, by the name of its folder in `fuzz/corpus`.
pub const TARGETS: [(&str, Target); 2] =
    [("lab_toml", labs::lab_toml), ("message", messages::message)];

/// The target of this name, if there is one.
pub fn target(name: &str) -> Option<Target> {
    let (_, target) = TARGETS.iter().find(|(known, _)| *known == name)?;
    Some(*target)
}
