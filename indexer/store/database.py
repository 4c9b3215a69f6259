"""The operator's database: opened, locked and kept at the newest schema.

SQLite (WAL) and PostgreSQL behind one URL. `read` is one snapshot, `write` is one transaction and the
only commit; a lock is held by the process and dies with it.
"""

from __future__ import annotations

import fcntl
import sqlite3
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection, Engine, Row, RowMapping, Select, create_engine, event, inspect, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError
from sqlmodel import SQLModel

from indexer.store.facts import FACTS
from provenance.errors import Conflict, Invalid, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy.engine.interfaces import DBAPIConnection
    from sqlalchemy.pool import ConnectionPoolEntry

_VERSIONS: Final = Path(__file__).parent.parent / "migrations" / "versions"
BUSY_S: Final = 30  # how long a writer waits for another
LOCK_S: Final = 0.5  # a second worker gives up before two seconds are over, its start included
_LOCK_SPACE: Final = 0x50524F56  # first key of our PostgreSQL advisory locks


class BadDatabase(Invalid):
    """A database setting that cannot be used."""

    next = "Set [node] database to a file, sqlite:///PATH or postgresql://USER@HOST/NAME."


class OldSchema(Conflict):
    """The database was written by another version of this program."""

    next = "Stop the operator's processes and run: provenance node db upgrade"


class AlreadyRunning(Conflict):
    """Another process holds this database's lock of the same name."""

    next = "One process at a time: stop the other one, or leave the work to it."


class DatabaseUnavailable(Unavailable):
    """The database does not answer."""

    next = "Start the database or check [node] database, then repeat; nothing was lost."


class DatabaseBusy(DatabaseUnavailable):
    """Another process holds the SQLite file."""

    next = "Let the other program finish, or stop it, then repeat; nothing was lost."


@dataclass(frozen=True, slots=True)
class Database:
    """One open database. Threads may share it."""

    url: URL
    engine: Engine

    @property
    def is_sqlite(self) -> bool:
        """Whether this is a file of one machine."""
        return self.engine.dialect.name == "sqlite"

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One snapshot: everything read inside belongs to the same moment."""
        with _connected(self.engine) as connection:
            yield connection
            connection.rollback()

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction, on disk when the block has ended, or nothing of it."""
        with _connected(self.engine, provenance_write=True) as connection, connection.begin():
            yield connection

    def rows(self, query: Select[Any]) -> Sequence[Row[*tuple[Any, ...]]]:
        """What one query selects, from a snapshot of its own."""
        with self.read() as connection:
            return connection.execute(query).all()

    def mappings(self, query: Select[Any]) -> Sequence[RowMapping]:
        """The same, each row by the names of its columns."""
        with self.read() as connection:
            return connection.execute(query).mappings().all()

    def scalar(self, query: Select[Any]) -> Any:
        """The first row's only column; None where there is no row."""
        with self.read() as connection:
            return connection.scalar(query)

    @contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """Nobody else does `name` on this database meanwhile; a killed holder leaves no lock behind.

        Raises:
            AlreadyRunning: another process holds it.
        """
        with self._file_lock(name) if self.is_sqlite else self._advisory_lock(name):
            yield

    @contextmanager
    def _file_lock(self, name: str) -> Iterator[None]:
        path = Path(f"{self.url.database}.{name}.lock")
        with path.open("ab") as file:
            deadline = time.monotonic() + LOCK_S
            while True:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() > deadline:
                        raise AlreadyRunning(f"another process runs {name!r} on {path.stem}", lock=name) from None
                    time.sleep(0.1)
            yield

    @contextmanager
    def _advisory_lock(self, name: str) -> Iterator[None]:
        keys = {"space": _LOCK_SPACE, "name": name}
        with _connected(self.engine.execution_options(isolation_level="AUTOCOMMIT")) as connection:
            deadline = time.monotonic() + LOCK_S
            while not connection.scalar(text("SELECT pg_try_advisory_lock(:space, hashtext(:name))"), keys):
                if time.monotonic() > deadline:
                    raise AlreadyRunning(f"another process runs {name!r} on {self.url.database}", lock=name)
                time.sleep(0.1)
            try:
                yield
            finally:
                connection.execute(text("SELECT pg_advisory_unlock(:space, hashtext(:name))"), keys)

    def missing_facts(self) -> frozenset[str]:
        """The tables of events that the database lacks: those of events newer than its last upgrade."""
        with self.read() as connection:
            return frozenset(table.name for table in FACTS.values()) - frozenset(inspect(connection).get_table_names())

    def revision(self) -> str | None:
        """The schema's revision, or None before the first upgrade."""
        with self.read() as connection:
            known = inspect(connection).has_table("alembic_version")
            revision: str | None = connection.scalar(text("SELECT version_num FROM alembic_version")) if known else None
        return revision

    def upgrade(self) -> None:
        """The schema is the newest afterwards: migrations first, then the tables of events that none of them names."""
        from alembic import command  # noqa: PLC0415 - half a second, once per upgrade
        from alembic.config import Config  # noqa: PLC0415 - the same

        with self.lock("upgrade"), self.write() as connection:
            config = Config()
            config.set_main_option("script_location", "indexer:migrations")
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            SQLModel.metadata.create_all(connection, tables=tuple(FACTS.values()))

    def dispose(self) -> None:
        """No connection is open afterwards."""
        self.engine.dispose()


