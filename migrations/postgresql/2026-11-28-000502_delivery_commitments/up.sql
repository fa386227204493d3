-- Destinations that were asked whether they have stored what they took: the last question about a delivery.
CREATE TABLE delivery_commitments (
    delivery_id     uuid PRIMARY KEY REFERENCES deliveries (id) ON DELETE CASCADE,
    transaction_uid text NOT NULL,
    -- By the clock of the database.
    asked_at        timestamp NOT NULL,
    -- What is not stored: JSON, objects with their reasons. NULL: nothing was told yet.
    answer          text
);

CREATE UNIQUE INDEX delivery_commitments_transaction ON delivery_commitments (transaction_uid);
