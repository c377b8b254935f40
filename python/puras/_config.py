"""Where the server is and which key opens it.

Inside a job the worker says so in the environment: PURAS_API_BASE, PURAS_SERVICE_TOKEN, PURAS_PROJECT_ID or PURAS_WORKSPACE_ID,
PURAS_JOB_ID. Elsewhere PURAS_API_KEY and PURAS_API_BASE count first, then ~/.puras/config.json ({"api_base", "api_key"}). Without
any of them the server is the one of this machine; no other host is ever a default.
"""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Optional

from ._errors import PurasClientError

DEFAULT_BASE = "http://127.0.0.1:8080"


@dataclass(frozen=True)
class Settings:
    """base: of every URL, without a slash at the end. Either service_token or api_key is set, or neither."""

    base: str
    api_key: Optional[str] = None
    service_token: Optional[str] = None
    project_id: Optional[str] = None
    job_id: Optional[str] = None


def path() -> Path:
    """The configuration file; PURAS_CONFIG names another one."""
    named = os.environ.get("PURAS_CONFIG")
    return Path(named) if named else Path.home() / ".puras" / "config.json"


def read() -> Dict[str, Any]:
    """What stands in the file, {} when there is none."""
    try:
        text = path().read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return {}
    try:
        found = json.loads(text)
    except ValueError as error:
        raise PurasClientError("%s is not JSON (%s). Mend it, or remove it." % (path(), error), code="bad_config") from None
    if not isinstance(found, dict):
        raise PurasClientError("%s must hold a JSON object." % path(), code="bad_config")
    return found


def save(**changes: Optional[str]) -> Path:
    """Changes members of the file (None removes one) and keeps all others. Readable by its owner alone. Returns its path."""
    content = read()
    for name, value in changes.items():
        if value is None:
            content.pop(name, None)
        else:
            content[name] = value
    target = path()
    target.parent.mkdir(parents=True, exist_ok=True)
    fd, temporary = tempfile.mkstemp(dir=str(target.parent), prefix=".config-")  # mkstemp makes it 0600
    try:
        with os.fdopen(fd, "w", encoding="utf-8") as f:
            json.dump(content, f, indent=2)
            f.write("\n")
        os.replace(temporary, str(target))
    except BaseException:
        os.unlink(temporary)
        raise
    return target


def settings() -> Settings:
    """As the environment and the file say now. Read at each call, so that a program may set them late."""
    env = os.environ
    token = env.get("PURAS_SERVICE_TOKEN") or None
    content = read() if not token and not (env.get("PURAS_API_KEY") and env.get("PURAS_API_BASE")) else {}
    base = str(env.get("PURAS_API_BASE") or content.get("api_base") or DEFAULT_BASE).rstrip("/")
    if token:
        project = env.get("PURAS_PROJECT_ID") or env.get("PURAS_WORKSPACE_ID") or None
        return Settings(base, service_token=token, project_id=project, job_id=env.get("PURAS_JOB_ID") or None)
    return Settings(base, api_key=env.get("PURAS_API_KEY") or content.get("api_key") or None)
