"""The embedded servers: shared, kept, guarded, and gone when nobody uses them."""

import json
import pwd
import signal
import socket
import sys
from contextlib import ExitStack, nullcontext
from pathlib import Path

import psutil
import psycopg
import pytest
import redis

from local.embedded import ServerFailed
from local.servers import ValkeyServer, start_postgres, start_valkey

from .processes import eventually, is_there, python, said

USE_SERVERS = """
import sys
from pathlib import Path
from local.servers import ensure_running

print(*ensure_running(Path(sys.argv[1]), durable=False), flush=True)
sys.stdin.read()
"""


def connect(url: str) -> "psycopg.Connection[tuple[object, ...]]":
    return psycopg.connect(url.replace("+psycopg", ""), autocommit=True)


def written_url(folder: Path) -> str:
    """Return the address that is kept for attaching, without attaching."""
    url: str = json.loads((folder / "postgres" / "server.json").read_text())["url"]
    return url


def postmaster(folder: Path) -> int:
    return int((folder / "postgres" / "data" / "postmaster.pid").read_text().split()[0])


def test_postgres_is_version_18_in_utc_and_sorts_alike_everywhere(tmp_path: Path) -> None:
    with start_postgres(tmp_path, durable=False) as server, connect(server.url) as connection:
        row = connection.execute(
            "SELECT current_setting('server_version_num')::int / 10000, current_setting('timezone'),"
            " (SELECT datlocprovider::text FROM pg_database WHERE datname = current_database())"
        ).fetchone()
    assert row == (18, "UTC", "b")


def test_postgres_waits_for_the_disk_unless_it_is_for_tests(tmp_path: Path) -> None:
    with start_postgres(tmp_path) as server, connect(server.url) as connection:
        assert connection.execute("SHOW fsync").fetchone() == ("on",)


def test_postgres_goes_on_with_its_data_after_a_stop(tmp_path: Path) -> None:
    with start_postgres(tmp_path, durable=False) as server, connect(server.url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    with start_postgres(tmp_path, durable=False) as server, connect(server.url) as connection:
        assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)


def test_valkey_starts_empty(tmp_path: Path) -> None:
    with start_valkey(tmp_path) as server, redis.Redis.from_url(server.url) as client:
        client.set("a", 1)
    with start_valkey(tmp_path) as server, redis.Redis.from_url(server.url) as client:
        assert client.dbsize() == 0


def test_nobody_gets_in_without_the_password(tmp_path: Path) -> None:
    with start_postgres(tmp_path / "a", durable=False) as postgres, start_valkey(tmp_path / "b") as valkey:
        port = postgres.url.rpartition(":")[2].partition("/")[0]
        with pytest.raises(psycopg.OperationalError, match="no password supplied"):
            psycopg.connect(host="127.0.0.1", port=port, user="postgres", dbname="boomerang", password="")
        address = "redis://" + valkey.url.rpartition("@")[2]
        with redis.Redis.from_url(address) as client, pytest.raises(redis.AuthenticationError):
            client.ping()
        readable = [p.name for p in tmp_path.glob("*/*") if p.is_file() and "redis://" in p.read_text()]
        modes = {oct(path.stat().st_mode)[-3:] for path in (tmp_path / "b").glob("*.[jc]*")}
    assert (readable, modes) == (["server.json"], {"600"})


def test_a_stopped_server_is_gone_when_stop_returns(tmp_path: Path) -> None:
    server = start_postgres(tmp_path / "postgres", durable=False)
    pid = postmaster(tmp_path)
    assert is_there(pid)
    server.stop()
    assert not is_there(pid)
    server.stop()  # again: nothing happens


def test_two_users_share_a_server_and_it_ends_with_the_last(tmp_path: Path) -> None:
    with start_postgres(tmp_path / "postgres", durable=False) as first:
        pid = postmaster(tmp_path)
        with start_postgres(tmp_path / "postgres", durable=False) as second:
            assert second.url == first.url
        assert is_there(pid)
    assert not is_there(pid)


