"""Settings, and the only reader of the environment.

A flag wins over `PROVENANCE_*` (`__` nests), which wins over the settings file: `--config`, else
`./provenance.toml`, else the platform's config folder. Unknown names are refused. Relative paths in
a file are relative to that file.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

from platformdirs import user_config_path, user_data_path
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, EnvSettingsSource, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from provenance.errors import Invalid, Missing

FILE_NAME = "provenance.toml"
PREFIX = "PROVENANCE_"
DEFAULT_NETWORK = "devnet"
DEVNET_CHAIN_ID = 31_337

Tree: TypeAlias = dict[str, Any]
"""Settings before they are validated."""


def _words(setting: object) -> object:
    return tuple(word.strip() for word in setting.split(",") if word.strip()) if isinstance(setting, str) else setting


Words = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_words)]
"""A list; in the environment its members are separated by commas."""


def _written(pattern: str, words: str) -> AfterValidator:
    """What does not match is refused in words that say what may be written."""

    def check(setting: str) -> str:
        if not re.fullmatch(pattern, setting):
            raise ValueError(words)
        return setting

    return AfterValidator(check)


def _coins(noun: str) -> tuple[BeforeValidator, AfterValidator]:
    """An amount in decimals, kept as text: money is never a float."""
    return BeforeValidator(lambda setting: str(setting) if isinstance(setting, int | float) else setting), _written(
        r"[0-9]{1,12}(\.[0-9]{1,9})?", f"{noun} such as 0.02 is expected"
    )


def _database(url: SecretStr) -> SecretStr:
    scheme, is_url, _ = url.get_secret_value().partition("://")
    if is_url and scheme.partition("+")[0] not in ("sqlite", "postgresql"):
        raise ValueError("a file, sqlite:///FILE or postgresql://USER@HOST/NAME is expected")
    return url


class Network(BaseModel):
    """`[networks.NAME]`: one chain, its deployment and who serves it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rpc: Words = ()
    chain_id: int = Field(gt=0)
    deployment: Path | None = None
    gateway: str | None = None
    finality: Annotated[
        str, _written(r"latest-[0-9]{1,4}|safe|finalized", "finalized, safe or latest-N (N up to 9999) is expected")
    ] = "finalized"
    content: Words = ()
    max_fee: Annotated[str, *_coins("an amount of the chain's coin")] | None = None
    """The most that a transaction may cost."""
    max_gas_price: Annotated[str, *_coins("a number of gwei")] | None = None
    """The most for a unit of gas [gwei]."""


class NodeSettings(BaseModel):
    """`[node]`: what the operator's processes need."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    database: Annotated[SecretStr, AfterValidator(_database)] | None = None
    listen: Annotated[str, _written(r"[^\s/]+:[0-9]{1,5}", "HOST:PORT is expected")] = "127.0.0.1:8460"
    publisher: str = "publisher"
    meter: str = "operator"
    relayer: str = "relayer"
    unregistered_bytes: Annotated[int, Field(ge=1 << 20)] = 64 << 30


class Settings(BaseSettings):
    """All settings, read once and frozen."""

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", env_prefix=PREFIX, env_nested_delimiter="__", env_ignore_empty=True
    )

    home: Path = Field(default_factory=lambda: user_data_path("provenance"))
    network: str = DEFAULT_NETWORK
    account: str | None = None
    password_file: Path | None = None
    password: SecretStr | None = None
    gateway: str | None = None
    content: Words = ()
    log_format: Literal["text", "json"] = "text"
    networks: Mapping[str, Network] = Field(default_factory=dict)
    node: NodeSettings = Field(default_factory=NodeSettings)
    file: Path | None = None
    """The settings file these came from."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """`load` merges the sources itself; here only what it passes counts."""
        del settings_cls, env_settings, dotenv_settings, file_secret_settings
        return (init_settings,)

    def chosen(self) -> Network:
        """The network in force, with `gateway` and `content` of the top level laid over it."""
        if self.network not in self.networks:
            raise Missing(
                f"network {self.network} is not in the settings",
                next="`provenance devnet up` makes a local one; else add [networks.NAME] to the settings file.",
                network=self.network,
                known=sorted(self.networks),
            )
        network = self.networks[self.network]
        over: Tree = {}
        if self.gateway:
            over["gateway"] = self.gateway
        if self.content:
            over["content"] = self.content
        return network.model_copy(update=over)

    @property
    def journals(self) -> Path:
        """Where is kept what means nothing without its chain: `home`; the devnet's in its folder, which goes with it."""
        network = self.networks.get(self.network)
        mortal = self.network == DEFAULT_NETWORK and network is not None and network.chain_id == DEVNET_CHAIN_ID
        return self.home / "devnet" if mortal else self.home

    @property
    def database_url(self) -> str:
        """SQLAlchemy URL of the operator's database; SQLite in `journals` unless set."""
        url = self.node.database
        return url.get_secret_value() if url else f"sqlite:///{self.journals / 'node.db'}"


