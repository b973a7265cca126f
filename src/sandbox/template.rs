//! What a template says about its sandboxes, as plain values. Must not know: where templates are kept.

use std::collections::BTreeMap;

use crate::wire;

/// What the sandboxes of a template are asked for; of its primary container where it has several.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TemplateSpec {
    /// Image.
    pub image: Option<String>,
    /// Main command and its arguments; empty for the default.
    pub command: Vec<String>,
    /// Environment.
    pub env: BTreeMap<String, String>,
    /// Working directory.
    pub cwd: Option<String>,
    /// Tags.
    pub tags: Vec<String>,
    /// Annotations.
    pub annotations: BTreeMap<String, String>,
    /// After how many seconds they end by themselves.
    pub max_lifetime_seconds: Option<u32>,
    /// Names of all containers.
    pub containers: Vec<String>,
}

impl TemplateSpec {
    pub(crate) fn from_wire(spec: wire::SandboxSpec) -> Self {
        let containers = spec.containers.iter().map(|it| it.name.clone()).collect();
        let primary = spec.containers.iter().find(|it| it.primary()).or(spec.containers.first());
        let primary = primary.cloned().unwrap_or_default();
        let given = |text: String| Some(text).filter(|text| !text.is_empty());
        Self {
            image: given(primary.image),
            command: given(primary.command).into_iter().chain(primary.args).collect(),
            env: primary.environment_variables.into_iter().collect(),
            cwd: given(primary.working_dir),
            tags: spec.tags,
            annotations: spec.annotations.into_iter().collect(),
            max_lifetime_seconds: u32::try_from(spec.max_lifetime_seconds).ok().filter(|seconds| *seconds > 0),
            containers,
        }
    }
}
