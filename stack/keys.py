"""The keys of a stand-alone stack: generated once, kept in one private file under ``var``."""

from __future__ import annotations

import base64
import json
import secrets
from typing import TYPE_CHECKING, Any

from stack.places import CliError, write_private

if TYPE_CHECKING:
    from stack.places import Places

_KEY_BYTES = 32


def _new_key() -> str:
    return base64.b64encode(secrets.token_bytes(_KEY_BYTES)).decode("ascii")


def _new_ring() -> dict[str, Any]:
    return {"current": "k1", "keys": {"k1": _new_key()}}


def keys_environment(places: Places, *, has_data: bool) -> dict[str, str]:
    """Return the keys as environment variables, generating the file the first time.

    Raises:
        CliError: the file is gone but data sealed with it exists (``has_data``), or it is damaged.

    """
    if not places.secrets.exists():
        if has_data:
            text = f"{places.secrets} is gone, so the data it sealed cannot be read: put it back, or start over"
            message = f"{text} with ./amanat up --reset, which deletes that data"
            raise CliError(message)
        fresh = {
            "field_keys": _new_ring(),
            "codec_keys": _new_ring(),
            "vault_keys": _new_ring(),
            "blind_index_key": _new_key(),
            "code_pepper": _new_key(),
        }
        write_private(places.secrets, json.dumps(fresh, indent=2) + "\n")
    try:
        kept = json.loads(places.secrets.read_text("utf-8"))
        if "vault_keys" not in kept and not places.vault_keys.exists():
            # Of a release that kept no secrets of others.
            write_private(places.secrets, json.dumps(kept | {"vault_keys": _new_ring()}, indent=2) + "\n")
            kept = json.loads(places.secrets.read_text("utf-8"))
        return {
            "AMANAT_FIELD_KEYS": json.dumps(kept["field_keys"]),
            "AMANAT_CODEC_KEYS": json.dumps(kept["codec_keys"]),
            "AMANAT_VAULT_KEYS": json.dumps(kept["vault_keys"]),
            "AMANAT_BLIND_INDEX_KEY": str(kept["blind_index_key"]),
            "AMANAT_CODE_PEPPER": str(kept["code_pepper"]),
        }
    except (ValueError, KeyError, TypeError) as damage:
        message = f"{places.secrets} is damaged: put back the whole file"
        raise CliError(message) from damage
