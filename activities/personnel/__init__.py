"""What the machine does with personnel files and with the changes that they propose (A13)."""

from activities.personnel.changes import PersonnelChangeActivities
from activities.personnel.imports import FILE_DAMAGED, FILE_MISSING, GAVE_UP, MAX_ATTEMPTS, PersonnelImportActivities

__all__ = [
    "FILE_DAMAGED",
    "FILE_MISSING",
    "GAVE_UP",
    "MAX_ATTEMPTS",
    "PersonnelChangeActivities",
    "PersonnelImportActivities",
]
