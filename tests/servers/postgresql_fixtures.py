"""Real PostgreSQL servers for tests: one of each version for all tests of a process, a database for each test; and how their tables are
judged, by psycopg and pgvector's own package. Imported by name where they are used."""
import json
import pathlib
import re
import subprocess

import psycopg
import pytest
from psycopg import sql

LAUNCHER = pathlib.Path(__file__).resolve().parent / "postgresql"


class Postgres:
    """A server with a folder of its own, killed and started again at will."""

    def __init__(self, folder, version="18", launcher=()):
        self.folder, self.version, self.launcher = pathlib.Path(folder), version, list(launcher)
        self.state = {}

    def _run(self, command, *words, check=True):
        done = subprocess.run([*self.launcher, LAUNCHER, command, "--dir", self.folder, *map(str, words)], capture_output=True, text=True)
        if check and done.returncode:
            raise RuntimeError(done.stdout + done.stderr)
        return done

    def start(self, **settings):
        self.state = json.loads(self._run("start", "--version", self.version, *(f"{k}={v}" for k, v in settings.items())).stdout)
        return self

    def restart(self, **settings):
        self.state = json.loads(self._run("restart", *(f"{k}={v}" for k, v in settings.items())).stdout)
        return self

    def kill(self):
        self._run("kill")

    def stop(self):
        self._run("stop")

    def running(self):
        return self._run("status", check=False).returncode == 0

    @property
    def port(self):
        return self.state["port"]

    def binary(self, name):
        return pathlib.Path(self.state["bin"]) / name

    def create(self, name):
        """A new database with the vector extension."""
        with psycopg.connect(self.dsn("postgres"), autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        database = Database(self, name)
        with database.connect(vectors=False) as connection:
            connection.execute("CREATE EXTENSION vector")
        return database

    def dsn(self, database):
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"


class Database:
    def __init__(self, server, name):
        self.server, self.name = server, name

    @property
    def dsn(self):
        return self.server.dsn(self.name)

    def uri(self, table, user="postgres"):
        """As Vecferry is told it."""
        return f"postgresql://{user}@127.0.0.1:{self.server.port}/{self.name}#{table}"

    def connect(self, vectors=True, **more):
        connection = psycopg.connect(self.dsn, autocommit=True, **more)
        if vectors:
            from pgvector.psycopg import register_vector
            register_vector(connection)
        return connection

    def rows(self, query, *args):
        with self.connect() as connection:
            return connection.execute(query, args or None).fetchall()

    def one(self, query, *args):
        return self.rows(query, *args)[0][0]

    def run(self, *statements):
        with self.connect(vectors=False) as connection:
            for statement in statements:
                connection.execute(statement)

    def tables(self):
        return {row[0] for row in self.rows("SELECT relname FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace "
                                            "WHERE relkind IN ('r', 'p') AND nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')")}

    def columns(self, table):
        """name -> type as PostgreSQL spells it."""
        return dict(self.rows("SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped "
                              "ORDER BY attnum", table))

    def indexes(self, table):
        """name -> definition."""
        return dict(self.rows("SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = %s::regclass", table))


def _servers(tmp_path_factory, version):
    server = Postgres(tmp_path_factory.mktemp(f"postgresql{version}"), version).start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def postgres18(tmp_path_factory):
    yield from _servers(tmp_path_factory, "18")


@pytest.fixture(scope="session")
def postgres16(tmp_path_factory):
    yield from _servers(tmp_path_factory, "16")


def name_of(request):
    return re.sub(r"\W+", "_", request.node.name).lower()[:50]


@pytest.fixture
def database(postgres18, request):
    """An empty database of the newer server."""
    return postgres18.create(name_of(request))


@pytest.fixture
def database16(postgres16, request):
    return postgres16.create(name_of(request))


@pytest.fixture(params=["16", "18"])
def either(request):
    """An empty database of each version in turn."""
    return request.getfixturevalue(f"postgres{request.param}").create(name_of(request))
