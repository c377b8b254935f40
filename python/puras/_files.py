"""Files as inputs, and inputs as files.

What a program may put where a model takes a file, also inside of lists and dictionaries:

    pathlib.Path, any os.PathLike   a file of this machine: uploaded
    bytes, bytearray                the file itself: uploaded
    an open binary file             likewise, from its beginning
    an earlier result               {"drive_path": ...} with "request_id": the file it names
    str, {"drive_path"}, {"url"}, {"data"}, ...   sent as they are: a path of the drive, a link, a data URI, base64

An upload goes to uploads/<sha256 of the bytes>.<ext>, so that the same file is stored once however often it is used.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import io
import os
import tempfile
import urllib.parse
import urllib.request
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, Dict, Optional, Union, cast

from ._errors import InputError, PurasAPIError
from ._http import PIECE, Transport, quote_path, size_of

URL_BYTES = 50 << 20  # of a file fetched from a link, as the runtime's readers always bounded it
URL_SECONDS = 60.0

Source = Union[str, "os.PathLike[str]", bytes, bytearray, BinaryIO]

_MAGIC = ((b"\x89PNG", ".png"), (b"\xff\xd8\xff", ".jpg"), (b"GIF8", ".gif"), (b"OggS", ".ogg"), (b"ID3", ".mp3"), (b"fLaC", ".flac"), (b"%PDF", ".pdf"))


def _extension(head: bytes, name: str) -> str:
    """The ending a name is given; the server reads the type from the bytes and never from it."""
    for magic, extension in _MAGIC:
        if head.startswith(magic):
            return extension
    if head[:4] == b"RIFF":
        return ".webp" if head[8:12] == b"WEBP" else ".wav"
    if head[4:8] == b"ftyp":
        return ".mp4"
    suffix = PurePosixPath(name).suffix
    return suffix if suffix and suffix[1:].isalnum() and len(suffix) <= 8 else ".bin"


def _digest(source: BinaryIO) -> str:
    found = hashlib.sha256()
    source.seek(0)
    for piece in iter(lambda: source.read(PIECE), b""):
        found.update(piece)
    return found.hexdigest()


def put(transport: Transport, source: BinaryIO, name: str, path: Optional[str] = None) -> Dict[str, Any]:
    """Uploads an open file; returns what the drive says of it, with `drive_path`. Without a path the name follows from the content."""
    try:
        size = size_of(source)
        if path is None:
            digest = _digest(source)
            source.seek(0)
            path = "uploads/%s%s" % (digest[:32], _extension(source.read(16), name))
    except OSError as error:
        raise InputError("The file %s cannot be read (%s); nothing was sent." % (name or "given", error)) from error
    reply = transport.send("PUT", "/v1/drive/files/" + quote_path(path), body=(source, size), headers={"Content-Type": "application/octet-stream"})
    content = reply.json()
    if not 200 <= reply.status < 300:
        raise PurasAPIError(reply.status, content)
    found = cast(Dict[str, Any], content)
    found["drive_path"] = found.get("path", path)
    return found


def open_source(value: Source) -> "tuple[BinaryIO, str]":
    """An open file and its name, for anything that can be uploaded."""
    if isinstance(value, (bytes, bytearray)):
        if not value:
            raise InputError("A file input is empty; nothing was sent.")
        return io.BytesIO(bytes(value)), ""
    if isinstance(value, (str, os.PathLike)):
        try:
            return open(value, "rb"), os.path.basename(os.fspath(value))
        except OSError as error:
            raise InputError("The file %s cannot be opened (%s); nothing was sent." % (os.fspath(value), error.strerror or error)) from error
    if hasattr(value, "read") and hasattr(value, "seek"):
        if isinstance(value, io.TextIOBase):
            raise InputError("A file input is open as text; open it with mode 'rb'.")
        return value, os.path.basename(str(getattr(value, "name", "")))
    raise InputError("A %s cannot be a file input: give a path, bytes, an open binary file, or a path of the drive." % type(value).__name__)


def _is_result(value: Dict[str, Any]) -> bool:
    return isinstance(value.get("drive_path"), str) and "request_id" in value


def prepare(transport: Transport, value: Any) -> Any:
    """Inputs as they are sent: the same, with every local file uploaded and replaced by its place in the drive."""
    if isinstance(value, dict):
        if _is_result(value):
            if not value["drive_path"]:
                raise InputError("An earlier result without a file (a transcript) was given where a file is needed; nothing was sent.")
            return {"drive_path": value["drive_path"]}
        return {key: prepare(transport, member) for key, member in value.items()}
    if isinstance(value, (list, tuple)):
        return [prepare(transport, member) for member in value]
    if isinstance(value, (bytes, bytearray, os.PathLike)) or (hasattr(value, "read") and hasattr(value, "seek")):
        source, name = open_source(value)
        try:
            return {"drive_path": put(transport, source, name)["drive_path"]}
        finally:
            if source is not value:
                source.close()
    return value


# --- readers of file inputs, for skills

def _local(path: str) -> Path:
    clean = path.lstrip("/")
    if clean.startswith("drive/"):
        clean = clean[len("drive/"):]
    if not clean or ".." in PurePosixPath(clean).parts:
        raise InputError("%r is not a path in the drive." % path)
    return Path("drive") / clean


def _fetch(url: str) -> bytes:
    try:
        with urllib.request.urlopen(url, timeout=URL_SECONDS) as answer:
            content = cast(bytes, answer.read(URL_BYTES + 1))
    except (OSError, ValueError) as error:
        raise InputError("The link %s could not be read (%s)." % (urllib.parse.urlsplit(url)._replace(query="").geturl(), error)) from error
    if len(content) > URL_BYTES:
        raise InputError("The file behind the link is larger than %d bytes." % URL_BYTES)
    return content


def _decode(text: str) -> bytes:
    if text.startswith("data:"):
        head, comma, text = text.partition(",")
        if not comma:
            raise InputError("A data URI has no comma.")
        if not head.endswith(";base64"):
            return urllib.parse.unquote_to_bytes(text)
    compact = "".join(text.split())
    try:
        return base64.b64decode(compact + "=" * (-len(compact) % 4), altchars=b"-_" if "-" in compact or "_" in compact else None, validate=True)
    except (binascii.Error, ValueError):
        raise InputError("A file input is neither a link, nor a path of the drive, nor base64.") from None


def _from_drive(path: str, transport: Optional[Transport]) -> bytes:
    local = _local(path)
    if local.is_file():
        return local.read_bytes()
    if transport is None:
        raise InputError("There is no file %s in the drive." % path)
    reply = transport.send("GET", "/v1/drive/files/" + quote_path(str(PurePosixPath(*local.parts[1:]))))
    if reply.status != 200:
        raise InputError("There is no file %s in the drive." % path) from PurasAPIError(reply.status, reply.json())
    return reply.body


def read_bytes(value: Any, transport: Optional[Transport]) -> bytes:
    if isinstance(value, (bytes, bytearray)):
        return bytes(value)
    if isinstance(value, dict):
        for name in ("drive_path", "path"):
            if isinstance(value.get(name), str):
                return _from_drive(value[name], transport)
        if isinstance(value.get("url"), str):
            return read_bytes(value["url"], transport)
        for name in ("data", "base64"):
            if isinstance(value.get(name), str):
                return _decode(value[name])
    if isinstance(value, os.PathLike):
        return Path(value).read_bytes()
    if isinstance(value, str) and value:
        if value.startswith(("http://", "https://")):
            return _fetch(value)
        if value.startswith("data:"):
            return _decode(value)
        try:
            return _from_drive(value, transport)
        except (InputError, OSError) as missing:
            try:
                return _decode(value)
            except InputError:
                raise missing if isinstance(missing, InputError) else InputError(str(missing)) from None
    raise InputError("A file input must be a path of the drive, a link, a data URI or base64, not %s." % type(value).__name__)


def read_path(value: Any, suffix: Optional[str], transport: Optional[Transport]) -> Path:
    name = value.get("drive_path") or value.get("path") if isinstance(value, dict) else value
    if isinstance(value, os.PathLike):
        return Path(value)
    if isinstance(name, str) and not name.startswith(("data:", "http://", "https://")) and len(name) <= 1024:
        try:
            local = _local(name)
            if local.is_file() and (suffix is None or local.suffix == suffix):
                return local
        except (InputError, OSError):
            pass
    content = read_bytes(value, transport)
    fd, made = tempfile.mkstemp(suffix=suffix if suffix is not None else _extension(content[:16], name if isinstance(name, str) and len(name) < 256 else ""))
    with os.fdopen(fd, "wb") as f:
        f.write(content)
    return Path(made)