def load(path: Path | None = None, flags: Mapping[str, object] | None = None) -> Settings:
    """The settings in force.

    Args:
        path: the file of `--config`; it must exist.
        flags: what the command line says, by setting; None counts as not said.

    Raises:
        Invalid: unknown names, wrong values, a file that is not TOML.
        Missing: `path` does not exist.
    """
    _refuse_unknown_environment()
    file = find_file(path)
    read = _from_file(file) if file else {}
    values = _merge(read, _from_environment())
    values = _merge(values, {name: flag for name, flag in (flags or {}).items() if flag not in (None, ())})
    values["home"] = Path(values.get("home") or user_data_path("provenance")).expanduser().absolute()
    try:
        return Settings(**values, file=file)
    except ValidationError as error:
        raise _refusal(error, file, read) from None


def find_file(path: Path | None = None) -> Path | None:
    """The settings file in force: `--config` or PROVENANCE_CONFIG, else here, else the platform's folder."""
    named = path or (Path(os.environ[f"{PREFIX}CONFIG"]) if os.environ.get(f"{PREFIX}CONFIG") else None)
    if named is not None:
        if not named.is_file():
            raise Missing(f"no settings file {named}", next="`provenance config init` writes one.", path=str(named))
        return named.absolute()
    return next((place for place in (Path.cwd() / FILE_NAME, default_file()) if place.is_file()), None)


def default_file() -> Path:
    """Where the platform keeps the settings of programs."""
    return user_config_path("provenance") / FILE_NAME


def save_network(name: str, values: Mapping[str, object], *, path: Path | None = None, select: bool = False) -> Path:
    """`[networks.NAME]` says `values`; the user's comments and other settings stay.

    Args:
        name: the network.
        values: its settings as TOML values; None removes one.
        path: the file to write; the one in force, else the platform's, where it is None.
        select: whether the network becomes the one that commands use.

    Returns:
        The file written.
    """
    tables = {f"networks.{name}": values}
    return save(({"": {"network": name}} if select else {}) | tables, path=path)


def save(tables: Mapping[str, Mapping[str, object]], *, path: Path | None = None) -> Path:
    """The named tables of the settings file say what is given; `""` is the top level."""
    import tomlkit

    file = (path or find_file() or default_file()).expanduser().absolute()
    document = tomlkit.parse(file.read_text("utf-8")) if file.is_file() else tomlkit.document()
    for name, values in tables.items():
        table: Any = document
        for part in filter(None, name.split(".")):
            table = table.setdefault(part, tomlkit.table())
        for key, setting in values.items():
            if setting is None:
                table.pop(key, None)
            else:
                table[key] = setting
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    draft.write_text(tomlkit.dumps(document), "utf-8")
    draft.replace(file)
    return file


def no_color() -> bool:
    """Whether the user wants no colors. Source: no-color.org."""
    return bool(os.environ.get("NO_COLOR"))


def solcx_folder() -> Path:
    """Where py-solc-x keeps its compilers: `SOLCX_BINARY_PATH`, else its own folder."""
    return Path(os.environ.get("SOLCX_BINARY_PATH") or Path.home() / ".solcx")


