//! Durations, bytes and cores in the words of compose files.
//! Must not know: where they stand.

/// `1m30s`, `500ms`, `2h`, `90`; whole seconds, rounded up.
pub fn seconds(text: &str) -> Option<i32> {
    if let Ok(seconds) = text.parse::<u32>() {
        return i32::try_from(seconds).ok();
    }
    let (mut millis, mut rest) = (0_u64, text);
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).filter(|digits| *digits > 0)?;
        let value: u64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let letters = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let unit = match &rest[..letters] {
            "us" => 0,
            "ms" => 1,
            "s" => 1000,
            "m" => 60_000,
            "h" => 3_600_000,
            _ => return None,
        };
        millis = millis.checked_add(value.checked_mul(unit)?)?;
        rest = &rest[letters..];
    }
    (!text.is_empty()).then(|| i32::try_from(millis.div_ceil(1000)).ok()).flatten()
}

/// `512m`, `1gb`, `2147483648`: binary multiples, as a quantity of bytes.
pub fn bytes(text: &str) -> Option<String> {
    let text = text.trim().to_ascii_lowercase();
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let value: f64 = text[..digits].parse().ok()?;
    let shift = match text[digits..].trim_end_matches('b').trim_end_matches('i') {
        "" => 0,
        "k" => 10,
        "m" => 20,
        "g" => 30,
        "t" => 40,
        _ => return None,
    };
    let bytes = value * f64::from(shift).exp2();
    (1.0..1e15).contains(&bytes).then(|| format!("{}", bytes as u64))
}

/// `0.5`, `2`: as a quantity of thousandths of a core.
pub fn cores(text: &str) -> Option<String> {
    let value: f64 = text.trim().parse().ok()?;
    (value > 0.0 && value < 1e6).then(|| format!("{}m", (value * 1000.0).ceil() as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_as_compose_means_them() {
        for (text, expected) in [
            ("1s", Some(1)),
            ("1m30s", Some(90)),
            ("500ms", Some(1)),
            ("2h", Some(7200)),
            ("90", Some(90)),
            ("", None),
            ("s", None),
            ("1x", None),
            ("-1s", None),
        ] {
            assert_eq!(seconds(text), expected, "{text}");
        }
        for (text, expected) in [
            ("512m", Some("536870912")),
            ("1gb", Some("1073741824")),
            ("1GiB", Some("1073741824")),
            ("100", Some("100")),
            ("1x", None),
            ("", None),
            ("0", None),
        ] {
            assert_eq!(bytes(text).as_deref(), expected, "{text}");
        }
        assert_eq!(cores("0.5").as_deref(), Some("500m"));
        assert_eq!(cores("2").as_deref(), Some("2000m"));
        assert_eq!(cores("-1"), None);
    }
}
