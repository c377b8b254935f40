#!/usr/bin/env python3
"""What a provider has made is not lost for a key that is gone, and a price that counts an input counts that one, by whomever it is made."""
import io
import os
import signal
import subprocess
import time
import wave

from harness import PURAS, Server, case, equal, run
from provider_double import KEY, Double, catalog, write

LONG = """
slug: double/long
kind: image
title: Pictures by the second of sound
inputs:
  prompt: {type: text, required: true}
  audio: {file: audio, required: true, price: true}
price:
  unit: second
  quantity: {media: audio, max: 60}
  if_unmeasured: 7
  rate_table: [{micros: 100}]
routes:
  - {provider: double, endpoint: data, model: data}
"""


def sound(seconds):
    out = io.BytesIO()
    with wave.open(out, "wb") as w:
        w.setnchannels(1)
        w.setsampwidth(2)
        w.setframerate(8000)
        w.writeframes(bytes(16000 * seconds))
    return out.getvalue()


@case
def the_input_that_the_price_counts_is_measured():
    with Double() as d, catalog(d) as folder:
        write(folder, "models/double-long.yaml", LONG)
        with Server("--catalog", folder, env=KEY) as s:
            before = s.balance()
            equal(s.call("PUT", "/v1/drive/files/in.wav", sound(3), key="live").status // 100, 2)
            made = s.wait(s.submit("double/long", {"prompt": "a", "audio": "in.wav"}))
            equal((made["status"], made["billed_micros"]), ("completed", 300))
            with d.hold("file") as at:  # known after a restart, too
                id = s.submit("double/long", {"prompt": "a", "audio": "in.wav"})
                at.wait()
                s.kill9()
            s.restart()
            made = s.wait(id)
            equal((made["status"], made["billed_micros"]), ("completed", 300))
            equal(before - s.balance(), 600)
            s.audit()


@case
def a_helper_that_dies_while_it_measures_is_asked_again():
    with Double() as d, catalog(d) as folder:
        write(folder, "models/double-long.yaml", LONG)
        with Server("--catalog", folder, env=KEY) as s:
            equal(s.call("PUT", "/v1/drive/files/in.wav", sound(3), key="live").status // 100, 2)
            with d.hold("file") as at:
                id = s.submit("double/long", {"prompt": "a", "audio": "in.wav"})
                at.wait()
                with s.hold_renders() as helper:
                    at.go.set()
                    time.sleep(0.7)  # it is asked for the length by now, and stands still
                    equal(s.get("/v1/generations/" + id).json["status"], "processing")
                    helper.send(signal.SIGKILL)
            made = s.wait(id)
            equal((made["status"], made["billed_micros"]), ("completed", 300))
            s.audit()


@case
def a_key_that_is_taken_away_loses_nothing_that_was_made():
    with Double() as d, catalog(d) as folder, Server("--catalog", folder) as s:
        before = s.balance()
        subprocess.run([PURAS, "providers", "set-key", "double"], input="double-secret", text=True, check=True, timeout=60, stdout=subprocess.DEVNULL,
                       env=dict(os.environ, PURAS_API_BASE=s.url, PURAS_API_KEY=s.admin))
        d.fault("file", status=503)
        with d.hold("file") as at:
            id = s.submit("double/blind", {"prompt": "a"})
            at.wait()
            s.cli("providers", "unset-key", "double", key="admin")
        made = s.wait(id)
        equal((made["status"], made["billed_micros"], made["attempts"], d.count("file")), ("completed", 3000, 1, 2))
        equal(before - s.balance(), 3000)
        s.audit()


run()
