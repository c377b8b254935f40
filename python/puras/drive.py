"""The project's drive: files by path. Paths are relative; a leading "drive/" is taken off."""

from __future__ import annotations

from pathlib import Path
from typing import Any, BinaryIO, Dict, List, Optional, Union

from ._client import Client
from ._files import Source

__all__ = ["sign", "url", "upload", "download", "list"]


def sign(path: str, ttl: int = 3600) -> Dict[str, Any]:
    """A link that opens the file without a key. ttl: 30 to 2,592,000 seconds. Returns {"path", "signed_url", "expires_in"}."""
    return Client().drive_sign(path, ttl)


def url(path: str, ttl: int = 3600) -> str:
    """sign()'s link alone."""
    return str(sign(path, ttl)["signed_url"])


def upload(source: Source, path: Optional[str] = None) -> Dict[str, Any]:
    """Stores a file (a path of this machine, bytes, or an open binary file).

    path  where in the drive; default uploads/<sha256>.<ext>, where the same bytes are the same file
    Returns {"drive_path", "size" (bytes), "media_type", "sha256", ...}.
    """
    return Client().drive_upload(source, path)


def download(path: str, to: Union[str, Path, BinaryIO]) -> int:
    """Fetches a file into a path (whole or not at all) or an open binary file. Returns the number of bytes."""
    return Client().drive_download(path, to)


def list(prefix: str = "", limit: int = 1000) -> List[Dict[str, Any]]:
    """Files whose path begins with prefix, in order of path, at most limit."""
    return Client().drive_list(prefix, limit)
