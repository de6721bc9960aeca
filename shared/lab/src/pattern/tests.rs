use super::*;

fn tree(text: &str) -> Result<TreePattern, BadPattern> {
    TreePattern::try_from(text.to_owned())
}

#[test]
fn a_protected_pattern_covers_what_it_says_and_no_more() {
    for (pattern, path, covered) in [
        ("tests/**", "tests/run.sh", true),
        ("tests/**", "tests/deep/down/a", true),
        ("tests/**", "tests", false),
        ("tests/**", "src/tests/run.sh", false),
        ("**/tests/**", "src/tests/run.sh", true),
        ("*.toml", "lab.toml", true),
        ("*.toml", "a/lab.toml", false),
        ("t?st", "test", true),
        ("t?st", "t/st", false),
        ("{a,b}/c", "b/c", true),
        ("[ab]", "c", false),
    ] {
        let protected = Patterns::new(&[tree(pattern).unwrap()]);
        assert_eq!(
            protected.covers(path.as_bytes()),
            covered,
            "{pattern} {path}"
        );
    }
    let all = Patterns::new(&[tree("tests/**").unwrap()]);
    assert!(all.covers(b"tests/\xff\n"), "names are bytes");
    assert!(!Patterns::new(&[]).covers(b"tests/run.sh"));
}

#[test]
fn a_pattern_that_leaves_the_tree_cannot_be_made() {
    for absolute in ["/", "/etc/passwd", "/**"] {
        let refused = tree(absolute).unwrap_err();
        assert_eq!(refused, BadPattern::Absolute(absolute.into()));
    }
    for leaving in [
        "..", "../x", "a/../b", "a/..", "{a,..}/b", "{../a,b}", "a\\../b",
    ] {
        let refused = tree(leaving).unwrap_err();
        assert_eq!(refused, BadPattern::Leaves(leaving.into()), "{leaving}");
    }
    for empty in ["tests/", "a//b", "./a", "a/."] {
        let refused = tree(empty).unwrap_err();
        assert_eq!(refused, BadPattern::EmptyPart(empty.into()), "{empty}");
    }
    for text in ["", "a\nb", "a\0", &"x".repeat(PATTERN_BYTES_MAX + 1)] {
        assert_eq!(tree(text), Err(BadPattern::Text(text.into())), "{text:?}");
    }
    for glob in ["[a", "{a", "a[z-a]", "\\"] {
        assert!(matches!(tree(glob), Err(BadPattern::Glob { .. })), "{glob}");
    }
    assert!(tree("..a/b..").is_ok());
}

#[test]
fn one_file_is_named_without_wildcards() {
    let file = |text: &str| TreeFile::try_from(text.to_owned());
    assert!(file("out/report.xml").is_ok());
    assert!(matches!(file("*.xml"), Err(BadPattern::Wildcard(_))));
    assert!(matches!(file("/tmp/r.xml"), Err(BadPattern::Absolute(_))));
    assert!(matches!(file("../r.xml"), Err(BadPattern::Leaves(_))));
    assert!(matches!(file("a/"), Err(BadPattern::EmptyPart(_))));
}

#[test]
fn enrolment_is_by_source_owner_and_name() {
    for (pattern, repository, admitted) in [
        ("github:course/intro-*", "github:course/intro-ada", true),
        ("github:course/intro-*", "github:Course/Intro-Ada", true),
        ("GitHub:Course/*", "GitHub:course/x", true),
        ("github:course/intro-*", "github:course/outro-ada", false),
        ("github:course/intro-*", "gitlab:course/intro-ada", false),
        ("github:*/intro", "github:anyone/intro", true),
        ("gitlab:course/*", "gitlab:course/sub/x", false),
        ("gitlab:course/**", "gitlab:course/sub/x", true),
        ("github:course-*/intro-*", "github:course-7/intro-ada", true),
    ] {
        let made = EnrolPattern::try_from(pattern.to_owned()).unwrap();
        let repository: Repository = repository.parse().unwrap();
        let admits = Enrolment::new(&[made]).admits(&repository);
        assert_eq!(admits, admitted, "{pattern} {repository}");
    }
    for bad in [
        "*",
        "github",
        "github:x",
        ":a/b",
        "github:/b",
        "github:a/",
        "a/b:c/d",
    ] {
        let refused = EnrolPattern::try_from(bad.to_owned()).unwrap_err();
        assert_eq!(refused, BadPattern::NotARepository(bad.into()), "{bad}");
    }
    assert!(EnrolPattern::try_from("github:a/[b".to_owned()).is_err());
}
