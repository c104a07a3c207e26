"""Fills an empty shop with people, and writes what is true of each to a file.

Every fifth person has something wrong, each kind of it as often as the others. The first hundred have
passwords at the cost of this Django, in every format in turn; all others a cheap PBKDF2, so that many
can be made.
"""

import base64
import datetime
import hashlib
import json
import random
from decimal import Decimal

from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount
from django.contrib.auth.hashers import get_hasher, make_password
from django.contrib.auth.models import Group
from django.core.management.base import BaseCommand
from django.core.management.color import no_style
from django.db import connection, transaction
from django.utils.crypto import RANDOM_STRING_CHARS

from userauths.models import LETTERS, Profile, User

NAMES = ["Ada Lovelace", "José García", "Zoë Brontë", "Иван Петров", "田中 美咲", "Conor O'Brien", "Łucja Żółć", "Anne-Marie d'Arc"]
PLACES = [("Germany", "NRW", "Köln"), ("Nigeria", "Lagos", "Ikeja"), ("日本", None, "東京"), ("", "", ""), (None, None, None)]
BIOS = [None, "", "It's \"quoted\"; -- and back\\slashed", "Two\nlines 👋", "<b>bold</b>", "=1+1"]
IMAGES = ["default/default-user.jpg", "people/{id}/me.png", "people/{id}/ünï cödé.jpg"]
EPOCH = datetime.datetime(2024, 3, 1, tzinfo=datetime.timezone.utc)
BATCH = 2000


def sha1(password, salt):
    """What Django before 5.1 made with a hasher that newer versions do not have."""
    return f"sha1${salt}${hashlib.sha1((salt + password).encode()).hexdigest()}"


def cheap(password, salt):
    digest = hashlib.pbkdf2_hmac("sha256", password.encode(), salt.encode(), 1000)
    return f"pbkdf2_sha256$1000${salt}${base64.b64encode(digest).decode()}"


def django(algorithm):
    return lambda password, salt: get_hasher(algorithm).encode(password, salt)


FORMATS = [
    django("pbkdf2_sha256"),
    django("pbkdf2_sha1"),
    lambda password, _: make_password(password, hasher="argon2"),
    lambda password, _: make_password(password, hasher="bcrypt_sha256"),
    lambda password, _: make_password(password, hasher="bcrypt"),
    django("scrypt"),
    django("md5"),
    sha1,
    lambda password, _: sha1(password, ""),
    lambda password, _: hashlib.md5(password.encode()).hexdigest(),
]

# What is wrong with a person: a change of the user and the profile, and what becomes of the row. What
# ends with a colon is set aside, and the row imported; everything else is the reason of a quarantine.
WRONG = [
    ("other-case", lambda user, _: set_email(user, f"SHOPPER{user.id - 1}@Example.com"), "email_duplicate"),
    ("wide-letters", lambda user, _: set_email(user, f"ｓhopper{user.id - 2}@example.com"), "email_duplicate"),
    ("no-address", lambda user, profile: (set_email(user, None), set_phone(user, profile, None)), "no_identifier"),
    ("only-phone", lambda user, _: set_email(user, None), "imported"),
    ("padded", lambda user, _: set_email(user, f" shopper{user.id}@example.com "), "imported"),
    ("no-phone", lambda user, profile: set_phone(user, profile, None), "imported"),
    ("bad-phone", lambda user, profile: set_phone(user, profile, "call me"), "phone:phone_invalid"),
    ("same-phone", lambda user, profile: set_phone(user, profile, phone(user.id - 1)), "phone:phone_duplicate"),
    ("bad-address", lambda user, _: set_email(user, f"no address {user.id}"), "email:email_invalid"),
    ("long-name", lambda user, _: setattr(user, "first_name", "x" * 150), "imported"),
    ("unknown-hash", lambda user, _: setattr(user, "password", "crc32$salt$0badc0de"), "password_unknown"),
    ("cut-hash", lambda user, _: setattr(user, "password", "pbkdf2_sha256$1000$salt"), "password_malformed"),
    ("costly-hash", lambda user, _: setattr(user, "password", "pbkdf2_sha256$999999999$salt$" + "A" * 43 + "="), "password_too_costly"),
    ("no-password", lambda user, _: setattr(user, "password", make_password(None)), "imported"),
    ("inactive", lambda user, _: setattr(user, "is_active", False), "imported"),
]


