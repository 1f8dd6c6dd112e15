"""An image of Debian's smallest packages, without Python: of 11, the oldest that the one file is to run on."""

import socket
import subprocess

import pytest

from .conftest import require
from .daemons import Docker
from .workspace import Workspace


def image(docker: Docker, workspace: Workspace) -> str:
    """The name of the image, which is made by debootstrap once. Skips the test where there are no packages."""
    require("debootstrap")
    try:
        socket.create_connection(("deb.debian.org", 80), 10).close()
    except OSError as error:
        pytest.skip(f"Debian's packages can't be had: {error}")
    root, name = workspace.root / "debian", "nsview-debian:11"
    if not root.exists():
        words = ["debootstrap", "--variant=minbase", "bullseye", str(root)]
        subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
    if not docker.run("images", "--quiet", name):
        with subprocess.Popen(["tar", "-C", str(root), "-c", "."], stdout=subprocess.PIPE) as tar:
            subprocess.run([*docker.command, "import", "-", name], stdin=tar.stdout, check=True)
    return name
