//! Containers among JavaScript's options, and compose files. Must not know: what else a sandbox can be asked for.

use bytes::Bytes;
use js_sys::{Array, Number, Object};
use wasm_bindgen::{JsCast, JsValue};

use super::{
    Answer,
    options::argv,
    reader::{Reader, bytes},
};
use crate::sandbox::{
    BuildContext, ComposeFile, ContainerOptions, Gpu, ImagePullCredentials, MountedFile, Probe, ResourceAmounts,
    Resources, SecretMapping, VolumeMount,
};

const CONTAINER: &[&str] = &[
    "name",
    "image",
    "command",
    "env",
    "cwd",
    "resources",
    "mountedFiles",
    "secrets",
    "volumeMounts",
    "startupProbe",
    "imagePullCredentials",
    "primary",
];
const PROBE: &[&str] = &["exec", "periodSeconds", "timeoutSeconds", "failureThreshold", "initialDelaySeconds"];
const PULL: &[&str] = &["registry", "store", "path", "field"];
const COMPOSE: &[&str] =
    &["contents", "primaryService", "imageOverrides", "buildContexts", "builderSizes", "imagePullCredentials"];

/// What is said about the only container, beside what is the sandbox's.
pub(super) fn read(reader: &Reader) -> Answer<ContainerOptions> {
    let made = ContainerOptions {
        image: reader.string("image")?,
        env: reader.map("env")?.unwrap_or_default(),
        cwd: reader.string("cwd")?,
        resources: resources(reader)?,
        mounted_files: mounted_files(reader)?,
        secrets: secrets(reader)?,
        startup_probe: reader.nested("startupProbe", PROBE)?.map(|it| probe(&it)).transpose()?,
        image_pull_credentials: reader.nested("imagePullCredentials", PULL)?.map(|it| pull(&it)).transpose()?,
        ..ContainerOptions::default()
    };
    Ok(made)
}

/// `[{ name, image?, command?, … }]`
pub(super) fn several(reader: &Reader) -> Answer<Vec<ContainerOptions>> {
    reader.list("containers", "an array of { name, image, … }", |it| {
        let it = Reader::new("containers", it, CONTAINER)?;
        let mut made = read(&it)?;
        made.name = it.string("name")?.unwrap_or_default();
        if let Some(command) = it.raw("command") {
            made = made.command(argv(&command)?);
        }
        made.volume_mounts = it.list("volumeMounts", "an array of { volume, mountPath, … }", |it| {
            let it = Reader::new("volumeMounts", it, &["volume", "mountPath", "readOnly", "subPath"])?;
            Ok(VolumeMount {
                volume: it.string("volume")?.unwrap_or_default(),
                mount_path: it.string("mountPath")?.unwrap_or_default(),
                read_only: it.bool("readOnly")?.unwrap_or(false),
                sub_path: it.string("subPath")?,
            })
        })?;
        made.primary = it.bool("primary")?.unwrap_or(false);
        Ok(made)
    })
}

/// `{ contents, primaryService?, … }`
pub(super) fn compose(given: &JsValue) -> Answer<Option<ComposeFile>> {
    if given.is_undefined() {
        return Ok(None);
    }
    let it = Reader::new("Sandbox.fromFile", given, COMPOSE)?;
    let contents = it.raw("contents").and_then(|value| bytes(&value));
    let mut made = ComposeFile::new(contents.ok_or_else(|| it.wrong("contents", "text or bytes"))?);
    made.primary_service = it.string("primaryService")?;
    made.image_overrides = it.map("imageOverrides")?.unwrap_or_default();
    made.build_contexts = archives(&it)?;
    made.builder_sizes = it.map("builderSizes")?.unwrap_or_default();
    let expected = "an array of { registry, store, path, field }";
    made.image_pull_credentials =
        it.list("imagePullCredentials", expected, |it| pull(&Reader::new("imagePullCredentials", it, PULL)?))?;
    Ok(Some(made))
}

/// `{ service: bytes }`
fn archives(reader: &Reader) -> Answer<Vec<BuildContext>> {
    let key = "buildContexts";
    let Some(value) = reader.raw(key).filter(|value| !value.is_null()) else { return Ok(Vec::new()) };
    let wrong = || reader.wrong(key, "an object of services and their archives as bytes");
    let pair = |pair: JsValue| {
        let pair: Array = pair.unchecked_into();
        Some(BuildContext { service: pair.get(0).as_string()?, archive: Bytes::from(bytes(&pair.get(1))?) })
    };
    let object = value.dyn_ref::<Object>().ok_or_else(wrong)?;
    Object::entries(object).iter().map(|it| pair(it).ok_or_else(wrong)).collect()
}