def test_processes_that_start_at_once_attach_to_one_pair_of_servers(tmp_path: Path) -> None:
    with ExitStack() as processes:
        started = [processes.enter_context(python(USE_SERVERS, tmp_path)) for _ in range(3)]
        urls = [said(process) for process in started]
    assert len(set(urls)) == 1
    assert urls[0].startswith("postgresql+psycopg://")


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM], ids=lambda end: end.name)
def test_servers_end_when_their_last_user_is_killed(tmp_path: Path, end: signal.Signals) -> None:
    with python(USE_SERVERS, tmp_path) as first, python(USE_SERVERS, tmp_path) as second:
        assert said(first) == said(second)
        pid = postmaster(tmp_path)
        first.send_signal(end)
        first.wait()
        with connect(written_url(tmp_path)) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
        second.send_signal(end)
        assert eventually(lambda: not is_there(pid))
    with start_postgres(tmp_path / "postgres", durable=False) as again, connect(again.url) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can end a process with its parent")
def test_a_server_ends_when_its_keeper_is_killed_and_can_be_started_again(tmp_path: Path) -> None:
    server = start_postgres(tmp_path / "postgres", durable=False)
    pid = postmaster(tmp_path)
    psutil.Process(pid).parent().kill()
    assert eventually(lambda: not is_there(pid))
    server.stop()
    with start_postgres(tmp_path / "postgres", durable=False) as again, connect(again.url) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


class Crowded(ValkeyServer):
    """A server that finds its port taken at the first attempts."""

    def __init__(self, folder: Path, taken: int, attempts: int) -> None:
        super().__init__(folder)
        self.taken, self.attempts = taken, attempts

    def prepare(self, user: "pwd.struct_passwd | None") -> tuple[list[str], Path, str]:
        """Replace the free port by the taken one, so many times."""
        command, cwd, url = super().prepare(user)
        self.attempts -= 1
        if self.attempts >= 0:
            configuration = Path(command[1])
            lines = [f"port {self.taken}" if "port" in line else line for line in configuration.read_text().split("\n")]
            configuration.write_text("\n".join(lines))
        return command, cwd, url


@pytest.mark.parametrize(("attempts", "starts"), [(2, True), (3, False)])
def test_a_port_that_was_taken_in_the_meantime_is_replaced(tmp_path: Path, attempts: int, starts: bool) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        server = Crowded(tmp_path, taken.getsockname()[1], attempts)
        with nullcontext() if starts else pytest.raises(ServerFailed, match="in use"), server.start():
            assert server.is_ready()


def test_a_creation_that_was_interrupted_is_begun_anew(tmp_path: Path) -> None:
    (tmp_path / "data.begun").mkdir()
    (tmp_path / "data.begun" / "PG_VERSION").write_text("18\n")
    with start_postgres(tmp_path, durable=False) as server, connect(server.url) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    start_postgres(tmp_path, durable=False).stop()
    (tmp_path / "data" / "PG_VERSION").write_text("12\n")
    with pytest.raises(ServerFailed, match=r"(?s)PostgreSQL did not start.*initialized by PostgreSQL version 12"):
        start_postgres(tmp_path, durable=False)


def test_the_app_owns_its_database_and_is_no_superuser(tmp_path: Path) -> None:
    with start_postgres(tmp_path, durable=False) as server:
        with connect(server.url) as connection:
            row = connection.execute(
                "SELECT current_user::text, rolsuper OR rolbypassrls OR rolcreaterole,"
                " (SELECT pg_get_userbyid(datdba)::text FROM pg_database WHERE datname = current_database())"
                " FROM pg_roles WHERE rolname = current_user"
            ).fetchone()
        assert row == ("boomerang", False, "boomerang")
        with connect(server.superuser_url) as connection:
            assert connection.execute("SELECT current_setting('is_superuser')").fetchone() == ("on",)


def test_a_database_from_when_it_was_the_superusers_is_handed_over(tmp_path: Path) -> None:
    with start_postgres(tmp_path, durable=False) as server, connect(server.superuser_url) as connection:
        connection.execute("ALTER DATABASE boomerang OWNER TO postgres")
        connection.execute("CREATE TABLE kept (id bigint GENERATED ALWAYS AS IDENTITY, answer int)")
        connection.execute("INSERT INTO kept (answer) VALUES (42)")
        connection.execute("CREATE FUNCTION asked() RETURNS int LANGUAGE sql AS 'SELECT 1'")
    with start_postgres(tmp_path, durable=False) as server, connect(server.url) as connection:
        connection.execute("INSERT INTO kept (answer) SELECT answer FROM kept")
        connection.execute("ALTER TABLE kept ADD COLUMN why text")
        connection.execute("DROP FUNCTION asked()")
        assert connection.execute("SELECT id FROM kept ORDER BY id").fetchall() == [(1,), (2,)]
