//! Owns the comparison of what a webhook claims of a commit with what git has: pure.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::git::commits::CHANGED_PATHS_MAX;

/// Most paths of each kind that a difference lists.
const LISTED_PATHS_MAX: usize = 20;

/// Where the claims differ from git; `None` where they do not.
///
/// `claimed` is what the payload says was changed, as the attempt's row has it: `added`,
/// `modified`, `removed` (capped), and `listed`, how many paths the payload had. `changed` is
/// git's list; `None` for a merge, of which forges say different things. `in_push` is whether git
/// has the commit among those that the push brought; `None` where that is not known.
pub(crate) fn differs(
    claimed: Option<&Value>,
    changed: Option<&[String]>,
    in_push: Option<bool>,
) -> Option<Value> {
    let mut differences = Map::new();
    if in_push == Some(false) {
        differences.insert(
            "commit_list".into(),
            json!("not among the commits of the push"),
        );
    }
    if let (Some(claimed), Some(changed)) = (claimed, changed)
        && let Some(paths) = differing_paths(claimed, changed)
    {
        differences.insert("changed_files".into(), paths);
    }
    (!differences.is_empty()).then_some(Value::Object(differences))
}

fn differing_paths(claimed: &Value, changed: &[String]) -> Option<Value> {
    let of_kind = |kind: &str| claimed[kind].as_array().into_iter().flatten();
    let kinds = ["added", "modified", "removed"];
    let claims: BTreeSet<&str> = kinds
        .into_iter()
        .flat_map(of_kind)
        .filter_map(Value::as_str)
        .collect();
    let git: BTreeSet<&str> = changed.iter().map(String::as_str).collect();
    // A list that was cut off says nothing of what it does not name.
    let claims_whole = claimed["listed"].as_u64() == Some(claims.len() as u64);
    let git_whole = changed.len() < CHANGED_PATHS_MAX;
    let claimed_only: Vec<_> = claims.difference(&git).filter(|_| git_whole).collect();
    let git_only: Vec<_> = git.difference(&claims).filter(|_| claims_whole).collect();
    if claimed_only.is_empty() && git_only.is_empty() {
        return None;
    }
    let cut = |paths: &[&&str]| {
        paths
            .iter()
            .take(LISTED_PATHS_MAX)
            .map(|p| json!(p))
            .collect()
    };
    Some(json!({
        "claimed_only": { "count": claimed_only.len(), "paths": Value::Array(cut(&claimed_only)) },
        "git_only": { "count": git_only.len(), "paths": Value::Array(cut(&git_only)) },
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(paths: &[&str]) -> Vec<String> {
        paths.iter().map(|path| (*path).to_owned()).collect()
    }

    #[test]
    fn claims_that_hold_leave_nothing_to_say() {
        let claimed = json!({"added": ["a"], "modified": ["b"], "removed": ["c"], "listed": 3});
        let git = changed(&["c", "a", "b"]);
        assert_eq!(differs(Some(&claimed), Some(&git), Some(true)), None);
        assert_eq!(differs(None, Some(&git), None), None);
        assert_eq!(differs(Some(&claimed), None, None), None);
    }

    #[test]
    fn each_side_names_what_only_it_has() {
        let claimed = json!({"added": ["a"], "modified": ["b"], "removed": [], "listed": 2});
        let git = changed(&["b", "c"]);
        let found = differs(Some(&claimed), Some(&git), Some(false)).unwrap();
        assert_eq!(
            found["changed_files"]["claimed_only"],
            json!({"count": 1, "paths": ["a"]})
        );
        assert_eq!(
            found["changed_files"]["git_only"],
            json!({"count": 1, "paths": ["c"]})
        );
        assert_eq!(found["commit_list"], "not among the commits of the push");
    }

    #[test]
    fn a_list_that_was_cut_off_claims_nothing_of_the_rest() {
        let claimed = json!({"added": ["a"], "modified": [], "removed": [], "listed": 900});
        assert_eq!(
            differs(Some(&claimed), Some(&changed(&["a", "b"])), None),
            None
        );
        let found = differs(Some(&claimed), Some(&changed(&["b"])), None).unwrap();
        assert_eq!(found["changed_files"]["claimed_only"]["count"], 1);
        assert_eq!(found["changed_files"]["git_only"]["count"], 0);
    }

    #[test]
    fn odd_claims_are_read_as_none() {
        for odd in [
            json!(null),
            json!([]),
            json!({"added": "a"}),
            json!({"added": [1, null]}),
        ] {
            assert_eq!(differs(Some(&odd), Some(&[]), None), None, "{odd}");
        }
        let many: Vec<String> = (0..50).map(|n| n.to_string()).collect();
        let found = differs(Some(&json!({"listed": 0})), Some(&many), None).unwrap();
        assert_eq!(found["changed_files"]["git_only"]["count"], 50);
        assert_eq!(
            found["changed_files"]["git_only"]["paths"]
                .as_array()
                .unwrap()
                .len(),
            20
        );
    }
}
