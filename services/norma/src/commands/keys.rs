//! API keys at the terminal.

use std::path::Path;
use std::process::ExitCode;

use anyhow::ensure;
use chrono::{TimeDelta, Utc};
use norma_access::ApiKeySecret;
use norma_database::{ApiKey, Database, NewApiKey, NewAuditEvent, Page};
use norma_domain::{KeyId, Roles};

use super::blocking::block_on;
use super::installation::{COMMAND_LINE, open};
use super::terminal::{answer, tell};
use crate::command_line::{CreateKey, Installation, Keys, RevokeKey};

pub(crate) fn run(config: Option<&Path>, command: Keys) -> anyhow::Result<ExitCode> {
    block_on(async {
        match command {
            Keys::Create(arguments) => create(config, arguments).await,
            Keys::List(installation) => list(config, &installation).await,
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
    let (key, secret) = make_key(&database, name, scope, roles, lives).await?;
    tell(&format!(
        "key {} ({roles}); its secret is not shown again:",
        key.id
    ));
    answer(secret.expose());
    Ok(())
}

/// Makes a key and tells the audit trail.
pub(crate) async fn make_key(
    database: &Database,
    name: &str,
    scope: String,
    roles: Roles,
    lives: Option<TimeDelta>,
) -> anyhow::Result<(ApiKey, ApiKeySecret)> {
    let secret = ApiKeySecret::generate();
    let key = database
        .create_api_key(NewApiKey {
            name: name.to_owned(),
            scope,
            roles,
            secret_hash: secret.hash(),
            prefix: secret.prefix().to_owned(),
            created_by: COMMAND_LINE.to_owned(),
            expires_at: lives.map(|lives| Utc::now() + lives),
        })
        .await?;
    let mut event = NewAuditEvent::of_system(COMMAND_LINE, "key.create").about("key", key.id);
    event.detail = format!("roles: {roles}");
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
            (None, Some(expires_at)) => format!("until {}", expires_at.format("%F %R")),
            (None, None) => "valid".to_owned(),
        };
        let used = key.last_used_at.map_or_else(
            || "never used".to_owned(),
            |used| format!("used {}", used.format("%F %R")),
        );
        answer(&format!(
            "{}  {}…  {:<20}  {:<24}  {state}, {used}",
            key.id,
            key.prefix,
            key.name,
            key.roles.to_string()
        ));
    }
    Ok(())
}

async fn revoke(config: Option<&Path>, arguments: &RevokeKey) -> anyhow::Result<()> {
    let (database, _) = open(config, &arguments.installation).await?;
    revoke_key(&database, arguments.id).await?;
    tell(&format!("key {} is revoked", arguments.id));
    Ok(())
}
