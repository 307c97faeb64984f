"""A forked kernel is an ordinary one that starts sooner: same outputs, same state, same errors, and nothing of it stays."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
import pytest

from quartier import kernels
from quartier.kernels import NotebookStopped

ROOT = Path(__file__).parents[1]
LONG = 30  # seconds that nothing here takes; only a machine that hangs does

forks = pytest.mark.skipif(not kernels.can_fork(), reason="kernels cannot be forked here")


def notebook(*cells):
    """A notebook with a cell of parameters and these cells of code."""
    first = nbformat.v4.new_code_cell("given = None", id="settings", metadata={"tags": ["parameters"]})
    rest = [nbformat.v4.new_code_cell(textwrap.dedent(cell), id=f"cell-{n}") for n, cell in enumerate(cells)]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return nbformat.v4.new_notebook(cells=[first, *rest], metadata={"kernelspec": kernel})


def texts(done):
    """What the cells of an executed notebook printed, without what stood in no cell."""
    return [output.text for cell in done.cells for output in cell.get("outputs", []) if output.output_type == "stream"]


def seen(done):
    """The executed notebook without what tells one execution from the next."""
    for part in (done, *done.cells):
        for key in ("papermill", "execution"):
            part.metadata.pop(key, None)
    for cell in done.cells:
        if "injected-parameters" in cell.metadata.get("tags", []):
            cell.id = "injected"
    return done


def eventually(true):
    """Wait until something is so."""
    end = time.monotonic() + LONG
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)
    return True


def alive(pid):
    """Whether a process runs; one that has ended and was not asked for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.fixture(scope="module")
def forked():
    if not kernels.can_fork():
        pytest.skip("kernels cannot be forked here")
    with kernels.ready(forked=True) as made:
        yield made


@pytest.fixture(scope="module")
def ordinary():
    with kernels.ready(forked=False) as made:
        yield made


@pytest.fixture(params=["forked", "ordinary"])
def either(request):
    return request.getfixturevalue(request.param)


# --- the same notebook --------------------------------------------------------------------------------------------

PLAIN = [
    "import sys; print('out', given); print('err', file=sys.stderr)",
    "from IPython.display import display; display({'a': 1}); 2 + 3",
    """
    import numpy as np
    from matplotlib.figure import Figure
    figure = Figure(figsize=(2, 1))
    figure.subplots().plot(np.arange(3))
    from io import BytesIO
    from IPython.display import Image
    out = BytesIO(); figure.savefig(out, metadata={"Software": None})
    Image(out.getvalue())
    """,
    "import time\nfor n in range(3): print(n, flush=True); time.sleep(0.3)",  # in pieces, by the time
]


def test_the_executed_notebook_is_the_same_in_both_kinds_of_kernel(forked, ordinary, tmp_path):
    first, second = (seen(made.execute(notebook(*PLAIN), {"given": 7}, tmp_path)) for made in (forked, ordinary))
    assert first == second
    assert texts(first)[:2] == ["out 7\n", "err\n"]
    assert texts(first)[2:] == ["0\n1\n2\n"]
    assert first.cells[4].outputs[0].data["image/png"]


def test_an_infinite_parameter_arrives_as_one(either, tmp_path):
    assert texts(either.execute(notebook("print(given)"), {"given": float("inf")}, tmp_path)) == ["inf\n"]


def test_the_notebook_that_is_given_stays_as_it_is(either, tmp_path):
    given = notebook("print(1)")
    before = nbformat.writes(given)
    either.execute(given, {}, tmp_path)
    assert nbformat.writes(given) == before


def test_each_cell_is_told_and_written_before_the_next(either, tmp_path):
    told, kept = [], []

    def tell(number, total):
        told.append((number, total))
        written = nbformat.read(tmp_path / "out.ipynb", 4)
        kept.append([cell.execution_count for cell in written.cells if cell.cell_type == "code"])

    cells = notebook("1", "2", " ")
    cells.cells.insert(1, nbformat.v4.new_markdown_cell("words"))
    either.execute(cells, {"given": 1}, tmp_path, target=tmp_path / "out.ipynb", tell=tell)
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert kept[3] == [1, 2, 3, None, None]


def test_notebooks_are_executed_side_by_side_each_in_its_own_folder(either, tmp_path):
    # Each waits for the file of the other.
    cell = """
    import os, time
    from pathlib import Path
    Path(given).touch()
    other = Path("..", "ab".replace(given, ""), "ab".replace(given, ""))
    while not other.exists(): time.sleep(0.01)
    print(Path.cwd().name)
    """
    before = Path.cwd()
    for name in "ab":
        (tmp_path / name).mkdir()
    with ThreadPoolExecutor(2) as pool:
        done = pool.map(lambda name: either.execute(notebook(cell), {"given": name}, tmp_path / name), "ab")
    assert [texts(one) for one in done] == [["a\n"], ["b\n"]]
    assert Path.cwd() == before


