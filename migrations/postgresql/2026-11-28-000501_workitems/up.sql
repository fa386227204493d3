-- Work items of the unified worklist (PS3.4 annex CC). Those that have ended go after days.
CREATE TABLE workitems (
    sop_instance_uid text PRIMARY KEY NOT NULL,
    -- Who created it, named as owners are. NULL: nobody who is told apart.
    owner            text,
    -- The owner whose studies it may be performed on; NULL: any.
    studies_of       text,
    -- SCHEDULED, IN PROGRESS, COMPLETED or CANCELED.
    state            text NOT NULL,
    -- The key of who performs it; given out to nobody.
    transaction_uid  text,
    -- DICOM JSON, without the transaction UID.
    attributes       text NOT NULL,
    -- Grows with each change.
    version          integer NOT NULL,
    created_at       timestamp NOT NULL,
    changed_at       timestamp NOT NULL,
    ended_at         timestamp,
    -- When Norma looks at it next as its performer, by the clock of the database. NULL: it is not for Norma, or has ended.
    due_at           timestamp
);

CREATE INDEX workitems_owner ON workitems (owner, sop_instance_uid);
CREATE INDEX workitems_state ON workitems (state, sop_instance_uid);
CREATE INDEX workitems_ended ON workitems (ended_at);
CREATE INDEX workitems_due ON workitems (due_at, sop_instance_uid);

-- Who is told of which work items.
CREATE TABLE workitem_subscriptions (
    -- Who asked, and under which AE title.
    subscriber        text NOT NULL,
    -- The UID of a work item, or the well-known one of the worklist or of a part of it.
    workitem          text NOT NULL,
    -- Of the worklist or a part of it: what is asked of new work items; NULL: nothing.
    filter            text,
    -- Of the worklist or a part of it: the owner whose new work items may be told of; NULL: any.
    visible_owner     text,
    has_deletion_lock boolean NOT NULL,
    PRIMARY KEY (subscriber, workitem)
);

CREATE INDEX workitem_subscriptions_workitem ON workitem_subscriptions (workitem);

-- What subscribers have not been told yet. A row goes when it is told, or after days.
CREATE TABLE workitem_events (
    id         uuid PRIMARY KEY,
    subscriber text NOT NULL,
    -- DICOM JSON.
    event      text NOT NULL,
    created_at timestamp NOT NULL
);

CREATE INDEX workitem_events_subscriber ON workitem_events (subscriber, id);
CREATE INDEX workitem_events_created ON workitem_events (created_at);
