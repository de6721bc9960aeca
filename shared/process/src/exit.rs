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

#[cfg(test)]
mod tests {
    use anyhow::Context as _;

    use super::*;
    use crate::settings::Settings;

    #[test]
    fn a_bad_setting_is_told_from_other_failures_however_deep_it_lies() {
        let code = |code: u8| format!("{:?}", ExitCode::from(code));
        let bad = Settings::default()
            .with("verifier.slots", 0)
            .context("load")
            .context("run");
        assert_eq!(
            format!("{:?}", code_of(&bad.unwrap_err())),
            code(BAD_SETTING)
        );
        assert_eq!(
            format!("{:?}", code_of(&anyhow::anyhow!("other"))),
            code(FAILED)
        );
    }
}
