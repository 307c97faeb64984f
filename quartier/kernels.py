"""Notebooks executed by Papermill, each in a kernel of its own: forked from one warm process where that can be had.

An ordinary kernel spends most of its life importing the same libraries as the one before it. Here a process without threads,
sockets or figures, the *warm process*, imports them once; each notebook gets a fork of it. A fork starts with the modules and
nothing else: environment, working directory, random numbers and plot settings are those of an ordinary kernel.

Nothing is left behind, however things end: the caller talks to the warm process, and to each kernel through it, over sockets.
When the caller's end closes, even because it was killed, kernels, warm process and their folder go.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import contextvars
import functools
import gc
import itertools
import json
import locale
import logging
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from nbformat import NotebookNode

_ORDINARY = "ordinary"  # what QUARTIER_KERNELS says where forks are not wanted
_KERNEL_ENVIRONMENT = {
    "PYTHONHASHSEED": "0",
    "MPLBACKEND": "agg",  # whatever the reader's shell says; figures are shown by `quartier.show` alone
}
_OUTPUT_LIMIT = 20_000_000  # bytes that the outputs of one notebook may come to
_LONGEST_SOCKET = 100  # a path of a socket may have 107 bytes on Linux
_PREFIX = "quartier-kernels-"  # of the folders for connection files and sockets

# What a kernel itself loads, and then what the notebooks of this project load; the rest comes along with these.
# Never matplotlib_inline.backend_inline: it ties itself to the shell that is there when it is imported, and figures are lost.
_KERNEL_MODULES = (
    "ipykernel.kernelapp",
    "ipykernel.ipkernel",
    "ipykernel.zmqshell",
    "ipykernel.debugger",
    "IPython.core.completerlib",
    "IPython.core.debugger",
    "IPython.core.logger",
    "IPython.core.oinspect",
    "IPython.extensions.storemagic",
    "sqlite3",
    "tornado.platform.asyncio",
)
_NOTEBOOK_MODULES = (
    "encodings.utf_8_sig",
    "pandas.core.methods.to_dict",
    "pandas.core.reshape.reshape",
    "quartier.data",
    "quartier.figures",
    "quartier.need",
    "quartier.optimise",
    "quartier.report",
    "quartier.scenario",
    "quartier.whatif",
    "babel.lists",
    "babel.messages.mofile",
    "babel.messages.pofile",
    "babel.numbers",
    "pandera.pandas",
    "pandera.accessors.pandas_accessor",
    "pandera.backends.pandas.builtin_checks",
    "pandera.backends.pandas.register",
    "pandera.backends.pandas.checks",
    "pandera.backends.pandas.hypotheses",
    "pandera.backends.pandas.builtin_hypotheses",
    "pandera.backends.pandas.parsers",
    "pandera.backends.register_checks",
    "pandera.api.geopandas.container",
    "pandera.api.geopandas.model",
    "pandera.strategies.pandas_strategies",
    "matplotlib.backends.backend_agg",
    "matplotlib.figure",
    "matplotlib.style",
    "PIL.JpegImagePlugin",
    "PIL.PpmImagePlugin",
    "PIL.GifImagePlugin",
    "PIL.BmpImagePlugin",
    "PIL.PngImagePlugin",
)


class NotebookStopped(Exception):
    """A notebook that did not come to its end.

    Attributes
    ----------
    cell : int or None
        Execution count of the cell that it stopped at; None before the first.
    kind : str
        ``"error"``: the cell raised; ``"died"``: the kernel ended; ``"time"``: the cell took too long; ``"output"``: too much of it;
        ``"start"``: there was no kernel to begin with.
    reason : str
        One line.
    name : str
        Class of the error that a cell raised, else empty.
    """

    def __init__(self, cell: int | None, kind: str, reason: str, name: str = "") -> None:
        self.cell, self.kind, self.reason, self.name = cell, kind, " ".join(reason.split()), name
        super().__init__(self.reason)


def can_fork() -> bool:
    """Whether kernels can be forked here: on Linux, unless the variable ``QUARTIER_KERNELS`` says ``ordinary``."""
    if os.environ.get("QUARTIER_KERNELS") == _ORDINARY or sys.platform != "linux":
        return False
    try:
        os.close(os.pidfd_open(os.getpid()))
    except OSError:  # Linux before 5.3
        return False
    return True


@contextlib.contextmanager
def ready(*, forked: bool | None = None) -> Iterator[Kernels]:
    """Make kernels of this very Python ready, and end them all afterwards.

    The warm process is started, not waited for: there is time to load data meanwhile. Papermill and the rest are loaded here,
    before there are threads, for a library that two threads load at once may be half there.

    Parameters
    ----------
    forked : bool, optional
        Fork kernels from a warm process; by default where that can be had, see `can_fork`.

    Yields
    ------
    Kernels
        What executes notebooks.
    """
    log = logging.getLogger("papermill")  # what it has to say comes as an error, too
    level = log.level
    kernels = Kernels(forked=can_fork() if forked is None else forked)
    try:
        log.setLevel(logging.CRITICAL)
        _jupyter()
        yield kernels
    finally:
        log.setLevel(level)
        kernels._close()


class Kernels:
    """What executes notebooks, side by side if called from several threads; made by `ready`.

    Attributes
    ----------
    forked : bool
        Whether kernels are forks of a warm process; else they are ordinary ones, with the same results.
    """

    def __init__(self, *, forked: bool) -> None:
        self.forked = forked
        self._folder, self._lock = _private_folder()
        self._numbers = itertools.count(1)
        self._running: dict[int, Any] = {}  # processes of kernels, by number
        self._stopped = False
        self._warm = _Warm(self._folder) if forked else None

    def execute(
        self,
        notebook: NotebookNode,
        parameters: Mapping[str, Any],
        home: Path,
        *,
        target: Path | None = None,
        cell_time_s: float = 600,
        tell: Callable[[int, int], None] | None = None,
    ) -> NotebookNode:
        """Execute a notebook in a kernel of its own.

        Parameters
        ----------
        notebook : NotebookNode
            The notebook; it is not changed.
        parameters : mapping
            Values for its cell of parameters.
        home : Path
            Working directory of the kernel.
        target : Path, optional
            Where the notebook is written after each cell, so that a run that is killed leaves what it has.
        cell_time_s : float
            Time that a single cell may take.
        tell : callable, optional
            Called before each cell of code with its number and how many there are.

        Returns
        -------
        NotebookNode
            The executed notebook, with the metadata of Papermill.

        Raises
        ------
        NotebookStopped
            It did not come to its end.
        """
        # jupyter_client keeps an event loop for each context, and never closes it: so this context is for one notebook.
        return contextvars.Context().run(
            self._execute, notebook, parameters, home, target=target, cell_time_s=cell_time_s, tell=tell
        )

    def _execute(
        self, notebook: NotebookNode, parameters: Mapping[str, Any], home: Path, *, target: Path | None, **options: Any
    ) -> NotebookNode:
        import papermill
        from jupyter_client.utils import run_sync

        async def own_loop() -> asyncio.AbstractEventLoop:
            return asyncio.get_running_loop()

        try:
            return papermill.execute_notebook(
                notebook,
                None if target is None else target.absolute(),
                parameters=dict(parameters),
                engine_name=Engine.name,
                kernel_name="python3",
                progress_bar=False,
                kernels=self,
                home=home.absolute(),  # not `cwd`, which would be that of all threads
                **options,
            )
        except papermill.PapermillExecutionError as error:
            raise NotebookStopped(error.exec_count, "error", error.evalue or error.ename, error.ename) from error
        finally:
            loop = run_sync(own_loop)()
            if not loop.is_running():
                for task in (left := asyncio.all_tasks(loop)):  # of a notebook that was stopped
                    task.cancel()
                loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
                loop.close()
                asyncio.set_event_loop(None)

    def stop(self) -> None:
        """End all kernels at once; for another thread or a handler of signals. What is being executed raises `NotebookStopped`."""
        self._stopped = True
        for process in list(self._running.values()):
            with contextlib.suppress(OSError):
                process.kill()

    def resume(self) -> None:
        """Take notebooks again after `stop`, once what was being executed has ended."""
        self._stopped = False

    def _close(self) -> None:
        self.stop()
        if self._warm:
            self._warm.end(list(self._running.values()))
        shutil.rmtree(self._folder, ignore_errors=True)
        os.close(self._lock)


class Engine:
    """The Papermill engine ``quartier``: ``papermill in.ipynb out.ipynb --engine quartier``.

    Notebooks for other kernels than this Python's are executed as Papermill does it.
    """

    name = "quartier"

    @staticmethod
    def execute_notebook(nb: NotebookNode, kernel_name: str, **options: Any) -> NotebookNode:
        """Execute a notebook, as `papermill.engines.Engine` has it."""
        return _jupyter().engine.execute_notebook(nb, kernel_name, **options)

    @staticmethod
    def nb_kernel_name(nb: NotebookNode, name: str | None = None) -> str:
        """Name of the kernel that a notebook asks for."""
        return _jupyter().engine.nb_kernel_name(nb, name)

    @staticmethod
    def nb_language(nb: NotebookNode, language: str | None = None) -> str:
        """Language of a notebook."""
        return _jupyter().engine.nb_language(nb, language)


@functools.cache
def _shared() -> Kernels:
    """Kernels for whoever names the engine and nothing else; they last as long as the caller."""
    kernels = Kernels(forked=can_fork())
    atexit.register(kernels._close)
    return kernels


# --- folders ------------------------------------------------------------------------------------------------------


def _private_folder() -> tuple[Path, int]:
    """Make a folder that only this user can read, and a lock in it that lasts as long as this process or its end of things."""
    _sweep(Path(tempfile.gettempdir()))
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
    lock = os.open(folder / "new", os.O_CREAT | os.O_RDWR, 0o600)
    _take(lock)
    (folder / "new").rename(folder / "lock")  # whoever sees a lock sees one that is taken
    return folder, lock


def _sweep(where: Path) -> None:
    """Remove folders whose owner was killed before it could."""
    for lock in where.glob(f"{_PREFIX}*/lock"):
        with contextlib.suppress(OSError):
            handle = os.open(lock, os.O_RDWR)
            try:
                if _take(handle):
                    shutil.rmtree(lock.parent, ignore_errors=True)
            finally:
                os.close(handle)


def _take(handle: int) -> bool:
    try:
        import fcntl
    except ImportError:  # Windows: leftovers stay until somebody clears the temporary folder
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


# --- the caller's end ---------------------------------------------------------------------------------------------


class _Warm:
    """The warm process, as its caller sees it."""

    def __init__(self, folder: Path) -> None:
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        # Its own Python, so that a library that is loaded in the caller, or a thread of it, is not in the kernels.
        code = f"import sys; sys.path[:1] = []; from quartier import kernels; kernels._serve({theirs.fileno()}, {str(folder)!r})"
        environment = {
            name: value for name, value in os.environ.items() if name not in ("MPLBACKEND", "JPY_PARENT_PID")
        }
        environment["PYDEVD_DISABLE_FILE_VALIDATION"] = "1"  # a word about debuggers on the error stream
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-c", code],
                env={**environment, "PYTHONHASHSEED": "0"},
                cwd="/",
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,  # the interrupt key is for the caller alone
            )

    def fork(self, argv: list[str], environment: Mapping[str, str], home: Path) -> _Fork:
        """Ask for a kernel."""
        request = os.memfd_create("quartier")  # an environment may be larger than a message
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            with open(request, "wb", closefd=False) as file:
                file.write(json.dumps({"argv": argv, "environment": dict(environment), "home": str(home)}).encode())
            with contextlib.suppress(OSError):  # a warm process that has gone is noticed by the silence of `ours`
                socket.send_fds(self._control, [b"fork"], [theirs.fileno(), request])
        finally:
            theirs.close()
            os.close(request)
        return _Fork(ours)

    def why(self) -> str:
        """Why there is no warm process."""
        said = b""
        with contextlib.suppress(OSError):
            self._control.setblocking(False)
            said = self._control.recv(10_000)
        return said.decode() or f"the warm process {_ended(self._process.wait())}"

    def end(self, forks: list[_Fork]) -> None:
        """End it, and the kernels that are still there."""
        for fork in forks:
            fork.kill()
            if fork.pid is not None:
                fork.wait(5)
        self._process.kill()  # its kernels, if there are any, go with it
        self._process.wait()
        self._control.close()


class _Fork:
    """A forked kernel, as jupyter_client knows a `subprocess.Popen`; it is the child of the warm process, not ours."""

    stdin = stdout = stderr = None
    LOST = -1000
    """Return code of a kernel whose warm process went first."""

    def __init__(self, line: socket.socket) -> None:
        self._line = line
        self.pid: int | None = None
        self.returncode: int | None = None
        self.failure = ""

    def poll(self) -> int | None:
        return self._listen(0)

    def wait(self, timeout: float | None = None) -> int | None:
        while self.returncode is None and self._listen(timeout) is None and timeout is None:
            pass
        return self.returncode

    def _listen(self, timeout: float | None) -> int | None:
        while self.returncode is None:
            try:
                self._line.settimeout(timeout)
                said = self._line.recv(10_000)
            except (BlockingIOError, TimeoutError):
                break
            except OSError:
                said = b""
            heard: dict[str, Any] = json.loads(said) if said else {"code": self.LOST}
            self.pid = heard.get("pid", self.pid)
            self.failure = heard.get("failure", self.failure)
            if "code" in heard:
                self.returncode = heard["code"]
                self._line.close()
        return self.returncode

    def send_signal(self, number: int) -> None:
        with contextlib.suppress(OSError):
            self._line.send(bytes([number]))

    def kill(self) -> None:
        with contextlib.suppress(OSError):
            self._line.shutdown(socket.SHUT_WR)

    terminate = kill


def _ended(code: int | None) -> str:
    """Say how a process ended."""
    if code is None or code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return "ended"


# --- between caller and kernel: Papermill, nbclient and jupyter_client, but that they wait for nothing idle ----------


@contextlib.contextmanager
def _without_grammar() -> Iterator[None]:
    """Let jsonschema, which Papermill brings along, not build its grammar for addresses: that takes a second.

    It makes do without where the grammar is not installed, and no notebook has an address to check.
    """
    name = "rfc3987_syntax"
    if name in sys.modules:
        yield
        return
    sys.modules[name] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules[name]


def nbformat() -> Any:
    """Give the library that reads and writes notebooks; late, and to be had from here alone."""
    with _without_grammar():
        import nbformat

    return nbformat


@functools.cache
def _jupyter() -> Any:
    """Make the classes that are needed from those of the Jupyter libraries; late, for these take long to import."""
    from queue import Empty
    from types import SimpleNamespace

    from ipykernel.kernelspec import get_kernel_dict
    from jupyter_client.asynchronous import AsyncKernelClient
    from jupyter_client.channels import AsyncZMQSocketChannel, zmq
    from jupyter_client.kernelspec import KernelSpec
    from jupyter_client.manager import AsyncKernelManager
    from jupyter_client.provisioning import LocalProvisioner

    with _without_grammar():
        from nbclient.exceptions import CellTimeoutError, DeadKernelError
        from papermill.clientwrap import PapermillNotebookClient
        from papermill.engines import NBClientEngine

    class Provisioner(LocalProvisioner):
        """Starts a kernel, by a fork if there is a warm process."""

        kernels: Kernels
        number: int
        process: Any = None

        async def launch_kernel(self, cmd: list[str], **options: Any) -> Any:
            if self.kernels._warm:
                self.process = self.kernels._warm.fork(cmd, options["env"], options.get("cwd") or Path.cwd())
            else:
                await super().launch_kernel(cmd, **options)
            self.kernels._running[self.number] = self.process
            if self.kernels._stopped:  # asked for in between
                await self.kill()
            return self.connection_info

        async def kill(self, restart: bool = False) -> None:
            await super().kill(restart=restart)
            if self.process and self.process.pid is not None:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self.process.wait(5)  # some ms; jupyter_client looks every 100 ms

        async def cleanup(self, restart: bool = False) -> None:
            self.kernels._running.pop(self.number, None)
            await super().cleanup(restart=restart)

    class Outputs(AsyncZMQSocketChannel):
        """Messages with outputs, counted: a notebook that prints without end must not fill the memory."""

        limit: int | None = None
        total = 0
        hung_up: Any = None

        def restrict(self, limit: int) -> None:
            self.limit = limit
            # zmq hangs up at a single message above the limit, which was set before the socket was made.
            self.hung_up = self.socket.get_monitor_socket(zmq.EVENT_DISCONNECTED)

        @property
        def is_full(self) -> bool:
            return bool(self.limit and self.total > self.limit)

        async def is_hung_up(self) -> bool:
            return bool(self.hung_up and await self.hung_up.poll(0))

        async def _recv(self, **options: Any) -> Any:  # type: ignore[override]
            assert self.socket is not None
            frames = await self.socket.recv_multipart(**options)
            _, parts = self.session.feed_identities(frames)  # signature, three headers, content, buffers
            self.total += sum(map(len, parts[4:]))
            if self.is_full:
                await asyncio.sleep(3600)  # nobody will look at it; cancelled when the kernel has been ended
            return self.session.deserialize(parts)

    class Client(AsyncKernelClient):
        def start_channels(self, *args: Any, **options: Any) -> None:
            super().start_channels(hb=False)  # whether the kernel lives is known without a heartbeat and its thread

        async def wait_for_ready(self, timeout: float | None = None) -> None:
            """Wait until the kernel answers and its outputs arrive here; jupyter_client also waits for 0.2 s of silence."""
            deadline = time.monotonic() + (timeout or 600)
            # The welcome says that the subscription is there: no output can be missed after it.
            await self.hear(self.iopub_channel, "iopub_welcome", deadline)
            self.kernel_info()
            self._handle_kernel_info_reply(await self.hear(self.shell_channel, "kernel_info_reply", deadline))

        async def hear(self, channel: Any, kind: str, deadline: float) -> Any:
            while time.monotonic() < deadline:
                with contextlib.suppress(Empty):
                    message = await channel.get_msg(timeout=0.1)
                    if message["msg_type"] == kind:
                        return message
                if not await cast(Any, self.parent).is_alive():
                    raise RuntimeError("the kernel ended before it was ready")
            raise RuntimeError("the kernel did not answer in time")

    class NotebookClient(PapermillNotebookClient):
        """Executes one notebook for `Kernels`."""

        kernels: Kernels
        spec: Callable[[Path], Any] | None = None
        limit: int | None = None
        tell: Callable[[int, int], None] | None = None
        overflowed = False

        def create_kernel_manager(self) -> Any:
            number = next(self.kernels._numbers)
            self.place = place = self.kernels._folder / str(number)
            place.mkdir(mode=0o700)
            self.km = km = AsyncKernelManager(
                kernel_name=self.kernel_name, connection_file=str(place / "connection.json")
            )
            km.client_factory = Client
            cast(Any, km).client = functools.partial(self.connect, km.client)
            if self.spec:
                km._kernel_spec = self.spec(place)
            if os.name == "posix" and len(os.fsencode(place / "s-5")) < _LONGEST_SOCKET:
                km.transport, km.ip = (
                    "ipc",
                    str(place / "s"),
                )  # no ports, so none that another run could take in between
            km.provisioner = Provisioner(kernel_id=str(number), kernel_spec=km.kernel_spec, parent=km)
            km.provisioner.kernels, km.provisioner.number = self.kernels, number
            self.provisioner = km.provisioner
            return km

        def connect(self, make: Callable[[], Any]) -> Any:
            """Make a client that receives no more than it may."""
            client = make()
            if self.limit:
                client.context.setsockopt(zmq.MAXMSGSIZE, self.limit)  # of the sockets that it will make
                client.iopub_channel_class = Outputs
                client.iopub_channel.restrict(self.limit)
            return client

        def execute_cell(self, cell: Any, index: int, **options: Any) -> Any:
            if self.tell and cell.cell_type == "code" and cell.source.strip():
                codes = [one.cell_type == "code" and bool(one.source.strip()) for one in self.nb.cells]
                self.tell(sum(codes[: index + 1]), sum(codes))
            return super().execute_cell(cell, index, **options)

        def output(self, outs: list[Any], *args: Any) -> Any:
            """Keep what was printed in one piece: where it is cut is a matter of time, and would tell one run from the next."""
            out = super().output(outs, *args)
            *_, before, last = [None, None, *outs]
            if before and out is last and [before.output_type, before.get("name")] == ["stream", last.get("name")]:
                before.text += outs.pop().text
            return out

        async def _async_poll_kernel_alive(self) -> None:
            while await self.km.is_alive():
                await asyncio.sleep(0.1)  # nbclient: 1 s
                if not self.limit:
                    continue
                outputs = self.kc.iopub_channel
                full = outputs.is_full
                if not full and await outputs.is_hung_up():
                    await asyncio.sleep(0.5)  # the kernel may have ended just now, which is another matter
                    full = await self.km.is_alive()
                if full:
                    self.overflowed = True
                    self.provisioner.process.kill()
            self.task_poll_for_reply.cancel()

        def execute(self, **options: Any) -> Any:
            try:
                return super().execute(**options)
            except CellTimeoutError as error:
                raise self.stopped("time", f"it took longer than {self.timeout_func(None):g} s") from error
            except (DeadKernelError, RuntimeError, OSError) as error:
                raise self.why(error) from error
            finally:
                shutil.rmtree(self.place, ignore_errors=True)

        def why(self, error: Exception) -> NotebookStopped:
            process = self.provisioner.process
            if self.overflowed:
                return self.stopped("output", f"its outputs come to more than {_OUTPUT_LIMIT // 1_000_000} MB")
            if self.kernels._stopped:
                return self.stopped("died", "all kernels were stopped")
            if isinstance(process, _Fork) and process.returncode == _Fork.LOST:
                assert self.kernels._warm
                return NotebookStopped(None, "start", self.kernels._warm.why())
            if not self.code_cells_executed:
                return NotebookStopped(None, "start", getattr(process, "failure", "") or str(error))
            if process and process.poll() is not None:
                return self.stopped("died", f"the kernel {_ended(process.returncode)}")
            return self.stopped("died", str(error))

        def stopped(self, kind: str, reason: str) -> NotebookStopped:
            return NotebookStopped(self.code_cells_executed or None, kind, reason)

    class JupyterEngine(NBClientEngine):
        """Executes notebooks in our kernels."""

        @classmethod
        def execute_managed_notebook(cls, nb_man: Any, kernel_name: str, **options: Any) -> Any:
            kernels, tell = options.pop("kernels", None), options.pop("tell", None)
            if kernels is None and not is_this_python(kernel_name):
                return super().execute_managed_notebook(nb_man, kernel_name, **options)
            options.pop("input_path", None)
            seconds = options.pop("execution_timeout", None) or options.pop("timeout", None)
            seconds = options.pop("cell_time_s", seconds)
            if home := options.pop("home", None):
                options["resources"] = {"metadata": {"path": str(home)}}
            client = NotebookClient(
                nb_man,
                kernel_name=kernel_name,
                startup_timeout=options.pop("start_timeout", 60),
                timeout_func=lambda cell: seconds,
                shutdown_kernel="immediate",
                iopub_timeout=60,  # a kernel that has answered will say the rest; nbclient gives it 4 s
                log=logging.getLogger("papermill"),
                **options,
            )
            client.kernels, client.tell = kernels or _shared(), tell
            if kernels:
                client.spec, client.limit = our_spec, _OUTPUT_LIMIT
            return client.execute()

    def our_spec(place: Path) -> Any:
        """Describe a kernel of this very Python, free of the reader's own IPython settings."""
        described = get_kernel_dict(["--no-stderr", "--log-level=ERROR"])
        return KernelSpec(**described, env={**_KERNEL_ENVIRONMENT, "IPYTHONDIR": str(place / "ipython")})

    def is_this_python(name: str) -> bool:
        """Whether a kernel of the reader's is one that the warm process can be."""
        argv = cast(Any, AsyncKernelManager(kernel_name=name)).kernel_spec.argv
        return argv[0] in ("python", "python3", sys.executable) and argv[1:3] == ["-m", "ipykernel_launcher"]

    return SimpleNamespace(engine=JupyterEngine)


