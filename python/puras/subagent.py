"""Run another skill from inside of one."""

from __future__ import annotations

from typing import Any, Dict, Optional

from ._client import Client

__all__ = ["run"]


def run(target: Optional[str] = None, inputs: Optional[Dict[str, Any]] = None, *, prompt: Optional[str] = None, version: Optional[int] = None,
        timeout: int = 600) -> Any:
    """Runs a skill (target) or a prompt (exactly one of them) as a child of this job and returns its result.

    target   "skill", "skillpack/skill", "workspace/skillpack/skill", or an .md file of the bundle
    version  of the deployment; None: the active one
    timeout  seconds, at most 1800

    Raises SubagentRunError (job_id, status, message) when it failed.
    """
    return Client().invoke(target, inputs, prompt=prompt, version=version, timeout=timeout)
