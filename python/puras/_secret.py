from __future__ import annotations

import os
import re
from typing import TypeVar, Union, overload

from ._errors import SecretError

T = TypeVar("T")


class _Missing:
    pass


_MISSING = _Missing()


@overload
def secret(name: str) -> str: ...
@overload
def secret(name: str, default: T) -> Union[str, T]: ...
def secret(name: str, default: object = _MISSING) -> object:
    """A secret of the project, by name.

    Inside a job the worker puts every secret into the environment under its name; elsewhere set the variable yourself. Values never
    come from the server to a caller.

    name      letters, digits and underscores; names that begin with PURAS_ belong to the platform
    default   what to return when it is not set; without one a missing secret is an error

    Raises SecretError.
    """
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,63}", name) or name.startswith("PURAS_"):
        raise SecretError("%r cannot be the name of a secret: letters, digits and underscores, and not PURAS_." % (name,))
    value = os.environ.get(name)
    if value is not None:
        return value
    if not isinstance(default, _Missing):
        return default
    raise SecretError("The secret %s is not set. Store it with `puras secrets put %s`, or give secret() a default." % (name, name))
