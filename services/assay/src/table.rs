//! Owns how tables look on a terminal: plain and aligned.

use comfy_table::Table;
use comfy_table::presets::UTF8_FULL_CONDENSED;

/// A table with a heading row.
pub(crate) fn table(headings: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED);
    table.set_header(headings.to_vec());
    table
}

/// The first hex digits of a digest or a commit, enough to tell it from the others on the page.
pub(crate) fn short(digest: &str) -> String {
    digest.chars().take(12).collect()
}
