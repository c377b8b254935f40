"""puras: pictures, films, songs and voices from one call.

    from puras import media, secret

    img = media.run("openai/gpt-image-2", {"prompt": "a vintage red bicycle"})

See puras.media, puras.drive, puras.subagent, puras.config and the class Client.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Optional

from . import config, drive, media, skills, subagent
from ._client import Client
from ._errors import InputError, JobError, PurasAPIError, PurasClientError, PurasConnectionError, SecretError, SubagentRunError, VerbError
from ._files import read_bytes, read_path
from ._generation import Generation
from ._http import Transport
from ._progress import Progress
from ._secret import secret

__version__ = "0.1.0"
__all__ = ["Client", "Generation", "InputError", "JobError", "Progress", "PurasAPIError", "PurasClientError", "PurasConnectionError", "SecretError",
           "SubagentRunError", "VerbError", "config", "drive", "load_bytes", "load_path", "media", "secret", "skills", "subagent"]


def _transport() -> Optional[Transport]:
    found = config.settings()
    return Transport(found) if found.api_key or found.service_token else None


def load_bytes(value: Any) -> bytes:
    """The content of a file input in any of its shapes: {"drive_path"}, {"path"}, {"url"}, {"data"}, {"base64"}, or text that is one of them.

    Files of the drive are read from ./drive inside a job, elsewhere from the server. Links are read up to 50 MiB and for 60 seconds.
    Raises InputError.
    """
    return read_bytes(value, _transport())


def load_path(value: Any, suffix: Optional[str] = None) -> Path:
    """The same as a path of this machine: the file in ./drive itself where there is one, else a temporary file with that suffix."""
    return read_path(value, suffix, _transport())
