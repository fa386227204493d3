//! People's accounts at the terminal.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, bail, ensure};
use chrono::{TimeDelta, Utc};
use norma_access::Token;
use norma_database::{Database, DatabaseError, NewAuditEvent, NewUser, Page, User};
use norma_domain::Roles;
use norma_service::Settings;

use super::blocking::block_on;
use super::installation::{COMMAND_LINE, base_url, open};
use super::terminal::{answer, tell};
use crate::command_line::{CreateUser, Installation, OneLogin, SignInLink, Users};

pub(crate) fn run(config: Option<&Path>, command: Users) -> anyhow::Result<ExitCode> {
    block_on(async {
        match command {
            Users::Create(arguments) => create(config, arguments).await,
            Users::List(installation) => list(config, &installation).await,
            Users::SignInLink(arguments) => sign_in_link(config, arguments).await,
            Users::ResetSecondFactor(arguments) => reset_second_factor(config, &arguments).await,
        }
    })?;
    Ok(ExitCode::SUCCESS)
}

async fn create(config: Option<&Path>, arguments: CreateUser) -> anyhow::Result<()> {
    let login = arguments.login.trim();
    ensure!(
        !login.is_empty() && login.chars().count() <= 100 && !login.contains(char::is_whitespace),
        "a login has 1 to 100 characters without blanks"
    );
    let (database, settings) = open(config, &arguments.installation).await?;
    let roles: Roles = arguments.roles.into_iter().collect();
    let made = database
        .create_user(NewUser {
            login: login.to_owned(),
            display_name: arguments.name.unwrap_or_else(|| login.to_owned()),
            roles,
            openid: None,
        })
        .await;
    let user = match made {
        Ok(user) => user,
        Err(DatabaseError::UniqueViolation { .. }) => bail!("somebody has the login {login} already"),
        Err(error) => return Err(error.into()),
    };
    let mut event = NewAuditEvent::of_system(COMMAND_LINE, "user.create").about("user", user.id);
    event.detail = format!("roles: {roles}");
    database.append_audit_events(vec![event]).await?;
    give_link(&database, &settings, &user, arguments.url).await
}

async fn list(config: Option<&Path>, installation: &Installation) -> anyhow::Result<()> {
    let (database, _) = open(config, installation).await?;
    let everything = Page {
        limit: 10_000,
        offset: 0,
    };
    for user in database.list_users(everything).await?.items {
        let state = match (user.disabled, user.second_factor_at) {
            (true, _) => "disabled",
            (false, Some(_)) => "enabled, second factor",
            (false, None) => "enabled",
        };
        answer(&format!(
            "{:<24}  {:<40}  {state}  {}",
            user.login,
            user.roles.to_string(),
            user.display_name
        ));
    }
    Ok(())
}

async fn sign_in_link(config: Option<&Path>, arguments: SignInLink) -> anyhow::Result<()> {
    let (database, settings) = open(config, &arguments.installation).await?;
    let user = database
        .user_of_login(&arguments.login)
        .await?
        .with_context(|| format!("nobody has the login {}", arguments.login))?;
    ensure!(!user.disabled, "the account is disabled");
    ensure!(
        user.openid.is_none(),
        "the account signs in by OpenID Connect and has no password here"
    );
    give_link(&database, &settings, &user, arguments.url).await
}

async fn reset_second_factor(config: Option<&Path>, arguments: &OneLogin) -> anyhow::Result<()> {
    let (database, _) = open(config, &arguments.installation).await?;
    let login = &arguments.login;
    let user = database
        .user_of_login(login)
        .await?
        .with_context(|| format!("nobody has the login {login}"))?;
    ensure!(
        database.remove_second_factor(user.id).await?,
        "the account has no second factor"
    );
    let event = NewAuditEvent::of_system(COMMAND_LINE, "user.second_factor_reset").about("user", user.id);
    database.append_audit_events(vec![event]).await?;
    tell(&format!(
        "{} signs in without a code or passkey from now on; its sessions have ended",
        user.login
    ));
    Ok(())
}

async fn give_link(
    database: &Database,
    settings: &Settings,
    user: &User,
    url: Option<String>,
) -> anyhow::Result<()> {
    let token = Token::generate();
    let hours = settings.identity.sign_in_link_hours;
    database
        .create_one_time_token(token.hash(), user.id, Utc::now() + TimeDelta::hours(hours.into()))
        .await?;
    let event = NewAuditEvent::of_system(COMMAND_LINE, "user.sign_in_link").about("user", user.id);
    database.append_audit_events(vec![event]).await?;
    tell(&format!(
        "this link signs {} in once, within {hours} hours:",
        user.login
    ));
    answer(&format!(
        "{}/login#token={}",
        base_url(settings, url),
        token.expose()
    ));
    Ok(())
}
