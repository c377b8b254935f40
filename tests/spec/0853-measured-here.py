#!/usr/bin/env python3
"""Prices that are measured on what a local model made: held at their maximum, billed as measured, never more."""
import os
import tempfile

from harness import Server, case, equal, run

MODELS = {
    "film": ("video", "motion-t2v", "second", "{measured: seconds, max: 30}", 1000, 777),
    "picture": ("image", "sketch", "megapixel", "{measured: megapixels, max: 4}", 4000, 555),
}


@case
def what_was_made_is_billed():
    with tempfile.TemporaryDirectory() as folder:
        for name, (kind, program, unit, quantity, rate, unmeasured) in MODELS.items():
            with open(os.path.join(folder, name + ".yaml"), "w", encoding="utf-8") as f:
                f.write("slug: studio/%s\nkind: %s\ninputs:\n  prompt: {type: text, required: true}\nprice:\n  unit: %s\n  quantity: %s\n  if_unmeasured: %d\n  rate_table: [{micros: %d}]\n"
                        "routes: [{provider: local, model: %s}]\n" % (name, kind, unit, quantity, unmeasured, rate, program))
        with Server("--catalog", folder) as s:
            before = s.balance()
            for name, inputs, held, billed in (("film", {"duration": 2, "resolution": "360p"}, 30000, 2000), ("picture", {"size": "1000x500"}, 16000, 2000)):
                made = s.wait(s.submit("studio/" + name, dict(inputs, prompt="a boat")))
                equal((name, made["status"], made["quoted_micros"], made["billed_micros"], made["held_micros"]), (name, "completed", held, billed, 0))
            equal(before - s.balance(), 4000)
            equal([u["quantity"] for u in s.get("/v1/usage_events").json["usage_events"]], [500000, 2000])
            s.audit()


run()
