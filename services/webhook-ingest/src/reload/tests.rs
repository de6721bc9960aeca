//! What is said of what was read.

use serde_json::json;

use super::*;

fn configured(secret: &str) -> Configured {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secret");
    std::fs::write(&file, secret).unwrap();
    let source = json!({
        "provider": "github",
        "fetch_url": "https://forge.example/{full_name}.git",
        "secrets": [{ "name": "only", "file": file }],
    });
    let settings = Settings::default().with("sources.github", source).unwrap();
    Configured::read(&settings).unwrap()
}

#[test]
fn a_verdict_shows_no_secret() {
    let shown = format!("{:?}", Verdict::Swap(configured("hunter2 hunter2 hunter2")));
    assert!(!shown.contains("hunter2"), "{shown}");
}
