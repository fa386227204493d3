//! The key that selftest and demo show to the gateway.

use std::path::Path;

use anyhow::Context as _;
use chrono::TimeDelta;
use norma_database::Database;
use norma_domain::{KeyId, Role, Roles};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};

use super::installation::open;
use super::keys::{make_key, revoke_key};
use crate::command_line::Target;

/// A key that dies soon, should this process not live to revoke it.
const LIVES: TimeDelta = TimeDelta::hours(1);

/// A client that shows a key: the given one, or one that is made in the database and revoked at the end.
pub(crate) struct Credential {
    pub(crate) client: reqwest::Client,
    made: Option<(Database, KeyId)>,
}

impl Credential {
    pub(crate) async fn obtain(
        config: Option<&Path>,
        target: &Target,
        name: &str,
        role: Role,
    ) -> anyhow::Result<Self> {
        // An empty variable is how a shell says that there is none.
        if let Some(key) = target.key.as_ref().filter(|key| !key.trim().is_empty()) {
            return Ok(Self {
                client: client_with(Some(key))?,
                made: None,
            });
        }
        if !is_asked_for(&target.url).await? {
            return Ok(Self {
                client: client_with(None)?,
                made: None,
            });
        }
        let (database, _) = open(config, &target.installation)
            .await
            .context("no API key: set NORMA_API_KEY, or run this beside the database")?;
        let (key, secret) =
            make_key(&database, name, name.to_owned(), Roles::of(&[role]), Some(LIVES)).await?;
        Ok(Self {
            client: client_with(Some(secret.expose()))?,
            made: Some((database, key.id)),
        })
    }

    /// Revokes what was made.
    pub(crate) async fn give_back(self) -> anyhow::Result<()> {
        if let Some((database, id)) = self.made {
            revoke_key(&database, id).await?;
        }
        Ok(())
    }
}

/// Whether the gateway asks who comes.
async fn is_asked_for(url: &str) -> anyhow::Result<bool> {
    let options: serde_json::Value = reqwest::get(format!("{url}/api/login-options"))
        .await
        .with_context(|| format!("failed to reach {url}; is `make run` running?"))?
        .json()
        .await
        .with_context(|| format!("{url} is no gateway of Norma"))?;
    Ok(options.get("authentication").and_then(|state| state.as_str()) != Some("off"))
}

pub(crate) fn client_with(key: Option<&str>) -> anyhow::Result<reqwest::Client> {
    let mut headers = HeaderMap::new();
    if let Some(key) = key {
        let mut value = HeaderValue::from_str(&format!("Bearer {key}")).context("this is no API key")?;
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
    }
    reqwest::Client::builder()
        .default_headers(headers)
        .build()
        .context("failed to set up the client")
}
