"""Two doors to a notebook: JupyterLab for those who plan, and a page without code (`served`)."""

from __future__ import annotations

import os
import re
import socket
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from quartier.language import LANGUAGES, PlainError, Texts

NOTEBOOK = "notebooks/06_erkunden.ipynb"
"""What both doors open by default."""

_HERE = Path(__file__).parent


def lab_command(
    notebook: str | Path = NOTEBOOK, *, language: str = LANGUAGES[0], options: Sequence[str] = ()
) -> list[str]:
    """Give the command that opens a notebook in JupyterLab.

    It asks nothing of the network: no news, no updates, no catalogue of extensions. A notebook that asks for it in its metadata
    (``{"quartier": {"run_on_open": true}}``) is executed when it is opened.

    Parameters
    ----------
    notebook : path
        The notebook, below the working directory, which is the folder that JupyterLab shows.
    language : str
        Language of JupyterLab: "de" or "en".
    options : sequence of str
        More options of JupyterLab.

    Raises
    ------
    PlainError
        There is no such notebook, or no such language.
    """
    path = _notebook(notebook, language)
    return [
        sys.executable,
        "-m",
        "jupyterlab",
        "--ServerApp.ip=127.0.0.1",
        f"--LabApp.default_url=/lab/tree/{path.as_posix()}",
        f"--LabApp.app_settings_dir={_HERE / 'lab' / language}",
        f"--LabApp.extra_labextensions_path={_HERE / 'lab' / 'extensions'}",
        "--LabApp.extension_manager=readonly",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        "--LabApp.news_url=None",
        *options,
    ]


def open_lab(notebook: str | Path = NOTEBOOK, *, language: str = LANGUAGES[0], options: Sequence[str] = ()) -> None:
    """Become JupyterLab with a notebook open; see `lab_command`."""
    command = lab_command(notebook, language=language, options=options)
    os.execv(command[0], command)


def _notebook(notebook: str | Path, language: str) -> Path:
    texts, path = Texts(language), Path(notebook)
    below = Path(os.path.relpath(path))
    if not path.is_file() or ".." in below.parts:
        raise PlainError(
            texts.text("There is no notebook {path} below this folder.", path=texts.given(str(notebook), 200))
        )
    return below


def open_app(
    notebook: str | Path = NOTEBOOK,
    *,
    say: Callable[[str], object],
    language: str = LANGUAGES[0],
    port: int = 8866,
    base_url: str = "/",
    visitors: int = 8,
    waiting: int = 1,
    open_browser: bool = True,
) -> None:
    """Serve a notebook as a page without code, for who has the token, until it is interrupted; see `served.serve`.

    Raises
    ------
    PlainError
        There is no such notebook or language, or a value cannot be.
    """
    path, texts = _notebook(notebook, language), Texts(language)
    if not (0 <= port < 2**16 and visitors >= 1 and waiting >= 0):
        raise PlainError(
            texts.text(
                "Given: port {port}, {visitors} visitors, {waiting} kept ready; a port is at most 65535, visitors at least 1.",
                port=port,
                visitors=visitors,
                waiting=waiting,
            )
        )
    if not re.fullmatch(r"/([\w.~-]+/)*", base_url):
        raise PlainError(texts.text("The path {path} has to begin and end with a slash.", path=texts.given(base_url)))
    if not _is_free(port):
        raise PlainError(texts.text("Port {port} is in use. Name another one with --port.", port=port))
    from quartier import served

    served.serve(
        path,
        language=language,
        port=port,
        base_url=base_url,
        visitors=visitors,
        waiting=waiting,
        say=say,
        open_browser=open_browser,
    )


def _is_free(port: int) -> bool:
    with socket.socket() as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            one.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
