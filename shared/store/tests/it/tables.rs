//! `schema/src/tables.rs` is what a migrated database says of itself.

use std::path::Path;

use serde_json::Value;
use testkit::house::House;

const TABLES: &str = "../../schema/src/tables.rs";
/// Set it to write the file anew after a migration: `ASSAY_WRITE_TABLES=1 cargo test -p store tables`.
const WRITE: &str = "ASSAY_WRITE_TABLES";

#[tokio::test]
async fn the_tables_that_the_code_knows_are_those_of_a_migrated_database() {
    let house = House::with_postgres().await;
    let query = include_str!("tables.sql").trim_end().trim_end_matches(';');
    let rows = house.rows(query).await;
    let row: Value = serde_json::from_str(&rows[0]).unwrap();
    let generated = row["tables"].as_str().unwrap();

    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(TABLES);
    if std::env::var_os(WRITE).is_some() {
        std::fs::write(&path, generated).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap();
    let different = written.lines().zip(generated.lines()).find(|(a, b)| a != b);
    assert!(
        written == generated,
        "schema/src/tables.rs is not what the migrations make; first difference: {different:?}; \
         write it anew: {WRITE}=1 cargo test -p store tables"
    );
}
