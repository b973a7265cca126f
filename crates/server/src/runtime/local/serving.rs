//! Which root a name stands for: an image that is here, the host view, or an image from its registry; in this order.
//!
//! What was brought in on purpose wins over what the host can do, and what the host can do over a download. The view that
//! goes with every root says which it is.
//! Must not know: how a root is mounted.

use std::{collections::BTreeMap, collections::HashMap, path::PathBuf, sync::Arc};

use tokio::sync::Mutex;
use tracing::Instrument;

use super::{images::Catalogue, roots::Root};
use crate::{
    config::Pull,
    images::{Image, ImageConfig, ImageError, Images, Login, Remote},
    runtime::{ContainerPlan, ImageView, RuntimeError},
    trace::TRACE_TARGET,
};

/// A main command that waits without a sound, and ends on TERM.
const KEEP_ALIVE: [&str; 2] = ["sleep", "infinity"];

/// Everything that can be served here.
pub struct Serving {
    /// What the host view has.
    pub catalogue: Catalogue,
    /// What was brought in.
    pub images: Images,
    /// Whether the rest is fetched.
    pub pull: Pull,
    /// Where `docker login` keeps credentials.
    pub docker_config: Option<PathBuf>,
    /// The directory that lies on top of every image: places to mount on, and the few files that are ours.
    pub fixtures: PathBuf,
    /// One download of an image at a time; whoever comes later finds it here.
    pub pulls: Mutex<HashMap<String, Arc<Mutex<()>>>>,
}

/// What a container is made from.
pub struct Served {
    /// What its root is built on.
    pub root: Root,
    /// What its image says about processes.
    pub config: ImageConfig,
}

impl Serving {
    /// How `image` is served. Asks its registry when it is neither here nor in the host view, and fetches nothing.
    pub async fn resolve(&self, image: &str, login: Option<&Login>) -> Result<ImageView, RuntimeError> {
        if let Some(view) = self.local(image)? {
            return Ok(view);
        }
        self.remote(image, login).await?;
        let description = format!("image {image}, fetched from its registry when it starts");
        Ok(ImageView { image: image.to_owned(), kind: "image".into(), description })
    }

    /// What `image` stands for, fetched if need be.
    pub async fn root(&self, image: &str, login: Option<&Login>) -> Result<Served, RuntimeError> {
        if self.local(image)?.is_none() {
            self.fetch(image, login).await?;
        }
        match self.images.find(image)? {
            Some(found) => Ok(Served { root: self.built_on(image, &found), config: found.config }),
            None => Ok(Served { root: self.catalogue.root(image)?, config: ImageConfig::default() }),
        }
    }

    fn local(&self, image: &str) -> Result<Option<ImageView>, RuntimeError> {
        match self.images.find(image)? {
            Some(found) => Ok(Some(view(image, &found))),
            None => Ok(self.catalogue.resolve(image).ok().map(|(view, _)| view)),
        }
    }

    async fn remote(&self, image: &str, login: Option<&Login>) -> Result<Remote, RuntimeError> {
        // Its words say what the host view has instead.
        let Err(missing) = self.catalogue.resolve(image) else {
            return Err(RuntimeError::ImageNotFound(format!("image {image:?} is served by the host view")));
        };
        if self.pull == Pull::Never {
            return Err(missing);
        }
        Remote::find(image, login, self.docker_config.clone()).await.map_err(|error| match error {
            ImageError::Name { .. } => missing,
            // A short name means the public hub, which a machine of its own need not reach.
            // One that is there says of what it does not have that it asks for credentials.
            ImageError::Unreachable { .. } | ImageError::Denied { .. } if !has_registry(image) => {
                RuntimeError::ImageNotFound(format!("{missing}; its registry was asked, too: {error}"))
            }
            error => error.into(),
        })
    }

    async fn fetch(&self, image: &str, login: Option<&Login>) -> Result<(), RuntimeError> {
        let turn = self.pulls.lock().await.entry(image.to_owned()).or_default().clone();
        let fetched = async {
            let _turn = turn.lock().await;
            if self.images.find(image)?.is_some() {
                return Ok(());
            }
            tracing::info!(image, "fetching an image from its registry");
            let fetched = self.remote(image, login).await?.fetch(&self.images, image).await?;
            tracing::info!(image, digest = fetched.digest, layers = fetched.layers.len(), "fetched an image");
            Ok(())
        };
        let fetched = fetched.instrument(tracing::info_span!(target: TRACE_TARGET, "fetch image", image)).await;
        self.pulls.lock().await.remove(image);
        fetched
    }

