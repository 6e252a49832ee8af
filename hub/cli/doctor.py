"""Command ``hub doctor``: what is wrong, in Spanish, with what to do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from hub.cli.options import AsJson, Data

if TYPE_CHECKING:
    from hub.doctor import Finding

_MARKS = {"ok": "✔ bien ", "warning": "▲ aviso", "wrong": "✘ MAL  ", "misconfigured": "✘ MAL  "}


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("doctor")(doctor)


def doctor(*, data: Data = None, as_json: AsJson = False) -> None:
    """Say in Spanish what is wrong with this hub, with what to do; with the hub running or stopped.

    Changes nothing. With --json: one document with ``findings`` (check, level, what_es, cure_es).

    Exit codes: 0 nothing is wrong; 1 something is; 2 the configuration is wrong, so the hub would not start.
    """
    from dataclasses import asdict

    from hub.cli import examining, output
    from hub.doctor import exit_code

    findings = examining.examine(data)
    code = exit_code(findings)
    if as_json:
        output.document({"healthy": code == 0, "findings": [asdict(finding) for finding in findings]})
    else:
        for finding in findings:
            show(finding)
        output.say("\nTodo está en orden." if code == 0 else "\nHay algo que atender.")
    raise typer.Exit(code)


def show(finding: Finding) -> None:
    """Print a finding with its mark."""
    from hub.cli import output

    output.say(f"{_MARKS[finding.level]}  {finding.what_es}")
    if finding.cure_es:
        output.say(f"           → {finding.cure_es}")
