"""OpenAI's official Python client with nothing but our base URL and key. Prints "ok NAME" or "FAIL NAME" for each case."""
import base64
import io
import json
import os
import re
import socket
import sys
import threading
import traceback
import urllib.request

import openai

BASE, KEY = os.environ["PURAS_API_BASE"], os.environ["PURAS_API_KEY"]
client = openai.OpenAI(base_url=BASE + "/v1", api_key=KEY)
CASES = []


def case(function):
    CASES.append(function)
    return function


def balance():
    request = urllib.request.Request(BASE + "/v1/balance", headers={"Authorization": "Bearer " + KEY})
    return json.loads(urllib.request.urlopen(request).read())["available_micros"]


def fails(kind, function, **arguments):
    try:
        function(**arguments)
    except kind as error:
        return error
    raise AssertionError("%s was expected" % kind.__name__)


@case
def pictures_as_base64_and_as_links():
    before = balance()
    made = client.images.generate(model="gpt-image-2", prompt="two red boats", size="1024x1024", quality="low", n=2)
    assert len(made.data) == 2 and base64.b64decode(made.data[0].b64_json).startswith(b"\x89PNG"), made.data[0].b64_json[:20]
    assert before - balance() > 0 and before - balance() == made.model_dump()["billed_micros"]
    link = client.images.generate(model="puras/sketch", prompt="a boat", size="64x64", response_format="url")
    assert urllib.request.urlopen(link.data[0].url).read(4) == b"\x89PNG" and isinstance(link.created, int)


@case
def edits_of_one_and_of_several():
    png = base64.b64decode(client.images.generate(model="puras/sketch", prompt="a boat", size="64x64").data[0].b64_json)
    one = client.images.edit(model="gpt-image-2", image=("a.png", io.BytesIO(png), "image/png"), prompt="warmer", size="1024x1024", quality="low")
    several = client.images.edit(model="puras/sketch-edit", image=[("a.png", png, "image/png"), ("b.png", png, "image/png")], prompt="side by side")
    assert one.data[0].b64_json and several.data[0].b64_json


@case
def speech_streams_to_a_file():
    with client.audio.speech.with_streaming_response.create(model="puras/voice", voice="clara", input="Hello from here.") as reply:
        sound = b"".join(reply.iter_bytes())
    assert len(sound) > 1000 and reply.headers["content-type"] == "audio/mpeg"
    assert len(client.audio.speech.create(model="tts-1", voice="alloy", input="Hello.").content) > 1000


@case
def models_are_listed():
    rows = list(client.models.list())
    assert "puras/sketch" in [m.id for m in rows] and all(m.owned_by and m.object == "model" for m in rows)
    assert client.models.retrieve("puras/sketch").id == "puras/sketch"


@case
def errors_are_of_their_classes_with_our_codes():
    before = balance()
    assert fails(openai.BadRequestError, client.images.generate, model="no-such", prompt="x").code == "unknown_model"
    wrong = fails(openai.BadRequestError, client.images.generate, model="puras/sketch", prompt="x", size="huge")
    assert (wrong.code, wrong.param) == ("unpriceable_input", "size")
    bad = openai.OpenAI(base_url=BASE + "/v1", api_key=KEY[:-1] + "!")
    assert fails(openai.AuthenticationError, bad.images.generate, model="puras/sketch", prompt="x").code == "unauthenticated"
    refused = fails(openai.UnprocessableEntityError, client.images.generate, model="gpt-image-2", prompt="x [twin: fail moderation]", size="1024x1024", quality="low")
    assert refused.code == "refused", refused
    poor = openai.OpenAI(base_url=BASE + "/v1", api_key=os.environ["PURAS_POOR_KEY"])
    assert fails(openai.APIStatusError, poor.images.generate, model="puras/sketch", prompt="x").status_code == 402
    assert balance() == before, "a refusal was charged"


class Breaks:
    """A line to the server that breaks the first call off as soon as it was sent."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = "http://127.0.0.1:%d" % self.listener.getsockname()[1]
        self.calls = 0
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            client_side, _ = self.listener.accept()
            threading.Thread(target=self.carry, args=(client_side,), daemon=True).start()

    def carry(self, client_side):
        host, port = BASE.split("//")[1].split(":")
        with client_side, socket.create_connection((host, int(port))) as server_side:
            request = b""
            while b"\r\n\r\n" not in request or len(request.split(b"\r\n\r\n", 1)[1]) < int(re.search(rb"(?i)content-length: *(\d+)", request).group(1)):
                request += client_side.recv(65536)
            server_side.sendall(request)
            self.calls += 1
            if self.calls == 1:
                return
            while True:
                piece = server_side.recv(65536)
                if not piece:
                    return
                client_side.sendall(piece)
                if b"billed_micros" in piece:
                    return


@case
def a_lost_answer_is_charged_once():
    """The client repeats by itself what broke off, and counts; the server hands over what it made."""
    before, line = balance(), Breaks()
    made = openai.OpenAI(base_url=line.url + "/v1", api_key=KEY).images.generate(model="puras/sketch", prompt="once", size="2048x2048", response_format="url")
    assert made.data and line.calls == 2, line.calls
    assert before - balance() == 10000, before - balance()


failed = 0
for function in CASES:
    try:
        function()
        print("ok python_%s" % function.__name__, flush=True)
    except BaseException:
        failed += 1
        print("FAIL python_%s" % function.__name__)
        traceback.print_exc(file=sys.stdout)
sys.exit(1 if failed else 0)
