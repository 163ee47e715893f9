"""At build time, takes plotly.js's basic bundle (1.2 MB instead of 4.8) from npm, checked.

Without npm the package works with the whole plotly.js that the Python package plotly carries.
"""

import hashlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PACKAGE = "plotly.js-basic-dist-min@4.1.1"
SHA256 = "99784e3abfb07b142a15e521a439e6d9addceadb3f79553fd24c72774f0649ba"
NAME = "plotly-basic.min.js"


class Bundle(BuildHookInterface):
    def initialize(self, version: str, build_data: dict) -> None:
        place = Path(self.root) / "src" / "forescale" / "report" / "static" / NAME
        if place.is_file() and hashlib.sha256(place.read_bytes()).hexdigest() == SHA256:
            return
        if (npm := shutil.which("npm")) is None:
            return
        with tempfile.TemporaryDirectory() as folder:
            if subprocess.run([npm, "pack", "--silent", PACKAGE], cwd=folder, capture_output=True, timeout=120).returncode:
                print(f"{PACKAGE} could not be taken from npm; pages use the whole plotly.js", file=sys.stderr)
                return
            with tarfile.open(next(Path(folder).glob("*.tgz"))) as packed:
                raw = packed.extractfile(f"package/{NAME}").read()
        if hashlib.sha256(raw).hexdigest() != SHA256:
            raise RuntimeError(f"{PACKAGE} is not what it was: its checksum differs")
        place.write_bytes(raw)
