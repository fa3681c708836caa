"""Sends stored notices and one-time codes (G1, G4); called by the relay, at least once for each."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from activities.transition import ActivityContext
from domain.account import CODE_SUBJECT, CodePurpose, code_text
from domain.catalogue import words
from domain.notice import Channel, compose, compose_mail, names_in
from gateways.mail import Mail, MailGateway
from gateways.sms import SendFailed, SmsGateway
from messages.notice import MailCode, MailNotice, SendCode, SendNotice
from storage.account.codes import mark_code_sent, take_unsent_code
from storage.database import SERVICE, transaction
from storage.notices import Notice, mark_failed, mark_sent, read_pending

_log = logging.getLogger("amanat.notices")


class NoticeSender:
    """Renders and sends; what fails for good is marked and logged."""

    def __init__(self, context: ActivityContext, sms: SmsGateway, links: Mapping[str, str], mail: MailGateway) -> None:
        self._context = context
        self._sms = sms
        self._mail = mail
        self._links = dict(links)

    async def send_notice(self, message: SendNotice | MailNotice) -> None:
        """Send one notice by its channel, unless that is done.

        Raises:
            SendFailed: it may work later.
        """
        async with transaction(self._context.engine, SERVICE) as connection:
            notice = await read_pending(connection, self._context.seals, message.notice_id)
        if notice is None:
            return
        if notice.to is None:
            await self._give_up(notice, "no_address" if notice.channel is Channel.MAIL else "no_number")
            return
        try:
            reference = await self._carry(notice, notice.to)
        except SendFailed as failure:
            if failure.retryable:
                raise
            _log.error("notice_not_sent", extra={"template": notice.template, "reason": failure.reason})
            await self._give_up(notice, failure.reason)
            return
        async with transaction(self._context.engine, SERVICE) as connection:
            await mark_sent(connection, notice.id, reference)

    async def _carry(self, notice: Notice, to: str) -> str:
        """Hand it to its carrier; returns the carrier's reference."""
        values = {**self._links, **notice.params}
        if notice.template not in (words.mails if notice.channel is Channel.MAIL else words.sms):
            # Written by a release that still sent it.
            raise SendFailed("no_such_template", retryable=False)
        if notice.channel is Channel.MAIL:
            subject, text = compose_mail(notice.template, values, notice.language)
            return await self._mail.send(Mail(notice.id, to, subject, text, notice.language))
        wanted = {name: str(values[name]) for name in names_in(words.sms[notice.template])}
        return await self._sms.send(to, notice.template, wanted, compose(notice.template, values))

    async def _give_up(self, notice: Notice, failure: str) -> None:
        """Mark it for the operations desk, where it can be sent again by hand."""
        async with transaction(self._context.engine, SERVICE) as connection:
            await mark_failed(connection, notice.id, failure)

    async def send_code(self, message: SendCode | MailCode) -> None:
        """Send a one-time code by SMS or e-mail; does nothing for a challenge without a person.

        Raises:
            SendFailed: it may work later; the code's own end bounds the tries.
        """
        async with transaction(self._context.engine, SERVICE) as connection:
            unsent = await take_unsent_code(connection, self._context.seals, message.code_id)
        if unsent is None:
            return
        # A code that the release before made names nothing of what it confirms.
        unsaid = dict.fromkeys(names_in(code_text(unsent.purpose, "{code}")), "-")
        values = {**unsaid, "code": unsent.code, **unsent.told}
        if unsent.purpose is CodePurpose.STAFF_LINK:
            values["app_link"] = self._links["app_link"]
        text = code_text(unsent.purpose, **values)
        try:
            if unsent.channel == "mail":
                await self._mail.send(Mail(message.code_id, unsent.to, CODE_SUBJECT, text))
            else:
                await self._sms.send(unsent.to, f"code_{unsent.purpose}", values, text)
        except SendFailed as failure:
            if failure.retryable:
                raise
            # A template is missing or a key is wrong: no member can sign in until an operator corrects it.
            _log.error("code_not_sent", extra={"purpose": unsent.purpose, "reason": failure.reason})
        async with transaction(self._context.engine, SERVICE) as connection:
            await mark_code_sent(connection, message.code_id)
