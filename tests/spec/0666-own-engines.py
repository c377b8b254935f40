#!/usr/bin/env python3
"""Engines of one's own: the shipped descriptions and the models to copy, at servers that answer as ComfyUI, stable-diffusion.cpp and OpenAI do."""
import base64
import email.parser
import email.policy
import http.server
import json
import os
import re
import struct
import subprocess
import tempfile
import threading
import urllib.parse
import zlib

from harness import PURAS, TOP, case, equal, expect, run


def png(width, height, shade):
    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
    rows = b"".join(b"\0" + bytes([shade]) * width for _ in range(height))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


class Engine(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def say(self, status, body, kind="application/json"):
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def form(self, body):
        """The parts of a form by name: (file name, bytes)."""
        head = ("Content-Type: %s\r\n\r\n" % self.headers["Content-Type"]).encode()
        message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + body)
        return {p.get_param("name", header="content-disposition"): (p.get_filename(), p.get_payload(decode=True)) for p in message.iter_parts()}

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        # none of them has a key, and none is sent
        expect("Authorization" not in self.headers, self.headers)
        self.post(self.path, body)

    def do_GET(self):
        self.get(*(self.path.split("?") + [""])[:2])


class Comfy(Engine):
    def post(self, path, body):
        state = self.server.state
        if path == "/upload/image":
            parts = self.form(body)
            equal((parts["type"][1], parts["overwrite"][1]), (b"input", b"true"))
            name = "kept (%d).png" % len(state["uploads"])
            state["uploads"][name] = parts["image"][1]
            self.say(200, {"name": name, "subfolder": "", "type": "input"})
        else:
            flow = json.loads(body)["prompt"]
            for node in flow.values():
                for value in node["inputs"].values():
                    if isinstance(value, list) and value[0] not in flow:
                        return self.say(400, {"error": {"type": "invalid_prompt", "message": "a link leads nowhere", "details": "", "extra_info": {}}, "node_errors": {}})
            state["flows"].append(flow)
            self.say(200, {"prompt_id": "p-%d" % len(state["flows"]), "number": 1, "node_errors": {}})

    def get(self, path, query):
        state = self.server.state
        if path.startswith("/history/"):
            number = path.split("/")[2]
            state["looks"][number] = state["looks"].get(number, 0) + 1
            if state["looks"][number] < 2:
                return self.say(200, {})
            status = {"status_str": "success", "completed": True, "messages": []}
            return self.say(200, {number: {"outputs": {"9": {"images": [{"filename": "puras 00001_.png", "subfolder": "a b", "type": "output"}]}}, "status": status}})
        fields = urllib.parse.parse_qs(query)
        equal((path, fields["filename"], fields["subfolder"], fields["type"]), ("/view", ["puras 00001_.png"], ["a b"], ["output"]))
        self.say(200, png(64, 64, 7), "image/png")


class SdCpp(Engine):
    def post(self, path, body):
        order = json.loads(body)
        equal(path, "/sdcpp/v1/img_gen")
        self.server.state["order"] = order
        self.say(202, {"id": "job_1", "kind": "img_gen", "status": "queued", "created": 1800000000, "poll_url": "/sdcpp/v1/jobs/job_1"})

    def get(self, path, query):
        equal(path, "/sdcpp/v1/jobs/job_1")
        self.server.state["looks"] = self.server.state.get("looks", 0) + 1
        if self.server.state["looks"] < 2:
            return self.say(200, {"id": "job_1", "kind": "img_gen", "status": "generating", "queue_position": 0})
        order = self.server.state["order"]
        pictures = [{"index": i, "b64_json": base64.b64encode(png(order["width"], order["height"], i)).decode()} for i in range(order["batch_count"])]
        self.say(200, {"id": "job_1", "kind": "img_gen", "status": "completed", "result": {"images": pictures, "output_format": "png"}})