# --- what stops a notebook ----------------------------------------------------------------------------------------

STOPPED = {
    "raises": ("raise ValueError('one\\ntwo')", "error", "one two", "ValueError"),
    "is plain": ("from quartier.language import PlainError; raise PlainError('so')", "error", "so", "PlainError"),
    "is no Python": ("1 +", "error", "invalid syntax", "SyntaxError"),
    "exits": ("import os; os._exit(3)", "died", "the kernel ended with exit code 3", ""),
    "is killed": ("import os; os.kill(os.getpid(), 9)", "died", "the kernel was ended by SIGKILL", ""),
    "faults": ("import ctypes; ctypes.string_at(0)", "died", "the kernel was ended by SIGSEGV", ""),
    "hangs": (
        """
        import time
        while True:
            try: time.sleep(60)
            except KeyboardInterrupt: pass
        """,
        "time",
        "it took longer than 2 s",
        "",
    ),
    "prints without end": ("while True: print('x' * 999)", "output", "its outputs come to more than 20 MB", ""),
    "prints 100 MB at once": ("print('x' * 100_000_000)", "output", "its outputs come to more than 20 MB", ""),
}


@pytest.mark.parametrize("case", STOPPED)
def test_what_stops_a_notebook_is_said(either, tmp_path, case):
    cell, kind, reason, name = STOPPED[case]
    start = time.monotonic()
    with pytest.raises(NotebookStopped) as stopped:
        either.execute(notebook("1", cell, "2"), {}, tmp_path, cell_time_s=2 if kind == "time" else 600)
    assert (stopped.value.cell, stopped.value.kind, stopped.value.name) == (3, kind, name)
    assert reason in stopped.value.reason
    assert time.monotonic() - start < LONG
    assert not either._running


def test_a_kernel_that_cannot_start_is_said(either, tmp_path):
    with pytest.raises(NotebookStopped, match="No such file") as stopped:
        either.execute(notebook("1"), {}, tmp_path / "nowhere")
    assert (stopped.value.cell, stopped.value.kind) == (None, "start")


@forks
def test_a_warm_process_that_is_gone_is_said_and_its_kernels_go_with_it(tmp_path):
    cell = """
    import os, signal
    from pathlib import Path
    Path("pid").write_text(str(os.getpid()))
    os.kill(os.getppid(), signal.SIGKILL)
    import re; re.match("(a+)+$", "a" * 99 + "b")  # without end, and no other thread gets a turn
    """
    with kernels.ready(forked=True) as made:
        for _ in range(2):
            with pytest.raises(NotebookStopped) as stopped:
                made.execute(notebook(cell), {}, tmp_path)
            assert stopped.value.kind == "start"
            assert stopped.value.reason == "the warm process was ended by SIGKILL"
        eventually(lambda: not alive((tmp_path / "pid").read_text()))


@forks
def test_a_warm_process_that_cannot_start_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with kernels.ready(forked=True) as made, pytest.raises(NotebookStopped) as stopped:
        made.execute(notebook("1"), {}, tmp_path)
    assert (stopped.value.kind, stopped.value.reason) == ("start", "the warm process ended with exit code 1")


def test_all_kernels_can_be_stopped_from_another_thread(tmp_path):
    with kernels.ready() as made:
        threading.Timer(0.1, lambda: eventually((tmp_path / "started").exists) and made.stop()).start()
        cell = "from pathlib import Path; Path('started').touch(); import time; time.sleep(600)"
        with pytest.raises(NotebookStopped, match="all kernels were stopped") as stopped:
            made.execute(notebook(cell), {}, tmp_path)
        assert (stopped.value.cell, stopped.value.kind) == (2, "died")
        with pytest.raises(NotebookStopped, match="all kernels were stopped"):
            made.execute(notebook("1"), {}, tmp_path)


@forks
@pytest.mark.parametrize(
    ("spoil", "fault"),
    [
        ("pass", ""),
        ("import threading; threading.Thread(target=threading.Event().wait, daemon=True).start()", "a thread"),
        # Its thread gives itself the name that it is known by, which takes a moment where the machine is busy.
        ("import time, zmq; kept = zmq.Context().socket(zmq.PUB); time.sleep(0.5)", "a zmq context"),
        ("import matplotlib.pyplot as plt; plt.figure()", "an open figure"),
        ("import matplotlib_inline.backend_inline", "loaded matplotlib_inline"),
    ],
)
def test_a_process_that_is_not_fit_to_fork_does_not(spoil, fault):
    code = f"from quartier import kernels\n{spoil}\nprint(kernels._unfit_to_fork())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert fault in done.stdout
    assert bool(fault) == bool(done.stdout.strip())


