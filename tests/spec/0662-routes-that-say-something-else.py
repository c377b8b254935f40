#!/usr/bin/env python3
"""What `puras catalog lint` proves of a route: it states what was paid for, and nothing that a caller adds changes that."""
import os
import shutil
import subprocess
import tempfile

from harness import PURAS, TOP, case, expect, run

GOOD = """slug: studio/film
kind: video
title: Film
inputs:
  image:    {file: image, required: true, aliases: [image_url]}
  prompt:   {type: text, required: true}
  duration: {type: seconds, default: 5, min: 3, max: 15, step: 1, price: true}
  audio:    {type: bool, default: false, aliases: [generate_audio], price: true}
price:
  unit: second
  quantity: {input: duration}
  rate_table:
    - {when: {audio: true}, micros: 200000}
    - {micros: 100000}
routes:
  - provider: fal
    model: acme/film
    cost: {unit: second, rate_table: [{when: {audio: true}, micros: 150000}, {micros: 80000}]}
    request: '.rest + {prompt: .prompt, image_url: .image, duration: (.duration | tostring), generate_audio: .audio}'
    carries: {audio: generate_audio}
"""
SPEECH = """slug: studio/speech
kind: audio
title: Speech
inputs:
  text: {type: text, required: true, max_chars: 100, price: true}
price:
  unit: kchar
  quantity: {input: text}
  rate_table: [{micros: 20000}]
routes:
  - provider: openai
    endpoint: speech
    model: tts-1
    request: '.rest + {input: .text, voice: "alloy"}'
    carries: {text: input}
"""
# what is changed, and a part of what is said about it
BAD = [
    (", generate_audio: .audio}", "}", "depends on `audio`"),
    ("generate_audio: .audio", "generate_audio: true", "carries `true` at `generate_audio` in place of `false`"),
    ("(.duration | tostring)", '"5"', "depends on `duration`"),
    ("duration: (.duration | tostring)", "seconds: .duration", "depends on `duration`"),
    ("'.rest + {prompt: .prompt,", "'{prompt: .prompt,", None),
    ("'.rest + {prompt: .prompt, image_url: .image, duration: (.duration | tostring), generate_audio: .audio}'",
     "'{prompt: .prompt, image_url: .image, duration: (.duration | tostring), sound: .audio} + .rest'\n    status: documented", "depends on `audio`"),
    ("carries: {audio: generate_audio}", "carries: {sound: generate_audio}", "`sound`"),
    ("carries: {audio: generate_audio}", "carries: {audio: {fixed: true}}", "without a reason"),
    ("carries: {audio: generate_audio}", "carries: {audio: {path: generate_audio, values: {\"true\": native, \"false\": \"off\"}}}", "depends on `audio`"),
    ("(.duration | tostring)", "(.duration | tostrin)", "tostrin"),
    ("(.duration | tostring)", "(env.HOME)", "env"),
    ("(.duration | tostring)", "(.duration | error)", "makes no request"),
    ("provider: fal", "provider: fell", "fell"),
    ("model: acme/film", "model: acme/film\n    endpoint: nowhere", "nowhere"),
    ("model: acme/film", "model: acme/film\n    when: {fps: 24}", "fps"),
    ("micros: 150000", "micros: 250000", "costs 750000 micros and is priced at 600000"),
    ("carries: {audio: generate_audio}", "carries: {audio: generate_audio}\n    status: sure", "sure"),
]


def lint(model, description="fal", change=None):
    with tempfile.TemporaryDirectory() as folder:
        os.mkdir(os.path.join(folder, "providers"))
        os.mkdir(os.path.join(folder, "models"))
        place = os.path.join(folder, "providers", description + ".yaml")
        shutil.copy(os.path.join(TOP, "catalog", "providers", description + ".yaml"), place)
        if change:
            with open(place, encoding="utf-8") as f:
                text = f.read()
            expect(change[0] in text, change)
            with open(place, "w", encoding="utf-8") as f:
                f.write(text.replace(*change))
        with open(os.path.join(folder, "models", "film.yaml"), "w", encoding="utf-8") as f:
            f.write(model)
        done = subprocess.run([PURAS, "catalog", "lint", folder], capture_output=True, text=True, timeout=60, check=False)
        return done.returncode, done.stdout + done.stderr


@case
def a_sound_route_passes():
    for model, description in ((GOOD, "fal"), (SPEECH, "openai")):
        status, said = lint(model, description)
        expect(status == 0, said)


@case
def a_route_that_says_something_else_is_refused():
    for old, new, part in BAD:
        expect(old in GOOD, old)
        status, said = lint(GOOD.replace(old, new))
        if part is None:
            expect(status == 0, said)
            continue
        expect(status != 0 and "film.yaml:" in said and part in said, (new, said))


@case
def what_a_caller_adds_chooses_no_model():
    status, said = lint(SPEECH, "openai", (".input + {model: .model}", "{model: .model} + .input"))
    expect(status != 0 and "an input `model` that a caller adds changes what the route to openai states" in said, said)
    status, said = lint(SPEECH.replace("'.rest + {input: .text, voice: \"alloy\"}'", "'{input: .text, voice: \"alloy\"} + .rest'"), "openai")
    expect(status != 0 and "an input `input` that a caller adds changes" in said, said)


run()
