//! Challenges of passkeys between the question and the answer.

use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::prelude::*;
use norma_domain::UserId;

use crate::sign_in_schema::passkey_ceremonies;
use crate::sql_types::RowId;
use crate::{Database, DatabaseError, time};

/// Most challenges that wait for an answer at once of whom they count by: beyond, the one that runs out first is forgotten.
const MOST_WAITING: i64 = 64;

/// What has to be known again when an authenticator's answer comes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasskeyCeremony {
    /// SHA-256 of the purpose and of what the browser alone holds. A new one takes the place of an earlier one.
    pub id_hash: [u8; 32],
    pub purpose: String,
    /// Where password or link said who it is.
    pub user_id: Option<UserId>,
    /// SHA-256 of the link that signs in once, where one began it.
    pub link_hash: Option<[u8; 32]>,
    pub state: String,
    /// Whose it counts as, as a hash: of an address or an account.
    pub counted_by: [u8; 32],
    pub expires_at: DateTime<Utc>,
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = passkey_ceremonies, treat_none_as_default_value = false)]
struct CeremonyRow {
    id_hash: Vec<u8>,
    purpose: String,
    user_id: Option<RowId>,
    link_hash: Option<Vec<u8>>,
    state: String,
    counted_by: Vec<u8>,
    expires_at: NaiveDateTime,
}

impl Database {
    /// Keeps a challenge; those that were never answered are cleared away.
    pub async fn create_passkey_ceremony(&self, ceremony: PasskeyCeremony) -> Result<(), DatabaseError> {
        self.change(move |connection| {
            let now = time::to_row(time::now());
            let gone = passkey_ceremonies::expires_at
                .lt(now)
                .or(passkey_ceremonies::id_hash.eq(ceremony.id_hash.to_vec()));
            diesel::delete(passkey_ceremonies::table.filter(gone)).execute(connection)?;
            let beyond: Vec<Vec<u8>> = passkey_ceremonies::table
                .filter(passkey_ceremonies::counted_by.eq(ceremony.counted_by.to_vec()))
                .order(passkey_ceremonies::expires_at.desc())
                .offset(MOST_WAITING - 1)
                .limit(MOST_WAITING)
                .select(passkey_ceremonies::id_hash)
                .load(connection)?;
            diesel::delete(passkey_ceremonies::table.filter(passkey_ceremonies::id_hash.eq_any(beyond)))
                .execute(connection)?;
            diesel::insert_into(passkey_ceremonies::table)
                .values(CeremonyRow {
                    id_hash: ceremony.id_hash.to_vec(),
                    purpose: ceremony.purpose,
                    user_id: ceremony.user_id.map(RowId::from),
                    link_hash: ceremony.link_hash.map(|hash| hash.to_vec()),
                    state: ceremony.state,
                    counted_by: ceremony.counted_by.to_vec(),
                    expires_at: time::to_row(ceremony.expires_at),
                })
                .execute(connection)?;
            Ok(())
        })
        .await
    }

    /// Takes a challenge out: it is good for one answer, whatever that is. None where it is unknown or has run out.
    pub async fn take_passkey_ceremony(
        &self,
        id_hash: [u8; 32],
    ) -> Result<Option<PasskeyCeremony>, DatabaseError> {
        self.change(move |connection| {
            let row: Option<CeremonyRow> = passkey_ceremonies::table
                .find(id_hash.to_vec())
                .select(CeremonyRow::as_select())
                .first(connection)
                .optional()?;
            // Who deletes the row has it: of two that come at once, one.
            let deleted =
                diesel::delete(passkey_ceremonies::table.find(id_hash.to_vec())).execute(connection)?;
            Ok(row
                .map(|row| PasskeyCeremony {
                    id_hash,
                    purpose: row.purpose,
                    user_id: row.user_id.map(UserId::from),
                    link_hash: row.link_hash.and_then(|hash| hash.try_into().ok()),
                    state: row.state,
                    counted_by: row.counted_by.try_into().unwrap_or_default(),
                    expires_at: time::from_row(row.expires_at),
                })
                .filter(|ceremony| deleted > 0 && ceremony.expires_at > time::now()))
        })
        .await
    }
}
