//! What a container is promised and may use, and how the wire says it. Must not know: whose it is.

use crate::{error::Error, wire};

/// What a sandbox is promised (`requests`) and may use at most (`limits`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Resources {
    /// Promised.
    pub requests: ResourceAmounts,
    /// At most.
    pub limits: ResourceAmounts,
    /// Accelerators.
    pub gpu: Option<Gpu>,
}

impl Resources {
    /// The same promised as allowed, e.g. `("500m", "512Mi")`.
    pub fn fixed(cpu: impl Into<String>, memory: impl Into<String>) -> Self {
        let amounts = ResourceAmounts { cpu: Some(cpu.into()), memory: Some(memory.into()) };
        Self { requests: amounts.clone(), limits: amounts, gpu: None }
    }

    /// Sets what it is promised.
    pub fn requests(mut self, amounts: ResourceAmounts) -> Self {
        self.requests = amounts;
        self
    }

    /// Sets what it may use at most.
    pub fn limits(mut self, amounts: ResourceAmounts) -> Self {
        self.limits = amounts;
        self
    }

    /// Asks for accelerators.
    pub fn gpu(mut self, gpu: Gpu) -> Self {
        self.gpu = Some(gpu);
        self
    }
}

/// Quantities as Kubernetes spells them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ResourceAmounts {
    /// Cores: `2`, `500m`.
    pub cpu: Option<String>,
    /// Bytes: `512Mi`, `2Gi`.
    pub memory: Option<String>,
}

impl ResourceAmounts {
    /// Sets the cores, e.g. `2` or `500m`.
    pub fn cpu(mut self, cores: impl Into<String>) -> Self {
        self.cpu = Some(cores.into());
        self
    }

    /// Sets the memory, e.g. `512Mi`.
    pub fn memory(mut self, bytes: impl Into<String>) -> Self {
        self.memory = Some(bytes.into());
        self
    }

    pub(super) fn from_wire(resources: Option<wire::Resources>) -> Self {
        let given = |text: String| Some(text).filter(|text| !text.is_empty());
        let wire::Resources { cpu, memory, gpu: _ } = resources.unwrap_or_default();
        Self { cpu: given(cpu), memory: given(memory) }
    }
}

/// Accelerators, by type or by memory.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Gpu {
    /// How many.
    pub count: u32,
    /// Of which type, e.g. `A100`.
    pub kind: Option<String>,
    /// Or of at least this much memory.
    pub memory_gb: Option<u32>,
}

impl Gpu {
    /// So many, of any type.
    pub fn new(count: u32) -> Self {
        Self { count, kind: None, memory_gb: None }
    }

    /// Sets the type, e.g. `A100`.
    pub fn kind(mut self, kind: impl Into<String>) -> Self {
        self.kind = Some(kind.into());
        self
    }

    /// Sets how much memory each must have at least, in GB.
    pub fn memory_gb(mut self, gigabytes: u32) -> Self {
        self.memory_gb = Some(gigabytes);
        self
    }
}

/// The wire's requirements.
///
/// # Errors
/// Validation, naming the amount below `field`.
pub(super) fn requirements(field: &str, resources: Resources) -> Result<wire::ResourceRequirements, Error> {
    let Resources { requests, limits, gpu } = resources;
    let gpu = gpu.map(|gpu| accelerators(field, gpu)).transpose()?;
    let side = |side: &str, amounts: ResourceAmounts| -> Result<Option<wire::Resources>, Error> {
        for (name, amount) in [("cpu", &amounts.cpu), ("memory", &amounts.memory)] {
            check_quantity(&format!("{field}.{side}.{name}"), amount.as_deref())?;
        }
        if amounts == ResourceAmounts::default() && gpu.is_none() {
            return Ok(None);
        }
        let (cpu, memory) = (amounts.cpu.unwrap_or_default(), amounts.memory.unwrap_or_default());
        Ok(Some(wire::Resources { cpu, memory, gpu: gpu.clone() }))
    };
    Ok(wire::ResourceRequirements { requests: side("requests", requests)?, limits: side("limits", limits)? })
}

fn accelerators(field: &str, gpu: Gpu) -> Result<wire::Gpu, Error> {
    use wire::gpu::Selector;
    let selector = match (gpu.kind, gpu.memory_gb) {
        (Some(_), Some(_)) => {
            return Err(Error::invalid(format!("{field}.gpu"), "choose by type or by memory, not by both"));
        }
        (Some(kind), None) => Some(Selector::Type(kind)),
        (None, Some(memory)) => Some(Selector::MemoryGb(memory.into())),
        (None, None) => None,
    };
    if gpu.count == 0 {
        return Err(Error::invalid(format!("{field}.gpu.count"), "must be at least 1; leave `gpu` out for none"));
    }
    Ok(wire::Gpu { count: gpu.count.into(), selector })
}

fn check_quantity(field: &str, amount: Option<&str>) -> Result<(), Error> {
    let Some(amount) = amount else { return Ok(()) };
    let digits = amount.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit_ok = ["", "m", "k", "M", "G", "T", "Ki", "Mi", "Gi", "Ti"].contains(&&amount[digits.len()..]);
    match is_number(digits) && unit_ok {
        true => Ok(()),
        false => {
            Err(Error::invalid(field, format!("{amount:?} is no quantity; e.g. \"500m\" of cpu, \"512Mi\" of memory")))
        }
    }
}

/// `2`, `0.5` or `1e3`. By hand, because parsing floats brings tables of ten kilobytes that do not compress.
fn is_number(text: &str) -> bool {
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
    let exponent_ok = matches!(exponent.len(), 1 | 2) && digits(exponent);
    digits(whole) && digits(fraction) && whole.len() + fraction.len() > 0 && exponent_ok
}

#[cfg(test)]
mod tests {
    use super::check_quantity;

    #[test]
    fn quantities_are_numbers_with_a_unit_or_none() {
        for good in ["2", "0.5", ".5", "5.", "500m", "512Mi", "1e3", "1E-3", "0"] {
            assert!(check_quantity("cpu", Some(good)).is_ok(), "{good}");
        }
        for bad in ["", ".", "-1", "+1", "two", "inf", "NaN", "1e", "1e+", "1.2.3", "1 Gi", "1Qi", "e3", "1e999"] {
            assert!(check_quantity("cpu", Some(bad)).is_err(), "{bad}");
        }
    }
}
