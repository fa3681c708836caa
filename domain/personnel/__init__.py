"""Personnel files (A13): headings, status words, rows, the file as people see it, and the changes that come of it."""
