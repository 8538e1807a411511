-- Offsets that the broker no longer had.
INSERT INTO store.gap BY NAME FROM batch_gap;
