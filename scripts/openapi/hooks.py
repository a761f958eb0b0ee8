"""What schemathesis can't know by itself: how to sign in here, what there is, and which refusals no schema can tell.

The server's address and the administrator's password come from the environment.
"""

import io
import itertools
import os
import zipfile
import zlib
from functools import cache

import requests
import schemathesis
from hypothesis import strategies as st

URL = os.environ["BOTSERVER_URL"] + "/api/v1"
SECRET = os.environ["BOTSERVER_PASSWORD"]
PASSWORD = "Correct-Horse-7-Battery"
SCRIPT = 'HEAR name WITH "Your name?"\nHEAR day WITH "Which day, ${name}?"\nTALK "See you on ${day}."\n'

# A picture: a PNG file of one pixel.
PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489"
    "0000000b49444154789c6360000200000500017a5eab3f0000000049454e44ae426082"
)

# Where webhooks lead: a port where nobody listens.
NOWHERE = "http://127.0.0.1:9/hook"

# What ends the caller's own sessions is called by somebody else, who signs in anew each time.
ENDS_SESSIONS = {"auth_logout", "sessions_end_of_user", "sessions_end", "auth_switch_organization"}


def call(method, path, token=None, headers=(), **arguments):
    headers = dict(headers) | ({"Authorization": f"Bearer {token}"} if token else {})
    answer = requests.request(method, URL + path, headers=headers, timeout=30, **arguments)
    if not answer.ok:
        raise RuntimeError(f"{method} {path}: {answer.text}")
    return answer.json()["data"]


def sign_in(username, password):
    return call("POST", "/auth/login", json={"username": username, "password": password})["access_token"]


def package(script):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(zipfile.ZipInfo("seeded.gbai/seeded.gbdialog/start.bas"), script)
    return file.getvalue()


@cache
def accounts():
    """Two administrators: who asks, and the passer-by. The owner stands above both, so that neither can change them."""
    owner = sign_in("admin", SECRET)
    made = {}
    for name in ["asker", "passerby"]:
        user = {"username": name, "email": f"{name}@example.com", "roles": ["admin"], "password": PASSWORD}
        made[name] = call("POST", "/users", owner, json=user)["user_id"]
    return made


def token_of(name):
    """A new token. The account is put right before: made-up requests change accounts, too."""
    right = {"status": "active", "roles": ["admin"]}
    user = call("PATCH", f"/users/{accounts()[name]}", sign_in("admin", SECRET), json=right)
    return sign_in(user["username"], PASSWORD)


@cache
def present():
    """What there is from the start: parameters of paths, each with a value that names something."""
    token = token_of("asker")
    user = {"username": "seeded", "email": "seeded@example.com", "password": PASSWORD}
    user_id = call("POST", "/users", token, json=user)["user_id"]
    call("POST", "/bots", token, json={"name": "Seeded"})
    kind = {"Content-Type": "application/zip"}
    call("PUT", "/bots/seeded/package", token, headers=kind, data=package(SCRIPT))
    conversation = call("POST", "/conversations", token, json={"bot_id": "seeded"})["conversation_id"]
    said = call("POST", f"/conversations/{conversation}/messages", token, json={"content": "Ada"})
    session = call("GET", "/sessions/current", token)["session_id"]
    call("POST", "/bots", token, json={"name": "Given up"})
    job = call("DELETE", "/bots/given-up", token)["job_id"]
    webhook = call("POST", "/webhooks", token, json={"url": NOWHERE, "events": ["bot.*"]})["webhook_id"]
    delivery = call("POST", f"/webhooks/{webhook}/test", token)["delivery_id"]
    org = call("GET", "/users/me", token)["organization_id"]
    invited = call("POST", f"/organizations/{org}/invitations", token, json={"email": "guest@example.com"})
    return {
        "org_id": org,
        "invitation_id": invited["invitations"][0]["invitation_id"],
        "bot_id": "seeded",
        "name": "start",
        "conversation_id": conversation,
        "message_id": said["response"][0]["message_id"],
        "job_id": job,
        "session_id": session,
        "user_id": user_id,
        "webhook_id": webhook,
        "delivery_id": delivery,
    }


@schemathesis.hook
def after_load_schema(context, schema):
    present()


