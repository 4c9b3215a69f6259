"""The command as a process of its own: what it loads, what it costs to start, and where its words go."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from provenance import config
from tests.unit.app.test_deploy import RECORD

HEAVY = {
    "alembic", "coincurve", "cryptography", "duckdb", "eth_account", "fastapi", "httpx2", "ibis", "numpy", "pyarrow",
    "pydantic", "scipy", "soundfile", "sqlalchemy", "sqlmodel", "structlog", "uvicorn", "web3",
}  # fmt: skip

NETWORK = """network = "devnet"
[networks.devnet]
rpc = ["http://127.0.0.1:9"]
chain_id = 31337
gateway = "http://127.0.0.1:9"
"""


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["completion", "bash"]])
def test_help_starts_fast_and_loads_nothing_heavy(arguments: list[str]):
    loaded = (
        "import resource, sys; from provenance.cli.main import run; run(sys.argv[1:]);"
        "u = resource.getrusage(resource.RUSAGE_SELF);"
        "print('\\n' + ' '.join(sys.modules), u.ru_utime + u.ru_stime, file=sys.stderr)"
    )
    times = []
    for _ in range(3):
        done = subprocess.run([sys.executable, "-c", loaded, *arguments], capture_output=True, text=True, check=True)
        *modules, seconds = done.stderr.split()
        assert not {name.split(".")[0] for name in modules} & HEAVY
        times.append(float(seconds))
    assert min(times) < 0.3, "CPU seconds"


def test_tab_completion_starts_fast_and_loads_nothing_heavy():
    script = (
        "import resource, sys, atexit; sys.argv = ['provenance'];"
        "atexit.register(lambda: print(*sys.modules, sum(resource.getrusage(resource.RUSAGE_SELF)[:2]), file=sys.stderr));"
        "from provenance.cli.main import main; main()"
    )
    asked = config.child_environment(_PROVENANCE_COMPLETE="bash_complete", COMP_WORDS="provenance co", COMP_CWORD="1")
    done = subprocess.run([sys.executable, "-c", script], env=asked, capture_output=True, text=True, check=False)
    *modules, seconds = done.stderr.split()
    assert done.stdout.split() == ["plain,consent", "plain,contracts", "plain,config", "plain,completion"]
    assert not {name.split(".")[0] for name in modules} & HEAVY
    assert float(seconds) < 0.3, "CPU seconds"


@pytest.mark.parametrize(
    "arguments",
    [
        ["account", "list"], ["account", "show", "nobody"], ["config", "show"], ["config", "paths"], ["terms", "check", "x"],
        ["contracts", "abi", "Token"], ["consent", "show", "x"], ["usage", "check", "x"],
    ],
)  # fmt: skip
def test_what_asks_no_chain_loads_no_web3(tmp_path: Path, arguments: list[str]):
    """Nor eth-account, where nothing is signed or opened."""
    script = (
        "import sys; from provenance.cli.main import run; run(sys.argv[1:]);"
        "print('\\n' + ' '.join(sys.modules), file=sys.stderr)"
    )
    line = [sys.executable, "-c", script, *arguments, "--home", str(tmp_path)]
    done = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True, check=True)
    loaded = {name.split(".")[0] for name in done.stderr.split("\n")[-2].split()}
    assert not loaded & {"web3", "eth_account", "eth_abi", "aiohttp"}


@pytest.mark.parametrize("verbose", [False, True])
def test_a_request_tried_again_is_told_with_v_only_and_no_log_is_loaded_without(tmp_path: Path, verbose: bool):
    (tmp_path / "deployments").mkdir()
    (tmp_path / "deployments" / "31337.json").write_bytes(RECORD.encode())
    (tmp_path / "provenance.toml").write_text(NETWORK)
    script = (
        "import sys; from provenance.cli.main import run; status = run(sys.argv[1:]);"
        "print(*{'structlog', 'rich'} & set(sys.modules)); sys.exit(status)"
    )
    line = ["dataset", "list", "--home", str(tmp_path), "--config", "provenance.toml", *["-v"] * verbose]
    done = subprocess.run(
        [sys.executable, "-c", script, *line], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 69, done.stderr
    assert (bool(done.stdout.strip()), "retry_scheduled" in done.stderr) == (verbose, verbose)
    assert len(done.stderr.splitlines()) == (5 if verbose else 2), done.stderr


def test_the_mirror_and_an_offline_check_load_no_web3():
    script = (
        "import sys, indexer.rpc.source, indexer.follow, provenance.app.audit.run, provenance.sdk.contracts;"
        "print(*{name.split('.')[0] for name in sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert not set(done.stdout.split()) & {"web3", "eth_account", "eth_abi", "aiohttp"}


def test_missing_extra_is_told_with_the_pip_line():
    script = (
        "import sys; sys.modules['sqlmodel'] = sys.modules['sqlalchemy'] = sys.modules['fastapi'] = None;"
        "from provenance.cli.main import run; sys.exit(run(['node', 'follow', '--once']))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 6, done.stderr
    assert "Next: pip install 'provenance-network[node]'" in done.stderr


@pytest.mark.parametrize("encoding", ["cp1252", "cp1251", "cp936", "ascii"])
def test_any_console_encoding_can_be_written_to(encoding: str):
    script = (
        "import sys; sys.argv = ['provenance', 'account', 'show', '✓ голос 声音'];"
        "from provenance.cli.main import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=config.child_environment(PYTHONIOENCODING=encoding, PYTHONUTF8="0"),
        capture_output=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith(b"Error: ")


def test_a_command_that_ends_leaves_no_objects_to_be_searched_for_cycles():
    script = (
        "import atexit, gc, sys; sys.argv = ['provenance', 'contracts', 'abi', 'Token'];"
        "atexit.register(lambda: print(gc.get_freeze_count(), len(gc.get_objects()), file=sys.stderr));"
        "from provenance.cli.main import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    frozen, left = map(int, done.stderr.split())
    assert left < 1_000 < frozen


def test_a_command_that_adds_up_says_nothing_of_the_engines_objects_when_it_ends():
    script = (
        "import sys, duckdb; sys.argv = ['provenance', 'contracts', 'abi', 'Token'];"
        "from provenance.cli.main import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stderr == ""


def test_a_closed_pipe_is_no_error():
    line = f"{sys.executable} -c 'from provenance.cli.main import main; main()' --help | true; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=False)
    assert (done.returncode in (0, 120), done.stderr) == (True, "")
