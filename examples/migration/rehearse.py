"""The runbook of docs/migration.md, from a running Django system to idgate and back.

Run by `examples/migration/run`, which says how.
"""

import argparse
import base64
import json
import random
import secrets
import shutil
import sqlite3
import subprocess
import tempfile
from collections import Counter
from datetime import datetime, timezone
from pathlib import Path

from tools import Failed, Gateway, Shop, check, day, fail, last

SECRET_KEY = "what the shop signs its tokens with, until the switch"
SUSPEND = """mutation ($input: SuspendUserInput!) {
  suspendUser(input: $input) { __typename ... on Problem { code message } }
}"""
# The shop has a group that means nothing here, and fewer columns than the blueprint.
MAPPING = """
[values.group]
Support = "support"
Vendors = "vendor"
Readers = ""

[export]
erased = ["user.otp"]

[export.user]
username = "{mark}"

[export.profile]
wallet_balance = 0
date = "{created_at}"
"""
# Formats that newer versions of Django do not have: those of make_people, by the last digit of the id.
OLD_FORMATS = (7, 8, 9)
# What has no usable address of its own here, yet a phone number.
BY_PHONE = ("other-case", "wide-letters", "bad-address", "only-phone")


class Person:
    """What the shop knows of one of its people."""

    def __init__(self, fact):
        self.id, self.email, self.phone = fact["id"], fact["email"], fact["phone"]
        self.kind, self.expected, self.password = fact["kind"], fact["expected"], fact["password"]

    @property
    def address_there(self):
        return self.email or self.phone

    @property
    def address_here(self):
        return self.phone if self.kind in BY_PHONE else self.email.strip()

    def can_sign_in(self):
        """Whether the person can sign in at the shop."""
        return bool(self.password) and self.kind not in ("inactive", "no-address")


