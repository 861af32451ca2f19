"""The reviewer over HTTP: one engine, one queue, keys, limits, a record of what was answered."""
