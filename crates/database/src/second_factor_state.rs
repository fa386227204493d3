//! What codes and passkeys of an account have in common: since when either is asked for, and what goes with the last of them.

use chrono::NaiveDateTime;
use diesel::prelude::*;

use crate::connection::AnyConnection;
use crate::schema::{sessions, users};
use crate::sign_in_schema::{passkeys, recovery_codes, second_factors};
use crate::sql_types::RowId;
use crate::{DatabaseError, time};

/// Since when the account has a second factor; None where there is no such account. Its row stays as it is until the change has
/// ended: two that begin, add or take away at once come one after the other.
pub(crate) fn lock_account(
    connection: &mut AnyConnection,
    id: RowId,
) -> Result<Option<Option<NaiveDateTime>>, DatabaseError> {
    let since = users::table.find(id).select(users::second_factor_at);
    Ok(match connection {
        AnyConnection::Postgres(inner) => since.for_update().first(inner).optional()?,
        // Its transaction is the only writer.
        AnyConnection::Sqlite(inner) => since.first(inner).optional()?,
    })
}

/// Where neither codes nor passkeys are left, no second factor is asked for, and codes for a lost device have no use.
pub(crate) fn settle_second_factor(connection: &mut AnyConnection, id: RowId) -> Result<(), DatabaseError> {
    let codes = second_factors::table
        .find(id)
        .filter(second_factors::last_step.gt(0))
        .count();
    let keys = passkeys::table.filter(passkeys::user_id.eq(id)).count();
    if codes.get_result::<i64>(connection)? + keys.get_result::<i64>(connection)? > 0 {
        return Ok(());
    }
    replace_recovery_codes(connection, id, &[])?;
    let had = users::table
        .find(id)
        .filter(users::second_factor_at.is_not_null());
    diesel::update(had)
        .set((
            users::second_factor_at.eq(None::<NaiveDateTime>),
            users::updated_at.eq(time::to_row(time::now())),
        ))
        .execute(connection)?;
    Ok(())
}

pub(crate) fn replace_recovery_codes(
    connection: &mut AnyConnection,
    id: RowId,
    code_hashes: &[[u8; 32]],
) -> Result<(), DatabaseError> {
    diesel::delete(recovery_codes::table.filter(recovery_codes::user_id.eq(id))).execute(connection)?;
    for hash in code_hashes {
        diesel::insert_into(recovery_codes::table)
            .values((
                recovery_codes::user_id.eq(id),
                recovery_codes::code_hash.eq(hash.to_vec()),
            ))
            .execute(connection)?;
    }
    Ok(())
}

/// Takes all passkeys of an account away.
pub(crate) fn remove_passkeys(connection: &mut AnyConnection, account: RowId) -> Result<(), DatabaseError> {
    diesel::delete(passkeys::table.filter(passkeys::user_id.eq(account))).execute(connection)?;
    settle_second_factor(connection, account)
}

/// Ends an account's sessions but for the one of `kept`.
pub(crate) fn end_other_sessions(
    connection: &mut AnyConnection,
    account: RowId,
    kept: Option<[u8; 32]>,
) -> Result<(), DatabaseError> {
    // No token has an empty hash.
    let kept = kept.map(|hash| hash.to_vec()).unwrap_or_default();
    let others = sessions::table
        .filter(sessions::user_id.eq(account))
        .filter(sessions::token_hash.ne(kept));
    diesel::delete(others).execute(connection)?;
    Ok(())
}
