//! What an image says about the processes in it, and what manifests say about an image.
//! Must not know: where the bytes come from.

use serde::{Deserialize, Serialize};

use super::ImageError;

/// Defaults for the processes in an image.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ImageConfig {
    /// `NAME=value`.
    #[serde(deserialize_with = "absent")]
    pub env: Vec<String>,
    /// What always runs.
    #[serde(deserialize_with = "absent")]
    pub entrypoint: Vec<String>,
    /// Its arguments unless others are given.
    #[serde(deserialize_with = "absent")]
    pub cmd: Vec<String>,
    /// Where processes start.
    pub working_dir: String,
    /// Whose processes they are: `name`, `uid`, either with `:group`.
    pub user: String,
}

/// The configuration file of an image.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct ConfigFile {
    /// `amd64`, `arm64`.
    pub architecture: String,
    /// `linux`.
    pub os: String,
    /// See [`ImageConfig`].
    #[serde(deserialize_with = "absent")]
    pub config: ImageConfig,
    /// The layers.
    pub rootfs: RootFs,
}

/// The layers' digests before compression, the lowest first.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct RootFs {
    /// `sha256:` and 64 hexadecimal digits each.
    pub diff_ids: Vec<String>,
}

/// A manifest, or an index of manifests for several platforms.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// Of an index.
    #[serde(default)]
    pub manifests: Vec<Descriptor>,
    /// Of a manifest.
    pub config: Option<Descriptor>,
    /// Of a manifest, the lowest first.
    #[serde(default)]
    pub layers: Vec<Descriptor>,
}

/// A reference to a blob.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// `sha256:` and 64 hexadecimal digits.
    pub digest: String,
    /// In an index: for which machine.
    pub platform: Option<Platform>,
}

/// A kind of machine.
#[derive(Debug, Clone, Deserialize)]
pub struct Platform {
    /// `amd64`, `arm64`.
    #[serde(default)]
    pub architecture: String,
    /// `linux`.
    #[serde(default)]
    pub os: String,
}

/// This machine's architecture in container terms.
pub fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

impl ConfigFile {
    /// Reads it, and refuses one for another kind of machine.
    ///
    /// # Errors
    /// [`ImageError::Unsupported`].
    pub fn parse(bytes: &[u8]) -> Result<Self, ImageError> {
        let file: Self = serde_json::from_slice(bytes)
            .map_err(|error| ImageError::Unsupported(format!("the image's configuration cannot be read: {error}")))?;
        let fits = |said: &str, own: &str| said.is_empty() || said == own;
        if fits(&file.architecture, architecture()) && fits(&file.os, "linux") {
            return Ok(file);
        }
        let (os, machine) = (&file.os, &file.architecture);
        Err(ImageError::Unsupported(format!(
            "the image is for {os}/{machine}, this machine is linux/{}; use an image for it",
            architecture()
        )))
    }
}

impl Manifest {
    /// Reads it.
    ///
    /// # Errors
    /// [`ImageError::Unsupported`].
    pub fn parse(bytes: &[u8]) -> Result<Self, ImageError> {
        serde_json::from_slice(bytes)
            .map_err(|error| ImageError::Unsupported(format!("the image's manifest cannot be read: {error}")))
    }

    /// In an index: the manifest for this machine. Only one without a platform is taken as it is.
    pub fn for_this_machine(&self) -> Option<&Descriptor> {
        let fits = |entry: &&Descriptor| {
            let platform = entry.platform.as_ref();
            platform.is_some_and(|platform| platform.architecture == architecture() && platform.os == "linux")
        };
        let lone = || match self.manifests.as_slice() {
            [only] if only.platform.is_none() => Some(only),
            _ => None,
        };
        self.manifests.iter().find(fits).or_else(lone)
    }
}

/// `null` where a value may be missing, too.
fn absent<'de, D: serde::Deserializer<'de>, T: Default + Deserialize<'de>>(from: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_means_nothing_said() {
        let text = br#"{"architecture":"","config":{"Env":null,"Cmd":["a"],"Entrypoint":null,"User":"x","Labels":{}}}"#;
        let config = ConfigFile::parse(text).unwrap().config;
        assert_eq!((config.cmd, config.user, config.env), (vec!["a".into()], "x".into(), Vec::new()));
        assert!(ConfigFile::parse(b"{\"config\":null}").is_ok());
    }

    #[test]
    fn an_image_for_another_machine_is_refused() {
        let error = ConfigFile::parse(br#"{"architecture":"s390x","os":"linux"}"#).unwrap_err();
        assert!(error.to_string().contains("linux/s390x"), "{error}");
    }

    #[test]
    fn an_index_gives_the_manifest_for_this_machine() {
        let text = format!(
            r#"{{"manifests":[{{"digest":"a","platform":{{"architecture":"mips","os":"linux"}}}},
                {{"digest":"b","platform":{{"architecture":"{}","os":"linux"}}}}]}}"#,
            architecture()
        );
        assert_eq!(Manifest::parse(text.as_bytes()).unwrap().for_this_machine().unwrap().digest, "b");
        let lone = Manifest::parse(br#"{"manifests":[{"digest":"a"}]}"#).unwrap();
        assert_eq!(lone.for_this_machine().unwrap().digest, "a");
        assert!(Manifest::parse(br#"{"manifests":[]}"#).unwrap().for_this_machine().is_none());
    }
}
