//! A configuration that cannot work ends the sandbox before it asks for work, with the reason.

use std::process::Command;

use serde_json::json;

use crate::invocations::PROGRAM;

fn check(config: Option<&str>) -> (Option<i32>, String) {
    let mut command = Command::new(PROGRAM);
    command.arg("--check-config").env_clear();
    if let Some(config) = config {
        command.env("RELAIS_CONFIG", config);
    }
    let output = command.output().unwrap();
    (
        output.status.code(),
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)),
    )
}

#[test]
fn what_is_wrong_is_named_and_ends_with_64() {
    let good = json!({
        "store": "dynamodb:relais?region=eu-west-3",
        "probe": { "url": "https://laptop.example.ts.net/health", "key_parameter": "/relais/health-key" },
        "standby": { "kind": "stopped", "project": "relais" },
    });
    assert_eq!(check(Some(&good.to_string())).0, Some(0));
    let mut unknown = good.clone();
    unknown["stand-by"] = json!({});
    let mut empty = good;
    empty["standby"] =
        json!({ "kind": "launch", "project": "relais", "template": "lt-1", "types": [], "subnets": ["a"] });
    for (config, named) in [
        (None, "RELAIS_CONFIG: is not set"),
        (Some("{".to_owned()), "RELAIS_CONFIG: EOF"),
        (Some(unknown.to_string()), "unknown field `stand-by`"),
        (Some(empty.to_string()), "standby.types is empty"),
    ] {
        let (code, said) = check(config.as_deref());
        assert_eq!(code, Some(64), "{said}");
        assert!(said.contains(named), "{said}");
    }
}