def forget_environment() -> None:
    """No setting of the environment counts any more in this process."""
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        del os.environ[name]


def child_environment(**over: str) -> dict[str, str]:
    """The environment for a process that we start: ours without our own settings, and `over`."""
    return {name: text for name, text in os.environ.items() if not name.startswith(PREFIX)} | over


def _from_environment() -> Tree:
    values = dict(EnvSettingsSource(Settings)())
    values.pop("file", None)
    return values


def _refuse_unknown_environment() -> None:
    known = set(Settings.model_fields) - {"file"} | {"config"}
    names = (name for name in os.environ if name.startswith(PREFIX))
    unknown = sorted(name for name in names if name.removeprefix(PREFIX).lower().split("__")[0] not in known)
    if unknown:
        raise Invalid(f"unknown settings: {', '.join(unknown)}", next="Unset it, or correct its spelling.")


def _from_file(file: Path) -> Tree:
    try:
        values = tomllib.loads(file.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Invalid(f"{file} is not TOML: {error}", next="Correct the named line.", path=str(file)) from None
    if "password" in values:
        raise Invalid(
            f"{file} holds a password",
            next="Remove it: use password_file, --password-file or PROVENANCE_PASSWORD.",
            path=str(file),
        )
    if "file" in values:
        raise Invalid(f"unknown settings: file (in {file})", next="Remove it.", path=str(file))
    return _anchored(values, file.parent)


def _anchored(values: Tree, folder: Path) -> Tree:
    """Relative paths of a settings file, made absolute."""

    def place(setting: object) -> object:
        if isinstance(setting, str) and "://" not in setting:
            return str(folder / Path(setting).expanduser())
        return [place(entry) for entry in setting] if isinstance(setting, list) else setting

    def walk(tree: Tree) -> Iterator[tuple[str, object]]:
        for name, setting in tree.items():
            if isinstance(setting, dict):
                yield name, dict(walk(setting))
            else:
                yield name, place(setting) if name in {"home", "password_file", "deployment", "content"} else setting

    return dict(walk(values))


def _merge(under: Tree, over: Mapping[str, object]) -> Tree:
    merged = dict(under)
    for name, setting in over.items():
        below = merged.get(name)
        merged[name] = _merge(below, setting) if isinstance(below, dict) and isinstance(setting, Mapping) else setting
    return merged


def _refusal(error: ValidationError, file: Path | None, read: Tree) -> Invalid:
    """One line per wrong setting and where it stands; what was typed is not repeated, it may be a secret."""
    faults = [
        (".".join(map(str, fault["loc"])), _origin(fault["loc"], file, read), fault["type"], fault["msg"])
        for fault in error.errors()
    ]
    unknown = [name for name, _, kind, _ in faults if kind == "extra_forbidden"]
    if unknown:
        places = [name + where for name, where, kind, _ in faults if kind == "extra_forbidden"]
        return Invalid(
            f"unknown settings: {', '.join(places)}",
            next="Remove them or correct their spelling; `provenance config show` lists what there is.",
            settings=unknown,
        )
    wrong = "; ".join(f"{name}: {re.sub(r'^Value error, ', '', message)}{where}" for name, where, _, message in faults)
    return Invalid(f"wrong settings: {wrong}", settings=[name for name, *_ in faults])


def _origin(place: tuple[int | str, ...], file: Path | None, read: Tree) -> str:
    """Where a setting comes from, in brackets: the environment, which wins, else the file that says it."""
    names = [name for name in os.environ if name.startswith(PREFIX)]
    for depth in range(len(place), 0, -1):
        wanted = (PREFIX + "__".join(map(str, place[:depth]))).upper()
        if (variable := next((name for name in names if name.upper() == wanted), None)) is not None:
            return f" ({variable} in the environment)"
    setting: object = read
    for part in place:
        setting = setting.get(part) if isinstance(setting, dict) else None
    return f" (in {file})" if file and setting is not None else ""
