"""The keyboard in a terminal of its own: what is typed arrives, and it is let go of without waiting for more."""

import asyncio
import os
import pty
import select
import signal
import tty
from collections.abc import Iterator
from threading import Thread

import pytest
from textual.app import App
from textual.events import Key, Paste
from textual.message import Message

from nsview.tui import driver
from nsview.tui.app import NsviewApp
from nsview.tui.keymap import with_alt

from .screens import explorer


class Keyboard(driver.Driver):
    """Keeps what it would hand to the application."""

    def __init__(self, app: App[object], terminal: int) -> None:
        super().__init__(app)
        self.fileno = terminal
        self.came: list[Message] = []

    def process_message(self, message: Message) -> None:
        self.came.append(message)

    def write(self, data: str) -> None:
        os.write(self.fileno, data.encode())

    def flush(self) -> None:
        pass

    def read(self) -> None:
        """Begin to."""
        self.prepare_reading()
        self._key_thread = Thread(target=self.run_input_thread, daemon=True)
        self._key_thread.start()

    @property
    def reads(self) -> bool:
        assert self._key_thread is not None
        return self._key_thread.is_alive()


@pytest.fixture
def terminal() -> Iterator[tuple[int, int]]:
    ends = pty.openpty()
    yield ends
    for fd in ends:
        os.close(fd)


async def test_the_keyboard_is_let_go_of_at_once_and_can_be_had_again(
    terminal: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(driver, "_TICK", 600_000)  # who waits for a turn to end waits for ever
    monkeypatch.setattr(signal, "signal", lambda *_: None)  # it is the main thread's alone
    monkeypatch.setattr(driver, "_PATIENCE", 600)
    ours, its = terminal
    tty.setraw(its)
    keyboard = Keyboard(App(), its)
    for typed in ("a", "b"):
        keyboard.read()
        os.write(ours, typed.encode())
        while not any(isinstance(message, Key) and message.key == typed for message in keyboard.came):
            await asyncio.sleep(0.01)
        leaving = Thread(target=keyboard.disable_input, daemon=True)
        leaving.start()
        asked = b""
        while b"\x1b[5n" not in asked:
            asked += os.read(ours, 4096)
        assert b"\x1b[?1003l" in asked.partition(b"\x1b[5n")[0]
        assert b"\x1b[<u" not in asked, "Textual takes back once what it has put there once"
        # A terminal far away says this before it hears that it is to be silent.
        os.write(ours, b"\x1b[<35;40;20M")
        await asyncio.sleep(0.05)
        assert keyboard.reads
        os.write(ours, b"\x1b[<35;41;20M\x1b[0n")
        leaving.join(20)
        assert not keyboard.reads
        assert not select.select([its], [], [], 0)[0], "nothing is left for who has the terminal next"


def test_the_explorer_has_it() -> None:
    app = explorer()
    assert isinstance(app, NsviewApp) and app.driver_class is driver.Driver


@pytest.mark.parametrize(
    ("came", "keys"),
    [
        (["\x1b/web\r"], ["escape", "slash", "w", "e", "b", "enter"]),
        (["\x1bu", "\x1b\x1b5"], ["escape", "u", "escape", "escape", "5"]),
        (["\x1b", "[B\x1b[1;3C\x1bOP", "\x1b[", "A"], ["down", "alt+right", "f1", "up"]),
        (["\x1bf\x1bF\x1bg"], ["alt+f", "escape", "F", "escape", "g"]),
        (["x\x1b[200~rm \x1b", "/\x1bu", "\x1b[201~q"], ["x", "rm /u", "q"]),
    ],
    ids=["a line", "letters", "sequences in two", "a key with alt", "a paste"],
)
async def test_escape_and_a_key_that_come_together_are_both_taken(
    came: list[str], keys: list[str], terminal: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(driver, "_TICK", 600_000)  # nothing is taken for a key because time has passed
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    ours, its = terminal
    tty.setraw(its)
    app = explorer()
    app.with_alt = with_alt({"filter": "slash,alt+f"})
    keyboard = Keyboard(app, its)
    keyboard.read()
    for text in (*came, "!"):
        os.write(ours, text.encode())
        while select.select([its], [], [], 0)[0]:
            await asyncio.sleep(0.01)
    leaving = Thread(target=keyboard.disable_input, daemon=True)
    while not any(isinstance(message, Key) and message.character == "!" for message in keyboard.came):
        await asyncio.sleep(0.01)
    leaving.start()
    os.write(ours, b"\x1b[0n")
    leaving.join(20)
    assert not keyboard.reads
    keys_and_pastes = [m.key if isinstance(m, Key) else m.text for m in keyboard.came if isinstance(m, (Key, Paste))]
    assert keys_and_pastes == [*keys, "exclamation_mark"]