def newest_revision() -> str:
    """The revision that this program needs: the number that the last migration's file begins with."""
    return max(path.name.partition("_")[0] for path in _VERSIONS.glob("[0-9]*.py"))


def connect(url: str) -> Database:
    """The database behind a URL or a file name; nothing is created yet.

    Raises:
        BadDatabase: neither SQLite nor PostgreSQL.
    """
    try:
        parsed = make_url(url if "://" in url else f"sqlite:///{url}")
    except ArgumentError as error:
        raise BadDatabase("not a database URL") from error
    if parsed.get_backend_name() == "sqlite":
        if not parsed.database or parsed.database == ":memory:":
            raise BadDatabase("SQLite needs a file: several processes share it")
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
        engine = create_engine(parsed, connect_args={"timeout": BUSY_S})
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    elif parsed.get_backend_name() == "postgresql":
        parsed = parsed.set(drivername="postgresql+psycopg")
        engine = create_engine(parsed, isolation_level="REPEATABLE READ", pool_pre_ping=True)
    else:
        raise BadDatabase(f"{parsed.get_backend_name()} is not supported")
    return Database(parsed, engine)


def open_database(url: str) -> Database:
    """The database at the newest schema: SQLite is upgraded by itself.

    Raises:
        OldSchema: a PostgreSQL database that `node db upgrade` has not seen.
    """
    database = connect(url)
    revision, newest, missing = database.revision(), newest_revision(), database.missing_facts()
    if revision == newest and not missing:
        return database
    if not database.is_sqlite:
        tables = f" and tables for {', '.join(sorted(missing))}" if revision == newest else ""
        raise OldSchema(f"the schema is at {revision or 'nothing'}, this program needs {newest}{tables}")
    database.upgrade()
    return database


@contextmanager
def _connected(engine: Engine, **options: bool) -> Iterator[Connection]:
    try:
        with engine.connect() as connection:
            yield connection.execution_options(**options) if options else connection
    except OperationalError as error:
        if getattr(error.orig, "sqlite_errorcode", None) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise DatabaseBusy(f"another process holds {engine.url.database}: {error.orig}") from error
        raise DatabaseUnavailable(f"the database does not answer: {error.orig}") from error
    except DBAPIError as error:
        if error.connection_invalidated:
            raise DatabaseUnavailable(f"the database went away: {error.orig}") from error
        raise


def _prepare_sqlite(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    """WAL for readers beside one writer; FULL, so that what was committed survives a power cut."""
    connection.isolation_level = None  # transactions are begun by _begin_sqlite alone
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    """A writer takes its place at once: an upgrade from reader to writer could fail half way."""
    writes = connection.get_execution_options().get("provenance_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
