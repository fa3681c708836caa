"""Personnel files in Postgres (A13): imports, their chunks of rows, and the changes that they propose."""

from __future__ import annotations

from storage.personnel.changes import (
    has_sheba,
    keep_version,
    move_number,
    not_told_lately,
    propose_listed,
    read_change,
    read_sealed_value,
    replace_mobile,
    replace_sheba,
    set_employment_state,
)
from storage.personnel.chunks import Chunk, Importing, apply_chunk, index_leaver, seal_row
from storage.personnel.imports import (
    FOLDER,
    RefusedLine,
    add_import,
    begin_reading,
    files_in_use,
    has_sent,
    list_imports,
    list_refusals,
    read_import,
    sender_of,
    stop_reading,
)

__all__ = [
    "FOLDER",
    "Chunk",
    "Importing",
    "RefusedLine",
    "add_import",
    "apply_chunk",
    "begin_reading",
    "files_in_use",
    "has_sent",
    "has_sheba",
    "index_leaver",
    "keep_version",
    "list_imports",
    "list_refusals",
    "move_number",
    "not_told_lately",
    "propose_listed",
    "read_change",
    "read_import",
    "read_sealed_value",
    "replace_mobile",
    "replace_sheba",
    "seal_row",
    "sender_of",
    "set_employment_state",
    "stop_reading",
]