# --- the warm process ---------------------------------------------------------------------------------------------


def _serve(control_handle: int, folder: str) -> None:
    """Import, then fork a kernel for each request until the caller's end of the socket closes."""
    control = socket.socket(fileno=control_handle)
    try:
        filters = _warm_up()
    except BaseException as error:
        control.send(f"{type(error).__name__}: {error}"[:5000].encode())
        raise
    poller = select.poll()
    poller.register(control, select.POLLIN)
    lines: dict[int, tuple[int, socket.socket]] = {}  # handle of a caller's line: process, line
    ends: dict[int, tuple[int, socket.socket]] = {}  # handle that tells the end of a process: the same
    while True:
        handle, _ = poller.poll()[0]
        if handle == control.fileno():
            message, handles, *_ = socket.recv_fds(control, 16, 2)
            if not message:
                break
            line, request = socket.socket(fileno=handles[0]), handles[1]
            if fault := _unfit_to_fork():
                control.send(fault.encode())
                break
            with warnings.catch_warnings():
                warnings.simplefilter(
                    "ignore"
                )  # from 3.12 on Python counts the threads of BLAS, which is ready for forks
                process = os.fork()
            if process == 0:
                for other in (control, *(line for _, line in ends.values())):
                    other.close()
                for end in ends:
                    os.close(end)
                _be_kernel(line, request, filters)
            os.close(request)
            _tell(line, pid=process)
            end = os.pidfd_open(process)
            lines[line.fileno()] = ends[end] = process, line
            poller.register(line, select.POLLIN)
            poller.register(end, select.POLLIN)
        elif handle in lines:
            process, line = lines[handle]
            orders = _received(line)
            for number in orders or [signal.SIGKILL]:
                _signal(process, number)
            if not orders:
                del lines[handle]
                poller.unregister(handle)
        else:
            process, line = ends.pop(handle)
            _signal(process, signal.SIGKILL)  # what the notebook has started goes with it
            code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
            poller.unregister(handle)
            os.close(handle)
            if lines.pop(line.fileno(), None):
                poller.unregister(line)
            _tell(line, code=code)
            line.close()
    for process, _ in ends.values():
        _signal(process, signal.SIGKILL)
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(0)


