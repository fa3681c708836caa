"""What the machine does with personnel files and with the changes that they propose (A13)."""

from __future__ import annotations

from activities.personnel.changes import PersonnelChange
from activities.personnel.files import sweep_files
from activities.personnel.imports import FILE_DAMAGED, FILE_MISSING, GAVE_UP, import_activities

__all__ = [
    "FILE_DAMAGED",
    "FILE_MISSING",
    "GAVE_UP",
    "PersonnelChange",
    "import_activities",
    "sweep_files",
]