class Rehearsal:
    def __init__(self, options, directory):
        self.directory = directory
        self.options = options
        python = {"4.2": options.django_4_2, "5.2": options.django_5_2}
        database = options.shop_database or f"sqlite://{directory / 'shop.sqlite3'}"
        self.shops = {version: Shop(path, database, SECRET_KEY) for version, path in python.items()}
        self.shop = self.shops[options.old]
        self.idgate = self.gateway("idgate", options.database)
        self.mapping = directory / "mapping.toml"
        self.people = []
        self.source = ["--source", database, "--mapping", self.mapping]

    def gateway(self, name, database):
        """A new installation."""
        state = self.directory / name
        state.mkdir(mode=0o700)
        master = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode().rstrip("=")
        settings = {"IDGATE_THROTTLE__SCALE": "100000", "IDGATE_KEYS__MASTER": master}
        if database:
            settings |= {
                "IDGATE_DATABASE__URL": database,
                "IDGATE_REDIS__URL": self.options.redis,
                "IDGATE_REDIS__PREFIX": name,
            }
        gateway = Gateway(self.options.idgate, state, settings)
        gateway.run("migrate")
        return gateway

    def run(self):
        self.rehearse()
        self.first_night()
        self.both_sides_change()
        self.switch()
        self.live_here()
        self.switch_back()
        self.forward_again()

    # ── Before the switch ─────────────────────────────────────────────────────────────────────────

    def rehearse(self):
        day(f"The old system: Django {self.shop.version()}")
        self.shop.manage("migrate", "--verbosity", 0)
        truth = self.directory / "truth"
        self.shop.manage("make_people", "--people", self.options.people, "--seed", self.options.seed, "--truth", truth)
        with open(truth, encoding="utf-8") as lines:
            self.people = [Person(json.loads(line)) for line in lines]
        self.mapping.write_text(MAPPING)

        day("A rehearsal, which writes nothing")
        report = self.import_again("--dry-run")
        self.check_counts(report)
        again = self.import_again("--dry-run")
        check("a second one finds the same", again["counts"] == report["counts"])

    def import_again(self, *options):
        return last(self.idgate.run("import", "django", *self.source, "--json", *options), "finished")["report"]

    def check_counts(self, report):
        """The report says of each kind of row what is true of it."""
        expected = Counter(person.expected for person in self.people)
        set_aside = {name: count for name, count in expected.items() if ":" in name}
        reasons = {name: count for name, count in expected.items() if name != "imported" and ":" not in name}
        counts = report["counts"]
        check("the numbers add up to those of the source", report["addsUp"], report)
        check(f"{sum(reasons.values())} rows are quarantined, each kind for its reason", counts["reasons"] == reasons,
              f"expected {reasons}\nfound    {counts['reasons']}")
        check(f"{sum(set_aside.values())} values are set aside", counts["setAside"] == set_aside,
              f"expected {set_aside}\nfound    {counts['setAside']}")
        imported = len(self.people) - sum(reasons.values())
        check(f"{imported} people are imported", counts["tables"]["user"]["imported"] == imported, counts)

    def first_night(self):
        day("The first night: killed half-way, and resumed")
        batch = max(1, len(self.people) // 10)
        killed = self.idgate.kill_at("progress", 4, "import", "django", *self.source, "--batch", batch, "--json")
        check("it was killed before its end", killed)
        report = self.import_again("--resume", "--batch", batch)
        self.check_counts(report)
        report = self.import_again()
        counts = report["counts"]
        check("the next one changes nothing", (counts["created"], counts["updated"]) == (0, 0), counts)

        day("What is quarantined is settled")
        for reason, rule in (
            ("email_duplicate", "drop-email"), ("no_identifier", "discard"), ("password_unknown", "discard"),
            ("password_malformed", "discard"), ("password_too_costly", "discard"),
            ("phone_invalid", "accept"), ("phone_duplicate", "accept"), ("email_invalid", "accept"),
        ):
            if any(reason in person.expected for person in self.people):
                self.idgate.run("import", "resolve", "--reason", reason, "--rule", rule, "--mapping", self.mapping, "--json")
        for person in self.people:
            if person.expected not in ("imported", "email_duplicate") and ":" not in person.expected:
                person.kind = "discarded"
        report = self.import_again()
        check("nothing is quarantined any more", report["counts"]["tables"]["user"]["quarantined"] == 0, report)

    def both_sides_change(self):
        day("Both sides change")
        plain = [person for person in self.people if person.kind == "plain"]
        self.mover, self.writer, self.changer, self.left, self.gone, *_ = plain[10:]
        self.idgate.serve()
        for person, change in ((self.mover, {"bio": "written here"}), (self.writer, {"bio": "here, too"})):
            status, body = self.idgate.login(person.address_here, person.password)
            check(f"{person.address_here} signs in here before the switch", status == 200, body)
            status, body = self.idgate.request("profile", change, body["data"]["access"], "PATCH")
            check("and changes the profile", status == 200, body)
        self.changer.password = "a new password at the shop"
        self.shop.manage(
            "edit_people", "--city", self.mover.id, "Utrecht", "--bio", self.writer.id, "written at the shop",
            "--password", self.changer.id, self.changer.password, "--deactivate", self.left.id,
            "--delete", self.gone.id, "--create", "newcomer@example.com", "newcomer at the shop",
        )
        self.left.kind, self.gone.kind = "inactive", "gone"
        self.people.append(Person({
            "id": None, "email": "newcomer@example.com", "phone": None, "kind": "plain", "expected": "imported",
            "password": "newcomer at the shop",
        }))
        report = self.import_again()
        counts = report["counts"]
        numbers = {name: counts[name] for name in ("created", "updated", "conflicts", "gone")}
        check("the night brings one new, three changed, one conflict, one gone",
              numbers == {"created": 1, "updated": 3, "conflicts": 1, "gone": 1}, counts)
        conflict = report["conflicts"][0]
        check("the conflict shows both values", (conflict["theirs"], conflict["ours"]) == ("written at the shop", "here, too"), conflict)
        events = self.idgate.run("import", "verify", *self.source, "--json", status=1)
        check("a switch would not be safe now", not last(events, "finished")["safe"])
        self.idgate.run("import", "resolve", "--reason", "conflict", "--rule", "take-theirs", "--mapping", self.mapping, "--json")

    # ── The switch ────────────────────────────────────────────────────────────────────────────────

    def switch(self):
        day("The switch: the old system signs no one in any more")
        # The first of each format of password, and people of every kind.
        tokens = json.loads(self.shop.manage("issue_tokens", self.mover.id, self.writer.id))
        self.import_again()
        credentials = self.directory / "credentials"
        tried = [person for person in self.people if person.can_sign_in() and person.kind == "plain"][:20]
        credentials.write_text("".join(f"{person.address_here}\t{person.password}\n" for person in tried))
        credentials.chmod(0o600)
        events = self.idgate.run("import", "verify", *self.source, "--credentials", credentials, "--json")
        finished = last(events, "finished")
        check(f"verified: safe, with {finished['equal']} of {finished['accounts']} accounts equal", finished["safe"], finished)
        self.idgate.stop()
        self.idgate.settings |= {
            "IDGATE_MIGRATION__SIMPLEJWT_KEY": SECRET_KEY,
            "IDGATE_MIGRATION__SIMPLEJWT_ISSUED_BEFORE": datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        self.idgate.serve()
        self.old_tokens_work(tokens)
        self.everyone_signs_in()

    def old_tokens_work(self, tokens):
        for person in (self.mover, self.writer):
            pair = tokens[str(person.id)]
            status, body = self.idgate.request("profile", token=pair["access"], method="GET")
            check("an access token of the shop still works", status == 200 and body["data"]["email"] == person.email, body)
            status, body = self.idgate.request("refresh", {"refresh": pair["refresh"]})
            check("its refresh token becomes a session", status == 200, body)
            status, body = self.idgate.request("profile", token=body["data"]["access"], method="GET")
            check("which works", status == 200, body)

    def everyone_signs_in(self):
        people = [person for person in self.people if person.kind not in ("discarded", "gone") and person.password]
        # Those with every format of password come first.
        first, rest = people[:min(100, self.options.sign_ins)], people[100:]
        chosen = min(len(rest), self.options.sign_ins - len(first))
        people = first + random.Random(self.options.seed).sample(rest, chosen)
        self.tried = people
        for person in people:
            status, body = self.idgate.login(person.address_here, person.password)
            expected = (403, "ACCOUNT_SUSPENDED") if person.kind == "inactive" else (200, None)
            if (status, body.get("code")) != expected:
                raise Failed(f"{person.address_here} ({person.kind}): {status} {body}")
        signed_in = [person for person in people if person.kind != "inactive"]
        check(f"{len(signed_in)} people sign in with the passwords that they had", bool(signed_in))
        ids = ", ".join(str(person.id) for person in signed_in if person.id)
        other = self.query(
            "SELECT COUNT(*) FROM passwords p JOIN users u ON u.id = p.user_id "
            f"WHERE u.legacy_id IN ({ids}) AND (p.hash NOT LIKE '$argon2id$%' OR p.imported_rounds IS NOT NULL)"
        )
        check("and all their passwords are Argon2id now", other == "0", other)

    def query(self, statement):
        """One value of the database of idgate."""
        if self.options.database:
            command = ["psql", "--no-psqlrc", "--tuples-only", "--no-align", "--command", statement, self.options.database]
            return subprocess.check_output(command, text=True).strip()
        with sqlite3.connect(self.idgate.directory / "idgate.sqlite3") as database:
            return str(database.execute(statement).fetchone()[0])

    # ── Afterwards ────────────────────────────────────────────────────────────────────────────────

    def live_here(self):
        day("Days later: people register, change and leave here")
        status, body = self.idgate.request("register", {
            "email": "born.here@example.com", "password": "it's a \\ password; --", "first_name": "Bø'rn", "last_name": "Here",
        })
        check("a new account", status == 201, body)
        self.people.append(Person({
            "id": None, "email": "born.here@example.com", "phone": None, "kind": "plain", "expected": "imported",
            "password": "it's a \\ password; --",
        }))
        _, body = self.idgate.login(self.changer.address_here, self.changer.password)
        passwords = {"current_password": self.changer.password, "new_password": "a third one: it's \\ here"}
        status, body = self.idgate.request("password/change", passwords, body["data"]["access"])
        check("a new password", status == 200, body)
        self.changer.password = passwords["new_password"]
        _, body = self.idgate.login(self.mover.address_here, self.mover.password)
        status, body = self.idgate.request("profile", {"city": "Zürich", "bio": "It's me \\ 👋"}, body["data"]["access"], "PATCH")
        check("a changed profile", status == 200, body)
        self.suspend(next(person for person in self.people if person.kind == "plain" and person.id and person.id > 10))

    def suspend(self, person):
        root = self.people[0]
        _, body = self.idgate.login(person.address_here, person.password)
        user = body["data"]["user"]["id"]
        _, body = self.idgate.login(root.address_here, root.password)
        answer = self.idgate.graphql(SUSPEND, {"input": {"userId": user, "reason": "chargebacks"}}, body["data"]["access"])
        check("a suspended account", answer["data"]["suspendUser"]["__typename"] == "UserSuspended", answer)
        person.kind = "inactive"

    # ── Back, and forward again ───────────────────────────────────────────────────────────────────

    def switch_back(self):
        day("Back: what happened here goes to the old system")
        self.idgate.stop()
        kind = "postgres" if self.options.database else "sqlite"
        file = self.directory / "switch-back.sql"
        events = self.idgate.run(
            "export", "django", "--format", kind, "--out", file, "--mapping", self.mapping, "--json"
        )
        finished = last(events, "finished")
        counts = finished["counts"]
        check(f"{counts['created']} new account and {counts['changed']} changed ones are written",
              finished["addsUp"] and counts["created"] == 1, finished)
        check("no one else can read the file", file.stat().st_mode & 0o077 == 0)
        self.shop.run_sql(file)
        self.shop.run_sql(file)
        people = [person for person in self.tried if person.password] + self.people[-1:]
        # The newer one first: the older hashes what only it can verify anew.
        for version in ("5.2", "4.2"):
            self.signs_in(self.shops[version], people)

    def signs_in(self, shop, people):
        """Everyone can sign in there, except where a format was too old for this Django before."""
        outcome = shop.sign_in([(person.address_there, person.password) for person in people])
        too_old = [
            person.address_there
            for person in people
            if person.id and person.id % 10 in OLD_FORMATS and person is not self.changer and shop is self.shops["5.2"]
        ]
        able = [person.address_there for person in people if person.can_sign_in()]
        expected = set(able) - set(too_old)
        check(f"Django {shop.version()} signs {len(expected)} people in, with the passwords that they have now",
              set(outcome["signed_in"]) == expected and set(outcome["unknown_format"]) <= set(too_old),
              f"missing {expected - set(outcome['signed_in'])}, {outcome['unknown_format']} too old")

    def forward_again(self):
        day("And forward again, into an empty installation")
        self.idgate = self.gateway("idgate-again", self.options.next_database)
        report = self.import_again()
        self.people = [person for person in self.people if person is not self.gone]
        self.check_counts(report)
        credentials = self.directory / "credentials"
        able = [person for person in self.tried if person.can_sign_in()][:20] + self.people[-1:]
        credentials.write_text("".join(f"{person.address_here}\t{person.password}\n" for person in able))
        events = self.idgate.run(
            "import", "verify", *self.source, "--credentials", credentials, "--json", status=1
        )
        finished = last(events, "finished")
        check("what is quarantined is all that keeps it from being safe",
              finished["equal"] == finished["accounts"] and finished["stale"] == finished["missing"] == 0, finished)


def main():
    parser = argparse.ArgumentParser()
    for name in ("--idgate", "--django-4.2", "--django-5.2"):
        parser.add_argument(name, required=True, dest=name[2:].replace("-", "_").replace(".", "_"))
    parser.add_argument("--old", choices=("4.2", "5.2"), default="4.2")
    parser.add_argument("--people", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sign-ins", type=int, default=300)
    parser.add_argument("--shop-database")
    parser.add_argument("--database")
    parser.add_argument("--next-database")
    parser.add_argument("--redis")
    parser.add_argument("--keep", action="store_true")
    options = parser.parse_args()
    directory = Path(tempfile.mkdtemp(prefix="idgate-migration."))
    rehearsal = Rehearsal(options, directory)
    try:
        rehearsal.run()
    except Failed as failure:
        fail(f"FAILED: {failure}\neverything is kept in {directory}")
    finally:
        rehearsal.idgate.stop()
    if options.keep:
        print(f"\neverything is kept in {directory}")
    else:
        shutil.rmtree(directory)
    print("\nThe rehearsal went as the runbook says.")


if __name__ == "__main__":
    main()
