//! A roll runs the version before on this one's schema: each statement of each role of each released
//! version is prepared and planned on it, with the rights of that role. The files are gathered as
//! `docs/COMPATIBILITY.md` says.

use std::collections::BTreeMap;
use std::path::Path;

use diesel_async::{AsyncConnection as _, AsyncPgConnection, SimpleAsyncConnection as _};
use serde_json::Value;
use testkit::house::House;

/// The types of each table's columns: `lab.slug` is `text`.
type Columns = BTreeMap<String, String>;

async fn columns(house: &House) -> Columns {
    let query = "SELECT CASE nspname WHEN 'public' THEN '' ELSE nspname || '.' END || relname || \
        '.' || attname AS name, format_type(atttypid, atttypmod) AS type FROM pg_attribute \
        JOIN pg_class ON pg_class.oid = attrelid JOIN pg_namespace n ON n.oid = relnamespace \
        WHERE attnum > 0 AND nspname IN ('public', 'privacy', 'work')";
    let rows = house.rows(query).await;
    let columns = rows.iter().map(|row| {
        let row: Value = serde_json::from_str(row).unwrap();
        let text = |name: &str| row[name].as_str().unwrap().to_owned();
        (text("name"), text("type"))
    });
    columns.collect()
}

/// The types of parameters that Postgres cannot see: of rows that are inserted as lists of their
/// columns' values.
fn types(statement: &str, columns: &Columns) -> Option<String> {
    let inserted = statement.strip_prefix("INSERT INTO ")?;
    let (table, rest) = inserted.split_once(" (")?;
    let (names, rest) = rest.split_once(") ")?;
    if !rest.starts_with("SELECT * FROM UNNEST($1") {
        return None;
    }
    let types = names.split(',').map(|name| {
        let column = format!(
            "{}.{}",
            table.replace('"', ""),
            name.trim().replace('"', "")
        );
        let found = columns.get(&column).map(|found| format!("{found}[]"));
        found.unwrap_or("unknown".to_owned())
    });
    Some(format!("({})", types.collect::<Vec<_>>().join(", ")))
}

/// How many parameters a statement has.
fn parameters(statement: &str) -> usize {
    let numbers = statement.split('$').skip(1).filter_map(|after| {
        let digits: String = after.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().ok()
    });
    numbers.max().unwrap_or(0)
}

/// Prepares and plans a statement without running it; rights are looked at in the planning.
async fn plan(
    conn: &mut AsyncPgConnection,
    statement: &str,
    columns: &Columns,
) -> Result<(), String> {
    let types = types(statement, columns).unwrap_or_default();
    let nulls = vec!["NULL"; parameters(statement)].join(", ");
    let given = match nulls.as_str() {
        "" => nulls,
        _ => format!("({nulls})"),
    };
    let said = conn
        .batch_execute(&format!(
            "DEALLOCATE ALL; PREPARE released{types} AS {statement};\n\
             EXPLAIN EXECUTE released{given}"
        ))
        .await;
    said.map_err(|error| error.to_string())
}

#[tokio::test]
async fn the_statements_of_released_versions_run_on_this_schema_as_their_roles() {
    let house = House::with_postgres().await;
    let columns = columns(&house).await;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/released");
    let (mut planned, mut failed) = (0, Vec::new());
    for version in std::fs::read_dir(folder).unwrap() {
        for file in std::fs::read_dir(version.unwrap().path()).unwrap() {
            let file = file.unwrap().path();
            let role = file.file_stem().unwrap().to_str().unwrap();
            let url = house.database_url(role);
            let mut conn = AsyncPgConnection::establish(&url).await.unwrap();
            // Values are not known, so that no plan may rest on them.
            let generic = "SET plan_cache_mode = force_generic_plan";
            conn.batch_execute(generic).await.unwrap();
            for statement in std::fs::read_to_string(&file).unwrap().lines() {
                planned += 1;
                if let Err(error) = plan(&mut conn, statement, &columns).await {
                    failed.push(format!("{role}: {error}: {statement}"));
                }
            }
        }
    }
    assert!(planned > 0, "no statement of a released version is kept");
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}
