"""Run models: pictures, films, songs, voices, transcripts.

    from puras import media
    img = media.run("openai/gpt-image-2", {"prompt": "a vintage red bicycle", "size": "1024x1024", "quality": "high"})
    vid = media.run("bytedance/seedance-2-i2v", image_url=img["output_url"], prompt="make it spin slowly", duration=8)

Every call is priced before it runs and charged when its file is stored; a failed call costs nothing unless its error says otherwise.
"""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Sequence

from . import _verbs
from ._client import Client, references
from ._errors import VerbError
from ._generation import Generation

__all__ = ["run", "quote", "submit", "get", "generate_image", "generate_video", "generate_audio", "transcribe"]


def run(model: str, inputs: Optional[Dict[str, Any]] = None, *, output_path: Optional[str] = None, output_url_path: Optional[str] = None,
        kind: str = "auto", **kwargs: Any) -> Dict[str, Any]:
    """Runs a model and waits for its file.

    model            a slug of the catalog: "openai/gpt-image-2"
    inputs           what the model takes; file inputs may be local files (see puras._files): a Path, bytes, an open file, an earlier result, a path of
                     the drive, a link, a data URI
    output_path      where the file goes in the drive; default media/<request_id>.<ext>. A file that is there already is replaced, and stays
                     reachable through its own generation
    output_url_path  where the link stands in the provider's reply, when it is not found by itself: "outputs[0].asset.url"
    kind             "image", "video", "audio", "text", or "auto": as the model says
    **kwargs         merged into inputs; a keyword wins over a member of inputs

    Returns the dictionary:
        model, kind
        drive_path      the file in the drive ("" for a transcript)
        output_url      a signed link to it, valid for one hour; give it to others, and read the file itself by drive_path
        request_id      names the generation, 32 hex digits
        billed_micros   what it cost, in micros (1 USD = 1,000,000); billed_usd: the same in US dollars
        meta            {"metrics": {"inference_time": seconds, ...}, "warnings": [...], ...}
        outputs         with several files: all of them
        text, words, language_code   of a transcript

    Raises PurasAPIError (code, message, charged_micros, can_retry), PurasConnectionError, InputError.
    A connection that is lost is taken up again with the same idempotency key; nothing else is ever repeated.
    """
    return Client().media_run(model, inputs, output_path=output_path, output_url_path=output_url_path, kind=kind, **kwargs)


def quote(model: str, inputs: Optional[Dict[str, Any]] = None, **kwargs: Any) -> Dict[str, Any]:
    """What a call would cost, without making it.

    Returns quoted_micros, quoted_usd, quoted_credits, row (the row of the price table that matched), inputs (canonical), quote_id (holds the
    price for ten minutes; see submit) and expires_at.
    """
    return Client().media_quote(model, inputs, **kwargs)


def submit(model: str, inputs: Optional[Dict[str, Any]] = None, *, wait: float = 0, output_path: Optional[str] = None, kind: str = "auto",
           max_usd: Optional[float] = None, quote_id: Optional[str] = None, metadata: Optional[Dict[str, Any]] = None, end_user: Optional[str] = None,
           url_ttl: Optional[int] = None, webhook_url: Optional[str] = None, idempotency_key: Optional[str] = None, **kwargs: Any) -> Generation:
    """Starts a model and returns at once, with a Generation to wait for.

    wait             seconds to wait for its end before returning, at most 590; 0: not at all
    max_usd          refuse (409 price_changed) when it costs more than that many US dollars
    quote_id         of a quote: its price holds, or the call is refused
    metadata         at most 4096 bytes of your own, shown again everywhere
    end_user         whom you act for, at most 128 bytes: in filters and sums of usage
    url_ttl          how long links live: 30 to 2,592,000 seconds, default 3600
    webhook_url      told of this call's end, https; the message is signed by the secret of `puras webhooks secret`
    idempotency_key  1 to 255 visible ASCII characters; a second call with it finds the first one and is not charged

    The other arguments are those of run().
    """
    return Client().media_submit(model, inputs, wait=wait, output_path=output_path, kind=kind, max_usd=max_usd, quote_id=quote_id, metadata=metadata,
                                 end_user=end_user, url_ttl=url_ttl, webhook_url=webhook_url, idempotency_key=idempotency_key, **kwargs)


def get(id: str) -> Generation:
    """A generation by its id (the request_id of a result)."""
    return Client().generation(id)


def _warn(result: Dict[str, Any], warnings: List[str]) -> Dict[str, Any]:
    if warnings:
        meta = result.setdefault("meta", {})
        meta["warnings"] = list(meta.get("warnings") or []) + warnings
    return result


