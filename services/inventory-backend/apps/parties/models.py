"""Companies and people outside: for now, the owners of stock that is not ours."""

from typing import ClassVar

from django.db import models

from apps.common.models import Entity, ExternalRef


class Party(Entity):
    """Somebody we deal with."""

    code = models.CharField(max_length=64, unique=True)
    name = models.CharField(max_length=200)

    class Meta:
        db_table = "parties_party"


class PartyRef(ExternalRef):
    """A party's name in another system."""

    party = models.ForeignKey(Party, on_delete=models.CASCADE, related_name="refs")

    class Meta(ExternalRef.Meta):
        db_table = "parties_party_ref"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["system", "value"], name="parties_party_ref_unique"),
        ]
