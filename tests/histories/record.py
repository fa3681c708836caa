"""Stores what Temporal remembers of a process, opened and without machine names, so that later code can replay it.

``python -m tests.histories.record`` plays every path on real servers and stores its history anew. Do this only for
a new path: the stored histories of old code are what proves that new code still understands running cases.
"""

from __future__ import annotations

import asyncio
import base64
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict
from temporalio.api.common.v1 import Payload
from temporalio.client import WorkflowHandle

from storage.sealing import Cipher

STORED = Path(__file__).parent / "stored"
_SEALED = base64.b64encode(b"binary/amanat-sealed").decode()
_NAMES_OF_MACHINES = frozenset({"identity", "workerVersion", "binaryChecksum"})


async def record(handle: WorkflowHandle[Any, Any], cipher: Cipher, file: Path) -> None:
    """Store the history of a process that has ended."""
    description = await handle.describe()
    history = (await handle.fetch_history()).to_json_dict()
    whole = opened(history, cipher, f"temporal.payload:{description.namespace}")
    content = {"id": description.id, "history": whole}
    text = json.dumps(content, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
    await asyncio.to_thread(file.write_text, text, encoding="utf-8")


def opened(value: Any, cipher: Cipher, purpose: str) -> Any:
    """The same with each sealed payload opened, so that no key is needed to replay it."""
    if isinstance(value, list):
        return [opened(part, cipher, purpose) for part in value]
    if not isinstance(value, dict):
        return value
    if value.get("metadata", {}).get("encoding") == _SEALED:
        plain = Payload.FromString(cipher.open(base64.b64decode(value["data"]), purpose))
        return MessageToDict(plain)
    return {name: opened(part, cipher, purpose) for name, part in value.items() if name not in _NAMES_OF_MACHINES}


def main() -> int:
    """Record every path."""
    recording = Path(__file__).with_name("recording.py")
    return int(pytest.main([str(recording), "-q", "-o", "python_files=recording.py"]))


if __name__ == "__main__":
    sys.exit(main())