# --- state --------------------------------------------------------------------------------------------------------

LOOK = """
def look():
    import decimal, gc, json, locale, os, random, signal, sys, threading, time, warnings
    import matplotlib, numpy as np, pandas as pd, quartier, quartier.figures
    from matplotlib import _pylab_helpers
    ours = ("QUARTIER_", "PYTHON", "MPL", "TZ", "LANG", "LC_", "HOME", "PATH", "SPOILT", "TERM", "PAGER")
    return {
        "globals": sorted(name for name in GLOBALS if not name.startswith("_")),
        "builtins": sorted(vars(__import__("builtins"))),
        "cwd": os.getcwd(),
        "umask": [os.umask(0o22), os.umask(0o22)],
        "environment": {k: v for k, v in os.environ.items() if k.startswith(ours)},
        "rcParams": {key: str(value) for key, value in matplotlib.rcParams.items()},
        "figures": len(_pylab_helpers.Gcf.figs),
        "path": sys.path,
        "argv": len(sys.argv),
        "flags": str(sys.flags),
        "main": sys.modules["__main__"].__dict__ is GLOBALS,
        "added": sorted(name for name in sys.modules if "spoilt" in name),
        "filters": [str(one) for one in warnings.filters],
        "locale": [locale.setlocale(kind) for kind in (locale.LC_CTYPE, locale.LC_NUMERIC, locale.LC_TIME)],
        "encodings": [sys.getdefaultencoding(), sys.getfilesystemencoding(), sys.stdout.encoding],
        "zone": time.tzname,
        "signals": [str(signal.getsignal(one)) for one in signal.valid_signals() if one not in (9, 19)],
        "blocked": sorted(signal.pthread_sigmask(signal.SIG_BLOCK, [])),
        "options": [str(pd.get_option(one)) for one in ("display.max_rows", "mode.string_storage", "display.precision")],
        "numpy": [str(np.get_printoptions()), str(np.geterr())],
        "decimal": str(decimal.getcontext()),
        "threads": sorted(one.name.split("-")[0] for one in threading.enumerate()),
        "recursion": sys.getrecursionlimit(),
        "switch": sys.getswitchinterval(),
        "gc": [gc.isenabled(), gc.get_threshold()],
        "hooks": [type(sys.excepthook).__name__, type(sys.displayhook).__name__, type(sys.stdout).__name__],
        "session": os.getsid(0) == os.getpid(),
        "priority": os.getpriority(os.PRIO_PROCESS, 0),
    }, {"random": random.random(), "numpy": np.random.random(), "hash": hash("a")}
GLOBALS = dict(globals()) and globals()
"""
SPOIL = """
import decimal, os, random, signal, sys, threading, time, types, warnings, builtins, locale, gc
import matplotlib, matplotlib.pyplot as plt, numpy as np, pandas as pd
spoilt = 1; builtins.spoilt = 1
os.environ["SPOILT"] = "1"; os.environ["TZ"] = "Pacific/Auckland"; time.tzset()
os.umask(0o77); os.nice(1)
matplotlib.rcParams["lines.linewidth"] = 9; plt.figure()
sys.path.insert(0, "/spoilt"); sys.modules["spoilt"] = types.ModuleType("spoilt")
warnings.simplefilter("error"); random.seed(1); np.random.seed(1)
signal.signal(signal.SIGTERM, signal.SIG_IGN); signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
pd.set_option("display.max_rows", 1); np.set_printoptions(precision=1); np.seterr(all="raise")
decimal.getcontext().prec = 1; locale.setlocale(locale.LC_ALL, "C")
threading.Thread(target=time.sleep, args=(600,), name="spoilt", daemon=True).start()
sys.setrecursionlimit(500); sys.setswitchinterval(1); gc.disable()
kept = open("spoilt.txt", "w")
os.mkdir("elsewhere"); os.chdir("elsewhere")
"""


def state(made, home, *before):
    (text,) = texts(
        made.execute(notebook(*before, LOOK, "import json; print(json.dumps(look(), default=str))"), {}, home)
    )
    return json.loads(text)


