from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Dict, List, Optional, cast

from ._errors import PurasAPIError, PurasClientError, PurasConnectionError
from ._progress import TERMINAL, OnProgress, Progress, events, progress_of

if TYPE_CHECKING:
    from ._http import Transport

WAIT_PIECE = 60  # seconds of one waiting read


def result_of(generation: Dict[str, Any]) -> Dict[str, Any]:
    """A finished generation as media.run's dictionary."""
    outputs = generation.get("outputs") or [{}]
    result = {
        "model": generation.get("model"),
        "kind": generation.get("kind"),
        "drive_path": outputs[0].get("drive_path") or "",
        "output_url": outputs[0].get("url"),
        "request_id": generation.get("id"),
        "billed_micros": generation.get("billed_micros") or 0,
        "billed_usd": generation.get("billed_usd") or 0,
        "meta": generation.get("meta") or {},
    }
    if len(outputs) > 1:
        result["outputs"] = outputs
    for name in ("text", "words", "language_code"):
        if generation.get(name) is not None:
            result[name] = generation[name]
    return result


class Generation:
    """One run of a model that was submitted. It goes on whether anybody waits or not.

    id     32 hex digits
    state  the generation as the server showed it last: status, quoted_micros, held_micros, billed_micros, outputs, error, ...
    """

    def __init__(self, transport: "Transport", state: Dict[str, Any]) -> None:
        self._transport = transport
        self.state = state
        self.id: str = str(state["id"])

    def __repr__(self) -> str:
        return "<Generation %s %s %s>" % (self.id, self.state.get("model"), self.status)

    @property
    def status(self) -> str:
        """"pending", "processing", "completed", "failed" or "cancelled"."""
        return str(self.state.get("status"))

    @property
    def ended(self) -> bool:
        return self.status in TERMINAL

    @property
    def outputs(self) -> List[Dict[str, Any]]:
        """The files: url, drive_path, media_type, width, height, duration (seconds), file_size (bytes), sha256."""
        return cast(List[Dict[str, Any]], self.state.get("outputs") or [])

    def refresh(self, wait: float = 0) -> "Generation":
        """Reads it anew; with wait (seconds, at most 590) once it has ended or that time has passed."""
        query = "?wait=%d" % wait if wait else ""
        self.state = self._transport.call("GET", "/v1/generations/" + self.id + query, timeout=wait + 30)
        return self

    def cancel(self) -> "Generation":
        """Asks for its end. What was not started costs nothing; what the provider bills all the same is completed and charged. Raises
        PurasAPIError (409) when it has ended."""
        self.state = self._transport.call("POST", "/v1/generations/" + self.id + "/cancel", {})
        return self

    def deliver(self, output_url_path: Optional[str] = None) -> "Generation":
        """Has the file found that output_url_path did not lead to (error code "output_not_found"): by another path, or with None in the usual
        places once more. It was billed when it was made; this costs nothing. Raises PurasAPIError: 422 when nothing stands there either."""
        body = {} if output_url_path is None else {"output_url_path": output_url_path}
        self.state = self._transport.call("POST", "/v1/generations/" + self.id + "/deliver", body)
        return self

    def wait(self, timeout: Optional[float] = None, *, on_progress: Optional[OnProgress] = None) -> Dict[str, Any]:
        """Waits for the end and returns media.run's dictionary.

        timeout      seconds; None: until it ends. When it runs out PurasClientError (code "still_running") is raised and the work goes on
        on_progress  called with a Progress for each event

        Raises PurasAPIError when it failed or was cancelled.
        """
        began = time.monotonic()
        if on_progress and not self.ended:
            self._follow(on_progress, began, timeout)
        while not self.ended:
            left = WAIT_PIECE if timeout is None else min(WAIT_PIECE, timeout - (time.monotonic() - began))
            if left <= 0:
                raise PurasClientError("The generation %s is still %s after %g seconds; it goes on, and is not charged twice when you wait again." %
                                       (self.id, self.status, timeout or 0), code="still_running", retry="same_key")
            self.refresh(wait=max(1, left))
        return self.result()

    def result(self) -> Dict[str, Any]:
        """The dictionary of one that has ended; PurasAPIError when it failed, was cancelled, still runs, or its file was not found (see deliver)."""
        error = self.state.get("error") or {}
        if self.status == "completed" and not error:
            return result_of(self.state)
        detail = error.get("detail") or ("The generation was cancelled; nothing was charged." if self.status == "cancelled" else "The generation is %s." % self.status)
        raise PurasAPIError(int(error.get("status") or (422 if self.status == "completed" else 409 if self.status in ("cancelled", "pending", "processing") else 502)),
                            {"detail": detail, "code": error.get("code") or self.status, "charged_micros": self.state.get("billed_micros") or 0,
                             "retry": "never", "generation_id": self.id, **({"error": error} if error else {})})

    def _follow(self, on_progress: OnProgress, began: float, timeout: Optional[float]) -> None:
        """The events until the last one. A stream that breaks is taken up where it broke, three times; then waiting alone has to do."""
        last, broken = "", 0
        while broken < 3:
            try:
                headers = {"Accept": "text/event-stream", **({"Last-Event-ID": last} if last else {})}
                for number, kind, data in events(self._transport.stream("GET", "/v1/generations/%s/events" % self.id, headers=headers)):
                    last, broken = number or last, 0
                    progress: Optional[Progress] = progress_of(kind, data, began)
                    if progress:
                        on_progress(progress)
                    if kind in TERMINAL or (timeout is not None and time.monotonic() - began > timeout):
                        return
                return
            except PurasConnectionError:
                broken += 1
                time.sleep(0.2 * broken)
