//! Which instances the scans hold that came by DICOM: by C-STORE or by STOW-RS.

use std::collections::{HashMap, HashSet};

use diesel::prelude::*;
use norma_domain::ScanId;

use crate::connection::AnyConnection;
use crate::node_schema::stored_instances;
use crate::sql_types::RowId;
use crate::{Database, DatabaseError};

/// Both databases limit the number of values in one query.
const AT_ONCE: usize = 500;

/// An instance that a scan holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredInstance {
    pub sop_instance_uid: String,
    pub sop_class_uid: String,
}

#[derive(Insertable)]
#[diesel(table_name = stored_instances)]
struct Row {
    sop_instance_uid: String,
    scan_id: RowId,
    sop_class_uid: String,
}

impl Database {
    /// Notes instances of a scan. What is noted already stays as it is.
    ///
    /// # Errors
    /// [`DatabaseError::ForeignKeyViolation`] where there is no such scan.
    pub async fn note_stored_instances(
        &self,
        scan_id: ScanId,
        instances: Vec<StoredInstance>,
    ) -> Result<(), DatabaseError> {
        let rows: Vec<Row> = instances
            .into_iter()
            .map(|instance| Row {
                sop_instance_uid: instance.sop_instance_uid,
                scan_id: scan_id.into(),
                sop_class_uid: instance.sop_class_uid,
            })
            .collect();
        self.change(move |connection| {
            for part in rows.chunks(AT_ONCE) {
                match connection {
                    AnyConnection::Postgres(inner) => {
                        diesel::insert_into(stored_instances::table)
                            .values(part)
                            .on_conflict_do_nothing()
                            .execute(inner)?;
                    }
                    // Inside this process: a row costs no way to a server.
                    AnyConnection::Sqlite(inner) => {
                        for row in part {
                            diesel::insert_into(stored_instances::table)
                                .values(row)
                                .on_conflict_do_nothing()
                                .execute(inner)?;
                        }
                    }
                }
            }
            Ok(())
        })
        .await
    }

    /// Of these SOP Instance UIDs those that a scan holds, each with the classes of the instances.
    pub async fn stored_instances(
        &self,
        sop_instance_uids: Vec<String>,
    ) -> Result<HashMap<String, HashSet<String>>, DatabaseError> {
        self.run(move |connection| {
            let mut found: HashMap<String, HashSet<String>> = HashMap::new();
            for part in sop_instance_uids.chunks(AT_ONCE) {
                let rows: Vec<(String, String)> = stored_instances::table
                    .filter(stored_instances::sop_instance_uid.eq_any(part))
                    .select((
                        stored_instances::sop_instance_uid,
                        stored_instances::sop_class_uid,
                    ))
                    .load(connection)?;
                for (uid, class) in rows {
                    found.entry(uid).or_default().insert(class);
                }
            }
            Ok(found)
        })
        .await
    }
}