def test_a_notebook_sees_the_same_in_both_kinds_of_kernel_whatever_ran_before(forked, ordinary, tmp_path):
    first, chance = state(forked, tmp_path)
    forked.execute(notebook(SPOIL), {}, tmp_path)
    second, other = state(forked, tmp_path)
    third, _ = state(ordinary, tmp_path)
    assert first == second
    assert first == third
    assert other["hash"] == chance["hash"]
    assert other["random"] != chance["random"]
    assert other["numpy"] != chance["numpy"]


@pytest.mark.parametrize(
    "caller", ["", "error,ignore:There is no current event loop:DeprecationWarning:tornado.ioloop"]
)
def test_what_the_caller_says_about_warnings_counts_the_same_in_both_kinds_of_kernel(tmp_path, monkeypatch, caller):
    monkeypatch.setenv("PYTHONWARNINGS", caller)
    cell = "import warnings, quartier.figures, pandas; print([str(one) for one in warnings.filters])"
    with kernels.ready(forked=kernels.can_fork()) as forked, kernels.ready(forked=False) as ordinary:
        first, second = (texts(made.execute(notebook(cell), {}, tmp_path)) for made in (forked, ordinary))
    assert first == second
    assert ("('error', None, <class 'Warning'>, None, 0)" in first[0]) == bool(caller)


@forks
def test_a_fork_holds_nothing_of_the_warm_process_or_of_other_forks(forked, tmp_path):
    cell = """
    import os, time
    from pathlib import Path
    def held(process):
        links = []
        for one in Path("/proc", str(process), "fd").iterdir():
            try: links.append(os.readlink(one))
            except OSError: pass
        return {link for link in links if link.startswith(("socket:", "/memfd:")) or link == "anon_inode:[pidfd]"}
    print(sorted(held("self") & held(os.getppid())), [one for one in held("self") if "fd" in one])
    Path(given).touch()
    while not Path("done").exists(): time.sleep(0.01)
    """
    with ThreadPoolExecutor(1) as pool:
        beside = pool.submit(forked.execute, notebook(cell), {"given": "one"}, tmp_path)
        eventually((tmp_path / "one").exists)
        try:
            looked = notebook(cell.partition("Path(given)")[0])
            assert texts(forked.execute(looked, {}, tmp_path)) == ["[] []\n"]
        finally:
            (tmp_path / "done").touch()
        assert texts(beside.result()) == ["[] []\n"]


def test_no_grammar_of_addresses_is_built_for_a_run():
    """It takes 2 s of each, and no notebook has an address that is checked."""
    tries = "runs._read_notebook(path, Texts()); pages.read(path, Texts()); stack.enter_context(kernels.ready())"
    begin = "import contextlib, pathlib, sys; from quartier import kernels, pages, runs; from quartier.language import Texts"
    for first in tries.split("; "):
        words = [begin, "path = pathlib.Path('notebooks/02_bedarf.ipynb')", "with contextlib.ExitStack() as stack:"]
        words.append(f"    {first}; {tries}")
        words.append("print({'jsonschema', 'papermill', 'nbformat'} <= {*sys.modules}, 'lark' in sys.modules)")
        done = subprocess.run([sys.executable, "-c", "\n".join(words)], cwd=ROOT, capture_output=True, text=True)
        assert (done.stdout, done.stderr) == ("True False\n", ""), first


@forks
def test_a_notebook_of_this_project_loads_nothing_that_was_not_warm(forked):
    look = "import sys, json; print(json.dumps(list(sys.modules)))"
    for file in (ROOT / "notebooks").glob("0[235]*.ipynb"):
        given = nbformat.read(file, as_version=4)
        given.cells = [nbformat.v4.new_code_cell(look), *given.cells, nbformat.v4.new_code_cell(look)]
        codes = [one for one in forked.execute(given, {}, ROOT).cells if one.cell_type == "code"]
        before, after = (set(json.loads(codes[place].outputs[0].text)) for place in (0, -1))
        # Tiny: what sends large messages, loaded at the first of them, and a deprecated name that may be a warning and an error.
        late = {name for name in after - before if name.partition(".")[0] not in sys.stdlib_module_names}
        assert late <= {"zmq.utils.garbage", "matplotlib.style.core"}


# --- nothing is left ----------------------------------------------------------------------------------------------

CALLER = """
import sys, nbformat
from pathlib import Path
from quartier import kernels
cell = '''
import os, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
open("pids", "w").write(f"{os.getpid()} {os.getppid()} {child.pid}"); os.rename("pids", "all")
time.sleep(600)
'''
with kernels.ready(forked=sys.argv[1] == "True") as made:
    made.execute(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell)]), {}, Path.cwd())
"""


