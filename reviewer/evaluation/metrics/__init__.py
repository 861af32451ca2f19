"""From the records of a run to figures with their intervals; nothing here reads or writes a file."""
