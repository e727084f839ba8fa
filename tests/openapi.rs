//! The API's description, judged by a public validator.

use std::path::Path;
use std::process::Command;

/// The version the description was last judged by; another one may judge otherwise.
const VALIDATOR: &str = "openapi-spec-validator==0.7.2";

/// Makes a virtual environment beside what cargo builds, once. It fails, and does not skip, where Python or the validator cannot be had.
#[test]
fn the_description_is_valid() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("openapi-validator");
    let program = home.join("bin/openapi-spec-validator");
    if !program.exists() {
        run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&home));
        run(Command::new(home.join("bin/pip")).args(["install", "--quiet", "--disable-pip-version-check", VALIDATOR]));
    }
    let golden = root.join("tests/golden/openapi.json");
    run(Command::new(&program).args(["--schema", "3.1"]).arg(&golden));
    // It must be able to say no.
    let broken = Path::new(env!("CARGO_TARGET_TMPDIR")).join("broken-openapi.json");
    let text = std::fs::read_to_string(&golden).unwrap().replacen("\"operationId\"", "\"operationid\": 1, \"responses\"", 1);
    std::fs::write(&broken, text.replacen("\"in\": \"path\"", "\"in\": \"nowhere\"", 1)).unwrap();
    let judged = Command::new(&program).args(["--schema", "3.1"]).arg(&broken).output().unwrap();
    assert!(!judged.status.success(), "a broken description is called valid");
}

fn run(command: &mut Command) {
    let shown = format!("{command:?}");
    let output = command.output().unwrap_or_else(|error| panic!("{shown}: {error}"));
    let told = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{shown}: {}", String::from_utf8_lossy(&told));
}
