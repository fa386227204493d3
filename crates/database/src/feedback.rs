//! What readers say of an answer.

use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::prelude::*;
use norma_domain::AnalysisId;
use uuid::Uuid;

use crate::connection::MultiBackend;
use crate::schema::feedback;
use crate::sql_types::RowId;
use crate::text::refuse_nul;
use crate::{Database, DatabaseError, time};

/// A reader's agreement or disagreement with an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feedback {
    pub id: Uuid,
    pub analysis_id: AnalysisId,
    pub agree: bool,
    /// The label that the reader holds to be right.
    pub label: Option<String>,
    pub comment: Option<String>,
    /// Who said it; none before there were accounts.
    pub user: Option<FeedbackUser>,
    pub created_at: DateTime<Utc>,
}

/// Who gave feedback. The name is kept as it was then, so that it outlives the account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedbackUser {
    /// The account or the key; none with authentication off.
    pub id: Option<Uuid>,
    pub name: String,
}

/// Feedback to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewFeedback {
    pub analysis_id: AnalysisId,
    pub agree: bool,
    pub label: Option<String>,
    pub comment: Option<String>,
    pub user: Option<FeedbackUser>,
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = feedback, treat_none_as_default_value = false)]
pub(crate) struct FeedbackRow {
    id: RowId,
    analysis_id: RowId,
    agree: bool,
    label: Option<String>,
    comment: Option<String>,
    user_name: Option<String>,
    created_at: NaiveDateTime,
    user_id: Option<RowId>,
    withdrawn_at: Option<NaiveDateTime>,
}

impl From<FeedbackRow> for Feedback {
    fn from(row: FeedbackRow) -> Self {
        Self {
            id: row.id.0,
            analysis_id: row.analysis_id.into(),
            agree: row.agree,
            label: row.label,
            comment: row.comment,
            user: row.user_name.map(|name| FeedbackUser {
                id: row.user_id.map(|id| id.0),
                name,
            }),
            created_at: time::from_row(row.created_at),
        }
    }
}

impl Database {
    /// # Errors
    /// [`DatabaseError::NotFound`] where there is no such analysis.
    pub async fn add_feedback(&self, new: NewFeedback) -> Result<Feedback, DatabaseError> {
        for (field, text) in [("label", &new.label), ("comment", &new.comment)] {
            refuse_nul(field, text.as_deref().unwrap_or_default())?;
        }
        self.change(move |connection| {
            let row = FeedbackRow {
                id: RowId(Uuid::now_v7()),
                analysis_id: new.analysis_id.into(),
                agree: new.agree,
                label: new.label,
                comment: new.comment,
                user_id: new.user.as_ref().and_then(|user| user.id).map(RowId),
                user_name: new.user.map(|user| user.name),
                created_at: time::to_row(time::now()),
                withdrawn_at: None,
            };
            diesel::insert_into(feedback::table)
                .values(&row)
                .execute(connection)
                .map_err(|error| match DatabaseError::from(error) {
                    DatabaseError::ForeignKeyViolation { .. } => DatabaseError::NotFound("analysis"),
                    other => other,
                })?;
            Ok(row.into())
        })
        .await
    }

    /// Takes a reader's word back: it is kept and no longer listed. False where there is none of that reader's to be
    /// taken back.
    pub async fn withdraw_feedback(
        &self,
        analysis_id: AnalysisId,
        id: Uuid,
        by: Option<Uuid>,
    ) -> Result<bool, DatabaseError> {
        self.change(move |connection| {
            let mut wanted = feedback::table
                .filter(feedback::id.eq(RowId(id)))
                .filter(feedback::analysis_id.eq(RowId::from(analysis_id)))
                .filter(feedback::withdrawn_at.is_null())
                .select(feedback::id)
                .into_boxed::<MultiBackend>();
            wanted = match by {
                Some(by) => wanted.filter(feedback::user_id.eq(RowId(by))),
                None => wanted.filter(feedback::user_id.is_null()),
            };
            let Some(id) = wanted.first::<RowId>(connection).optional()? else {
                return Ok(false);
            };
            diesel::update(feedback::table.find(id))
                .set(feedback::withdrawn_at.eq(Some(time::to_row(time::now()))))
                .execute(connection)?;
            Ok(true)
        })
        .await
    }

    /// What was said of an analysis and not taken back, the oldest first.
    pub async fn list_feedback(&self, analysis_id: AnalysisId) -> Result<Vec<Feedback>, DatabaseError> {
        self.run(move |connection| {
            let rows: Vec<FeedbackRow> = feedback::table
                .filter(feedback::analysis_id.eq(RowId::from(analysis_id)))
                .filter(feedback::withdrawn_at.is_null())
                .order((feedback::created_at, feedback::id))
                .select(FeedbackRow::as_select())
                .load(connection)?;
            Ok(rows.into_iter().map(Feedback::from).collect())
        })
        .await
    }
}
