-- Whether the operating point was asked for by its name; if not, the bundle's default was. While such an analysis runs, a request under
-- thresholds that were accepted or taken back meanwhile holds it to those.
ALTER TABLE analyses ADD COLUMN operating_point_named boolean NOT NULL DEFAULT 0;
