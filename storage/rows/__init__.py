"""What Python reads of each table, declared once: as its row. What Postgres enforces stands in the migrations."""
