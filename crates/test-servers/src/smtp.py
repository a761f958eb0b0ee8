"""A mail server for tests: takes mail and writes each one into a folder, as it came.

Speaks ESMTP (RFC 5321) with STARTTLS and AUTH where a certificate and a password are given. A receiver whose name begins
with `later-` is put off once (451), one with `strict-` is refused once and one with `never-` always (550), and at one
with `silent-` nothing is answered any more.

Usage: smtp.py PORT FOLDER [CERT KEY USER PASSWORD]
"""

import asyncio
import itertools
import json
import pathlib
import ssl
import sys
import time

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

port, folder, *secured = sys.argv[1:]
folder = pathlib.Path(folder)
numbers = itertools.count()
put_off = set()


class Box:
    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("silent-"):
            await asyncio.Event().wait()
        if address.startswith("never-"):
            return "550 5.1.1 There is no such mailbox"
        if address.startswith(("later-", "strict-")) and address not in put_off:
            put_off.add(address)
            is_strict = address.startswith("strict-")
            return "550 5.7.1 Not from there" if is_strict else "451 4.2.1 Come back later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        mail = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "tls": session.ssl is not None,
            "user": session.auth_data,
            "message": envelope.content.decode("utf-8"),
        }
        # Seen as a whole or not at all.
        name = f"{next(numbers):06}"
        (folder / f".{name}").write_text(json.dumps(mail))
        (folder / f".{name}").rename(folder / f"{name}.json")
        return "250 OK"


options = {}
if secured:
    certificate, key, user, password = secured
    options["tls_context"] = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    options["tls_context"].load_cert_chain(certificate, key)

    def authenticate(server, session, envelope, mechanism, shown):
        right = (shown.login.decode(), shown.password.decode()) == (user, password)
        return AuthResult(success=right, handled=False, auth_data=user)

    options |= {"require_starttls": True, "auth_required": True, "authenticator": authenticate}

controller = Controller(Box(), hostname="127.0.0.1", port=int(port), **options)
controller.start()
print("ready", flush=True)
while True:
    time.sleep(3600)
