"""One run: its databases, its servers, and the measures in turn."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from os import getpid

import psycopg

import devdb
from bench import measures, stock
from bench.measures import Effort, Result
from bench.server import SERVICE, Shape, Site, command, sealing, serving, settings_for


@dataclass(frozen=True, kw_only=True)
class Bench:
    """What a run works with, and what its servers cost.

    `postings` is the size of the large ledger.
    """

    database: devdb.Server
    name: str
    token: str = field(repr=False)
    effort: Effort
    shape: Shape
    postings: int
    cold_starts_s: list[float] = field(default_factory=list)
    memory_mib: list[float] = field(default_factory=list)

    def run(self, letters: str) -> Iterator[tuple[str, Result]]:
        """Yield the measures that `letters` asks for, by name, as they are done."""
        if "a" in letters:
            with self.small("a") as (site, _):
                yield from measures.one_line_posts(site, self.token, self.effort).items()
        if "b" in letters:
            with self.small("b") as (site, url):
                yield from measures.batches(site, self.token, url, self.effort).items()
        if "g" in letters:
            with self.wide() as (site, one, last):
                yield from measures.restricted_pages(site, self.token, one, last, self.effort).items()
        if "h" in letters:
            with self.small("h") as (audited, url), self._unaudited() as plain, sealing(url) as sealer:
                yield from measures.audited_posts(audited, plain, sealer, self.token, self.effort).items()
        if set("cde").isdisjoint(letters):
            return
        with self.large() as (large, _):
            if not set("cd").isdisjoint(letters):
                balances = stock.ITEMS * stock.BINS
                yield from measures.pages(large, self.token, self.effort, balances=balances).items()
            if "e" in letters:
                with self.small("e") as (small, _):
                    results = measures.posts_on_a_large_ledger(small, large, self.token, self.effort)
                    yield from results.items()

    @contextmanager
    def small(self, suffix: str) -> Iterator[tuple[Site, str]]:
        """Serve a new ledger with opening stock in two bins; with the URL of its owner."""
        with self._copy(suffix) as url, self._serving(url) as site:
            yield site, url

    @contextmanager
    def _unaudited(self) -> Iterator[Site]:
        """Serve the same with no event kept and no table watched."""
        with self._copy("unaudited") as url:
            with psycopg.connect(url) as connection:
                connection.execute(stock.UNAUDIT)
            with self._serving(url) as site:
                yield site

    @contextmanager
    def large(self) -> Iterator[tuple[Site, str]]:
        """Serve a ledger with stock of every item in every bin, and a long history."""
        with self._copy("large") as url:
            with psycopg.connect(url) as connection:
                stock.open_bins(connection, range(2, stock.BINS))
                stock.grow(connection, self.postings)
            with self._serving(url) as site:
                yield site, url

    @contextmanager
    def wide(self) -> Iterator[tuple[Site, str, str]]:
        """Serve a ledger of a million balances in 25 sites; with the tokens of who may look at one, and at the last."""
        with self._copy("wide") as url:
            with psycopg.connect(url) as connection:
                stock.spread(connection)
            one, last = _token(url, "SITE-07"), _token(url, "LAST")
            with self._serving(url) as site:
                yield site, one, last

    @contextmanager
    def _copy(self, suffix: str) -> Iterator[str]:
        name = f"{self.name}_{suffix}"
        devdb.clone(self.database, template=self.name, name=name)
        try:
            yield self.database.url(name)
        finally:
            devdb.drop_database(self.database, name)

    @contextmanager
    def _serving(self, url: str) -> Iterator[Site]:
        with serving(url, self.shape) as site:
            self.cold_starts_s.append(site.cold_start_s)
            yield site
            self.memory_mib.append(site.memory_mib())


@contextmanager
def prepared(*, effort: Effort, shape: Shape, postings: int) -> Iterator[Bench]:
    """Make the database that the others are copied from; at the end nothing is left of any."""
    name = f"bench_{getpid()}"
    with devdb.server(profile="dev") as database:
        devdb.ensure_database(database, name)
        try:
            token = _token(database.url(name))
            with psycopg.connect(database.url(name)) as connection:
                stock.make_master_data(connection)
                stock.open_bins(connection, range(2))
            yield Bench(database=database, name=name, token=token, effort=effort, shape=shape, postings=postings)
        finally:
            devdb.drop_database(database, name)


def _token(url: str, *place: str) -> str:
    """Migrate a database and return the token of an administrator of it; or of a viewer of one place."""
    done = subprocess.run(
        command("bench.principal", *place, settings=settings_for(url, role="none")),
        cwd=SERVICE,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return done.stdout.split()[-1]
