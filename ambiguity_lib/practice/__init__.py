"""One's own classifier: its files, its compression, its record, card and report, the commands."""
