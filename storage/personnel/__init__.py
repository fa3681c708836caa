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
    ReceivedFile,
    add_import,
    begin_reading,
    file_name_of,
    files_in_use,
    has_sent,
    list_imports,
    read_import,
    sender_of,
    stop_reading,
)
from storage.personnel.refusals import VALUES_KEPT, forget_values, list_refusals, seal_refused

__all__ = [
    "FOLDER",
    "VALUES_KEPT",
    "Chunk",
    "Importing",
    "ReceivedFile",
    "add_import",
    "apply_chunk",
    "begin_reading",
    "file_name_of",
    "files_in_use",
    "forget_values",
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
    "seal_refused",
    "seal_row",
    "sender_of",
    "set_employment_state",
    "stop_reading",
]
