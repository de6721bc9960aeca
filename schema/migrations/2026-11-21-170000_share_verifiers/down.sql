REVOKE SELECT ON ref_head FROM assay_verifier;
REVOKE INSERT, SELECT ON command FROM assay_verifier;
DROP TABLE verification_origin;
DROP TABLE verification_refused;
DROP SCHEMA work CASCADE;
