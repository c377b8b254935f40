#!/usr/bin/env python3
"""A call can tell the twin what is to go wrong: each class of failure has its code and costs nothing, a passing one is tried again and paid
once, and what was handed over is what is billed."""
import time

from harness import case, equal, expect, run, shared

SLUG = "kuaishou/kling-v3-t2v"
PRICE = 403200


def server():
    return shared("sqlite")


def call(words, slug=SLUG, key="test", **inputs):
    s = server()
    return s.wait(s.submit(slug, dict({"prompt": "a red boat", "twin": words}, **(inputs or {"duration": 3})), key=key), key=key)


@case
def every_class_has_its_code_and_costs_nothing():
    rows = [("caller", "refused"), ("moderation", "refused"), ("auth", "provider_failed"), ("quota", "provider_failed"), ("gone", "provider_failed"),
            ("unclassified", "provider_failed")]
    for name, code in rows:
        before = server().balance("test")
        done = call("fail " + name)
        equal((name, done["status"], done["attempts"], done["billed_micros"]), (name, "failed", 1, 0))
        expect(name in done["error"]["detail"] and done["error"]["charged_micros"] == 0, done["error"])
        equal((name, done["error"]["code"]), (name, code))
        equal(server().balance("test"), before)


@case
def what_passes_is_tried_again_and_paid_once():
    s, before = server(), server().balance("test")
    told = ("fail transient 1", "fail rate_limit 1", "busy 1 1s", "lose 1")
    started = [(words, s.submit(SLUG, {"prompt": "a red boat", "duration": 3, "twin": words}, key="test")) for words in told]
    for words, one in started:
        done = s.wait(one, key="test")
        equal((words, done["status"], done["attempts"], done["billed_micros"]), (words, "completed", 2, PRICE))
    equal(before - s.balance("test"), 4 * PRICE)


@case
def words_may_stand_in_the_prompt_or_in_an_object():
    s = server()
    for inputs in ({"prompt": "a boat [twin: fail moderation] at sea"}, {"prompt": "a boat", "twin": {"fail": "moderation"}},
                   {"prompt": "a boat", "twin": {"fail": "moderation", "fewer": False}}):
        done = s.wait(s.submit(SLUG, inputs, key="test"), key="test")
        equal(done["status"], "failed")


@case
def it_is_slow_without_a_thread():
    s, began = server(), time.monotonic()
    slow = [s.submit(SLUG, {"prompt": "a boat", "duration": 3, "twin": "slow 2s"}, key="test") for _ in range(8)]
    quick = call("")
    equal(quick["status"], "completed")
    expect(time.monotonic() - began < 2, "eight that rest kept another from being made")
    for one in slow:
        equal(s.wait(one, key="test")["status"], "completed")
    expect(time.monotonic() - began >= 2)


@case
def fewer_files_are_billed_by_what_came():
    done = call("fewer 1", slug="bytedance/seedream-v4", n=3)
    equal((len(done["outputs"]), done["billed_micros"]), (2, 72000))
    expect("outputs_missing" in done["meta"]["warnings"][0], done["meta"])
    equal(call("fewer 3", slug="bytedance/seedream-v4", n=3)["billed_micros"], 0)


@case
def a_lie_about_the_length_changes_no_bill():
    done = call("length 1s")
    equal((done["outputs"][0]["duration"], done["billed_micros"]), (1, PRICE))


@case
def no_more_than_a_row_allows_is_billed_of_a_measured_file():
    s = server()
    def made(slug, **inputs):
        done = s.wait(s.submit(slug, inputs, key="test"), key="test")
        equal(done["status"], "completed")
        return done
    film = {"drive_path": made(SLUG, prompt="a boat", duration=12)["outputs"][0]["drive_path"]}
    picture = {"drive_path": made("bytedance/seedream-v4", prompt="a boat", size="1024x1024")["outputs"][0]["drive_path"]}
    for whom, seconds in (("image", 10), ("video", 12)):
        equal(made("kuaishou/kling-v3-motion", image=picture, video=film, character_orientation=whom)["billed_micros"], seconds * 201600)


@case
def a_file_of_another_kind_costs_nothing():
    for slug, type in ((SLUG, "image/png"), ("bytedance/seedream-v4", "audio/mpeg")):
        done = call("wrong-type", slug=slug)
        equal((done["status"], done["error"]["code"], done["error"]["charged_micros"], done["billed_micros"], done["outputs"]), ("failed", "output_lost", 0, 0, []))
        expect(type in done["error"]["detail"] and "Nothing was charged" in done["error"]["detail"], done["error"])


@case
def unknown_words_are_refused():
    for words in ("explode", "slow", "slow soon", "fail", "fail badly", "fail transient x", "busy 1 soon", "fewer -1", "twice 2", "die 1 2", "slow 200ms, nonsense"):
        done = call(words)
        equal((words, done["status"], done["attempts"]), (words, "failed", 1))
        expect("docs/TWIN.md" in done["error"]["detail"], done["error"])


@case
def a_live_key_cannot_tell_a_local_model_anything():
    s = server()
    equal(s.wait(s.submit("puras/sketch", {"prompt": "a boat", "twin": "fail caller"}))["status"], "completed")


run()
