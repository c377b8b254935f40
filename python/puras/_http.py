"""Requests to one server. Every connection is used once; redirects are not followed; no proxy is taken from the environment.

The one rule about repeating: a request leaves again only when its connection failed or was lost, and only when it carries an idempotency key or
changes nothing (GET). Whatever the server answered is final.
"""

from __future__ import annotations

import http.client
import json
import os
import ssl
import time
import urllib.parse
from dataclasses import dataclass
from typing import Any, BinaryIO, Dict, Iterator, Optional, Tuple, Union

from ._config import Settings
from ._errors import InputError, PurasAPIError, PurasClientError, PurasConnectionError

Body = Union[None, bytes, Tuple[BinaryIO, int]]

# Seconds. A server that waits answers within 590; one that restarts is back within the patience.
CALL_TIMEOUT = 620.0
CONNECT_TIMEOUT = 10.0
PATIENCE = 60.0         # with a server that was there before
UNSEEN_PATIENCE = 2.0   # with one that never was
LOSSES = 6              # connections that broke before an answer
PIECE = 1 << 16


@dataclass
class Reply:
    """status, headers (names in small letters) and the whole body."""

    status: int
    headers: Dict[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as JSON; text that is none is returned as text."""
        text = self.body.decode("utf-8", "replace")
        try:
            return json.loads(text)
        except ValueError:
            return text


class _Lost(Exception):
    """The connection failed. connected: a server had been there."""

    def __init__(self, why: str, connected: bool) -> None:
        super().__init__(why)
        self.connected = connected


class Transport:
    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        parts = urllib.parse.urlsplit(settings.base)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise PurasClientError("The server's address %r is not a URL such as http://127.0.0.1:8080; set PURAS_API_BASE." % settings.base, code="bad_config")
        self._parts = parts
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None

    # --- one exchange

    def _connect(self, timeout: float) -> http.client.HTTPConnection:
        host, port = self._parts.hostname or "", self._parts.port
        connection: http.client.HTTPConnection
        if self._tls:
            connection = http.client.HTTPSConnection(host, port, timeout=CONNECT_TIMEOUT, context=self._tls)
        else:
            connection = http.client.HTTPConnection(host, port, timeout=CONNECT_TIMEOUT)
        try:
            connection.connect()
        except OSError as error:
            raise _Lost(str(error), connected=False) from error
        connection.sock.settimeout(timeout)
        return connection

    def _headers(self) -> Dict[str, str]:
        s = self.settings
        if s.service_token:
            return {"X-Puras-Service-Token": s.service_token}
        if s.api_key:
            return {"Authorization": "Bearer " + s.api_key}
        return {}

    def _begin(self, method: str, path: str, body: Body, headers: Dict[str, str], timeout: float) -> Tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
        connection = self._connect(timeout)
        all_headers = {"Accept": "application/json", "User-Agent": "puras-python/0.1.0", **self._headers(), **headers}
        try:
            if isinstance(body, tuple):
                _send_file(connection, method, self._parts.path.rstrip("/") + path, body[0], body[1], all_headers)
            else:
                connection.request(method, self._parts.path.rstrip("/") + path, body=body, headers=all_headers)
            return connection, connection.getresponse()
        except InputError:
            connection.close()
            raise
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise _Lost(str(error) or type(error).__name__, connected=True) from error

    def _once(self, method: str, path: str, body: Body, headers: Dict[str, str], timeout: float) -> Reply:
        connection, answer = self._begin(method, path, body, headers, timeout)
        try:
            content = answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise _Lost(str(error) or type(error).__name__, connected=True) from error
        finally:
            connection.close()
        return Reply(answer.status, {k.lower(): v for k, v in answer.getheaders()}, content)

    # --- whole calls

    def send(self, method: str, path: str, *, body: Body = None, headers: Optional[Dict[str, str]] = None, key: Optional[str] = None,
             timeout: float = CALL_TIMEOUT) -> Reply:
        """Any answer, whatever its status. key: Idempotency-Key."""
        headers = dict(headers or {})
        if key:
            headers["Idempotency-Key"] = key
        repeatable = key is not None or method in ("GET", "HEAD")
        began, pause, losses = time.monotonic(), 0.2, 0
        while True:
            try:
                return self._once(method, path, body, headers, timeout)
            except _Lost as lost:
                if lost.connected:
                    losses, began = losses + 1, time.monotonic()  # patience counts from the last time somebody was there
                tired = losses > LOSSES or time.monotonic() - began > (PATIENCE if losses else UNSEEN_PATIENCE)
                if not repeatable or tired:
                    raise PurasConnectionError(_lost_sentence(self.settings.base, losses > 0, lost, key), key) from lost
                time.sleep(pause)
                pause = min(pause * 2, 5.0)

    def call(self, method: str, path: str, payload: Any = None, *, headers: Optional[Dict[str, str]] = None, key: Optional[str] = None,
             timeout: float = CALL_TIMEOUT) -> Any:
        """JSON in, JSON out; PurasAPIError for anything but 2xx."""
        body = None
        all_headers = dict(headers or {})
        if payload is not None:
            try:
                body = json.dumps(payload, allow_nan=False).encode()
            except (TypeError, ValueError) as error:
                raise InputError("The inputs cannot be written as JSON (%s); nothing was sent." % error) from None
            all_headers["Content-Type"] = "application/json"
        reply = self.send(method, path, body=body, headers=all_headers, key=key, timeout=timeout)
        content = reply.json()
        if not 200 <= reply.status < 300:
            raise PurasAPIError(reply.status, content)
        return content

    def stream(self, method: str, path: str, *, headers: Optional[Dict[str, str]] = None, timeout: float = 60.0) -> Iterator[bytes]:
        """Pieces of the body as they come. Not repeated. timeout: of one piece."""
        try:
            connection, answer = self._begin(method, path, None, dict(headers or {}), timeout)
        except _Lost as lost:
            raise PurasConnectionError(_lost_sentence(self.settings.base, lost.connected, lost, None)) from lost
        try:
            if not 200 <= answer.status < 300:
                raise PurasAPIError(answer.status, Reply(answer.status, {}, answer.read()).json())
            while True:
                piece = answer.read1(PIECE)
                if not piece:
                    break
                yield piece
            if answer.length:
                raise PurasConnectionError("The server closed the connection before the file was whole.")
        except (OSError, http.client.HTTPException) as error:
            raise PurasConnectionError("The connection broke off: %s." % error) from error
        finally:
            connection.close()


def _lost_sentence(base: str, met: bool, lost: _Lost, key: Optional[str]) -> str:
    if not met:
        return "No puras server answers at %s (%s). Nothing was sent and nothing charged; start it, or set PURAS_API_BASE." % (base, lost)
    text = "The connection to %s was lost before an answer came (%s)." % (base, lost)
    if key:
        text += " What was asked may go on there; the same call with idempotency key %s finds it and is charged once at most." % key
    return text


def _send_file(connection: http.client.HTTPConnection, method: str, path: str, source: BinaryIO, size: int, headers: Dict[str, str]) -> None:
    source.seek(0)
    connection.putrequest(method, path, skip_accept_encoding=True)
    for name, value in headers.items():
        connection.putheader(name, value)
    connection.putheader("Content-Length", str(size))
    connection.endheaders()
    left = size
    while left:
        try:
            piece = source.read(min(PIECE, left))
        except OSError as error:
            raise InputError("The file could not be read to its end (%s); nothing was charged." % error) from error
        if not piece:
            raise InputError("The file became shorter while it was uploaded, by %d bytes; nothing was charged. Try again when it is whole." % left)
        connection.send(piece)
        left -= len(piece)


def size_of(source: BinaryIO) -> int:
    """Bytes from the beginning to the end of a seekable file."""
    end = source.seek(0, os.SEEK_END)
    source.seek(0)
    return end


def quote_path(path: str) -> str:
    return urllib.parse.quote(path, safe="/")