class OpenAiLike(Engine):
    def post(self, path, body):
        order = json.loads(body)
        self.server.state["order"] = order
        if path == "/v1/audio/speech":
            return self.say(200, b"ID3\x03\x00\x00\x00\x00\x00\x00" + b"\xff\xfb\x90\x00" + bytes(413), "audio/mpeg")
        equal(path, "/v1/images/generations")
        wide, high = order["size"].split("x")
        self.say(200, {"created": 1, "data": [{"b64_json": base64.b64encode(png(int(wide), int(high), i)).decode()} for i in range(order["n"])]})


def tried(engine, provider, slug, *arguments):
    """`puras provider try` with the shipped description, led to a scripted engine. Returns what was said, the first output's bytes, and the engine's memory."""
    served = http.server.ThreadingHTTPServer(("127.0.0.1", 0), engine)
    served.state = {"uploads": {}, "flows": [], "looks": {}} if engine is Comfy else {}
    threading.Thread(target=served.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(TOP, "catalog", "providers", provider + ".yaml"), encoding="utf-8") as f:
            text = f.read()
        port = re.search(r'^private: \["127\.0\.0\.1:(\d+)"\]$', text, re.M).group(1)
        path, out = os.path.join(folder, provider + ".yaml"), os.path.join(folder, "out")
        with open(path, "w", encoding="utf-8") as f:
            f.write(re.sub(r"pace: \{[^}]*\}", "pace: {first: 0.1s, every: 0.1s, max: 1s}", text.replace("127.0.0.1:" + port, "127.0.0.1:%d" % served.server_address[1])))
        picture = os.path.join(folder, "in.png")
        with open(picture, "wb") as f:
            f.write(png(32, 32, 200))
        arguments = [a.replace("@in.png", "@" + picture) for a in arguments]
        done = subprocess.run([PURAS, "provider", "try", path, slug, "-c", os.path.join(TOP, "examples", "engines"), "-o", out, "-t", "20"] + arguments,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
        served.shutdown()
        served.server_close()
        bytes_out = None
        if os.path.exists(out):
            with open(out, "rb") as f:
                bytes_out = f.read()
        return done.stdout.decode("utf-8", "replace"), bytes_out, served.state


@case
def a_workflow_of_comfyui_runs():
    said, out, state = tried(Comfy, "comfyui", "home/sdxl", "-i", "prompt=a fox", "-i", "size=512x768")
    equal(out, png(64, 64, 7))
    flow = state["flows"][0]
    equal((flow["5"]["inputs"]["width"], flow["5"]["inputs"]["height"], flow["6"]["inputs"]["text"]), (512, 768, "a fox"))
    expect(flow["3"]["inputs"]["seed"] > 0 and "done: 1 output" in said, (flow, said))


@case
def a_picture_is_uploaded_to_comfyui_first():
    said, out, state = tried(Comfy, "comfyui", "home/sdxl-edit", "-i", "prompt=as a woodcut", "-i", "image=@in.png")
    equal(list(state["uploads"].values()), [png(32, 32, 200)])
    equal(state["flows"][0]["1"]["inputs"]["image"], "kept (0).png")
    equal(out, png(64, 64, 7))


@case
def stable_diffusion_cpp_makes_two():
    said, _, state = tried(SdCpp, "sd-cpp", "home/sd", "-i", "prompt=a fox", "-i", "n=2", "-i", "size=128x64")
    expect("done: 2 outputs" in said, said)
    equal((state["order"]["width"], state["order"]["height"], state["order"]["batch_count"]), (128, 64, 2))


@case
def servers_that_speak_as_openai_does():
    said, _, state = tried(OpenAiLike, "openai-compatible", "home/qwen-image", "-i", "prompt=a fox", "-i", "n=3", "-i", "model=other")
    expect("done: 3 outputs" in said, said)
    equal((state["order"]["model"], state["order"]["size"], state["order"]["n"], state["order"]["response_format"]), ("Qwen/Qwen-Image", "1024x1024", 3, "b64_json"))
    said, out, state = tried(OpenAiLike, "openai-compatible", "home/kokoro", "-i", "text=Hello", "-i", "voice=af_bella")
    equal(state["order"], {"model": "kokoro", "input": "Hello", "voice": "af_bella", "response_format": "mp3"})
    equal(out[:3], b"ID3")


run()
