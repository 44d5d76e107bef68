"""The least that a DRF view can do: no authentication, no permission, one query."""

from typing import Any, ClassVar

from django.db import models
from rest_framework.parsers import JSONParser
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from uuid_utils.compat import uuid7

from apps.ledger.models import Balance

PAGE_ROWS = 50
COLUMNS = ("id", "item_id", "location_id", "lot_id", "status", "on_hand", "held", "version")


class Row(models.Model):
    """Somewhere to insert; `bench.stock` makes the table."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    item_id = models.UUIDField()
    quantity = models.DecimalField(max_digits=20, decimal_places=6)
    reference = models.CharField(max_length=200)

    # Said aloud for mypy: the model belongs to no installed application.
    objects: ClassVar[models.Manager["Row"]] = models.Manager()

    class Meta:
        app_label = "bench"
        db_table = "bench_row"
        managed = False


class _Bare(APIView):
    authentication_classes = ()
    permission_classes = ()
    parser_classes = (JSONParser,)
    renderer_classes = (JSONRenderer,)


class BareRowInsert(_Bare):
    """Insert one row by the ORM."""

    def post(self, request: Request) -> Response:
        """Store what was sent, unchecked."""
        sent: dict[str, Any] = dict(request.data)
        row = Row.objects.create(**sent)
        return Response({"id": str(row.pk)}, status=201)


class BarePage(_Bare):
    """Answer one page of balances by one query of the ORM."""

    def get(self, request: Request) -> Response:  # noqa: ARG002  (DRF's signature)
        """Return the first page, as the rows are."""
        rows = Balance.objects.order_by("item_id", "location_id", "id").values(*COLUMNS)[:PAGE_ROWS]
        return Response({"results": list(rows)})
