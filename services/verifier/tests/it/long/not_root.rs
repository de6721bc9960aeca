//! The whole corpus of hostile programs, as another user than root.

use crate::not_root::as_another;

#[test]
fn no_hostile_program_gets_further_where_the_verifier_is_not_root() {
    let corpus = ["hostile::", "forging::", "sealed::", "sandbox::"];
    let Some(said) = as_another(&corpus) else {
        return;
    };
    assert!(!said.contains("skipped"), "{said}");
    for test in [
        "programs_that_take_too_much_disk ... ok",
        "programs_that_want_privileges ... ok",
        "no_forger_gets_by_a_judge ... ok",
    ] {
        assert!(said.contains(test), "{test}: {said}");
    }
}
