"""`coldframe explain`: what a code means, with a wrong and a right example."""

from __future__ import annotations

from typing import Annotated

import typer

from engine.cli.common import Stop, out, print_json


def explain(
    code: Annotated[
        str | None, typer.Argument(help="An error or warning code, such as E101. [default: list all codes]")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the explanation as JSON.")] = False,
) -> None:
    """Explain an error or warning code, with a wrong and a right example.

    Without a code, it lists all of them.

    Example: `coldframe explain E101`
    """
    from rich.markdown import Markdown

    from dsl.explain import as_markdown, explanations
    from dsl.problems.near import did_you_mean, near

    known = explanations()
    if code is None:
        if as_json:
            print_json([{"code": one.code, "title": one.title} for one in known.values()])
        else:
            out.print("\n".join(f"{one.code}  {one.title}" for one in known.values()), markup=False)
        return
    found = known.get(code.strip().upper())
    if found is None:
        close = did_you_mean(near(code.strip().upper(), known))
        raise Stop(f"no code named `{code}`; {close or '`coldframe explain` lists all'}")
    if as_json:
        whole = {
            "code": found.code, "title": found.title, "text": found.text, "wrong": found.wrong.text,
            "right": found.right.text,
        }  # fmt: skip
        print_json(whole)
    else:
        out.print(Markdown(as_markdown(found)))
