"""The local adapter of e-mail."""

from __future__ import annotations

from pathlib import Path

from gateways.mail import LocalMail
from gateways.sms import LocalSms, read_local_messages


async def test_a_local_e_mail_is_read_back_beside_the_sms(tmp_path: Path) -> None:
    await LocalSms(tmp_path).send("+989121234567", "code", {"code": "482913"}, "کد: ۴۸۲۹۱۳")
    reference = await LocalMail(tmp_path).send("a@example.org", "رسید", "متن")
    newest, older = read_local_messages(tmp_path, 10)
    assert (newest["channel"], newest["address"], newest["subject"]) == ("mail", "a@example.org", "رسید")
    assert newest["reference"] == reference
    assert older["channel"] == "sms"
