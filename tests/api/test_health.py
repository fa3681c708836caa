"""What a process says of itself to those who route to it."""

from __future__ import annotations

import httpx2

from storage.migrate import head
from tests.books import Superuser


async def test_a_process_before_a_database_of_another_version_lives_but_is_not_ready(
    api: httpx2.AsyncClient, superuser: Superuser
) -> None:
    await superuser.run("UPDATE alembic_version SET version_num = 'newer'")

    ready, lives = await api.get("/readyz"), await api.get("/livez")

    assert (ready.status_code, ready.json()["status"]) == (503, "unavailable")
    assert ready.json()["checks"]["migrations"] == f"at newer, needs {head()}"
    assert lives.status_code == 200
