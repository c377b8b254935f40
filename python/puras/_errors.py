"""What can go wrong, as exceptions. The names are the ones older programs catch; what happened stands in their attributes.

    RuntimeError
      PurasClientError        anything a call to a server came to but its result
        PurasAPIError         the server answered, and said no
        PurasConnectionError  no answer: the server cannot be reached, or was lost and did not come back
        SubagentRunError      a skill that was called from here failed
        JobError              a job that was waited for failed
      SecretError             a secret is not set
    ValueError
      InputError              a file input cannot be used; nothing was sent and nothing charged
      VerbError               no model of that family does what was asked
"""

from __future__ import annotations

from typing import Any, Mapping, Optional


class PurasClientError(RuntimeError):
    """A call that did not come to its result.

    code            the stable word to decide by: "insufficient_credits", "refused", "provider_failed", ...
    message         one sentence for a person: what happened, what was not charged, what to do
    charged_micros  what the call cost all the same, in micros (1 USD = 1,000,000); 0 when nothing was charged
    retry           "never": the same call fails again; "same_key": repeat it with the same idempotency key; "after": wait first
    retry_after_s   with "after": how many seconds, or None
    """

    def __init__(self, message: str, *, code: str = "client_error", charged_micros: int = 0, retry: str = "never",
                 retry_after_s: Optional[float] = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.charged_micros = charged_micros
        self.retry = retry
        self.retry_after_s = retry_after_s

    @property
    def charged_usd(self) -> float:
        """charged_micros in US dollars."""
        return self.charged_micros / 1e6

    @property
    def can_retry(self) -> bool:
        """Whether the same call, made again, may succeed."""
        return self.retry != "never"


class PurasAPIError(PurasClientError):
    """The server answered with an error.

    status         HTTP status
    detail         the server's sentence (the same as message)
    request_id     names the request in the server's log; None when the answer had none
    generation_id  the generation the call belongs to, when there is one: it can be read and waited for
    body           the whole answer: further facts such as required_micros or field
    """

    def __init__(self, status: int, body: Any) -> None:
        facts: Mapping[str, Any] = body if isinstance(body, dict) else {}
        detail = facts.get("detail") or facts.get("message") or (body if isinstance(body, str) else "")
        detail = str(detail or "The server answered %d." % status)
        charged = facts.get("charged_micros")
        super().__init__(detail, code=str(facts.get("code") or "http_%d" % status), charged_micros=charged if isinstance(charged, int) else 0,
                         retry=str(facts.get("retry") or "never"), retry_after_s=facts.get("retry_after_s"))
        self.status = status
        self.detail = detail
        self.body = body
        self.request_id: Optional[str] = facts.get("request_id")
        self.generation_id: Optional[str] = facts.get("generation_id")

    def __str__(self) -> str:
        return "%s (%d %s)" % (self.detail, self.status, self.code)


class PurasConnectionError(PurasClientError):
    """No answer came. A call with an idempotency key may be repeated with it, and is charged once at most.

    idempotency_key  the key the call was made with; None when it had none
    """

    def __init__(self, message: str, idempotency_key: Optional[str] = None) -> None:
        super().__init__(message, code="no_answer", retry="same_key" if idempotency_key else "after")
        self.idempotency_key = idempotency_key


class SubagentRunError(PurasClientError):
    """A skill that was run from here ended as failed or cancelled.

    job_id, status  of the job that ran it
    """

    def __init__(self, job_id: Optional[str], status: str, message: str) -> None:
        super().__init__("%s: %s" % (status, message) if message else status, code="subagent_" + status)
        self.job_id = job_id
        self.status = status


class JobError(PurasClientError):
    """A job that was waited for ended as failed or cancelled.

    job  the job as the server shows it
    """

    def __init__(self, job: Mapping[str, Any]) -> None:
        super().__init__(str(job.get("error") or "The job ended as %s." % job.get("status")), code="job_%s" % job.get("status"))
        self.job = job


class SecretError(RuntimeError):
    """A secret is not set, or its name cannot be one."""


class InputError(ValueError):
    """A file input cannot be read. Nothing was sent and nothing charged."""


class VerbError(ValueError):
    """No model of the family does what was asked. Nothing was sent and nothing charged."""
