"""A deterministic skill: a function from inputs to outputs. A worker imports it and calls run()."""
from puras import media


def run(inputs: dict) -> dict:
    img = media.run(
        "openai/gpt-image-2",
        {"prompt": inputs["prompt"]},
    )
    return {"drive_path": img["drive_path"], "billed_usd": img["billed_usd"]}
