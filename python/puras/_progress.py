"""How a call goes on, from the server's events."""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, Iterable, Iterator, List, Optional, TextIO, Tuple


@dataclass(frozen=True)
class Progress:
    """One step of a generation.

    generation_id  whose
    status         "pending", "processing", "completed", "failed" or "cancelled"
    stage          a few words: "drawing", "accepted", "retrying"; may be empty
    percent        0 to 100, None when not known
    elapsed_s      seconds since the call was made here
    event          the event as the server sent it: type and data
    """

    generation_id: str
    status: str
    stage: str
    percent: Optional[float]
    elapsed_s: float
    event: Dict[str, Any] = field(default_factory=dict, compare=False)


OnProgress = Callable[[Progress], None]
TERMINAL = ("completed", "failed", "cancelled")


def events(pieces: Iterable[bytes]) -> Iterator[Tuple[str, str, str]]:
    """(id, type, data) of a text/event-stream."""
    rest = b""
    number, kind = "", "message"
    data: List[str] = []
    for piece in pieces:
        rest += piece
        *lines, rest = rest.split(b"\n")
        for raw in lines:
            line = raw.rstrip(b"\r").decode("utf-8", "replace")
            if not line:
                if data:
                    yield number, kind, "\n".join(data)
                kind, data = "message", []
                continue
            name, _, value = line.partition(":")
            value = value[1:] if value.startswith(" ") else value
            if name == "id":
                number = value
            elif name == "event":
                kind = value
            elif name == "data":
                data.append(value)


def progress_of(kind: str, text: str, began: float) -> Optional[Progress]:
    try:
        event = json.loads(text)
    except ValueError:
        return None
    if not isinstance(event, dict):
        return None
    found = event.get("data")
    payload: Dict[str, Any] = found if isinstance(found, dict) else {}
    percent = payload.get("percent")
    status = kind if kind in TERMINAL else str(payload.get("state") or "processing")
    return Progress(str(event.get("generation_id") or ""), status, str(payload.get("stage") or kind),
                    float(percent) if isinstance(percent, (int, float)) and percent >= 0 else None, time.monotonic() - began, event)


class Bar:
    """One line at the bottom of a terminal, drawn over itself and removed at the end."""

    def __init__(self, label: str, out: TextIO) -> None:
        self.label, self.out, self.shown = label, out, 0

    def __call__(self, p: Progress) -> None:
        width = 24
        filled = int(width * (p.percent or 0) / 100)
        percent = "%3.0f %%" % p.percent if p.percent is not None else "     "
        text = "%s  [%s%s] %s  %.1f s  %s" % (self.label, "#" * filled, "." * (width - filled), percent, p.elapsed_s, p.stage)
        try:
            text = text[: max(20, os.get_terminal_size(self.out.fileno()).columns - 1)]
        except (OSError, ValueError):
            text = text[:79]
        self.out.write("\r" + text + " " * max(0, self.shown - len(text)))
        self.out.flush()
        self.shown = len(text)

    def close(self) -> None:
        if self.shown:
            self.out.write("\r" + " " * self.shown + "\r")
            self.out.flush()


def bar(label: str) -> Optional[Bar]:
    """A bar where somebody may be looking: standard error is a terminal, and PURAS_PROGRESS is not 0."""
    if os.environ.get("PURAS_PROGRESS") == "0":
        return None
    return Bar(label, sys.stderr) if sys.stderr is not None and sys.stderr.isatty() else None
