-- What a destination said of each object of a delivery. What it has is not sent again, unless a person has all sent again.
CREATE TABLE delivery_objects (
    delivery_id      uuid NOT NULL REFERENCES deliveries (id) ON DELETE CASCADE,
    sop_instance_uid text NOT NULL,
    -- As the result names it: report, segmentation-lungs.
    name             text NOT NULL,
    -- Why it was refused, and with which status; null: the destination has it.
    reason_code      text,
    peer_status      text,
    PRIMARY KEY (delivery_id, sop_instance_uid),
    CHECK (peer_status IS NULL OR reason_code IS NOT NULL)
);