def generate_image(prompt: str, *, model: str = "auto", refs: Optional[Sequence[Any]] = None, aspect_ratio: Optional[str] = None,
                   resolution: Optional[str] = None, n: Optional[int] = None, output_path: Optional[str] = None) -> Dict[str, Any]:
    """A picture from words; with refs (pictures, in any shape a file input has) an edit of them.

    model         "auto", a family ("google/nano-banana", "seedream", ...) or a slug
    aspect_ratio  "16:9", "1:1", ...
    resolution    "1K", "2K" or "4K", where the model knows them
    n             how many pictures; each is billed

    Returns run()'s dictionary. Raises VerbError when the family cannot do it.
    """
    slug, family = _verbs.slug(model, "edit" if refs else "text", _verbs.IMAGE)
    inputs = _verbs.given(prompt=prompt if _verbs.keeps_tags(slug) or family is None else _verbs.tags_in_words(prompt), image_urls=references(refs),
                          aspect_ratio=aspect_ratio, resolution=resolution, num_images=n)
    return run(slug, inputs, output_path=output_path, kind="image")


def generate_video(prompt: str = "", *, model: str = "auto", image: Any = None, last_frame: Any = None, refs: Optional[Sequence[Any]] = None,
                   lipsync_audio: Any = None, duration: Optional[float] = None, aspect_ratio: Optional[str] = None, resolution: Optional[str] = None,
                   audio: bool = False, output_path: Optional[str] = None) -> Dict[str, Any]:
    """A film: from words, from a picture (image, and last_frame to end on), after references (refs), or a picture that speaks (lipsync_audio).

    duration      seconds; the Veo family makes 4, 6 or 8, and the nearest is taken with a warning
    aspect_ratio  "16:9", "9:16", ...
    resolution    "720p", "1080p", ...
    audio         whether the film has sound; often priced differently

    Returns run()'s dictionary. Raises VerbError when the family cannot do it.
    """
    mode = "lipsync" if lipsync_audio is not None else "r2v" if refs else "i2v" if image is not None else "t2v"
    if mode == "lipsync" and image is None:
        raise VerbError("A picture that speaks needs the picture: give image.")
    slug, family = _verbs.slug(model, mode, _verbs.VIDEO)
    warnings: List[str] = []
    seconds: Optional[float] = duration
    if duration is not None and "veo" in slug and duration not in _verbs.VEO_SECONDS:
        seconds = _verbs.veo_seconds(duration)
        warnings.append("duration %g is not one that %s makes; %d was used." % (duration, slug, seconds))
    inputs = _verbs.given(prompt=(prompt if _verbs.keeps_tags(slug) or family is None else _verbs.tags_in_words(prompt)) or None, image_url=image,
                          end_image_url=last_frame, image_urls=references(refs), audio_url=lipsync_audio, duration=seconds,
                          aspect_ratio=aspect_ratio, resolution=resolution)
    if mode != "lipsync":
        inputs["generate_audio"] = audio
    return _warn(run(slug, inputs, output_path=output_path, kind="video"), warnings)


def generate_audio(text: str, *, model: str = "auto", voice: Optional[str] = None, language: Optional[str] = None, stability: Optional[float] = None,
                   similarity_boost: Optional[float] = None, style: Optional[float] = None, speed: Optional[float] = None,
                   output_path: Optional[str] = None) -> Dict[str, Any]:
    """Speech. stability, similarity_boost and style are 0 to 1, speed 0.7 to 1.2; the last three are known to the v2 voices alone and are
    left out with a warning elsewhere. Returns run()'s dictionary."""
    slug, _ = _verbs.slug(model, "speech", _verbs.AUDIO)
    extras = _verbs.given(similarity_boost=similarity_boost, style=style, speed=speed)
    warnings: List[str] = []
    if extras and slug == "elevenlabs/tts-v3":
        warnings.append("%s is not known to %s and was left out." % (", ".join(sorted(extras)), slug))
        extras = {}
    inputs = {**_verbs.given(text=text, voice=voice, language_code=language, stability=stability), **extras}
    return _warn(run(slug, inputs, output_path=output_path, kind="audio"), warnings)


def transcribe(audio: Any, *, keyterms: Optional[Sequence[str]] = None, language_code: Optional[str] = None,
               model: str = "elevenlabs/scribe-v2") -> Dict[str, Any]:
    """What is said in a sound file. Returns run()'s dictionary with text, words ([{"text", "start", "end"}], seconds) and language_code;
    drive_path is "" and output_url None."""
    return run(model, _verbs.given(audio_url=audio, keyterms=list(keyterms) if keyterms else None, language_code=language_code), kind="text")
