//! Parts of a specification that the wire has and this server cannot honour. Accepting and ignoring them would be a
//! lie, so each is refused by name, with what to do instead.

use super::problem::Problem;
use crate::wire::sandbox::{Container, Resources, RuntimeClass, SandboxSpec, SecurityContext};

/// Refuses the first part that cannot be honoured.
pub(super) fn refuse(spec: &SandboxSpec) -> Result<(), Problem> {
    refuse_if(!spec.network_ids.is_empty(), "sandbox.spec.network_ids", "sandboxes here have a network of their own")?;
    refuse_if(spec.object_storage_access.is_some(), "sandbox.spec.object_storage_access", "leave it out")?;
    refuse_if(!spec.instance_type.is_empty(), "sandbox.spec.instance_type", "leave it empty; there is one machine")?;
    refuse_if(!spec.network_config_id.is_empty(), "sandbox.spec.network_config_id", "leave it empty")?;
    refuse_if(
        !matches!(spec.runtime_class_selection(), RuntimeClass::Unspecified | RuntimeClass::CpuDefault),
        "sandbox.spec.runtime_class_selection",
        "leave it unset or use RUNTIME_CLASS_CPU_DEFAULT",
    )?;
    spec.containers.iter().enumerate().try_for_each(|(index, container)| refuse_container(index, container))
}

fn refuse_container(index: usize, container: &Container) -> Result<(), Problem> {
    let field = |name: &str| format!("sandbox.spec.containers[{index}].{name}");
    if let Some(context) = &container.security_context {
        refuse_if(
            !is_default(context),
            &field("security_context"),
            "leave it out; sandboxes are unprivileged already",
        )?;
    }
    let requirements = container.resource_requirements.as_ref();
    let all = [
        ("resources", container.resources.as_ref()),
        ("resource_requirements.requests", requirements.and_then(|both| both.requests.as_ref())),
        ("resource_requirements.limits", requirements.and_then(|both| both.limits.as_ref())),
    ];
    for (name, resources) in all {
        refuse_if(wants_gpu(resources), &field(&format!("{name}.gpu")), "leave it out; this machine offers no GPU")?;
    }
    Ok(())
}

/// Whether a security context asks for nothing but a user and what every sandbox here has.
fn is_default(context: &SecurityContext) -> bool {
    let SecurityContext {
        run_as_user: _,
        run_as_group: _,
        privileged,
        allow_privilege_escalation,
        read_only_root_filesystem,
        capabilities_add,
        capabilities_drop: _, // every capability is dropped already
        seccomp_profile,
    } = context;
    *privileged != Some(true)
        && *allow_privilege_escalation != Some(true)
        && *read_only_root_filesystem != Some(true)
        && capabilities_add.is_empty()
        && seccomp_profile.is_empty()
}

fn wants_gpu(resources: Option<&Resources>) -> bool {
    resources.and_then(|resources| resources.gpu.as_ref()).is_some_and(|gpu| gpu.count != 0)
}

fn refuse_if(bad: bool, field: &str, fix: &str) -> Result<(), Problem> {
    if bad { Err(Problem::cannot_honour(field, fix)) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::sandbox::Gpu;

    #[test]
    fn a_plain_specification_passes() {
        let spec = SandboxSpec { containers: vec![Container::default()], ..Default::default() };
        assert!(refuse(&spec).is_ok());
    }

    #[test]
    fn what_cannot_be_honoured_is_named() {
        let gpu = Resources { gpu: Some(Gpu { count: 1, ..Default::default() }), ..Default::default() };
        let cases = [
            (SandboxSpec { network_ids: vec!["n".into()], ..Default::default() }, "sandbox.spec.network_ids"),
            (
                SandboxSpec {
                    containers: vec![Container { resources: Some(gpu), ..Default::default() }],
                    ..Default::default()
                },
                "sandbox.spec.containers[0].resources.gpu",
            ),
        ];
        for (spec, field) in cases {
            let status = tonic::Status::from(refuse(&spec).unwrap_err());
            assert_eq!(status.code(), tonic::Code::Unimplemented);
            assert!(status.message().starts_with(field), "{}", status.message());
        }
    }
}
