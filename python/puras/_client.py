"""Everything a program can ask of one server, with one key."""

from __future__ import annotations

import time
import urllib.parse
import uuid
from pathlib import Path
from typing import Any, BinaryIO, Dict, List, Optional, Sequence, Union, cast

from . import _config, _files, _verbs
from ._errors import InputError, JobError, PurasAPIError, PurasClientError, SubagentRunError
from ._files import Source
from ._generation import Generation
from ._http import CALL_TIMEOUT, PIECE, Transport, quote_path
from ._progress import Bar, OnProgress, bar

Inputs = Optional[Dict[str, Any]]
JOB_ENDED = ("succeeded", "failed", "cancelled")
LONGEST_CHILD = 1800  # seconds a skill may be waited for


class Client:
    """One server and one key.

    api_key      "puras_live_..." or "puras_test_..."; None: as the environment or ~/.puras/config.json says (see puras.config)
    skillpack    the skillpack whose jobs run() and submit() start; only needed for jobs
    api_base     the server's address; None: PURAS_API_BASE, the file, or http://127.0.0.1:8080
    timeout      seconds without an answer after which a request counts as lost; calls that run a model have 620 of their own
    on_progress  called with a Progress while a call of this client goes on; None: a bar, where standard error is a terminal

    Safe to use from several threads: it keeps no connection.
    """

    def __init__(self, api_key: Optional[str] = None, skillpack: Optional[str] = None, *, api_base: Optional[str] = None, timeout: float = 120,
                 on_progress: Optional[OnProgress] = None) -> None:
        found = _config.settings()
        if api_key or api_base:
            found = _config.Settings((api_base or found.base).rstrip("/"), api_key=api_key or found.api_key,
                                     service_token=None if api_key else found.service_token, project_id=found.project_id, job_id=found.job_id)
        self._transport = Transport(found)
        self.skillpack = skillpack
        self.timeout = timeout
        self.on_progress = on_progress

    # --- running models

    def _context(self) -> Dict[str, Any]:
        s = self._transport.settings
        if not s.service_token:
            return {}
        context: Dict[str, Any] = {"job_id": s.job_id}
        if s.project_id:
            context.update(project_id=s.project_id, workspace_id=s.project_id)
        return context

    def _inputs(self, inputs: Inputs, kwargs: Dict[str, Any]) -> Dict[str, Any]:
        if inputs is not None and not isinstance(inputs, dict):
            raise InputError("inputs must be a dictionary, not %s." % type(inputs).__name__)
        return cast(Dict[str, Any], _files.prepare(self._transport, {**(inputs or {}), **kwargs}))

    def media_run(self, model: str, inputs: Inputs = None, *, output_path: Optional[str] = None, output_url_path: Optional[str] = None,
                  kind: str = "auto", idempotency_key: Optional[str] = None, on_progress: Optional[OnProgress] = None, **kwargs: Any) -> Dict[str, Any]:
        """media.run (see there), with two more arguments: idempotency_key, for callers who repeat a call themselves, and on_progress."""
        body = {"model": model, "inputs": self._inputs(inputs, kwargs), "output_path": output_path, "output_url_path": output_url_path, "kind": kind,
                **self._context()}
        key = idempotency_key or uuid.uuid4().hex
        told = on_progress or self.on_progress or bar(model)
        try:
            if told:
                self._watch(body, key, told)
            while True:
                try:
                    result = self._transport.call("POST", "/v1/media/generate", body, key=key)
                    return cast(Dict[str, Any], result)
                except PurasAPIError as error:
                    if error.code != "still_running":  # that one is no failure: the same key goes on waiting for the same work
                        raise
        finally:
            if isinstance(told, Bar):
                told.close()

    def _watch(self, body: Dict[str, Any], key: str, told: OnProgress) -> None:
        """Starts the call without waiting and tells of its events; whoever repeats it with the key gets the result."""
        started = self._transport.call("POST", "/v1/media/generate", body, key=key, headers={"Prefer": "respond-async"})
        found = started.get("generation_id") or started.get("id") if isinstance(started, dict) else None
        if found and not started.get("billed_micros"):
            Generation(self._transport, {"id": found, "status": "pending"})._follow(told, time.monotonic(), None)

    def media_submit(self, model: str, inputs: Inputs = None, *, wait: float = 0, output_path: Optional[str] = None, kind: str = "auto",
                     max_usd: Optional[float] = None, quote_id: Optional[str] = None, metadata: Optional[Dict[str, Any]] = None,
                     end_user: Optional[str] = None, url_ttl: Optional[int] = None, webhook_url: Optional[str] = None,
                     idempotency_key: Optional[str] = None, **kwargs: Any) -> Generation:
        """media.submit; see there."""
        body = _verbs.given(model=model, inputs=self._inputs(inputs, kwargs), kind=kind, output_path=output_path, quote_id=quote_id, metadata=metadata,
                            end_user=end_user, url_ttl=url_ttl, webhook_url=webhook_url, max_micros=None if max_usd is None else round(max_usd * 1e6))
        headers = {"Prefer": "wait=%d" % min(590, max(1, int(wait)))} if wait else {}
        state = self._transport.call("POST", "/v1/generations", body, key=idempotency_key or uuid.uuid4().hex, headers=headers)
        return Generation(self._transport, state)

    def media_quote(self, model: str, inputs: Inputs = None, **kwargs: Any) -> Dict[str, Any]:
        """media.quote; see there. Local files are not uploaded for a quote: only that they are given matters."""
        named = {name: {"drive_path": "quote"} if _is_local(value) else value for name, value in {**(inputs or {}), **kwargs}.items()}
        return cast(Dict[str, Any], self._transport.call("POST", "/v1/quote", {"model": model, "inputs": named}))

    def generation(self, id: str) -> Generation:
        """A generation by its id (the request_id of a result)."""
        return Generation(self._transport, self._transport.call("GET", "/v1/generations/" + urllib.parse.quote(id, safe="")))

    # --- prices, models, money

    def models(self, kind: Optional[str] = None) -> List[Dict[str, Any]]:
        """Every model with its inputs and prices; kind: image, video, audio or text."""
        return cast(List[Dict[str, Any]], self._transport.call("GET", "/v1/models" + ("?kind=" + kind if kind else ""))["models"])

    def pricing(self) -> Dict[str, Any]:
        """The public price list: {"models": [{slug, kind, unit, rate_table}]}, rates in micros."""
        return cast(Dict[str, Any], self._transport.call("GET", "/v1/pricing"))

    def balance(self) -> Dict[str, Any]:
        """The key's book: available_micros, held_micros, balance_usd, credits (1 credit = 10,000 micros), project_id."""
        return cast(Dict[str, Any], self._transport.call("GET", "/v1/billing/balance"))

    # --- the drive

    def drive_sign(self, path: str, ttl: int = 3600) -> Dict[str, Any]:
        body: Dict[str, Any] = {"path": path, "ttl": ttl}
        if self._transport.settings.project_id:
            body["workspace_id"] = self._transport.settings.project_id
        return cast(Dict[str, Any], self._transport.call("POST", "/v1/drive/sign", body, timeout=30))

    def drive_upload(self, source: Source, path: Optional[str] = None) -> Dict[str, Any]:
        opened, name = _files.open_source(source)
        try:
            return _files.put(self._transport, opened, name, path)
        finally:
            if opened is not source:
                opened.close()

    def drive_download(self, path: str, to: Union[str, Path, BinaryIO]) -> int:
        pieces = self._transport.stream("GET", "/v1/drive/files/" + quote_path(path), timeout=max(60.0, self.timeout))
        if not isinstance(to, (str, Path)):
            return sum(to.write(piece) for piece in pieces)
        target = Path(to)
        part = target.with_name(target.name + ".part")
        count = 0
        try:
            with open(part, "wb", buffering=PIECE) as f:
                for piece in pieces:
                    count += f.write(piece)
            part.replace(target)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
        return count

    def drive_list(self, prefix: str = "", limit: int = 1000) -> List[Dict[str, Any]]:
        found: List[Dict[str, Any]] = []
        after = ""
        while len(found) < limit:
            query = urllib.parse.urlencode({"prefix": prefix, "after": after, "limit": min(200, limit - len(found))})
            page = self._transport.call("GET", "/v1/drive?" + query)
            found += page["files"]
            after = page.get("next_after") or ""
            if not after:
                break
        return found

    # --- jobs: runs of skills

    def submit(self, skill: str, inputs: Inputs = None, *, version: Optional[int] = None, wait: bool = False, timeout: Optional[int] = None) -> Dict[str, Any]:
        """Starts a job of a skill; returns it (id, status, result, error). version: of the deployment, None: the active one."""
        query = _verbs.given(skillpack=self.skillpack, version=version, wait="true" if wait else None, timeout=timeout)
        path = "/v1/jobs" + ("?" + urllib.parse.urlencode(query) if query else "")
        return cast(Dict[str, Any], self._transport.call("POST", path, {"skill": skill, "inputs": inputs or {}}, timeout=self.timeout + (timeout or 0)))

    def get(self, job_id: str) -> Dict[str, Any]:
        """A job as it is now."""
        return cast(Dict[str, Any], self._transport.call("GET", "/v1/jobs/" + urllib.parse.quote(job_id, safe=""), timeout=self.timeout))

    def wait(self, job_id: str, timeout: float = 600, poll: float = 2) -> Dict[str, Any]:
        """Asks every `poll` seconds until the job has ended. Raises JobError when it failed, PurasClientError (still_running) after `timeout` seconds."""
        end = time.monotonic() + timeout
        while True:
            job = self.get(job_id)
            if job.get("status") in JOB_ENDED:
                if job["status"] != "succeeded":
                    raise JobError(job)
                return job
            if time.monotonic() + poll > end:
                raise PurasClientError("The job %s is still %s after %g seconds; it goes on." % (job_id, job.get("status"), timeout), code="still_running")
            time.sleep(poll)

    def run(self, skill: str, inputs: Inputs = None, *, timeout: float = 600, poll: float = 2, version: Optional[int] = None) -> Any:
        """Starts a job, waits for it and returns its result."""
        return self.wait(self.submit(skill, inputs, version=version)["id"], timeout, poll).get("result")

    def feedback(self, job_id: str, rating: int, comment: Optional[str] = None, end_user_id: Optional[str] = None) -> Dict[str, Any]:
        """rating: -1, 0 or 1."""
        body = _verbs.given(rating=rating, comment=comment, end_user_id=end_user_id)
        return cast(Dict[str, Any], self._transport.call("POST", "/v1/jobs/%s/feedback" % urllib.parse.quote(job_id, safe=""), body, timeout=self.timeout))

    def invoke(self, target: Optional[str], inputs: Inputs = None, *, prompt: Optional[str] = None, version: Optional[int] = None, timeout: int = 600) -> Any:
        """subagent.run; see there."""
        if (target is None) == (prompt is None):
            raise ValueError("Give either a target or a prompt.")
        if not 0 < timeout <= LONGEST_CHILD:
            raise ValueError("timeout must be 1 to %d seconds." % LONGEST_CHILD)
        job = self._transport.settings.job_id
        if not job:
            raise PurasClientError("A skill can be run by another one only inside a job; from outside use Client.run.", code="not_in_a_job")
        body = {"parent_job_id": job, "target": target, "prompt": prompt, "inputs": inputs or {}, "version": version, "timeout": timeout}
        answer = self._transport.call("POST", "/v1/subagent/invoke", body, timeout=timeout + 30)
        if answer.get("status") != "succeeded":
            raise SubagentRunError(answer.get("job_id"), str(answer.get("status")), str(answer.get("error") or ""))
        return answer.get("result")


def _is_local(value: Any) -> bool:
    return isinstance(value, (bytes, bytearray)) or (not isinstance(value, (str, dict, list)) and (hasattr(value, "__fspath__") or hasattr(value, "read")))


def references(values: Optional[Sequence[Any]]) -> Optional[List[Any]]:
    return list(values) if values else None
