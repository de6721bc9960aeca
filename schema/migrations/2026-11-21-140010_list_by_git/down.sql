DROP TABLE listing_part;
DROP TABLE listing_due;