    fn built_on(&self, image: &str, found: &Image) -> Root {
        let layers = std::iter::once(self.fixtures.clone()).chain(self.images.layers(found)).collect();
        Root::image(layers, view(image, found))
    }
}

/// Completes a container's plan with what its image says.
pub fn complete(plan: &mut ContainerPlan, config: &ImageConfig, image: bool) {
    let variables = config.env.iter().filter_map(|line| line.split_once('='));
    let mut env: BTreeMap<String, String> = variables
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .filter(|(name, _)| !name.is_empty())
        .collect();
    env.append(&mut plan.env);
    plan.env = env;
    if plan.arguments_only {
        let mut argv = config.entrypoint.clone();
        if plan.argv.is_empty() {
            argv.extend(config.cmd.iter().cloned());
        }
        argv.append(&mut plan.argv);
        plan.argv = argv;
        plan.arguments_only = false;
    }
    if plan.argv.is_empty() {
        plan.argv = KEEP_ALIVE.map(str::to_owned).to_vec();
    }
    if plan.working_dir.is_empty() && image {
        plan.working_dir = if config.working_dir.starts_with('/') { config.working_dir.clone() } else { "/".into() };
    }
    if plan.user.is_empty() {
        plan.user.clone_from(&config.user);
    }
}

fn view(image: &str, found: &Image) -> ImageView {
    let digest: String = found.digest.chars().take("sha256:".len() + 12).collect();
    let description = format!("image {} ({digest}, from {})", found.name, found.source);
    ImageView { image: image.to_owned(), kind: "image".into(), description }
}

/// Whether a name says which registry it is from.
fn has_registry(image: &str) -> bool {
    image.split_once('/').is_some_and(|(first, _)| first.contains(['.', ':']) || first == "localhost")
}

impl From<ImageError> for RuntimeError {
    fn from(error: ImageError) -> Self {
        match error {
            ImageError::Missing(_) | ImageError::NotFound { .. } | ImageError::Name { .. } => {
                Self::ImageNotFound(error.to_string())
            }
            other => Self::Image(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn a_command_replaces_the_images_and_arguments_replace_its_arguments() {
        let config = ImageConfig { entrypoint: words(&["start"]), cmd: words(&["a", "b"]), ..ImageConfig::default() };
        for (argv, arguments_only, expected) in [
            (&["sh", "-c"][..], false, &["sh", "-c"][..]),
            (&["x"], true, &["start", "x"]),
            (&[], true, &["start", "a", "b"]),
        ] {
            let mut plan = ContainerPlan { argv: words(argv), arguments_only, ..ContainerPlan::default() };
            complete(&mut plan, &config, true);
            assert_eq!(plan.argv, words(expected));
        }
        let mut silent = ContainerPlan { arguments_only: true, ..ContainerPlan::default() };
        complete(&mut silent, &ImageConfig::default(), true);
        assert_eq!((silent.argv, silent.working_dir.as_str()), (words(&KEEP_ALIVE), "/"));
    }

    #[test]
    fn what_is_asked_for_wins_over_what_the_image_says() {
        let config = ImageConfig {
            env: words(&["A=image", "B=image=b", "=no", "none"]),
            working_dir: "/srv".into(),
            user: "app".into(),
            ..ImageConfig::default()
        };
        let mut plan = ContainerPlan { argv: words(&["x"]), ..ContainerPlan::default() };
        plan.env.insert("A".into(), "asked".into());
        complete(&mut plan, &config, true);
        let env: Vec<_> = plan.env.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(env, [("A", "asked"), ("B", "image=b")]);
        assert_eq!((plan.working_dir.as_str(), plan.user.as_str()), ("/srv", "app"));
        let mut plan = ContainerPlan { user: "0".into(), working_dir: "/w".into(), ..plan };
        complete(&mut plan, &config, true);
        assert_eq!((plan.working_dir.as_str(), plan.user.as_str()), ("/w", "0"));
    }

    #[test]
    fn a_name_says_its_registry_or_means_the_hub() {
        for (image, says) in
            [("redis:7", false), ("team/app", false), ("localhost/app", true), ("h:5000/a", true), ("a.b/c", true)]
        {
            assert_eq!(has_registry(image), says, "{image}");
        }
    }
}
