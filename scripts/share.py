"""The completions and the man page that the wheel installs, made of the one grammar.

`python -m scripts.share` writes them anew below share/; tests/guards/test_share.py holds that they are current.
"""

import argparse
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import shtab

from nsview import __version__
from nsview.arguments import parser

SHARE = Path(__file__).parent.parent / "share"

# Names are claims of those who made the containers, and a shell would obey some of their characters.
_NAMES = "{ nsview list containers -q; command ls /run/netns; } 2>/dev/null | grep -x '[[:alnum:]][[:alnum:]_.@+-]*'"
_FAR = '*" -H"*|*" --host"*|*" --via"*'  # a host elsewhere, whose names are not asked for while a key is waited for
_PREAMBLE = {
    "bash": f'_nsview_targets() {{\n  case " ${{COMP_WORDS[*]}} " in {_FAR}) return ;; esac\n'
    f'  compgen -W "$({_NAMES})" -- "$1"\n}}\n',
    "zsh": f'_nsview_targets() {{\n  case " ${{words[*]}} " in {_FAR}) return ;; esac\n'
    f'  local -a names\n  names=(${{(f)"$({_NAMES})"}})\n  compadd "$@" -a names\n}}\n',
    "fish": "function _nsview_targets\n"
    "  string match -qr -- ' (-H|--host|--via)' (commandline -pc); and return\n"
    "  begin; nsview list containers -q; command ls /run/netns; end 2>/dev/null"
    " | string match -r '^[[:alnum:]][[:alnum:]_.@+-]*$'\nend\n",
}
_TARGETS = {"bash": "_nsview_targets", "zsh": "_nsview_targets", "fish": "(_nsview_targets)"}
_FORMATS = ("wide", "json", "name")


def commands(top: argparse.ArgumentParser) -> dict[str, tuple[argparse.ArgumentParser, str]]:
    """{names of a command: (its parser, its help in a line)}, without the aliases: "list (ls)"."""
    (action,) = (action for action in top._actions if isinstance(action, argparse._SubParsersAction))
    return {str(one.metavar): (action.choices[one.dest], one.help or "") for one in action._choices_actions}


# Completion


def completion(shell: str) -> str:
    """The completion of a shell: commands, options, files, names of containers and of mounted net namespaces."""
    top = parser()
    for command, (one, _) in {"": (top, ""), **commands(top)}.items():
        for action in one._actions:
            if isinstance(action.metavar, str):
                action.metavar = re.split(r"\[?:", action.metavar)[0]  # zsh would take the : for the end of a text
            if (action.metavar or "").startswith("FILE") or (command == "diff" and action.metavar in ("A", "B")):
                action.complete = shtab.FILE
            elif action.metavar in ("TARGET", "A", "B"):
                action.complete = _TARGETS
            elif action.dest == "output" and action.nargs is None and not action.choices:
                action.choices = _FORMATS
    made: str = shtab.complete(top, shell=shell, preamble=_PREAMBLE)
    made = made.replace(" -s it ", " -o it ")  # fish's word for an option of one dash and several letters
    return made.rstrip("\n") + "\n"


# The man page


def manual() -> str:
    """The man page, for man(7) of groff and mandoc."""
    top = parser()
    known = commands(top)
    released = re.findall(r"^## \[[\d.]+\] - (\S+)", (SHARE.parent / "CHANGELOG.md").read_text(), re.MULTILINE)[0]
    lines = [f'.TH NSVIEW 1 "{released}" "nsview {__version__}" "User Commands"', ".SH NAME"]
    lines += ["nsview \\- explore the namespaces of Linux: who shares what, and a shell inside", ".SH SYNOPSIS"]
    for name, (one, _) in {"": (top, ""), **known}.items():
        lines += [".br"] * bool(name) + [_synopsis(name.partition(" ")[0], one)]
    lines += [".SH DESCRIPTION", _text(top.description), ".SH OPTIONS", *_options(top)]
    lines.append(".SH COMMANDS")
    for name, (one, help) in known.items():
        lines += [f".SS nsview {_text(name)}", _text(one.description or help[:1].upper() + help[1:] + ".")]
        lines += [*_options(one), *_verbatim(one)]
    lines += [".SH TARGETS AND EXIT CODES", _text(top.epilog), ".SH EXAMPLES", *_verbatim(top)]
    return "\n".join([*lines, ".SH SEE ALSO", ".BR lsns (1),", ".BR nsenter (1),", ".BR namespaces (7)"]) + "\n"


def _synopsis(name: str, one: argparse.ArgumentParser) -> str:
    return f".B nsview {name}".rstrip() + "\n" + " ".join(_positionals(one))


def _positionals(one: argparse.ArgumentParser) -> Iterator[str]:
    yield "[OPTION ...]"
    for action in one._actions:
        if not action.option_strings:
            yield _text(_metavar(action) if action.nargs is None else f"[{_metavar(action)}]")


def _metavar(action: argparse.Action) -> str:
    return str(action.metavar or action.dest)


def _options(one: argparse.ArgumentParser) -> Iterator[str]:
    """The arguments and options, each with its help."""
    for action in one._actions:
        if isinstance(action, argparse._SubParsersAction | argparse._HelpAction) or not action.help:
            continue
        metavar = f"[{_metavar(action)}]" if action.nargs == "?" else _metavar(action)
        value = f" \\fI{_text(metavar)}\\fR" if action.option_strings and action.nargs != 0 else ""
        names = action.option_strings or [_metavar(action)]
        yield from (".TP", ", ".join(f"\\fB{_text(name)}\\fR{value}" for name in names), _text(action.help))


def _verbatim(one: argparse.ArgumentParser) -> Iterator[str]:
    for part in one.verbatim():
        title, *lines = part.rstrip("\n").split("\n")
        yield from (*([] if one.prog == "nsview" else [".PP", _text(title)]), ".EX", *map(_text, lines), ".EE")


def _text(text: str | None) -> str:
    """A text as roff takes it, without the codes that it would obey."""
    escaped = (text or "").replace("\\", "\\e").replace("-", "\\-").replace("`", "\\(ga").replace("'", "\\(aq")
    return "\n".join("\\&" + line if line.startswith(".") else line for line in escaped.split("\n"))


FILES: dict[str, Callable[[], str]] = {
    "bash-completion/completions/nsview": lambda: completion("bash"),
    "zsh/site-functions/_nsview": lambda: completion("zsh"),
    "fish/vendor_completions.d/nsview.fish": lambda: completion("fish"),
    "man/man1/nsview.1": manual,
}
"""{path below share/: the function that makes the file}"""


if __name__ == "__main__":
    for path, make in FILES.items():
        (SHARE / path).parent.mkdir(parents=True, exist_ok=True)
        (SHARE / path).write_text(make())
