"""What an orchestrator asks: alive, ready, and in numbers (api.md 19)."""

import resource

from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from psycopg_pool import PoolTimeout

from apps.common.api.plain import reads_only
from rbac.django.permissions import declare, public


@declare(public("an orchestrator has no account; the answer says only that the process runs"))
@reads_only
def livez(_: HttpRequest) -> HttpResponse:
    """Answer while the process can answer."""
    return JsonResponse({"status": "ok"})


@declare(public("an orchestrator has no account; the answer says only whether to send traffic"))
@reads_only
def readyz(_: HttpRequest) -> HttpResponse:
    """Answer 200 when the database is reachable and its migrations are all applied, else 503 with the reason."""
    try:
        executor = MigrationExecutor(connection)
        pending = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except (DatabaseError, PoolTimeout):
        return JsonResponse({"status": "unavailable", "reason": "The database does not answer."}, status=503)
    if pending:
        reason = f"{len(pending)} migrations are not applied. Run: inventory migrate"
        return JsonResponse({"status": "unavailable", "reason": reason}, status=503)
    return JsonResponse({"status": "ok"})


@declare(public("scraped inside the deployment's network; holds no business data"))
@reads_only
def metrics(_: HttpRequest) -> HttpResponse:
    """Answer this worker's own numbers in the Prometheus text format."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    lines = [
        "# TYPE process_cpu_seconds_total counter",
        f"process_cpu_seconds_total {usage.ru_utime + usage.ru_stime:.3f}",
        "# TYPE process_max_resident_memory_bytes gauge",
        f"process_max_resident_memory_bytes {usage.ru_maxrss * 1024}",
    ]
    return HttpResponse("\n".join(lines) + "\n", content_type="text/plain; version=0.0.4")
