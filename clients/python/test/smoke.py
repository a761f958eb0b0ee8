"""The client against a running server: BOTSERVER_URL, BOTSERVER_PASSWORD of `admin`, BOTSERVER_PACKAGE a zip."""

import asyncio
import os
import unittest

from botserver_client import AuthenticatedClient, Client
from botserver_client.api.auth import auth_login
from botserver_client.api.bots import bots_create, bots_list
from botserver_client.api.conversations import conversations_messages, conversations_send, conversations_start
from botserver_client.api.packages import packages_install
from botserver_client.api.users import users_create, users_me
from botserver_client.models import (
    BotsListFilterstatusItem,
    BotsListSort,
    ErrorEnvelope,
    Login,
    NewBot,
    NewConversation,
    NewMessage,
    NewUser,
)
from botserver_client.types import File

URL = os.environ["BOTSERVER_URL"]


class Smoke(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        login = Login(username="admin", password=os.environ["BOTSERVER_PASSWORD"])
        with Client(URL) as anybody:
            cls.token = auth_login.sync(client=anybody, body=login).data.access_token
        cls.client = cls.enterClassContext(AuthenticatedClient(URL, token=cls.token))

    def test_a_bot_is_made_gets_its_package_and_talks(self):
        bot = bots_create.sync(client=self.client, body=NewBot(name="Tables of Python")).data
        with open(os.environ["BOTSERVER_PACKAGE"], "rb") as package:
            installation = packages_install.sync(bot.bot_id, client=self.client, body=File(package)).data
        self.assertTrue(installation.installed.added)

        conversation = conversations_start.sync(client=self.client, body=NewConversation(bot_id=bot.slug)).data
        said = NewMessage(content="Ada")
        sent = conversations_send.sync(conversation.conversation_id, client=self.client, body=said).data
        self.assertIn("Ada", "\n".join(message.content for message in sent.response))

        first = conversations_messages.sync(conversation.conversation_id, client=self.client, limit=1).data
        cursor = first.next_cursor
        second = conversations_messages.sync(
            conversation.conversation_id, client=self.client, limit=1, cursor=cursor
        ).data
        self.assertEqual(first.items[0].seq, second.items[0].seq + 1)

        states = [BotsListFilterstatusItem.ACTIVE, BotsListFilterstatusItem.MAINTENANCE]
        page = bots_list.sync(client=self.client, sort=BotsListSort.NAME, search="python", filterstatus=states).data
        self.assertEqual([found.slug for found in page.items], [bot.slug])

    def test_everything_can_be_awaited(self):
        async def ask():
            async with AuthenticatedClient(URL, token=self.token) as client:
                return await users_me.asyncio(client=client)

        self.assertEqual(asyncio.run(ask()).data.username, "admin")

    def test_a_refusal_is_an_envelope_with_code_reason_and_fields(self):
        taken = users_create.sync_detailed(
            client=self.client, body=NewUser(username="admin", email="other@example.com")
        )
        self.assertEqual(taken.status_code, 409)
        self.assertIsInstance(taken.parsed, ErrorEnvelope)
        self.assertEqual(taken.parsed.error.details.reason, "username_taken")

        bad = users_create.sync(client=self.client, body=NewUser(username="?", email="?"))
        self.assertEqual(sorted(bad.error.details.fields.additional_properties), ["email", "username"])


if __name__ == "__main__":
    unittest.main()
