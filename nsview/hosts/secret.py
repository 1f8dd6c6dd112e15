"""A password that is typed in the terminal, unseen."""

import os
import select
import termios


def ask(prompt: str) -> str:
    """The line that is typed. Raises EOFError if the terminal has ended, OSError if there is none.

    getpass.getpass() waits in read(2), which ^C does not end if the kernel gives SIGINT to another thread.
    """
    fd = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
    try:
        before = termios.tcgetattr(fd)
        unseen = [*before[:3], before[3] & ~termios.ECHO, *before[4:]]
        termios.tcsetattr(fd, termios.TCSAFLUSH, unseen)
        try:
            os.write(fd, prompt.encode())
            poll = select.poll()
            poll.register(fd, select.POLLIN)
            while not poll.poll(100):
                pass
            line = os.read(fd, 4096)
        finally:
            termios.tcsetattr(fd, termios.TCSAFLUSH, before)
            os.write(fd, b"\n")
    finally:
        os.close(fd)
    if not line:
        raise EOFError
    return line.decode(errors="surrogateescape").rstrip("\n")
