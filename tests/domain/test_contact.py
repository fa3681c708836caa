"""Where people find help (G8)."""

from __future__ import annotations

from typing import Any

import pytest

from domain.contact import Contact, ContactLine, Device
from domain.wording import Sentence

HOURS = Sentence("هر روز", "Every day")


def test_a_device_dials_the_number_and_after_a_pause_its_extension() -> None:
    assert ContactLine("021-1234 5678", HOURS, extension="1").dialled == "tel:02112345678,1"
    assert ContactLine("+982112345678", HOURS).dialled == "tel:+982112345678"


@pytest.mark.parametrize(
    "wrong",
    [
        {"telephone": ""},
        {"telephone": "call us"},
        {"telephone": "021<script>"},
        {"extension": "x"},
        {"email": "nobody"},
        {"apps": {Device.WEB: "javascript:alert(1)"}},
    ],
)
def test_a_contact_that_leads_nowhere_is_refused(wrong: dict[str, Any]) -> None:
    given: dict[str, Any] = {"telephone": "021-12345678", "hours": HOURS} | wrong
    with pytest.raises(ValueError, match="malformed"):
        Contact(**given)
