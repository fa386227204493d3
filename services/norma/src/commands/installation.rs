//! The database of an installation, for commands that work beside the running service.

use std::path::{Path, absolute};

use anyhow::{Context as _, ensure};
use norma_database::{Database, DatabaseUrl};
use norma_object_storage::Objects;
use norma_service::Settings;

use super::settings::settings;
use crate::command_line::Installation;

/// Who acts where somebody types a command: whoever may read the database may do everything anyway.
pub(crate) const COMMAND_LINE: &str = "command line";

/// Address of the database in the folder of `norma serve --data`.
pub(crate) fn database_in(folder: &Path) -> String {
    format!("sqlite://{}", folder.join("norma.db").display())
}

/// Opens the database that the settings or `--data` name. It must be there: a new one in the wrong place would only
/// confuse.
pub(crate) async fn open(
    config: Option<&Path>,
    installation: &Installation,
) -> anyhow::Result<(Database, Settings)> {
    let mut settings = settings(config)?;
    if let Some(data) = &installation.data {
        let data = absolute(data).context("failed to resolve the data folder")?;
        settings.database.url = database_in(&data).into();
    }
    let options = settings.database_options()?;
    if let DatabaseUrl::Sqlite(path) = &options.url {
        ensure!(
            Path::new(path).exists(),
            "there is no database at {path}: start `norma serve` first, or name its folder with --data"
        );
    }
    let database = Database::open_with(options)
        .await
        .context("failed to open the database")?;
    Ok((database, settings))
}

/// The objects that lie beside that database.
pub(crate) fn objects_of(settings: &Settings, installation: &Installation) -> anyhow::Result<Objects> {
    let Some(data) = &installation.data else {
        return settings.open_objects();
    };
    let data = absolute(data).context("failed to resolve the data folder")?;
    let objects =
        Objects::folder(&data.join("objects")).context("failed to open the objects of the data folder")?;
    settings.encrypting(objects)
}

/// Where browsers reach the gateway, as far as the settings tell.
pub(crate) fn base_url(settings: &Settings, said: Option<String>) -> String {
    let gateway = &settings.gateway;
    said.or_else(|| gateway.public_url.clone())
        .map(|url| url.trim_end_matches('/').to_owned())
        .unwrap_or_else(|| match gateway.address {
            address if address.is_unspecified() => format!("http://localhost:{}", gateway.port),
            address => format!("http://{}", std::net::SocketAddr::new(address, gateway.port)),
        })
}
