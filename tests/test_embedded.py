"""The embedded PostgreSQL: started where it is needed, shared, and back after any kill with all that was committed."""

import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import psutil
import psycopg
import pytest

from mobile_units import embedded

pytestmark = pytest.mark.processes


@pytest.fixture(scope="module")
def folder(server_folder: Path) -> Path:
    """A data folder with a server of its own that keeps a table."""
    with psycopg.connect(embedded.ensure_running(server_folder), autocommit=True) as connection:
        connection.execute("CREATE TABLE kept (number int)")
    return server_folder


def server(folder: Path) -> psutil.Process:
    """The process of the server."""
    return psutil.Process(int((folder / "postgres" / "postmaster.pid").read_text().split()[0]))


def lives(process: psutil.Process) -> bool:
    """Whether it runs; one that ended may still be listed, until its parent asks how."""
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def keep(url: str, number: int) -> None:
    """Commits a number."""
    with psycopg.connect(url) as connection:
        connection.execute("INSERT INTO kept VALUES (%s)", [number])


def kept(url: str) -> set[int]:
    """The numbers that were committed."""
    with psycopg.connect(url) as connection:
        return {number for (number,) in connection.execute("SELECT number FROM kept")}


def test_a_second_process_shares_the_server_and_leaves_it_running(folder: Path) -> None:
    """The end of a process, even of the last, is not the end of the server."""
    process = server(folder)
    (folder / "postgres" / ".handle_pids.json").unlink()  # where the wheel knows of this process
    code = "import sys; from pathlib import Path; from mobile_units import embedded;"
    code += "print(embedded.ensure_running(Path(sys.argv[1])))"
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder)], capture_output=True, text=True, check=True, timeout=60
    )
    assert (done.stdout.strip(), done.stderr) == (embedded.ensure_running(folder), "")
    assert server(folder) == process
    assert lives(process)


def test_a_killed_server_comes_back_with_what_was_committed(folder: Path) -> None:
    """Only the first process is killed, so its children may still hold the memory when the next one starts."""
    url = embedded.ensure_running(folder)
    keep(url, 1)
    with psycopg.connect(url) as connection:
        killed = server(folder)
        killed.kill()
        assert 1 in kept(embedded.ensure_running(folder))
        assert server(folder).pid != killed.pid
        connection.close()


def test_a_number_that_another_process_has_now_is_not_taken_for_the_server(folder: Path) -> None:
    """After a restart of the machine any process may have the number that the killed server had."""
    url = embedded.ensure_running(folder)
    keep(url, 2)
    file = folder / "postgres" / "postmaster.pid"
    family = [server(folder), *server(folder).children()]
    for process in family:
        with suppress(psutil.NoSuchProcess):  # some end by themselves when their server is gone
            process.kill()
    psutil.wait_procs(family, timeout=10)
    stale = file.read_text().splitlines()
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as stranger:
        file.write_text("\n".join([str(stranger.pid), *stale[1:]]) + "\n")
        embedded.stop(folder)
        assert 2 in kept(embedded.ensure_running(folder))
        assert stranger.poll() is None
        stranger.kill()


def test_stopping_ends_the_server_that_runs_now_and_keeps_the_data(folder: Path) -> None:
    """Also one that another process started since this process looked; stopping twice does no harm."""
    keep(embedded.ensure_running(folder), 3)
    server(folder).send_signal(signal.SIGKILL)
    code = "import sys; from pathlib import Path; from mobile_units import embedded;"
    code += "embedded.ensure_running(Path(sys.argv[1]))"
    subprocess.run([sys.executable, "-c", code, str(folder)], check=True, timeout=60)
    running = server(folder)
    embedded.stop(folder)
    embedded.stop(folder)
    running.wait(timeout=10)
    assert 3 in kept(embedded.ensure_running(folder))


def test_a_server_that_never_answers_is_given_up(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the place of its log, for whoever has to look."""
    monkeypatch.setattr(embedded, "START_SECONDS", 0.2)
    monkeypatch.setattr(embedded, "_answers", lambda _url: False)
    with pytest.raises(TimeoutError, match="postgres/log"):
        embedded.ensure_running(folder)


def test_stopping_where_there_is_nothing_does_nothing(tmp_path: Path) -> None:
    """A folder without a server gets none."""
    embedded.stop(tmp_path)
    assert list(tmp_path.iterdir()) == []
