"""What a post reads does not grow with the ledger, not even by plans that were made for a small one."""

from itertools import pairwise

import pytest
from django.db import connection

from apps.common.db import rows
from apps.ledger.tests.posting import Move, post
from tests.world import World

POSTS = 60
READ = """
    SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0))
    FROM pg_stat_xact_user_tables WHERE relname LIKE 'ledger\\_%%'
"""


@pytest.mark.django_db
def test_a_post_reads_no_more_of_a_ledger_that_has_grown_since_it_was_planned(world: World) -> None:
    post(world, [Move(quantity=1, source="SUPPLIER", target="A1")])
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL ROLE NONE")
        cursor.execute("ANALYZE ledger_transaction, ledger_posting, ledger_balance")
        cursor.execute("SET LOCAL ROLE inventory_app")
    read = [int(rows(READ, [])[0][0])]
    for _ in range(4):
        for _ in range(POSTS):
            assert post(world, [Move(quantity=1, source="SUPPLIER", target="A1")]).is_posted
        read.append(int(rows(READ, [])[0][0]))
    growth = [later - sooner for sooner, later in pairwise(read)]
    assert growth[-1] <= growth[0] * 1.1, growth
