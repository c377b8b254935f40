#!/usr/bin/env python3
"""Every pattern of media.run, one function each. Needs a server and a key: PURAS_API_BASE and PURAS_API_KEY (a test key makes real files
and needs no provider's key).

    examples/python/patterns.py            runs all of them
    examples/python/patterns.py edit fast  runs those
"""
import sys

from puras import media


def text_to_image():
    img = media.run(
        "openai/gpt-image-2",
        {"prompt": "a vintage red bicycle", "size": "1024x1024", "quality": "high"},
    )
    return img


def edit():
    img = text_to_image()
    return media.run(
        "bytedance/seedream-v4-edit",
        {"image_url": img["output_url"], "prompt": "give it neon trim"},
    )


def image_to_video():
    img = text_to_image()
    return media.run(
        "bytedance/seedance-2-i2v",
        {"image_url": img["output_url"], "prompt": "make it spin slowly", "duration": 8},
        output_path="renders/spin.mp4",
    )


def reference_to_video():
    img = text_to_image()
    clip = image_to_video()
    with_video = media.run(
        "bytedance/seedance-2-r2v",
        {
            "prompt": "match the style of the reference clip",
            "image_urls": [img["output_url"]],
            "video_url": clip["output_url"],  # the rate with a reference video
            "duration": 6,
        },
    )
    without = media.run("bytedance/seedance-2-r2v", {"prompt": "the same bicycle", "image_urls": [img["output_url"]], "duration": 6})
    assert with_video["billed_micros"] != without["billed_micros"]
    return with_video


def audio_on_and_off():
    silent = media.run("kuaishou/kling-v3-t2v", prompt="rainy alley", duration=5)
    loud = media.run("kuaishou/kling-v3-t2v", prompt="rainy alley", duration=5, generate_audio=True)
    assert silent["billed_micros"] < loud["billed_micros"]
    return media.run("google/veo-3-t2v", prompt="thunder rolling over hills", duration=4, generate_audio=True)


def fast():
    quick = media.run("bytedance/seedance-2-fast-t2v", prompt="a paper boat", duration=5)
    slow = media.run("bytedance/seedance-2-t2v", prompt="a paper boat", duration=5)
    assert quick["billed_micros"] < slow["billed_micros"]
    return media.run("google/veo-3-fast-i2v", image_url=text_to_image()["output_url"], duration=4)


def output_url_path():
    return media.run("kuaishou/kling-v3-image", {"prompt": "a lighthouse"}, output_url_path="images[0].url")


def skill():
    from skill import main

    return main.run({"prompt": "a vintage red bicycle"})


PATTERNS = [text_to_image, edit, image_to_video, reference_to_video, audio_on_and_off, fast, output_url_path, skill]

if __name__ == "__main__":
    for pattern in PATTERNS:
        if len(sys.argv) == 1 or pattern.__name__ in sys.argv[1:]:
            made = pattern()
            print("%-20s %-32s %8.4f USD" % (pattern.__name__, made["drive_path"], made["billed_usd"]))
