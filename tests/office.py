"""LibreOffice for tests: it opens a form, types into its cells as a person would, and saves it in its own way.

Nothing is written into cells from outside: a macro goes to each cell and enters a text, which LibreOffice reads as it reads what is
typed in Germany (1.234,5 is a number, 30.9.2023 a day), and which it does not take where a cell is locked. QUARTIER_OFFICE=required
makes a missing LibreOffice an error; else tests that need it are left out, and say so.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path

IS_REQUIRED = os.environ.get("QUARTIER_OFFICE") == "required"
MISSING = (
    "NO LIBREOFFICE: the tests that fill in forms as a person does are LEFT OUT.\n"
    "Install it (Debian, Ubuntu: apt install libreoffice-calc-nogui), then `make test` again."
)
FILTERS = {"xlsx": "Calc MS Excel 2007 XML", "ods": "calc8"}

_MACRO = """\
<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE script:module PUBLIC "-//OpenOffice.org//DTD OfficeDocument 1.0//EN" "module.dtd">
<script:module xmlns:script="http://openoffice.org/2000/script" script:name="Module1" script:language="StarBasic">
Function Named(key As String, value As Variant) As Variant
    Dim one As New com.sun.star.beans.PropertyValue
    one.Name = key
    one.Value = value
    Named = one
End Function

Sub Fill(source As String, typed As String, target As String, kind As String)
    Dim file As Object, lines As Object, book As Object, frame As Object, dispatcher As Object, parts As Variant
    book = StarDesktop.loadComponentFromURL(source, "_blank", 0, Array(Named("Hidden", True)))
    frame = book.CurrentController.Frame
    dispatcher = createUnoService("com.sun.star.frame.DispatchHelper")
    file = createUnoService("com.sun.star.ucb.SimpleFileAccess")
    lines = createUnoService("com.sun.star.io.TextInputStream")
    lines.setInputStream(file.openFileRead(typed))
    lines.setEncoding("UTF-8")
    Do While Not lines.isEOF()
        parts = Split(lines.readLine(), Chr(9))
        If UBound(parts) = 2 Then
            book.CurrentController.setActiveSheet(book.Sheets.getByName(parts(0)))
            dispatcher.executeDispatch(frame, ".uno:GoToCell", "", 0, Array(Named("ToPoint", parts(1))))
            dispatcher.executeDispatch(frame, ".uno:EnterString", "", 0, Array(Named("StringName", Replace(parts(2), "\\n", Chr(10)))))
        End If
    Loop
    lines.closeInput()
    book.storeAsURL(target, Array(Named("FilterName", kind)))
    book.close(True)
End Sub
</script:module>
"""
_GERMAN = """\
<?xml version="1.0" encoding="UTF-8"?>
<oor:items xmlns:oor="http://openoffice.org/2001/registry">
<item oor:path="/org.openoffice.Setup/L10N"><prop oor:name="ooSetupSystemLocale" oor:op="fuse"><value>de-DE</value></prop></item>
</oor:items>
"""


def find() -> str | None:
    """Give the path of LibreOffice."""
    return shutil.which("soffice") or shutil.which("libreoffice")


class Office:
    """LibreOffice with a profile of its own, set to Germany."""

    def __init__(self, profile: Path) -> None:
        self.profile = profile
        (profile / "user").mkdir(parents=True)
        (profile / "user" / "registrymodifications.xcu").write_text(_GERMAN, encoding="utf-8")
        self._call(profile, "--terminate_after_init")  # which fills it
        (profile / "user" / "basic" / "Standard" / "Module1.xba").write_text(_MACRO, encoding="utf-8")

    def _run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        # A copy of the profile for each call: one that is still being left would take the next call, and forget it.
        with tempfile.TemporaryDirectory(dir=self.profile.parent) as folder:
            profile = shutil.copytree(self.profile, Path(folder) / "profile")
            return self._call(profile, *arguments)

    @staticmethod
    def _call(profile: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [str(find()), f"-env:UserInstallation={profile.as_uri()}", "--headless", "--norestore", *arguments]
        return subprocess.run(command, check=False, capture_output=True, text=True, timeout=180)

    def _make(self, target: Path, *arguments: str) -> Path:
        # Version 7.4 aborts now and then, mostly when it ends, after it has saved, and rarely before: its exit code says
        # nothing of what it did, and where it did nothing, it is called again.
        told = []
        for _ in range(3):
            target.unlink(missing_ok=True)
            ended = self._run(*arguments)
            if target.exists():
                return target
            told.append(f"exit code {ended.returncode}: {ended.stderr.strip()}")
        raise AssertionError(f"LibreOffice has not written {target.name}: {told}")

    def type_in(self, form: Path, typed: Iterable[tuple[str, str, str]], target: Path) -> Path:
        """Type texts into cells (sheet, cell, text) and save the form as what the target's name ends with."""
        script = self.profile / "typed.txt"
        lines = ["\t".join(one).replace("\n", "\\n") for one in typed]
        script.write_text("\n".join(lines) + "\n", encoding="utf-8")
        uris = ",".join(f'"{one.as_uri()}"' for one in (form, script, target))
        return self._make(target, f'macro:///Standard.Module1.Fill({uris},"{FILTERS[target.suffix[1:]]}")')

    def show(self, form: Path, folder: Path) -> Path:
        """Print a form into a PDF."""
        return self._make(folder / f"{form.stem}.pdf", "--convert-to", "pdf", "--outdir", str(folder), str(form))
