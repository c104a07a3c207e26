"""Accounts of the old system: a user with a profile beside it."""

import secrets

from django.contrib.auth.models import AbstractUser
from django.db import models

LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"


def new_pid():
    """A public id."""
    return "".join(secrets.choice(LETTERS) for _ in range(12))


class User(AbstractUser):
    email = models.EmailField(unique=True, null=True, blank=True)
    phone = models.CharField(max_length=100, null=True, blank=True)
    full_name = models.CharField(max_length=1000, null=True, blank=True)
    otp = models.CharField(max_length=100, null=True, blank=True)

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS = ["username"]


class Profile(models.Model):
    pid = models.CharField(max_length=25, unique=True, default=new_pid)
    user = models.OneToOneField(User, on_delete=models.CASCADE)
    image = models.CharField(max_length=1000, default="default/default-user.jpg", null=True)
    full_name = models.CharField(max_length=1000, null=True, blank=True)
    phone = models.CharField(max_length=100, null=True, blank=True)
    bio = models.TextField(null=True, blank=True)
    country = models.CharField(max_length=1000, null=True, blank=True)
    state = models.CharField(max_length=500, null=True, blank=True)
    city = models.CharField(max_length=500, null=True, blank=True)
    address = models.CharField(max_length=1000, null=True, blank=True)
    wallet_balance = models.DecimalField(max_digits=12, decimal_places=2, default=0)
    verified = models.BooleanField(default=False)
    date = models.DateTimeField(auto_now_add=True)
