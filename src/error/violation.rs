//! One wrong field. Must not know: where it came from.

/// Which field of the input is wrong, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldViolation {
    /// The field, as the caller or the wire spells it.
    pub field: String,
    /// What is wrong with it and what would be right.
    pub description: String,
}
