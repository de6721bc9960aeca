//! Owns the exit codes, so that whoever starts a program knows what to do about its end.

use std::process::ExitCode;

use crate::settings::error::SettingsError;

/// It did what it was asked.
pub const OK: u8 = 0;
/// It could not, or what it checked did not hold.
pub const FAILED: u8 = 1;
/// A setting is bad and named in the message: starting again changes nothing (`EX_USAGE`).
pub const BAD_SETTING: u8 = 64;
/// A fault of the program's own (`EX_SOFTWARE`).
pub const INTERNAL: u8 = 70;
/// A dependency was not there in time: starting again may help (`EX_TEMPFAIL`).
pub const TRY_LATER: u8 = 75;
/// A second signal ended it at once (128 + `SIGINT`).
pub const INTERRUPTED: u8 = 130;

/// The code that tells what `err` is: [`BAD_SETTING`] when a [`SettingsError`] is anywhere in its
/// chain, else [`FAILED`].
pub fn code_of(err: &anyhow::Error) -> ExitCode {
    let setting = err.chain().any(|cause| cause.is::<SettingsError>());
    ExitCode::from(if setting { BAD_SETTING } else { FAILED })
}
