#!/usr/bin/env python3
"""A provider that nobody has heard of, described from docs/PROVIDERS.md alone."""
import os
import shutil
import subprocess
import tempfile

from harness import PURAS, TOP, case, equal, expect, run

DESCRIPTION = """
provider: lantern
title: The lantern shop
base: http://127.0.0.1:%(port)d
private: ["127.0.0.1:%(port)d"]
status: documented
auth: {scheme: header, name: X-Wick, format: "{key}"}
key: {env: LANTERN_KEY, about: A wick of the shop}
limits: {concurrency: 4, rate: 50/s, polls: 50/s}
pace: {first: 0.1s, every: 0.1s, max: 1s}
protocol: queue
submit:
  path: /paint
  request: '(.input.size | split("x") | map(tonumber)) as $size | {scene: {words: .input.prompt, wide: $size[0], high: $size[1]}, copies: .input.n, mine: $our_ref}'
  reply: {ref: ticket.no, status: mood}
poll:
  path: "/look/{ref}"
  reply: {status: mood, progress: dried}
statuses: {napping: waiting, painting: running, proud: done}
failed_when: {at: grumble.kind, exists: true}
errors:
  - {at: grumble.kind, is: [blush], class: moderation}
  - {at: grumble.kind, is: [stranger], class: auth}
  - {at: grumble.kind, is: [yawn], class: transient}
error_message: grumble.words
outputs:
  files: "shelf[*].at"
  credentials: true
  meta: {candles: candles}
"""
MODEL = """
slug: lantern/grey
kind: image
title: Grey pictures
inputs:
  prompt: {type: text, required: true, max_chars: 500}
  size:   {type: size, default: 64x48, min: 16, max: 512, aliases: [image_size]}
  n:      {type: int, default: 1, min: 1, max: 4, aliases: [num_images], price: true}
price:
  unit: image
  outputs: {input: n}
  rate_table: [{micros: 3000}]
routes:
  - {provider: lantern, model: grey, carries: {n: copies}, cost: {unit: image, rate_table: [{micros: 2000}]}}
"""


def write(folder, name, text):
    """As an editor does: beside it first, then over it."""
    path = os.path.join(folder, name)
    with open(path + ".new", "w", encoding="utf-8") as f:
        f.write(text)
    os.rename(path + ".new", path)


@case
def a_description_that_is_wrong_is_named_and_changes_nothing():
    with tempfile.TemporaryDirectory() as folder:
        os.mkdir(os.path.join(folder, "providers"))
        for text, words in [
                (DESCRIPTION.replace("proud: done", "proud: happy"), "happy"),
                (DESCRIPTION.replace("path: /paint", "path: /paint/{nobody}"), "nobody"),
                (DESCRIPTION.replace("class: moderation", "class: shame"), "shame"),
                (DESCRIPTION.replace("copies: .input.n", "copies: (.input.n"), "compile"),
                (DESCRIPTION.replace("pace:", "paces:"), "paces"),
                (DESCRIPTION.replace("scheme: header", "scheme: charm"), "charm")]:
            write(os.path.join(folder, "providers"), "lantern.yaml", text % {"port": 4711})
            write(folder, "grey.yaml", MODEL)
            done = subprocess.run([PURAS, "catalog", "lint", folder], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
            expect(done.returncode != 0 and words in done.stdout.decode(), (words, done.stdout))
        # what the price counts has to be told to the provider
        write(os.path.join(folder, "providers"), "lantern.yaml", DESCRIPTION.replace("copies: .input.n", "copies: 4") % {"port": 4711})
        done = subprocess.run([PURAS, "catalog", "lint", folder], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
        expect(done.returncode != 0 and "copies" in done.stdout.decode(), done.stdout)
        write(os.path.join(folder, "providers"), "lantern.yaml", DESCRIPTION % {"port": 4711})
        done = subprocess.run([PURAS, "catalog", "lint", folder], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
        equal((done.returncode, done.stdout.decode()[:9]), (0, "1 models,"))


@case
def engines_of_ones_own_are_a_few_lines():
    """The files to copy, and those in the page, are whole models."""
    with open(os.path.join(TOP, "docs", "PROVIDERS.md"), encoding="utf-8") as f:
        page = f.read().split("## Engines of your own")[1]
    blocks = [part.split("```")[0] for part in page.split("```yaml\n")[1:]]
    expect(len(blocks) >= 4, blocks)
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as shipped:
        for i, block in enumerate(blocks):
            write(folder, "%d.yaml" % i, block)
        os.mkdir(os.path.join(shipped, "providers"))
        for name in ("comfyui", "sd-cpp", "openai-compatible"):
            shutil.copy(os.path.join(TOP, "catalog", "providers", name + ".yaml"), os.path.join(shipped, "providers"))
        for engines in (folder, os.path.join(TOP, "examples", "engines")):
            done = subprocess.run([PURAS, "catalog", "lint", shipped, engines], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
            equal((done.returncode, b"no problems" in done.stdout), (0, True))


run()
