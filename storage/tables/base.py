"""What all tables share."""

from __future__ import annotations

import sqlalchemy as sa

metadata = sa.MetaData()
Moment = sa.DateTime(timezone=True)
