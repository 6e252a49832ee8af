"""Commands ``hub policies …``: what the company decides about its hub."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.cli.options import EXIT_REFUSED, AsJson, Data, Yes, group

if TYPE_CHECKING:
    from hub.store.transaction import Transaction

app = group("policies", "Hours, service levels, texts, folios: the company's rules with their versions.")

File = Annotated[Path, typer.Argument(help="TOML file with one table a kind of rule.")]


@app.command("export")
def export(*, data: Data = None, as_json: AsJson = False) -> None:
    """Print the rules in force now as TOML, ready to be changed, checked, imported.

    Exit codes: 0 done; 1 there is no hub; 2 wrong usage or configuration.
    """
    from hub.cli import output, policy_files
    from hub.cli.opening import look

    bodies = look(data, policy_files.in_force)
    if as_json:
        output.document(bodies)
    else:
        output.say(policy_files.as_toml(bodies).rstrip())


@app.command("check")
def check(file: File, *, as_json: AsJson = False) -> None:
    """Say whether a file of rules is right; needs no hub.

    Exit codes: 0 right; 1 wrong, every rule with its reason; 2 wrong usage.
    """
    from hub.cli import output, policy_files

    bodies, problems = policy_files.read(file)
    if as_json:
        output.document({"kinds": sorted(bodies), "problems": problems})
    else:
        output.say("\n".join(problems) or f"{file} is right: {', '.join(sorted(bodies))}.")
    if problems:
        raise typer.Exit(EXIT_REFUSED)


@app.command("import")
def import_(file: File, *, data: Data = None, yes: Yes = False, as_json: AsJson = False) -> None:
    """Put the rules of a file in force from now on; a rule that says the same gets no new version.

    Exit codes: 0 done or nothing to do; 1 the file is wrong, nothing was written; 2 wrong usage or configuration.
    """
    from hub.cli import output, policy_files
    from hub.cli.opening import Decision, decide, look

    bodies, problems = policy_files.read(file)
    if problems:
        output.note("\n".join(problems))
        raise typer.Exit(EXIT_REFUSED)

    def change(tx: Transaction) -> dict[str, Any]:
        return policy_files.append_changed(tx, bodies)

    if yes:
        versions = decide(data, Decision("import_policies", "policies", {"file": file.name}), change)
    else:
        versions = look(data, lambda tx: policy_files.changed(tx, bodies))
    if as_json:
        output.document({"changed": versions, "done": yes})
        return
    named = ", ".join(f"{kind} (version {version})" for kind, version in versions.items())
    would = "is in force" if yes else "would be in force; add --yes to do it"
    output.say(f"{named} {would}." if versions else "Every rule says the same already.")
