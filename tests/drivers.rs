//! Runs the drivers' own tests (`tests/code/test_drivers.py`): they speak to the drivers without a client or a server.

use std::process::Command;

#[test]
fn the_drivers_keep_their_word() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/code/test_drivers.py");
    let ran = Command::new("python3").args(["-W", "error", file]).output().expect("python3 runs");
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
}
