"""Groups of users: what is bound to a group, each of its members holds."""

from django.db import models
from django.db.models.functions import Now

from apps.common.models import Versioned
from apps.identity.models.users import User


class Group(Versioned):
    """Some users under one name, so that roles are given to all of them at once."""

    code = models.CharField(max_length=64, unique=True)
    name = models.CharField(max_length=200)
    # The members are not its columns: joining or leaving is no change of the group.
    members: "models.ManyToManyField[User, GroupMember]" = models.ManyToManyField(
        User, through="GroupMember", related_name="groups"
    )

    class Meta:
        db_table = "identity_group"


class GroupMember(models.Model):
    """One user's membership in one group; whoever deletes either first ends it, with a trace."""

    pk = models.CompositePrimaryKey("user_id", "group_id")
    user = models.ForeignKey(User, on_delete=models.PROTECT, db_index=False, related_name="+")
    group = models.ForeignKey(Group, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "identity_group_member"
