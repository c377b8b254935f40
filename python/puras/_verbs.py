"""The verbs image, video, audio and transcribe, as calls of a slug: which model of a family does what, and under which names it takes it.

A model is "auto", a family ("google/veo", or its last part, "veo"), or a slug of the catalog, which is used as it is.
"""

from __future__ import annotations

import re
from typing import Any, Dict, Optional, Tuple

from ._errors import VerbError

# family -> mode -> slug
IMAGE: Dict[str, Dict[str, str]] = {
    "google/nano-banana": {"text": "google/nano-banana-pro", "edit": "google/nano-banana-pro-edit"},
    "openai/gpt-image": {"text": "openai/gpt-image-2", "edit": "openai/gpt-image-2-edit"},
    "bytedance/seedream": {"text": "bytedance/seedream-v4", "edit": "bytedance/seedream-v4-edit"},
    "google/imagen": {"text": "google/imagen-4"},
    "kuaishou/kling-image": {"text": "kuaishou/kling-v3-image", "edit": "kuaishou/kling-v3-image-edit"},
}
VIDEO: Dict[str, Dict[str, str]] = {
    "bytedance/seedance": {"t2v": "bytedance/seedance-2-t2v", "i2v": "bytedance/seedance-2-i2v", "r2v": "bytedance/seedance-2-r2v"},
    "bytedance/seedance-fast": {"t2v": "bytedance/seedance-2-fast-t2v", "i2v": "bytedance/seedance-2-fast-i2v", "r2v": "bytedance/seedance-2-fast-r2v"},
    "kuaishou/kling": {"t2v": "kuaishou/kling-v3-t2v", "i2v": "kuaishou/kling-v3-i2v", "r2v": "kuaishou/kling-o3-r2v", "lipsync": "kuaishou/kling-avatar-v2"},
    "google/veo": {"t2v": "google/veo-3-t2v", "i2v": "google/veo-3-i2v", "r2v": "google/veo-3.1-r2v"},
    "google/veo-fast": {"t2v": "google/veo-3-fast-t2v", "i2v": "google/veo-3-fast-i2v"},
}
AUDIO: Dict[str, Dict[str, str]] = {
    "elevenlabs/tts": {"speech": "elevenlabs/tts-v3"},
    "elevenlabs/tts-v2": {"speech": "elevenlabs/tts-multilingual-v2"},
}
_AUTO = {"text": "google/nano-banana", "edit": "google/nano-banana", "t2v": "bytedance/seedance-fast", "i2v": "bytedance/seedance-fast",
         "r2v": "bytedance/seedance-fast", "lipsync": "kuaishou/kling", "speech": "elevenlabs/tts"}
_NICKNAMES = {"nano": "google/nano-banana", "banana": "google/nano-banana"}
_WORDS = {"text": "make a picture from words", "edit": "edit pictures", "t2v": "make a film from words", "i2v": "make a film from a picture",
          "r2v": "make a film after references", "lipsync": "make a picture speak", "speech": "speak"}
VEO_SECONDS = (4, 6, 8)


def slug(model: str, mode: str, families: Dict[str, Dict[str, str]]) -> Tuple[str, Optional[str]]:
    """The slug, and the family it was chosen from (None for a slug that was given)."""
    name = _AUTO[mode] if model in ("auto", "") else _NICKNAMES.get(model, model)
    if name not in families:
        short = [family for family in families if family.split("/")[1] == name]
        if not short:
            if re.fullmatch(r"[a-z0-9][a-z0-9._-]*/[a-z0-9][a-z0-9._-]*", name):
                return name, None
            raise VerbError("There is no family %r; known are auto, %s, and every slug of the catalog." % (model, ", ".join(families)))
        name = short[0]
    if mode not in families[name]:
        able = [family for family, modes in families.items() if mode in modes]
        raise VerbError("%s does not %s; %s does." % (name, _WORDS[mode], " or ".join(able)))
    return families[name][mode], name


def tags_in_words(prompt: str) -> str:
    """@Image1 as words, for families that do not know the tag."""
    return re.sub(r"@(Image|Video|Audio)(\d+)", lambda m: "the %s reference %s" % (m.group(1).lower(), m.group(2)), prompt)


def keeps_tags(name: str) -> bool:
    return "seedance" in name or "kling-o3" in name


def veo_seconds(duration: float) -> int:
    """The nearest length the family makes."""
    return min(VEO_SECONDS, key=lambda s: (abs(s - duration), s))


def given(**members: Any) -> Dict[str, Any]:
    """Those that are not None."""
    return {name: value for name, value in members.items() if value is not None}
