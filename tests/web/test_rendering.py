"""Messages whose translations stand in the compiled templates: values come in escaped, signs stay what they are."""

from __future__ import annotations

import pytest

from web.language import languages
from web.rendering import _environment, loaded_assets, qr


def rendered(code: str, template: str, **values: object) -> str:
    """What a template becomes in a language."""
    return _environment(languages()[code], loaded_assets()).from_string(template).render(values)


@pytest.mark.parametrize(
    ("code", "said"), [("fa", "لطفاً این موارد را اصلاح کنید"), ("en", "Please correct the following")]
)
def test_a_message_is_said_in_the_language_of_the_page(code: str, said: str) -> None:
    assert rendered(code, '{{ _("Please correct the following") }}') == said
    assert rendered(code, '{% set known = _("Please correct the following") %}{{ known }}') == said


def test_values_of_a_message_are_escaped_and_its_own_markup_is_not() -> None:
    template = '{{ _("<b>%(name)s</b> has 5%% of it", name=name) }}'

    assert rendered("en", template, name="<i>%s</i>") == "<b>&lt;i&gt;%s&lt;/i&gt;</b> has 5% of it"


def test_a_message_that_is_chosen_as_the_page_is_made_is_said_too() -> None:
    template = '{{ _(message) }}, {{ _("%(n)s left", **values) }}'

    assert rendered("en", template, message="Now:", values={"n": "<5>"}) == "Now:, &lt;5&gt; left"


def test_a_qr_code_is_squares_alone_and_what_is_too_long_for_a_camera_is_none() -> None:
    drawn = qr("otpauth://totp/Amanat:narges.finance?secret=JBSWY3DPEHPK3PXP")

    assert drawn.startswith('<svg viewBox="0 0 ')
    assert [mark in drawn for mark in ('fill="#fff"', 'stroke="#000"', "style", "otpauth", "JBSWY3DP")] == [
        True,
        True,
        False,
        False,
        False,
    ]
    assert qr("otpauth://" + "a" * 300) == ""
