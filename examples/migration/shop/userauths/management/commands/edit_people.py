"""Changes people as the shop itself would."""

from django.core.management.base import BaseCommand
from django.db import transaction

from userauths.models import Profile, User


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser):
        for name in ("city", "bio", "password"):
            parser.add_argument(f"--{name}", nargs=2, action="append", default=[], metavar=("ID", name.upper()))
        parser.add_argument("--deactivate", type=int, action="append", default=[], metavar="ID")
        parser.add_argument("--delete", type=int, action="append", default=[], metavar="ID")
        parser.add_argument("--create", nargs=2, action="append", default=[], metavar=("EMAIL", "PASSWORD"))

    @transaction.atomic
    def handle(self, *_, city, bio, password, deactivate, delete, create, **__):
        for number, text in city:
            Profile.objects.filter(user_id=number).update(city=text)
        for number, text in bio:
            Profile.objects.filter(user_id=number).update(bio=text)
        for number, text in password:
            user = User.objects.get(id=number)
            user.set_password(text)
            user.save()
        User.objects.filter(id__in=deactivate).update(is_active=False)
        User.objects.filter(id__in=delete).delete()
        for email, text in create:
            user = User.objects.create_user(username=email, email=email, password=text)
            Profile.objects.create(user=user)