@schemathesis.hook
def map_path_parameters(context, path_parameters):
    """Every other made-up name becomes one of something that is there, but where that would be the end of it."""
    if context.operation.method.upper() == "DELETE" or not path_parameters:
        return path_parameters
    mark = zlib.crc32(repr(sorted(path_parameters.items())).encode())
    if mark % 2:
        return path_parameters
    return {name: present().get(name, value) for name, value in path_parameters.items()}


# Of what excludes each other, one is left; which, the values decide, so that it is always the same.
ONE_OF = [
    ("offset", "cursor"),
    ("before", "after"),
    # Made-up days come in any order.
    ("filter[days]", "filter[start_date]"),
    ("filter[days]", "filter[end_date]"),
    ("filter[start_date]", "filter[end_date]"),
    ("start", "end"),
]
numbers = itertools.count()


@schemathesis.hook
def before_call(context, case, kwargs):
    """Makes more of the requests that fit the schema such that the server gets to do something."""
    if case.headers and "Idempotency-Key" in case.headers and (number := next(numbers)) % 4:
        # With the same key for all, most would be refused as repeats of another.
        case.headers["Idempotency-Key"] = f"key-{number}"
    operation = case.operation.definition.raw["operationId"]
    if isinstance(case.body, dict):
        stay_let_in(operation, case.body)
    if not case.meta or not case.meta.generation.mode.is_positive:
        return
    if case.headers and case.headers.get("If-Match") == "0":
        # A stand-in where another parameter is tried. It does not fit the pattern.
        case.headers["If-Match"] = "*"
    if case.query:
        drop_rivals(case.query, ONE_OF)
    if operation == "audit_summary" and case.query:
        # Made-up days lie further apart than a summary goes.
        for name in ("start_date", "end_date"):
            case.query.pop(name, None)
    if operation == "audit_export" and isinstance(case.body, dict) and isinstance(case.body.get("date_range"), dict):
        drop_rivals(case.body["date_range"], ONE_OF)
    if operation == "auth_login" and isinstance(case.body, dict):
        drop_rivals(case.body, [("username", "email")])
    if operation == "users_create" and isinstance(case.body, dict) and case.body.get("password"):
        case.body["password"] = PASSWORD
    if operation == "avatars_put":
        case.body = PIXEL
    if operation.startswith("webhooks_") and isinstance(case.body, dict) and "url" in case.body:
        case.body["url"] = NOWHERE


def stay_let_in(operation, body):
    """Whoever shows wrong passwords is locked out, whoever's password is ended can't sign in, and whoever has to have a
    second factor must set it up first, as they should be: nothing that comes after would be answered."""
    if operation == "security_change" and isinstance(body.get("two_factor"), dict):
        body["two_factor"].pop("required_for_roles", None)
    if operation == "organizations_change_settings":
        # Who may be made, and from where it is asked, would be decided for all that comes after.
        for name in ("allowed_email_domains", "max_members", "ip_whitelist"):
            body.pop(name, None)
    if operation == "auth_order_reset":
        body["force"] = False
    present = {"auth_change_password": "current_password"}.get(operation, "password")
    if operation == "auth_change_password" or operation.startswith("two_factor_"):
        for name in {present, "new_password"} & {name for name, value in body.items() if isinstance(value, str)}:
            body[name] = PASSWORD


def drop_rivals(values, pairs):
    mark = zlib.crc32(repr(sorted(values.items(), key=repr)).encode())
    for pair in pairs:
        if all(name in values for name in pair):
            del values[pair[mark % 2]]
    # Cursors are made up, so that they are refused whatever else is asked.
    if "cursor" in values and mark % 8:
        del values["cursor"]


@schemathesis.auth(refresh_interval=None)
class Bearer:
    """The asker's token; a new one when it has ended."""

    token = None

    def get(self, case, context):
        if context.operation.definition.raw["operationId"] in ENDS_SESSIONS:
            return token_of("passerby")
        if Bearer.token is None:
            Bearer.token = token_of("asker")
        return Bearer.token

    def set(self, case, token, context):
        case.headers = {**(case.headers or {}), "Authorization": f"Bearer {token}"}


@schemathesis.hook
def after_call(context, case, response):
    # Somebody ended the session, or nothing: a sign-in too many costs little.
    if response.status_code == 401:
        Bearer.token = None


