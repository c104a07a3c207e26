"""Settings of the old system. SHOP_DATABASE is where its data is: sqlite://PATH or postgres://…"""

import datetime
import os
from urllib.parse import unquote, urlsplit

import django

SECRET_KEY = os.environ.get("SHOP_SECRET_KEY", "the secret key of a shop that nobody can visit")
USE_TZ = True
AUTH_USER_MODEL = "userauths.User"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sessions",
    "django.contrib.messages",
    "allauth",
    "allauth.account",
    "allauth.socialaccount",
    "rest_framework_simplejwt.token_blacklist",
    "userauths",
]
SIMPLE_JWT = {
    "ACCESS_TOKEN_LIFETIME": datetime.timedelta(days=1),
    "REFRESH_TOKEN_LIFETIME": datetime.timedelta(days=50),
}
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
]

# Hashes of Django are read by the class that their first part names; the first class makes new ones.
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers." + name
    for name in (
        "PBKDF2PasswordHasher",
        "PBKDF2SHA1PasswordHasher",
        "Argon2PasswordHasher",
        "BCryptSHA256PasswordHasher",
        "BCryptPasswordHasher",
        "ScryptPasswordHasher",
        "MD5PasswordHasher",
    )
]
if django.VERSION < (5, 1):
    PASSWORD_HASHERS += [
        "django.contrib.auth.hashers." + name
        for name in ("SHA1PasswordHasher", "UnsaltedSHA1PasswordHasher", "UnsaltedMD5PasswordHasher")
    ]


def _database(text):
    url = urlsplit(text)
    if url.scheme == "sqlite":
        return {"ENGINE": "django.db.backends.sqlite3", "NAME": text.removeprefix("sqlite://")}
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": url.path.lstrip("/"),
        "USER": unquote(url.username or ""),
        "PASSWORD": unquote(url.password or ""),
        "HOST": url.hostname or "",
        "PORT": url.port or "",
    }


DATABASES = {"default": _database(os.environ.get("SHOP_DATABASE", "sqlite://shop.sqlite3"))}
