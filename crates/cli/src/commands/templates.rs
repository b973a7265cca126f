//! `jetway templates`: stored specifications that sandboxes are made from.

use anyhow::Result;
use clap::{Args, Subcommand};
use jetway::{
    Client,
    catalog::{Template, TemplateChanges},
};
use serde_json::{Value, json};

use crate::{
    exit,
    listing::{self, Listed, PrintAll, PrintMade, PrintOne},
    shape::Shape,
    show::{self, Format},
};

/// Keep what a sandbox is to be like, and make sandboxes from it.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:
  TEMPLATE=$(jetway templates create -q --name web --image node:22 --env PORT=8080 -- node server.js)
  jetway run -d --template $TEMPLATE
  jetway run --template $TEMPLATE --env PORT=9090 -- printenv PORT     what is said here wins
  jetway templates ls
  jetway templates update $TEMPLATE --image node:24 -- node server.js  replaces what it says
  jetway templates delete $TEMPLATE")]
pub struct Templates {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Store one
    Create {
        #[command(flatten)]
        shape: Box<Shape>,
        #[command(flatten)]
        print: PrintMade,
        /// The sandboxes' own command
        #[arg(value_name = "COMMAND", trailing_var_arg = true)]
        command: Vec<String>,
    },
    /// List them, the newest first
    #[command(visible_alias = "list")]
    Ls {
        /// Also those that were deleted
        #[arg(short, long)]
        all: bool,
        #[command(flatten)]
        print: PrintAll,
    },
    /// Show everything about one, also about one that was deleted
    Get {
        /// Template
        #[arg(value_name = "TEMPLATE")]
        id: String,
        #[command(flatten)]
        print: PrintOne,
    },
    /// Replace what one says; sandboxes that were made from it stay as they are
    Update {
        /// Template
        #[arg(value_name = "TEMPLATE")]
        id: String,
        #[command(flatten)]
        shape: Box<Shape>,
        /// The sandboxes' own command
        #[arg(value_name = "COMMAND", trailing_var_arg = true)]
        command: Vec<String>,
    },
    /// Delete some
    #[command(visible_alias = "rm")]
    Delete {
        /// Templates
        #[arg(value_name = "TEMPLATE", required = true)]
        ids: Vec<String>,
        /// Do not print the ids of those that were deleted
        #[arg(short, long)]
        quiet: bool,
    },
}

/// Does it.
pub async fn run(Templates { action }: Templates, client: Client) -> Result<u8> {
    match action {
        Action::Create { shape, print, command } => {
            let made = Template::create(&client, shape.options().command(command)).await?;
            print.print(&made)?;
        }
        Action::Ls { all, print } => {
            let found = Template::list(&client, all).await?;
            print.print(&found)?;
        }
        Action::Get { id, print } => print.print(&Template::get(&client, &id, true).await?)?,
        Action::Update { id, shape, command } => {
            let options = shape.options().command(command);
            let mut changes = TemplateChanges::default();
            changes.display_name.clone_from(&options.display_name);
            listing::one(&Template::update(&client, &id, changes.sandbox(options)).await?, Format::Table)?;
        }
        Action::Delete { ids, quiet } => {
            return exit::each(&ids, quiet, async |id| Template::delete(&client, id).await).await;
        }
    }
    Ok(0)
}

impl Listed for Template {
    const COLUMNS: &'static [&'static str] = &["ID", "NAME", "IMAGE", "REVISION", "AGE"];

    fn name(&self) -> &str {
        &self.id
    }

    fn row(&self) -> Vec<String> {
        vec![
            self.id.clone(),
            show::or_none(self.display_name.as_deref()),
            show::or_none(self.spec.image.as_deref()),
            self.revision.to_string(),
            show::age(self.created_at),
        ]
    }

    fn details(&self) -> String {
        let mut facts = vec![
            ("Id", Some(self.id.clone())),
            ("Name", self.display_name.clone()),
            ("Image", self.spec.image.clone()),
            ("Command", Some(self.spec.command.join(" ")).filter(|command| !command.is_empty())),
            ("Directory", self.spec.cwd.clone()),
            ("Tags", Some(self.spec.tags.join(", ")).filter(|tags| !tags.is_empty())),
            ("Lifetime", self.spec.max_lifetime_seconds.map(|seconds| format!("{seconds}s"))),
            ("Containers", Some(self.spec.containers.join(", ")).filter(|names| !names.is_empty())),
            ("Revision", Some(self.revision.to_string())),
            ("Created", self.created_at.map(show::moment)),
            ("Updated", self.updated_at.map(show::moment)),
            ("Deleted", self.deleted_at.map(show::moment)),
        ];
        facts.extend(self.spec.env.iter().map(|(name, value)| ("Variable", Some(format!("{name}={value}")))));
        show::lines(&facts)
    }

    fn json(&self) -> Value {
        json!({
            "id": self.id,
            "displayName": self.display_name,
            "spec": {
                "image": self.spec.image,
                "command": self.spec.command,
                "env": self.spec.env,
                "cwd": self.spec.cwd,
                "tags": self.spec.tags,
                "annotations": self.spec.annotations,
                "maxLifetimeSeconds": self.spec.max_lifetime_seconds,
                "containers": self.spec.containers,
            },
            "revision": self.revision,
            "createdAt": self.created_at.map(show::moment),
            "updatedAt": self.updated_at.map(show::moment),
            "deletedAt": self.deleted_at.map(show::moment),
            "requiresCks": self.requires_cks,
        })
    }
}