@schemathesis.serializer("application/zip", "image/png", "image/jpeg", "image/webp", "image/gif")
def as_they_are(context, value):
    return value if isinstance(value, bytes) else str(value).encode()


schemathesis.openapi.media_type(
    "application/zip", st.sampled_from([package(SCRIPT), package("IF"), b"PK", b""]) | st.binary(max_size=64)
)


@schemathesis.hook
def filter_failure(context, failure, case, response):
    """Refusals of what fits the schema, because no schema can say it."""
    # Whatever a made-up picture is, it is a real one that is sent.
    is_picture = case.operation.definition.raw["operationId"] == "avatars_put"
    if is_picture and type(failure).__name__ == "AcceptedNegativeData":
        return False
    if response.status_code != 422 or type(failure).__name__ != "RejectedPositiveData":
        return True
    details = response.json()["error"]["details"]
    # Which names every system takes for a file is more than a pattern says.
    if details.get("reason") == "unsafe_path":
        return False
    fields = details.get("fields", {})
    # Which passwords are good enough is the operator's to set.
    problems = [problem for name, those in fields.items() if name != "password" for problem in those]
    return not fields or not all(excused(problem) for problem in problems)


# Parts of the sentences that such refusals have, with the reason why the schema doesn't tell.
EXCUSES = (
    # OpenAPI has no words for parameters that exclude each other.
    "can't be combined with",
    # Nor a body that is fit for clients to be made of it for one of two fields.
    "is needed, or email instead",
    "is needed, or password instead",
    "is needed, or roles instead",
    # Which cursors are ours, and of which list, only the server can tell.
    "is not one of ours",
    "belongs to another sort or order",
    # At most 64 characters before the @: a pattern says that by looking ahead only, which those who make texts of
    # patterns can't fulfil.
    "must be an e-mail address",
    # Names and values of headers are texts, of which those that say how a request is sent are the server's.
    "is no name of a header",
    "is set by the server",
    "must be text in one line",
    # Nor which files were uploaded, by whom.
    "must name files that you uploaded in this conversation",
    # Which time zones there are is the database's to say.
    "must be a time zone of the IANA database",
    # Nor what a domain is, for the same reason as an address.
    "must be domains such as",
    # Which bots, groups, members and roles there are only the server can tell.
    "names no bot that you may use",
    "must be a bot that the user may use",
    "must be a user of this server who can sign in",
    "must be a group that you administer",
    "must be the group of the address",
    "must be a member of the organization",
    "there is no role",
    "must be the id or name of a role",
    "or one of the group's own roles",
    # A change names a role once, which is no rule about items as such.
    "must name each role once",
    # Which time it is, and what others may do, is said nowhere.
    "must be in the future",
    "are more than the owner has",
    # Which texts are networks is more than a pattern says.
    "is no network such as",
    # Nor that what is in one list must not be in the other.
    "can't be both added and removed",
    "is contained in another entry",
    # Which code is right changes every half minute.
    "is wrong, or was used before",
    # The password that those who try are left with (`stay_let_in`).
    "was used before; take one that is new",
    # It holds for every text, also for the names in objects that may hold anything.
    "must not hold the character U+0000",
)


def excused(problem):
    return any(excuse in problem for excuse in EXCUSES)


@schemathesis.check
def documented_reason(ctx, response, case):
    """The reason of a refusal is one that the contract names for the operation and the status."""
    if response.status_code < 400:
        return
    reason = response.json()["error"]["details"].get("reason")
    named = documented(response, case).get("content", {}).get("application/json", {}).get("examples", {})
    assert reason is None or reason in named, f"the contract does not name the reason {reason}"


@schemathesis.check
def documented_headers(ctx, response, case):
    """A header that tells something of a success stands in the contract."""
    told = {"etag", "location", "retry-after", "idempotency-replayed"} & set(response.headers)
    named = {name.lower() for name in documented(response, case).get("headers", {})}
    assert response.status_code >= 400 or told <= named, f"the contract does not name {sorted(told - named)}"


def documented(response, case):
    responses = case.operation.definition.raw["responses"]
    found = responses.get(str(response.status_code), {})
    if "$ref" in found:
        shared = case.operation.schema.raw_schema["components"]["responses"]
        found = shared[found["$ref"].rsplit("/", 1)[1]]
    return found
