"""The older name of puras.subagent."""

from __future__ import annotations

from typing import Any, Dict, Optional

from ._client import Client

__all__ = ["run"]


def run(name: str, inputs: Optional[Dict[str, Any]] = None, *, version: Optional[int] = None, timeout: int = 600) -> Any:
    """Runs the skill of that name as a child of this job and returns its result; see subagent.run."""
    return Client().invoke(name, inputs, version=version, timeout=timeout)