def _tell(line: socket.socket, **said: Any) -> None:
    with contextlib.suppress(OSError):  # nobody listens any more
        line.send(json.dumps(said).encode())


def _received(line: socket.socket) -> bytes:
    try:
        return line.recv(16)
    except OSError:
        return b""


def _signal(process: int, number: int) -> None:
    """Send a signal to a kernel and what it has started. It is not yet waited for, so its number is no other's."""
    for send in (os.killpg, os.kill):
        with contextlib.suppress(OSError):
            send(process, number)


def _warm_up() -> tuple[list[Any], list[Any]]:
    """Import what notebooks need; give the filters of warnings without the libraries, and those that they have added."""
    import importlib

    gc.disable()  # nothing of this is garbage
    for name in _KERNEL_MODULES:
        importlib.import_module(name)
    own = list(warnings.filters)
    for name in _NOTEBOOK_MODULES:
        # What cannot be imported (because a warning is an error, say) is for the notebook to find out.
        with contextlib.suppress(Exception):
            importlib.import_module(name)
    with contextlib.suppress(Exception):
        importlib.import_module("quartier.figures").load_fonts()
    gc.freeze()  # so that forks need not look at it, and share its memory
    gc.enable()
    return own, [one for one in warnings.filters if one not in own]


def _unfit_to_fork() -> str:
    """Say what in this process must not be in a fork."""
    if threading.active_count() > 1:
        return f"the warm process has a thread: {threading.enumerate()[-1].name}"
    # Threads of BLAS are fine, it gets ready for forks by itself; those of zmq are not.
    if any(file.read_text().startswith("ZMQ") for file in Path("/proc/self/task").glob("*/comm")):
        return "the warm process has a zmq context"
    helpers = sys.modules.get("matplotlib._pylab_helpers")
    if helpers and helpers.Gcf.figs:
        return "the warm process has an open figure"
    if "matplotlib_inline.backend_inline" in sys.modules:
        return "the warm process has loaded matplotlib_inline.backend_inline"
    return ""


