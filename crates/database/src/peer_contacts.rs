//! What is known of how peers of the settings answer: from what was sent to them, and had from them.

use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::dsl::max;
use diesel::prelude::*;

use crate::deliveries::DeliveryState;
use crate::node_schema::pulls;
use crate::pull_state::PullState;
use crate::schema::deliveries;
use crate::{Database, DatabaseError, time};

/// How a peer has answered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PeerContact {
    /// When it took, or gave, all that was wanted last.
    pub last_success_at: Option<DateTime<Utc>>,
    /// Of what waits for another attempt, or was given up: when that failed last.
    pub last_failure_at: Option<DateTime<Utc>>,
    /// Why.
    pub last_failure_code: Option<String>,
    /// What the peer answered then.
    pub last_peer_status: Option<String>,
}

type LastFailure = Option<(NaiveDateTime, Option<String>, Option<String>)>;

impl PeerContact {
    fn of(success: Option<NaiveDateTime>, failure: LastFailure) -> Self {
        let (at, code, status) =
            failure.map_or((None, None, None), |(at, code, status)| (Some(at), code, status));
        Self {
            last_success_at: success.map(time::from_row),
            last_failure_at: at.map(time::from_row),
            last_failure_code: code,
            last_peer_status: status,
        }
    }
}

impl Database {
    /// What is known of a destination of results.
    pub async fn destination_contact(&self, name: String) -> Result<PeerContact, DatabaseError> {
        self.run(move |connection| {
            let of = deliveries::table.filter(deliveries::destination.eq(&name));
            let success = of
                .filter(deliveries::state.eq(DeliveryState::Delivered.as_str()))
                .select(max(deliveries::ended_at))
                .get_result(connection)?;
            let failure = of
                .filter(deliveries::state.ne(DeliveryState::Delivered.as_str()))
                .filter(deliveries::reason_code.is_not_null())
                .order(deliveries::updated_at.desc())
                .select((
                    deliveries::updated_at,
                    deliveries::reason_code,
                    deliveries::peer_status,
                ))
                .first(connection)
                .optional()?;
            Ok(PeerContact::of(success, failure))
        })
        .await
    }

    /// What is known of an archive that studies are pulled from.
    pub async fn source_contact(&self, name: String) -> Result<PeerContact, DatabaseError> {
        self.run(move |connection| {
            let of = pulls::table.filter(pulls::source.eq(&name));
            let success = of
                .filter(pulls::state.eq(PullState::Done.as_str()))
                .select(max(pulls::ended_at))
                .get_result(connection)?;
            let failure = of
                .filter(pulls::state.ne(PullState::Done.as_str()))
                .filter(pulls::reason_code.is_not_null())
                .order(pulls::updated_at.desc())
                .select((pulls::updated_at, pulls::reason_code, pulls::peer_status))
                .first(connection)
                .optional()?;
            Ok(PeerContact::of(success, failure))
        })
        .await
    }
}
