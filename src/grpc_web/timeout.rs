//! The `grpc-timeout` header: at most eight digits and a unit. Must not know: timers.

use std::time::Duration;

/// The header's value for `timeout`, rounded up to the finest unit that fits eight digits.
#[must_use]
pub fn grpc_timeout(timeout: Duration) -> String {
    const MOST: u128 = 99_999_999;
    let nanos = timeout.as_nanos();
    for (unit, size) in [("n", 1u128), ("u", 1_000), ("m", 1_000_000), ("S", 1_000_000_000), ("M", 60_000_000_000)] {
        let value = nanos.div_ceil(size);
        if value <= MOST {
            return format!("{value}{unit}");
        }
    }
    format!("{}H", nanos.div_ceil(3_600_000_000_000).min(MOST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_the_finest_unit_that_fits() {
        for (timeout, header) in [
            (Duration::ZERO, "0n"),
            (Duration::from_millis(50), "50000000n"),
            (Duration::from_secs(5), "5000000u"),
            (Duration::from_secs(100), "100000m"),
            (Duration::from_secs(100_000), "100000S"),
            (Duration::from_secs(86_400 * 365 * 10), "5256000M"),
            (Duration::MAX, "99999999H"),
        ] {
            assert_eq!(grpc_timeout(timeout), header);
        }
    }

    #[test]
    fn never_rounds_to_less_than_was_asked() {
        assert_eq!(grpc_timeout(Duration::from_nanos(100_000_001)), "100001u");
    }
}
