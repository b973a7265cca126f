//! Times on the command line: `90`, `90s`, `5m`, `2h`, `1d`, `250ms`, and moments.
//! Must not know: which option they belong to.

use std::time::{Duration, SystemTime};

/// A length of time; a number alone is seconds.
pub fn parse(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is no duration; e.g. 90, 90s, 5m, 2h, 1d or 250ms");
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let seconds = match unit {
        "ms" => 0.001,
        "" | "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        "d" => 86400.0,
        _ => return Err(wrong()),
    };
    let number: f64 = number.parse().map_err(|_| wrong())?;
    Duration::try_from_secs_f64(number * seconds).map_err(|_| wrong())
}

/// Whole seconds, at least one.
pub fn parse_seconds(text: &str) -> Result<u32, String> {
    let seconds = parse(text)?.as_secs_f64().ceil();
    match seconds >= 1.0 && seconds <= f64::from(u32::MAX) {
        true => Ok(seconds as u32),
        false => Err(format!("{text:?} must be between 1 second and {} seconds", u32::MAX)),
    }
}

/// A moment: so long ago, or as RFC 3339 says it.
pub fn parse_moment(text: &str) -> Result<SystemTime, String> {
    if let Ok(ago) = parse(text) {
        return SystemTime::now().checked_sub(ago).ok_or_else(|| format!("{text:?} is too long ago"));
    }
    let stamp: prost_types::Timestamp =
        text.parse().map_err(|_| format!("{text:?} is no time; e.g. 5m (ago), 2h, or 2026-01-31T12:00:00Z"))?;
    SystemTime::try_from(stamp).map_err(|_| format!("{text:?} is out of range"))
}

/// Roughly how long, in one number: `12s`, `5m`, `3h`, `2d`.
pub fn roughly(duration: Duration) -> String {
    match duration.as_secs() {
        seconds @ 0..120 => format!("{seconds}s"),
        seconds @ 120..7200 => format!("{}m", seconds / 60),
        seconds @ 7200..172_800 => format!("{}h", seconds / 3600),
        seconds => format!("{}d", seconds / 86400),
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime, UNIX_EPOCH};

    use super::{parse, parse_moment, parse_seconds, roughly};

    #[test]
    fn durations_are_numbers_with_a_unit() {
        assert_eq!(parse("90"), Ok(Duration::from_secs(90)));
        assert_eq!(parse("1.5m"), Ok(Duration::from_secs(90)));
        assert_eq!(parse("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(parse("1d"), Ok(Duration::from_secs(86400)));
        for wrong in ["", "s", "-1", "1w", "1 s", "1e9", "..", "99999999999999999999d"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
        assert_eq!(parse_seconds("1ms"), Ok(1));
        assert!(parse_seconds("0").is_err());
    }

    #[test]
    fn moments_are_ago_or_rfc_3339() {
        assert_eq!(parse_moment("1970-01-01T00:01:00Z"), Ok(UNIX_EPOCH + Duration::from_secs(60)));
        assert!(parse_moment("5m").unwrap() < SystemTime::now() - Duration::from_secs(299));
        assert!(parse_moment("yesterday").unwrap_err().contains("5m"));
    }

    #[test]
    fn ages_are_one_number() {
        let of = |seconds| roughly(Duration::from_secs(seconds));
        assert_eq!([of(0), of(119), of(120), of(7200), of(200_000)], ["0s", "119s", "2m", "2h", "2d"]);
    }
}
