-- Which orders to reprocess are under way is asked by whoever looks, and by who carries them on.
CREATE INDEX command_reprocess ON command (recorded_at) WHERE kind = 'reprocess';
