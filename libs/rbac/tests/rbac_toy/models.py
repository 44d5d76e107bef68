"""What rbac.django expects of a project's models."""

from functools import cached_property

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import models
from django.utils import timezone
from uuid_utils.compat import uuid7

from rbac import Grants
from rbac.django.queries import grants_of


class User(AbstractBaseUser):
    id = models.UUIDField(primary_key=True, default=uuid7)
    email = models.TextField(unique=True)

    USERNAME_FIELD = "email"

    @cached_property
    def grants(self) -> Grants:
        return grants_of(user_id=self.id, at=timezone.now())


class Group(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid7)
    code = models.TextField()


class Membership(models.Model):
    group = models.ForeignKey(Group, on_delete=models.PROTECT, related_name="+")
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")


class Location(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid7)
    code = models.TextField()


class LocationClosure(models.Model):
    ancestor = models.ForeignKey(Location, on_delete=models.PROTECT, related_name="+")
    descendant = models.ForeignKey(Location, on_delete=models.PROTECT, related_name="+")


class Balance(models.Model):
    location = models.ForeignKey(Location, on_delete=models.PROTECT, related_name="+")


class Reservation(models.Model):
    balance = models.ForeignKey(Balance, on_delete=models.PROTECT, related_name="+")
