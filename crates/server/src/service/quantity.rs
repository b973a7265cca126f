//! Kubernetes quantities: `500m`, `1.5`, `512Mi`. Text in, numbers out; the text itself is what clients get back.

/// Why a text is no quantity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a positive quantity such as {0}")]
pub(crate) struct BadQuantity(&'static str);

/// Thousandths of a core: `2`, `0.5`, `500m`.
pub(crate) fn cpu_millicores(text: &str) -> Result<i64, BadQuantity> {
    let error = BadQuantity("\"500m\" or \"2\"");
    let (number, scale) = match text.strip_suffix('m') {
        Some(number) => (number, 1.0),
        None => (text, 1000.0),
    };
    scaled(number, scale).ok_or(error)
}

/// Bytes: `134217728`, `512Mi`, `1G`, `1e9`.
pub(crate) fn memory_bytes(text: &str) -> Result<i64, BadQuantity> {
    const UNITS: [(&str, f64); 12] = [
        ("Ki", 1024.0),
        ("Mi", 1_048_576.0),
        ("Gi", 1_073_741_824.0),
        ("Ti", 1_099_511_627_776.0),
        ("Pi", 1_125_899_906_842_624.0),
        ("k", 1e3),
        ("K", 1e3),
        ("M", 1e6),
        ("G", 1e9),
        ("T", 1e12),
        ("P", 1e15),
        ("m", 1e-3),
    ];
    let (number, scale) = UNITS
        .iter()
        .find_map(|(unit, scale)| text.strip_suffix(unit).map(|number| (number, *scale)))
        .unwrap_or((text, 1.0));
    scaled(number, scale).ok_or(BadQuantity("\"512Mi\" or \"2Gi\""))
}

fn scaled(number: &str, scale: f64) -> Option<i64> {
    // `f64::from_str` also takes "inf", "nan" and signs; a quantity starts with a digit or a point.
    if !number.starts_with(|first: char| first.is_ascii_digit() || first == '.') {
        return None;
    }
    let value = (number.parse::<f64>().ok()? * scale).ceil();
    (value >= 1.0 && value < i64::MAX as f64).then_some(value as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_read_as_kubernetes_reads_them() {
        for (text, millicores) in [("500m", 500), ("2", 2000), ("0.5", 500), ("1.5", 1500), ("0.0001", 1)] {
            assert_eq!(cpu_millicores(text), Ok(millicores), "{text}");
        }
        for (text, bytes) in
            [("512Mi", 536_870_912), ("1G", 1_000_000_000), ("128974848", 128_974_848), ("1e9", 1_000_000_000)]
        {
            assert_eq!(memory_bytes(text), Ok(bytes), "{text}");
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for text in ["", "-1", "0", "m", "inf", "nan", "1x", "500 m", "1e400", "+1"] {
            assert!(cpu_millicores(text).is_err(), "{text}");
            assert!(memory_bytes(text).is_err(), "{text}");
        }
    }
}
