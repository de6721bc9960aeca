REVOKE SELECT ON lane_hole FROM assay_attempt_writer;
DROP TABLE lane_hole_accepted;
