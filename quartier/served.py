"""A notebook as a page without code: Voilà, with a token, a limit of visitors, and nothing asked of the network."""

from __future__ import annotations

import copy
import os
import signal
import tempfile
import webbrowser
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
from traitlets.config import Config
from voila import __version__ as voila_version
from voila.app import Voila
from voila.tornado.handler import TornadoVoilaHandler

from quartier.language import Texts

IDLE_S = 3600
"""After so long without a change a visitor's kernel is ended, whether the page is still open or not."""

_TEMPLATES = Path(__file__).parent / "templates" / "app"


def serve(
    notebook: Path,
    *,
    language: str,
    port: int,
    base_url: str,
    visitors: int,
    waiting: int,
    say: Callable[[str], object],
    open_browser: bool,
) -> None:
    """Serve a notebook until it is interrupted.

    Parameters
    ----------
    notebook : Path
        The notebook. It is executed anew for each visitor, in the working directory.
    language : str
        Language of the page, and of the notebook's outputs.
    port : int
        Port on 127.0.0.1.
    base_url : str
        Path below which the page is found: "/", or "/quartier/" behind a proxy.
    visitors : int
        Most visitors at once; who comes later is asked to try again.
    waiting : int
        Kernels that are kept ready for the next visitors, on top of those in use.
    say : callable
        Takes the sentence that tells the address.
    open_browser : bool
        Whether to open the page here, too.
    """
    # A kernel that is kept ready is started before there is a request, of which Voilà would tell it this.
    os.environ["SERVER_SOFTWARE"] = f"voila/{voila_version}"
    with tempfile.TemporaryDirectory(prefix="quartier-app-") as folder:
        copied = Path(folder) / notebook.name
        nbformat.write(_prepared(nbformat.read(notebook, as_version=4), language), copied)
        # Voilà's parts find their log through the one instance.
        app = _App.instance(config=_config(language, port, base_url, waiting))
        app.visitors, app.say, app.wants_browser, app.texts = visitors, say, open_browser, Texts(language)
        app.initialize([str(copied)])
        # Voilà ends its kernels when it is interrupted, once: the command line's own handlers would interrupt that.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGHUP, signal.getsignal(signal.SIGTERM))
        app.start()


def _prepared(notebook: Any, language: str) -> Any:
    """Give the notebook as a visitor needs it: in the language, and without the text around code that is not shown."""
    made = copy.deepcopy(notebook)
    for cell in made.cells:
        if "parameters" in cell.metadata.get("tags", []):
            cell.source += f"\nlanguage = {language!r}"
    intro = [cell for cell in made.cells[:1] if cell.cell_type == "markdown" and language == "de"]
    made.cells = intro + [cell for cell in made.cells if cell.cell_type == "code"]
    made.metadata.title = Texts(language).text("Try choices")
    return made


def _config(language: str, port: int, base_url: str, waiting: int) -> Config:
    texts = Texts(language)
    config = Config()
    config.Voila = Config(
        {
            "ip": "127.0.0.1",
            "port": port,
            "port_retries": 0,
            "base_url": base_url,
            "auto_token": True,
            "log_level": "ERROR",
            "open_browser": True,  # `_App` decides
            "config_file_paths": [],  # nobody's own settings open this page wider
        }
    )
    config.VoilaConfiguration = Config(
        {
            "strip_sources": True,
            "show_tracebacks": True,  # the template shows the sentence of a plain error, and of others none of their code
            "file_allowlist": [],
            "allow_template_override": "NO",
            "allow_theme_override": "NO",
            "preheat_kernel": waiting > 0,
            "default_pool_size": waiting,
            "resources": {
                "language": language,
                "words": {
                    "skip": texts.text("Skip to the text"),
                    "loading": texts.text("The page is being made. This takes a few seconds."),
                    "broken": texts.text("The page could not be made. The reason is in the log of its server."),
                    "script": texts.text("This page needs JavaScript."),
                },
            },
        }
    )
    config.HTMLExporter.language_code = language
    config.PasswordIdentityProvider.allow_password_change = False  # else who has the token could lock the others out
    config.KernelManager.transport = (
        "ipc"  # sockets in a folder of one's own, which nobody else on this machine can listen to
    )
    config.MappingKernelManager.cull_idle_timeout = IDLE_S
    config.MappingKernelManager.cull_interval = 60
    config.MappingKernelManager.cull_connected = True
    return config


class _Page(TornadoVoilaHandler):
    """The page, for as many visitors as may come."""

    async def get(self, path: str | None = None) -> None:
        if self.current_user:  # who has no token is sent away first
            manager, app = self.kernel_manager, self.settings["voila"]
            in_use = len(manager) - (
                manager.get_pool_size(self.notebook_path) if hasattr(manager, "get_pool_size") else 0
            )
            if in_use >= app.visitors:
                self.set_status(503)
                self.set_header("Retry-After", "60")
                self.finish(
                    self.render_template(
                        "full.html",
                        text=app.texts.text("All places are in use. Please try again later."),
                        language=app.texts.language,
                    )
                )
                return
            # Sets the cookie that the page proves itself with when it ends its kernel on leaving; who comes with a token has none yet.
            _ = self.xsrf_token
        await super().get(path)


class _App(Voila):
    """Voilà with our template, our limit and our words."""

    visitors: int
    say: Callable[[str], object]
    wants_browser: bool
    texts: Texts

    def setup_template_dirs(self) -> None:
        super().setup_template_dirs()
        self.template_paths.insert(0, str(_TEMPLATES))

    def init_settings(self) -> dict[str, Any]:
        settings = super().init_settings()
        here = str(Path.cwd())
        # The copy that is served lies elsewhere; what the notebook names lies here.
        self.kernel_manager.cwd_for_path = lambda *_, **__: here
        return settings

    def init_handlers(self) -> list[Any]:
        return [(one[0], _Page, *one[2:]) if one[1] is TornadoVoilaHandler else one for one in super().init_handlers()]

    def launch_browser(self) -> None:
        """Say where the page is, now that it can be asked for."""
        provider = self.identity_provider
        address = self.connection_url + (f"?token={provider.token}" if provider.token_generated else "")
        self.say(self.texts.text("The page is at {address}", address=address))
        if not provider.token_generated:
            self.say(self.texts.text("It asks for the token that was given in the environment."))
        self.say(self.texts.text("To end it: Ctrl+C"))
        if self.wants_browser:
            webbrowser.open(address)
