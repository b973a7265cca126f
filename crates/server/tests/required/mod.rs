//! Programs that some tests need and not every machine has.

/// Says that a test is left out for want of a program. Where everything has to be tried, as `cargo xtask test` asks by
/// setting `JETWAY_REQUIRE`, the test fails instead.
#[track_caller]
pub fn missing(what: &str) {
    let text = format!("{what} is missing; cargo xtask setup gets it");
    assert!(std::env::var_os("JETWAY_REQUIRE").is_none(), "{text}");
    eprintln!("skipped: {text}");
}