def _be_kernel(line: socket.socket, request: int, filters: tuple[list[Any], list[Any]]) -> None:
    """Turn this fork into a kernel; does not return."""
    code = 1
    try:
        _run_kernel(line, request, filters)
        code = 0
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else 1
    except BaseException as error:
        _tell(line, failure=f"{type(error).__name__}: {error}"[:5000])
    finally:
        os._exit(code)


def _run_kernel(line: socket.socket, request: int, filters: tuple[list[Any], list[Any]]) -> None:
    """Take on what an ordinary kernel would have been started with, and be one."""
    import ctypes

    from ipykernel.kernelapp import IPKernelApp

    parent = os.getppid()
    os.setsid()
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: without the warm process no kernel
    with open(request, "rb") as file:
        file.seek(0)
        asked = json.load(file)
    os.environ.clear()
    os.environ.update({**asked["environment"], "JPY_PARENT_PID": str(parent)})
    os.chdir(asked["home"])
    # What Python and the libraries have looked at already, in another environment.
    time.tzset()
    locale.setlocale(locale.LC_CTYPE, "")
    if numpy := sys.modules.get("numpy"):
        numpy.random.seed()
    sys.argv = asked["argv"][asked["argv"].index("ipykernel_launcher") :]
    known = cast(list[Any], warnings.filters)
    known[:] = filters[0]
    app = IPKernelApp.instance(parent_handle=parent)
    app.initialize(sys.argv[1:])
    # An interrupt that comes between two messages ends nothing; whoever has sent it needs no line about it on the screen.
    app.log.addFilter(lambda record: not record.getMessage().startswith("KeyboardInterrupt caught in kernel"))
    known[:0] = filters[1]
    warnings._filters_mutated()  # type: ignore[attr-defined]
    if (matplotlib := sys.modules.get("matplotlib")) and os.environ.get("MPLBACKEND"):
        dict.__setitem__(matplotlib.rcParams, "backend", os.environ["MPLBACKEND"])
    line.close()
    app.start()