fn probe(reader: &Reader) -> Answer<Probe> {
    let mut made = Probe::new(reader.strings("exec")?.unwrap_or_default());
    made.period_seconds = reader.number("periodSeconds")?;
    made.timeout_seconds = reader.number("timeoutSeconds")?;
    made.failure_threshold = reader.number("failureThreshold")?;
    made.initial_delay_seconds = reader.number("initialDelaySeconds")?;
    Ok(made)
}

fn pull(reader: &Reader) -> Answer<ImagePullCredentials> {
    Ok(ImagePullCredentials {
        registry: reader.string("registry")?.unwrap_or_default(),
        store: reader.string("store")?.unwrap_or_default(),
        path: reader.string("path")?.unwrap_or_default(),
        field: reader.string("field")?,
    })
}

fn resources(reader: &Reader) -> Answer<Option<Resources>> {
    let Some(nested) = reader.nested("resources", &["cpu", "memory", "requests", "limits", "gpu"])? else {
        return Ok(None);
    };
    let amounts = |reader: &Reader| -> Answer<ResourceAmounts> {
        Ok(ResourceAmounts { cpu: quantity(reader, "cpu")?, memory: quantity(reader, "memory")? })
    };
    let flat = amounts(&nested)?;
    let part = |key: &'static str| -> Answer<ResourceAmounts> {
        nested.nested(key, &["cpu", "memory"])?.map_or_else(|| Ok(flat.clone()), |it| amounts(&it))
    };
    let (requests, limits) = (part("requests")?, part("limits")?);
    Ok(Some(Resources { requests, limits, gpu: gpu(&nested)? }))
}

/// `{ count, type?, memoryGb? }`; a number is that many of any.
fn gpu(reader: &Reader) -> Answer<Option<Gpu>> {
    if reader.raw("gpu").is_some_and(|value| value.as_f64().is_some()) {
        return Ok(reader.number("gpu")?.map(|count| Gpu { count, kind: None, memory_gb: None }));
    }
    let Some(nested) = reader.nested("gpu", &["count", "type", "memoryGb"])? else { return Ok(None) };
    let (kind, memory_gb) = (nested.string("type")?, nested.number("memoryGb")?);
    Ok(Some(Gpu { count: nested.number("count")?.unwrap_or(1), kind, memory_gb }))
}

/// `[{ store, path, field?, envVar? }]`
fn secrets(reader: &Reader) -> Answer<Vec<SecretMapping>> {
    reader.list("secrets", "an array of { store, path, field, envVar }", |it| {
        let it = Reader::new("secrets", it, &["store", "path", "field", "envVar"])?;
        Ok(SecretMapping {
            store: it.string("store")?.unwrap_or_default(),
            path: it.string("path")?.unwrap_or_default(),
            field: it.string("field")?,
            env_var: it.string("envVar")?,
        })
    })
}

/// `2` and `"2"` are both two cores.
fn quantity(reader: &Reader, key: &str) -> Answer<Option<String>> {
    match reader.raw(key).and_then(|value| value.dyn_into::<Number>().ok()) {
        Some(number) => Ok(number.to_string_with_radix(10).ok().map(String::from)),
        None => reader.string(key),
    }
}

/// `{ "/path": content }` or `[{ path, content }]`.
fn mounted_files(reader: &Reader) -> Answer<Vec<MountedFile>> {
    let Some(value) = reader.raw("mountedFiles").filter(|value| !value.is_null()) else { return Ok(Vec::new()) };
    let wrong = || reader.wrong("mountedFiles", "an object of paths and contents, or an array of { path, content }");
    let file = |path: Option<String>, content: &JsValue| {
        let content = Bytes::from(bytes(content).ok_or_else(wrong)?);
        Ok(MountedFile { path: path.ok_or_else(wrong)?, content })
    };
    if Array::is_array(&value) {
        return reader.list("mountedFiles", "an array", |it| {
            let it = Reader::new("mountedFiles", it, &["path", "content"])?;
            file(it.string("path")?, &it.raw("content").unwrap_or(JsValue::UNDEFINED))
        });
    }
    let object = value.dyn_ref::<Object>().ok_or_else(wrong)?;
    let read = |pair: JsValue| {
        let pair: Array = pair.unchecked_into();
        file(pair.get(0).as_string(), &pair.get(1))
    };
    Object::entries(object).iter().map(read).collect()
}
