DROP TABLE work.lane;
DROP TABLE lane_hole;
DROP TABLE lane_manifest;
DROP TABLE lane_message;
REVOKE USAGE ON SCHEMA work FROM assay_auditor;
