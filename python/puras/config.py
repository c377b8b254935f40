"""Where the server is and which key opens it.

The environment counts first (PURAS_API_KEY, PURAS_API_BASE; in a job PURAS_SERVICE_TOKEN), then ~/.puras/config.json, then
http://127.0.0.1:8080. Other members of the file are kept as they are.
"""

from __future__ import annotations

from ._config import DEFAULT_BASE, Settings, path, read, save, settings

__all__ = ["DEFAULT_BASE", "Settings", "path", "read", "save", "settings"]
