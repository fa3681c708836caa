"""The audit trail."""

from __future__ import annotations

from datetime import datetime

from storage.rows.table import table

audit = table("audit", stream=str, seq=int, at=datetime, content=str, hash=bytes)
audit_heads = table("audit_heads", stream=str, seq=int, hash=bytes)
