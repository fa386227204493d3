//! API keys at the terminal.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{bail, ensure};
use chrono::{TimeDelta, Utc};
use norma_access::{ApiKeySecret, Networks};
use norma_database::{ApiKey, ConfirmedKey, Database, KeyConfirmer, NewApiKey, NewAuditEvent, Page};
use norma_domain::{KeyId, Roles};

use super::blocking::block_on;
use super::installation::{COMMAND_LINE, open};
use super::terminal::{answer, tell};
use crate::command_line::{CreateKey, Installation, Keys, OneKey};

pub(crate) fn run(config: Option<&Path>, command: Keys) -> anyhow::Result<ExitCode> {
    block_on(async {
        match command {
            Keys::Create(arguments) => create(config, arguments).await,
            Keys::List(installation) => list(config, &installation).await,
            Keys::Confirm(arguments) => confirm(config, &arguments).await,
            Keys::Revoke(arguments) => revoke(config, &arguments).await,
        }
    })?;
    Ok(ExitCode::SUCCESS)
}

async fn create(config: Option<&Path>, arguments: CreateKey) -> anyhow::Result<()> {
    let name = arguments.name.trim();
    ensure!(
        !name.is_empty() && name.chars().count() <= 200,
        "a name has 1 to 200 characters"
    );
    let (database, settings) = open(config, &arguments.installation).await?;
    let roles: Roles = arguments.roles.into_iter().collect();
    let usual = settings.identity.key_lifetime_days;
    let days = arguments.expires_in_days.or((usual > 0).then_some(usual));
    let lives = days.map(|days| TimeDelta::days(days.into()));
    // Its own where none is given.
    let scope = arguments.scope.unwrap_or_default();
    let waits = settings.identity.needs_confirmation(roles);
    let networks = Networks::parse(&arguments.allowed_addresses)?;
    let new = StoredKey {
        name,
        scope,
        roles,
        lives,
        needs_confirmation: waits,
        networks,
    };
    let (key, secret) = store_key(&database, new).await?;
    tell(&format!(
        "key {} ({roles}); its secret is not shown again:",
        key.id
    ));
    if waits {
        tell("it acts once an administrator has confirmed it on the page (identity.confirmed_key_roles)");
    }
    answer(secret.expose());
    Ok(())
}

/// Makes a key that acts at once, for a command that revokes it when it ends, and tells the audit trail.
pub(crate) async fn make_key(
    database: &Database,
    name: &str,
    scope: String,
    roles: Roles,
    lives: Option<TimeDelta>,
) -> anyhow::Result<(ApiKey, ApiKeySecret)> {
    let new = StoredKey {
        name,
        scope,
        roles,
        lives,
        needs_confirmation: false,
        networks: Networks::default(),
    };
    store_key(database, new).await
}

struct StoredKey<'a> {
    name: &'a str,
    scope: String,
    roles: Roles,
    lives: Option<TimeDelta>,
    needs_confirmation: bool,
    networks: Networks,
}

async fn store_key(database: &Database, new: StoredKey<'_>) -> anyhow::Result<(ApiKey, ApiKeySecret)> {
    let StoredKey {
        roles,
        needs_confirmation,
        ..
    } = new;
    let secret = ApiKeySecret::generate();
    let key = database
        .create_api_key(NewApiKey {
            name: new.name.to_owned(),
            scope: new.scope,
            roles,
            secret_hash: secret.hash(),
            prefix: secret.prefix().to_owned(),
            created_by: COMMAND_LINE.to_owned(),
            expires_at: new.lives.map(|lives| Utc::now() + lives),
            made_by_user: None,
            needs_confirmation,
            allowed_addresses: new.networks.texts(),
        })
        .await?;
    let mut event = NewAuditEvent::of_system(COMMAND_LINE, "key.create").about("key", key.id);
    event.detail = format!("roles: {roles}");
    if needs_confirmation {
        event.detail += "; awaits confirmation";
    }
    if !key.allowed_addresses.is_empty() {
        event.detail += &format!("; from {}", key.allowed_addresses.join(" "));
    }
    database.append_audit_events(vec![event]).await?;
    Ok((key, secret))
}

/// Revokes a key and tells the audit trail.
pub(crate) async fn revoke_key(database: &Database, id: KeyId) -> anyhow::Result<()> {
    let revoked = database.revoke_api_key(id).await?;
    ensure!(revoked.is_some(), "there is no key {id}");
    let event = NewAuditEvent::of_system(COMMAND_LINE, "key.revoke").about("key", id);
    database.append_audit_events(vec![event]).await?;
    Ok(())
}

async fn list(config: Option<&Path>, installation: &Installation) -> anyhow::Result<()> {
    let (database, _) = open(config, installation).await?;
    let everything = Page {
        limit: 10_000,
        offset: 0,
    };
    for key in database.list_api_keys(everything).await?.items {
        let state = match (key.revoked_at, key.expires_at) {
            (Some(_), _) => "revoked".to_owned(),
            (None, Some(expires_at)) if expires_at <= Utc::now() => "expired".to_owned(),
            _ if key.awaits_confirmation() => "awaits confirmation".to_owned(),
            (None, Some(expires_at)) => format!("until {}", expires_at.format("%F %R")),
            (None, None) => "valid".to_owned(),
        };
        let used = key.last_used_at.map_or_else(
            || "never used".to_owned(),
            |used| format!("used {}", used.format("%F %R")),
        );
        let from = match key.allowed_addresses.join(" ") {
            anywhere if anywhere.is_empty() => anywhere,
            networks => format!(", from {networks}"),
        };
        answer(&format!(
            "{}  {}…  {:<20}  {:<24}  {state}, {used}{from}",
            key.id,
            key.prefix,
            key.name,
            key.roles.to_string()
        ));
    }
    Ok(())
}

async fn confirm(config: Option<&Path>, arguments: &OneKey) -> anyhow::Result<()> {
    let (database, _) = open(config, &arguments.installation).await?;
    let id = arguments.id;
    let by = COMMAND_LINE.to_owned();
    let mut event = NewAuditEvent::of_system(COMMAND_LINE, "key.confirm").about("key", id);
    match database
        .confirm_api_key(id, KeyConfirmer::CommandLine, by)
        .await?
    {
        Some(ConfirmedKey::Confirmed(key)) => {
            event.detail = format!("roles: {}; made by {}", key.roles, key.created_by);
            database.append_audit_events(vec![event]).await?;
            tell(&format!("key {id} acts now"));
            Ok(())
        }
        Some(ConfirmedKey::OwnKey) => {
            bail!("the command line made key {id}: an administrator confirms it on the page")
        }
        Some(ConfirmedKey::NotAwaited) => {
            bail!("key {id} waits for no confirmation: it needs none, has one, was revoked or has expired")
        }
        None => bail!("there is no key {id}"),
    }
}

async fn revoke(config: Option<&Path>, arguments: &OneKey) -> anyhow::Result<()> {
    let (database, _) = open(config, &arguments.installation).await?;
    revoke_key(&database, arguments.id).await?;
    tell(&format!("key {} is revoked", arguments.id));
    Ok(())
}