@pytest.mark.parametrize(
    ("forked", "way"),
    [
        pytest.param(True, signal.SIGKILL, marks=forks),
        pytest.param(True, signal.SIGINT, marks=forks),
        (False, signal.SIGKILL),
    ],
)
def test_a_caller_that_is_killed_or_interrupted_leaves_nothing(tmp_path, monkeypatch, forked, way):
    temporary = tmp_path / "t"
    temporary.mkdir()
    environment = {**os.environ, "TMPDIR": str(temporary)}
    caller = subprocess.Popen(
        [sys.executable, "-c", CALLER, str(forked)], cwd=tmp_path, env=environment, stderr=subprocess.DEVNULL
    )
    eventually((tmp_path / "all").exists)
    kernel, parent, child = map(int, (tmp_path / "all").read_text().split())
    assert any(temporary.iterdir())
    caller.send_signal(way)
    caller.wait()
    eventually(lambda: not alive(kernel) and (parent == caller.pid or not alive(parent)))
    if forked:
        eventually(lambda: not alive(child))
        eventually(lambda: not any(temporary.iterdir()))
    else:
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)  # an ordinary kernel leaves what it has started
        # The folder of an ordinary kernel that nobody could clear away goes at the next start.
        monkeypatch.setattr(tempfile, "tempdir", str(temporary))
        with kernels.ready(forked=False):
            assert len(list(temporary.iterdir())) == 1
        assert not any(temporary.iterdir())


def test_nothing_is_left_after_notebooks_that_stopped(tmp_path, monkeypatch, capfd):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with kernels.ready() as made:
        for cell in ("1", "1/0"):
            with contextlib.suppress(NotebookStopped):
                made.execute(notebook(cell), {}, tmp_path)
        assert [one.name for one in made._folder.iterdir()] == ["lock"]
        assert made._folder.stat().st_mode & 0o777 == 0o700
    assert list(tmp_path.iterdir()) == []
    assert capfd.readouterr() == ("", "")


def test_an_interrupt_between_two_messages_is_no_line_on_the_screen_and_other_faults_are(tmp_path, capfd):
    log = "get_ipython().kernel.log.error"
    with kernels.ready() as made:
        made.execute(notebook(f"{log}('KeyboardInterrupt caught in kernel.')", f"{log}('a fault')"), {}, tmp_path)
    out, err = capfd.readouterr()
    assert "a fault" in err
    assert "KeyboardInterrupt" not in out + err


def test_where_paths_are_too_long_for_sockets_kernels_work_all_the_same(tmp_path, monkeypatch, capfd):
    deep = tmp_path / ("x" * 100)
    deep.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(deep))
    with kernels.ready() as made:
        assert texts(made.execute(notebook("print(1)"), {}, tmp_path)) == ["1\n"]
    assert capfd.readouterr() == ("", "")


def test_a_folder_that_is_in_use_is_not_swept(either, tmp_path):
    kernels._sweep(Path(tempfile.gettempdir()))
    assert either._folder.is_dir()


# --- the engine ---------------------------------------------------------------------------------------------------


def test_papermill_knows_the_engine_and_draws_figures_with_it(tmp_path):
    given = notebook("import matplotlib.pyplot as plt; plt.plot([1, 2]);", "print(given)")
    nbformat.write(given, tmp_path / "in.ipynb")
    environment = {name: value for name, value in os.environ.items() if name != "MPLBACKEND"}
    code = """
    import papermill
    for engine in ("quartier", "nbclient"):
        papermill.execute_notebook("in.ipynb", f"{engine}.ipynb", {"given": 5}, engine_name=engine, progress_bar=False)
    """
    command = [sys.executable, "-c", textwrap.dedent(code)]
    subprocess.run(command, cwd=tmp_path, env=environment, check=True, capture_output=True)
    ours, theirs = (nbformat.read(tmp_path / f"{one}.ipynb", 4) for one in ("quartier", "nbclient"))
    assert [cell.get("outputs") for cell in ours.cells] == [cell.get("outputs") for cell in theirs.cells]
    assert any("image/png" in output.get("data", {}) for output in ours.cells[2].outputs)
    assert texts(ours) == ["5\n"]


def test_forks_are_not_used_where_they_are_not_wanted(monkeypatch):
    monkeypatch.setenv("QUARTIER_KERNELS", "ordinary")
    with kernels.ready() as made:
        assert made.forked is False
    monkeypatch.delenv("QUARTIER_KERNELS")
    monkeypatch.setattr(sys, "platform", "darwin")
    assert not kernels.can_fork()


def test_importing_the_module_loads_no_library():
    code = "import sys; from quartier import kernels; print({'papermill', 'nbclient', 'zmq', 'numpy'} & sys.modules.keys())"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"
