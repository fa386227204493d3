//! Keys for what is stored, and storing it again with them.

use std::process::ExitCode;

use anyhow::{Context as _, bail};
use futures::StreamExt as _;
use norma_database::Database;
use norma_domain::UserId;
use norma_encryption::{
    KeyEncryption, KeyRing, open_secret, seal_secret, second_factor_context, secret_key_id,
};
use norma_object_storage::{ObjectError, ObjectKey, Objects};

use super::terminal::{EXIT_PARTIAL, answer, tell};

/// Objects that are stored again at once: each is three parts of 8 MiB in memory.
const AT_ONCE: usize = 4;

pub(super) fn new_key(id: &str) -> anyhow::Result<ExitCode> {
    answer(KeyRing::new_line(id)?.trim_end());
    Ok(ExitCode::SUCCESS)
}

enum Ended {
    Stored,
    AsItShould,
    Deleted,
    Failed,
}

/// Encrypts objects and secrets with the key in use that are not.
pub(super) async fn encrypt(database: &Database, objects: &Objects) -> anyhow::Result<ExitCode> {
    let Some(keys) = objects.keys() else {
        bail!("no keys: name a file of them in the setting encryption.keys_file");
    };
    let [mut stored, mut as_it_should, mut failed] = [0_u64; 3];
    let mut ends = objects
        .keys_of_all()
        .map(async |key| encrypt_object(objects, key).await)
        .buffer_unordered(AT_ONCE);
    while let Some(ended) = ends.next().await {
        match ended.context("failed to list the objects")? {
            Ended::Stored => stored += 1,
            Ended::AsItShould => as_it_should += 1,
            Ended::Failed => failed += 1,
            Ended::Deleted => {}
        }
    }
    let mut secrets = 0_u64;
    for (user_id, secret) in database.second_factor_secrets().await? {
        match encrypt_secret(database, keys.as_ref(), user_id, secret).await {
            Ok(is_stored) => secrets += u64::from(is_stored),
            Err(error) => {
                failed += 1;
                tell(&format!("the second factor of the account {user_id}: {error:#}"));
            }
        }
    }
    answer(&format!(
        "{stored} objects and {secrets} secrets of second factors are encrypted with the key {} now; {as_it_should} objects were before",
        keys.key_in_use()
    ));
    if failed > 0 {
        tell(&format!("{failed} could not be encrypted and are as they were"));
        return Ok(ExitCode::from(EXIT_PARTIAL));
    }
    Ok(ExitCode::SUCCESS)
}

async fn encrypt_object(
    objects: &Objects,
    key: Result<ObjectKey, ObjectError>,
) -> Result<Ended, ObjectError> {
    let key = key?;
    Ok(match objects.encrypt_again(key).await {
        Ok(true) => Ended::Stored,
        Ok(false) => Ended::AsItShould,
        Err(ObjectError::NotFound(_)) => Ended::Deleted,
        Err(error) => {
            tell(&format!("{:#}", anyhow::Error::new(error)));
            Ended::Failed
        }
    })
}

async fn encrypt_secret(
    database: &Database,
    keys: &dyn KeyEncryption,
    user_id: UserId,
    stored: Vec<u8>,
) -> anyhow::Result<bool> {
    if secret_key_id(&stored)?.as_deref() == Some(keys.key_in_use()) {
        return Ok(false);
    }
    let context = second_factor_context(&user_id.to_string());
    let secret = open_secret(Some(keys), &context, stored.clone()).await?;
    let again = seal_secret(keys, &context, &secret).await?;
    Ok(database
        .replace_second_factor_secret(user_id, stored, again)
        .await?)
}
