//! `jetway templates`: stored specifications that sandboxes are made from.

use anyhow::Result;
use clap::{Args, Subcommand};
use jetway::{
    Client,
    catalog::{Template, TemplateChanges},
};
use serde_json::{Value, json};

use crate::{
    exit, output,
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
        /// Print its id only
        #[arg(short, long)]
        quiet: bool,
        /// How to print it
        #[arg(short, long, value_enum, default_value_t, conflicts_with = "quiet")]
        output: Format,
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
        /// Print ids only
        #[arg(short, long)]
        quiet: bool,
        /// How to print them
        #[arg(short, long, value_enum, default_value_t, conflicts_with = "quiet")]
        output: Format,
    },
    /// Show everything about one, also about one that was deleted
    Get {
        /// Template
        #[arg(value_name = "TEMPLATE")]
        id: String,
        /// How to print it
        #[arg(short, long, value_enum, default_value_t)]
        output: Format,
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
        Action::Create { shape, quiet, output, command } => {
            let made = Template::create(&client, shape.options().command(command)).await?;
            match quiet {
                true => output::print(&format!("{}\n", made.id))?,
                false => one(&made, output)?,
            }
        }
        Action::Ls { all, quiet, output } => {
            let found = Template::list(&client, all).await?;
            if quiet {
                output::print(&found.iter().map(|it| format!("{}\n", it.id)).collect::<String>())?;
            } else {
                let table = || show::table(&COLUMNS, &found.iter().map(row).collect::<Vec<_>>());
                show::print(output, || Value::Array(found.iter().map(json).collect()), table)?;
            }
        }
        Action::Get { id, output } => one(&Template::get(&client, &id, true).await?, output)?,
        Action::Update { id, shape, command } => {
            let options = shape.options().command(command);
            let mut changes = TemplateChanges::default();
            changes.display_name.clone_from(&options.display_name);
            one(&Template::update(&client, &id, changes.sandbox(options)).await?, Format::Table)?;
        }
        Action::Delete { ids, quiet } => {
            return exit::each(&ids, quiet, async |id| Template::delete(&client, id).await).await;
        }
    }
    Ok(0)
}

fn one(template: &Template, format: Format) -> Result<()> {
    show::print(format, || json(template), || details(template))
}

const COLUMNS: [&str; 5] = ["ID", "NAME", "IMAGE", "REVISION", "AGE"];

fn row(it: &Template) -> Vec<String> {
    vec![
        it.id.clone(),
        show::or_none(it.display_name.as_deref()),
        show::or_none(it.spec.image.as_deref()),
        it.revision.to_string(),
        show::age(it.created_at),
    ]
}

fn details(it: &Template) -> String {
    let mut facts = vec![
        ("Id", Some(it.id.clone())),
        ("Name", it.display_name.clone()),
        ("Image", it.spec.image.clone()),
        ("Command", Some(it.spec.command.join(" ")).filter(|command| !command.is_empty())),
        ("Directory", it.spec.cwd.clone()),
        ("Tags", Some(it.spec.tags.join(", ")).filter(|tags| !tags.is_empty())),
        ("Lifetime", it.spec.max_lifetime_seconds.map(|seconds| format!("{seconds}s"))),
        ("Containers", Some(it.spec.containers.join(", ")).filter(|names| !names.is_empty())),
        ("Revision", Some(it.revision.to_string())),
        ("Created", it.created_at.map(show::moment)),
        ("Updated", it.updated_at.map(show::moment)),
        ("Deleted", it.deleted_at.map(show::moment)),
    ];
    facts.extend(it.spec.env.iter().map(|(name, value)| ("Variable", Some(format!("{name}={value}")))));
    show::lines(&facts)
}

fn json(it: &Template) -> Value {
    json!({
        "id": it.id,
        "displayName": it.display_name,
        "spec": {
            "image": it.spec.image,
            "command": it.spec.command,
            "env": it.spec.env,
            "cwd": it.spec.cwd,
            "tags": it.spec.tags,
            "annotations": it.spec.annotations,
            "maxLifetimeSeconds": it.spec.max_lifetime_seconds,
            "containers": it.spec.containers,
        },
        "revision": it.revision,
        "createdAt": it.created_at.map(show::moment),
        "updatedAt": it.updated_at.map(show::moment),
        "deletedAt": it.deleted_at.map(show::moment),
        "requiresCks": it.requires_cks,
    })
}
