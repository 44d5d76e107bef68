"""The life of a cluster: started by the first, shared, stopped by the last, whoever is killed."""

import os
import signal
import subprocess
from pathlib import Path

import psycopg
import pytest
from scenery import Users

import devdb
from devdb._account import Account
from devdb._cluster import Cluster, clusters
from devdb._cluster import home as checkout_home

SETTINGS = (
    "SELECT name, setting FROM pg_settings WHERE name IN ('autovacuum', 'fsync', 'full_page_writes', "
    "'listen_addresses', 'max_connections', 'synchronous_commit', 'TimeZone') ORDER BY name"
)


def the_cluster(home: Path, profile: str) -> Cluster:
    ((cluster, _),) = clusters(home, profile)
    return cluster


def postmaster(cluster: Cluster) -> int:
    assert cluster.data is not None
    return int((cluster.data / "postmaster.pid").read_text(encoding="utf-8").split("\n")[0])


def query(url: str, statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(statement).fetchall()


def test_it_starts_from_the_wheel_and_stops_without_a_trace(initialised: Path) -> None:
    with devdb.server(profile="test") as server:
        cluster = the_cluster(initialised, "test")
        assert (server.profile, server.source, server.is_local) == ("test", "wheel", True)
        assert server.version // 10000 == 18
        sockets = str(cluster.sockets).replace("/", "%2F")
        assert server.url("a b") == f"postgresql://postgres@/a%20b?host={sockets}&port=5432"
        assert query(server.url(), "SELECT current_database()") == [("postgres",)]
        assert cluster.state == initialised / "test-18"
    assert cluster.answers() is None
    assert not cluster.sockets.exists()
    assert (initialised / ".gitignore").read_text(encoding="ascii") == "*\n"


@pytest.mark.usefixtures("initialised")
def test_the_test_profile_is_fast_and_has_the_same_order_of_text_everywhere() -> None:
    with devdb.server(profile="test") as server:
        assert query(server.url(), SETTINGS) == [
            ("TimeZone", "UTC"),
            ("autovacuum", "off"),
            ("fsync", "off"),
            ("full_page_writes", "off"),
            ("listen_addresses", ""),
            ("max_connections", "200"),
            ("synchronous_commit", "off"),
        ]
        locale = "SELECT datlocprovider, datlocale, pg_encoding_to_char(encoding) FROM pg_database"
        assert set(query(server.url(), locale)) == {("b", "C.UTF-8", "UTF8")}


@pytest.mark.usefixtures("initialised")
def test_the_dev_profile_is_durable_by_default() -> None:
    with devdb.server() as server:
        assert server.profile == "dev"
        assert query(server.url(), SETTINGS)[1:4] == [("autovacuum", "on"), ("fsync", "on"), ("full_page_writes", "on")]
        assert query(server.url(), SETTINGS)[-1] == ("synchronous_commit", "on")


def test_an_unknown_profile_is_refused() -> None:
    with (
        pytest.raises(ValueError, match="Unknown profile 'prod': use one of dev, test"),
        devdb.server(profile="prod"),  # type: ignore[arg-type]  # the point of the test
    ):
        pass


def test_only_the_last_to_leave_stops_it(initialised: Path) -> None:
    with devdb.server(profile="test") as outer:
        with devdb.server(profile="test") as inner:
            assert inner.source == "running"
            assert inner.url() == outer.url()
        assert query(outer.url(), "SELECT 1") == [(1,)]
    assert the_cluster(initialised, "test").answers() is None


def test_an_error_inside_stops_it_too(initialised: Path) -> None:
    with pytest.raises(ZeroDivisionError), devdb.server(profile="test"):
        raise ZeroDivisionError
    assert the_cluster(initialised, "test").answers() is None


def test_eight_that_start_at_once_share_one_cluster(home: Path, users: Users) -> None:
    entered = [users() for _ in range(8)]
    reports = [user.report() for user in entered]
    assert sorted(source for source, _, _ in reports) == ["running"] * 7 + ["wheel"]
    assert len({started for _, _, started in reports}) == 1
    cluster = the_cluster(home, "test")
    assert cluster.users() == sorted(user.process.pid for user in entered)
    for user in entered[1:]:
        user.leave()
    assert cluster.answers() is not None
    entered[0].leave()
    assert cluster.answers() is None


def test_what_a_killed_user_leaves_running_is_used_and_stopped_by_the_next(initialised: Path, users: Users) -> None:
    killed = users()
    _, _, started = killed.report()
    killed.kill()
    cluster = the_cluster(initialised, "test")
    assert cluster.answers() is not None
    following = users()
    assert following.report()[0::2] == ("running", started)
    following.leave()
    assert cluster.answers() is None


def test_a_killed_postmaster_is_restarted_with_all_that_was_committed(initialised: Path) -> None:
    with devdb.server(profile="dev") as server:
        with psycopg.connect(server.url()) as connection:
            connection.execute("CREATE TABLE kept AS SELECT generate_series(1, 20000) AS n")
        orphaned = psycopg.connect(server.url(), autocommit=True)  # a session that has to end first
        os.kill(postmaster(the_cluster(initialised, "dev")), signal.SIGKILL)
        with devdb.server(profile="dev") as restarted:
            assert restarted.source == "wheel"
            assert query(restarted.url(), "SELECT count(*), sum(n) FROM kept") == [(20000, 200010000)]
        orphaned.close()
    assert the_cluster(initialised, "dev").answers() is None


def test_a_pid_file_whose_number_another_process_has_now_is_no_obstacle(initialised: Path) -> None:
    with devdb.server(profile="test"):
        cluster = the_cluster(initialised, "test")
        assert cluster.data is not None
        pid_file = cluster.data / "postmaster.pid"
        content = pid_file.read_text(encoding="utf-8").split("\n")
    owner = cluster.data.stat()
    account = Account.of(owner.st_uid, owner.st_gid)
    switch = {"user": account.uid, "group": account.gid, "extra_groups": []} if account.kind == "switched" else {}
    with subprocess.Popen(["sleep", "60"], cwd="/", **switch) as stranger:  # type: ignore[call-overload]  # PEP 692
        try:
            pid_file.write_text("\n".join([str(stranger.pid), *content[1:]]), encoding="utf-8")
            os.chown(pid_file, owner.st_uid, owner.st_gid)
            with devdb.server(profile="test") as server:
                assert server.source == "wheel"
            assert stranger.poll() is None
        finally:
            stranger.kill()


def test_an_initialisation_that_was_interrupted_is_done_again(initialised: Path) -> None:
    with devdb.server(profile="test"):
        cluster = the_cluster(initialised, "test")
    assert cluster.data is not None
    cluster.data.rename(cluster.data.with_name("data.new"))
    with devdb.server(profile="test") as server:
        assert query(server.url(), "SELECT 1") == [(1,)]
    assert not cluster.data.with_name("data.new").exists()


def test_a_broken_cluster_is_reported_with_the_words_of_postgresql(initialised: Path) -> None:
    with devdb.server(profile="test"):
        cluster = the_cluster(initialised, "test")
    assert cluster.data is not None
    control = cluster.data / "global" / "pg_control"
    control.rename(control.with_name("gone"))
    with (
        pytest.raises(devdb.DevdbUnavailable, match="could not find the database system"),
        devdb.server(profile="test"),
    ):
        pass
    control.with_name("gone").rename(control)


def test_a_socket_folder_that_others_can_enter_is_refused(initialised: Path) -> None:
    with devdb.server(profile="test"):
        cluster = the_cluster(initialised, "test")
    cluster.sockets.mkdir(mode=0o755)
    try:
        with (
            pytest.raises(devdb.DevdbUnavailable, match="is no private folder"),
            devdb.server(profile="test"),
        ):
            pass
    finally:
        cluster.sockets.rmdir()


def test_the_state_lies_beside_the_nearest_lock_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inside = tmp_path / "checkout" / "libs" / "one"
    inside.mkdir(parents=True)
    (tmp_path / "checkout" / "uv.lock").touch()
    monkeypatch.chdir(inside)
    assert checkout_home() == tmp_path / "checkout" / ".devdb"
    monkeypatch.chdir("/")
    with pytest.raises(devdb.DevdbUnavailable, match="/ is in no checkout"):
        checkout_home()
