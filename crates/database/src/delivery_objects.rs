//! What a destination said of each object of a delivery: it has it, or refused it.

use std::borrow::Cow;
use std::collections::HashMap;

use diesel::prelude::*;

use crate::DatabaseError;
use crate::connection::AnyConnection;
use crate::node_schema::delivery_objects;
use crate::sql_types::RowId;

/// Why an attempt failed, or an object was refused. Nothing of the patient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryProblem {
    /// A word that stays the same.
    pub code: Cow<'static, str>,
    /// What the destination answered.
    pub peer_status: Option<String>,
}

/// An object that a destination answered for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveredObject {
    pub sop_instance_uid: String,
    /// As the result names it: `report`, `segmentation-lungs`.
    pub name: String,
    /// None: the destination has it.
    pub refusal: Option<DeliveryProblem>,
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = delivery_objects, treat_none_as_default_value = false)]
struct ObjectRow {
    delivery_id: RowId,
    sop_instance_uid: String,
    name: String,
    reason_code: Option<String>,
    peer_status: Option<String>,
}

impl From<ObjectRow> for DeliveredObject {
    fn from(row: ObjectRow) -> Self {
        Self {
            sop_instance_uid: row.sop_instance_uid,
            name: row.name,
            refusal: row.reason_code.map(|code| DeliveryProblem {
                code: code.into(),
                peer_status: row.peer_status,
            }),
        }
    }
}

/// What was said of the objects of these deliveries, by name.
pub(crate) fn objects_of(
    connection: &mut AnyConnection,
    deliveries: &[RowId],
) -> Result<HashMap<RowId, Vec<DeliveredObject>>, DatabaseError> {
    let rows: Vec<ObjectRow> = delivery_objects::table
        .filter(delivery_objects::delivery_id.eq_any(deliveries))
        .order((delivery_objects::name, delivery_objects::sop_instance_uid))
        .select(ObjectRow::as_select())
        .load(connection)?;
    let mut objects: HashMap<RowId, Vec<DeliveredObject>> = HashMap::new();
    for row in rows {
        objects.entry(row.delivery_id).or_default().push(row.into());
    }
    Ok(objects)
}

/// Puts what was said of the objects of a delivery in the place of what was said before.
pub(crate) fn replace_objects(
    connection: &mut AnyConnection,
    delivery: RowId,
    objects: Vec<DeliveredObject>,
) -> Result<(), DatabaseError> {
    let before = delivery_objects::table.filter(delivery_objects::delivery_id.eq(delivery));
    diesel::delete(before).execute(connection)?;
    for object in objects {
        let (reason_code, peer_status) = match object.refusal {
            Some(problem) => (Some(problem.code.into_owned()), problem.peer_status),
            None => (None, None),
        };
        diesel::insert_into(delivery_objects::table)
            .values(ObjectRow {
                delivery_id: delivery,
                sop_instance_uid: object.sop_instance_uid,
                name: object.name,
                reason_code,
                peer_status,
            })
            .execute(connection)?;
    }
    Ok(())
}
