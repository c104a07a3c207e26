"""Signs people in by Simple JWT, and prints their tokens as JSON."""

import json

from django.core.management.base import BaseCommand
from rest_framework_simplejwt.tokens import RefreshToken

from userauths.models import User


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser):
        parser.add_argument("ids", type=int, nargs="+", metavar="ID")
        parser.add_argument("--sign-out", action="store_true", help="put the refresh tokens on the blacklist at once")

    def handle(self, *_, ids, sign_out, **__):
        tokens = {}
        for user in User.objects.filter(id__in=ids):
            refresh = RefreshToken.for_user(user)
            tokens[user.id] = {"access": str(refresh.access_token), "refresh": str(refresh)}
            if sign_out:
                refresh.blacklist()
        self.stdout.write(json.dumps(tokens))