def phone(number):
    return f"+4930{number:07}"


def set_email(user, address):
    user.email = address


def set_phone(user, profile, number):
    user.phone = profile.phone = number


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser):
        parser.add_argument("--people", type=int, default=300)
        parser.add_argument("--seed", type=int, default=1)
        parser.add_argument("--truth", required=True, help="where to write what is true of each person, a line each")

    def handle(self, *_, people, seed, truth, **__):
        chance = random.Random(seed)
        random_text = lambda length: "".join(chance.choices(RANDOM_STRING_CHARS, k=length))
        self.groups = {name: Group.objects.get_or_create(name=name)[0] for name in ("Support", "Vendors", "Readers")}
        with open(truth, "w", encoding="utf-8") as file, transaction.atomic():
            for start in range(1, people + 1, BATCH):
                batch = [
                    self.person(number, chance, random_text) for number in range(start, min(start + BATCH, people + 1))
                ]
                self.store(batch)
                for user, profile, fact in batch:
                    file.write(json.dumps({"id": user.id, "email": user.email, "phone": user.phone, "pid": profile.pid, **fact}) + "\n")
            self.continue_keys()
        self.stdout.write(f"{people} people")

    def continue_keys(self):
        """Keys that the database gives come after those that were given here."""
        with connection.cursor() as cursor:
            for statement in connection.ops.sequence_reset_sql(no_style(), [User]):
                cursor.execute(statement)

    def person(self, number, chance, random_text):
        """A user, the profile, and what is true of both."""
        password, name = f"shop {random_text(6)} {number}", chance.choice(NAMES)
        first, _, last = name.rpartition(" ")
        make = FORMATS[number % len(FORMATS)] if number <= 100 else cheap
        country, state, city = chance.choice(PLACES)
        user = User(
            id=number,
            username=f"shopper{number}",
            email=f"shopper{number}@example.com",
            phone=phone(number),
            first_name=first,
            last_name=last,
            full_name=name,
            password=make(password, random_text(16)),
            is_superuser=number == 1,
            is_staff=number in (1, 2, 4),
            date_joined=EPOCH - datetime.timedelta(seconds=chance.randrange(10**8)),
            last_login=EPOCH + datetime.timedelta(microseconds=chance.randrange(10**12)) if number % 3 else None,
        )
        profile = Profile(
            user_id=number,
            pid="".join(chance.choices(LETTERS, k=12)),
            image=chance.choice(IMAGES).format(id=number),
            full_name=name,
            phone=user.phone,
            bio=chance.choice(BIOS),
            country=country,
            state=state,
            city=city,
            wallet_balance=Decimal(chance.randrange(-1000, 10**6)) / 100,
        )
        kind, expected = "plain", "imported"
        if number > 4 and number % 5 == 0:
            kind, change, expected = WRONG[number // 5 % len(WRONG)]
            change(user, profile)
        has_password = kind not in ("no-password", "unknown-hash", "cut-hash", "costly-hash")
        return user, profile, {"kind": kind, "expected": expected, "password": password if has_password else None}

    def store(self, batch):
        users = [user for user, _, _ in batch]
        User.objects.bulk_create(users)
        Profile.objects.bulk_create([profile for _, profile, _ in batch])
        membership = User.groups.through
        membership.objects.bulk_create(
            membership(user_id=user.id, group_id=self.groups[group].id)
            for user in users
            for group in self.groups
            if (group == "Readers" and user.id % 10 == 3) or (group == "Support" and user.id == 2) or (group == "Vendors" and user.id == 3)
        )
        plain = [user for user, _, fact in batch if fact["kind"] == "plain"]
        EmailAddress.objects.bulk_create(
            EmailAddress(user=user, email=user.email, verified=user.id % 4 == 2, primary=True) for user in plain if user.id % 2 == 0
        )
        SocialAccount.objects.bulk_create(
            SocialAccount(user=user, provider="google", uid=f"1{user.id:020}", extra_data={}) for user in plain if user.id % 10 == 6
        )
