"""Floods a gateway with one key of the fewest rights, from another address than the clinician's (scripts/measure-flood starts it).

flood.py                                 names the kinds
flood.py KIND URL KEY ARCHIVE SECONDS    floods, and prints how it was answered, as JSON
"""

import base64
import http.client
import json
import os
import socket
import sys
import threading
import time
import uuid
from collections import Counter
from urllib.parse import urlsplit

BOUNDARY = "flood"
FROM = ("127.0.0.2", 0)


def form(content):
    head = (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="study.zip"\r\n'
        "Content-Type: application/zip\r\n\r\n"
    )
    return head.encode() + content + f"\r\n--{BOUNDARY}--\r\n".encode()


class Client:
    """One connection that is kept, with a key."""

    def __init__(self, url, key=None, source=None):
        self.headers = {"Authorization": f"Bearer {key}"} if key else {}
        self.connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=120, source_address=source)

    def ask(self, method, path, body=None, **headers):
        """Status and body, 0 where the connection ended; it is made anew where the server closed it."""
        headers = {**self.headers, **{name.replace("_", "-"): value for name, value in headers.items()}}
        for again in (False, True):
            try:
                self.connection.request(method, path, body, headers)
                answer = self.connection.getresponse()
                return answer.status, answer.read()
            except (http.client.HTTPException, OSError):
                self.connection.close()
                if again:
                    return 0, b""
        return 0, b""

    def upload(self, path, content):
        kind = f"multipart/form-data; boundary={BOUNDARY}"
        return self.ask("POST", path, form(content), Content_Type=kind, Prefer="respond-async")


class Flood:
    """Kinds of floods; each is threads that do one thing again and again."""

    def __init__(self, url, key, content):
        self.url, self.key, self.content = url, key, content
        self.address = urlsplit(url)
        self.ends = threading.Event()
        self.answers = Counter()
        self.own = None

    def threads(self):
        return {
            # What the issue asks for: trickles, uploads, reads and guesses at once.
            "mixed": [(self.trickle, 16), (self.upload, 4), (self.read, 4), (self.guess, 4)],
            "trickles": [(self.trickle, 16)],
            "uploads": [(self.upload, 8)],
            "reads": [(self.read, 16)],
            "guesses": [(self.guess, 16)],
            "wrong keys": [(self.wrong_key, 16)],
            "ranges": [(self.ranges, 16)],
            "instances": [(self.instances, 16)],
            "wildcards": [(self.wildcards, 16)],
            "half heads": [(self.half_head, 64)],
            "websockets": [(self.websocket, 16)],
            # Last: what it has accepted is analysed for a while after it.
            "predictions": [(self.predict, 16)],
        }

    def run(self, kind, seconds):
        if kind in ("ranges", "instances", "wildcards", "reads", "mixed"):
            self.own_scan()
        threads = [
            threading.Thread(target=work, daemon=True) for work, count in self.threads()[kind] for _ in range(count)
        ]
        print("begins", flush=True)
        for thread in threads:
            thread.start()
        time.sleep(seconds)
        # Of what was answered until now.
        print(json.dumps(dict(self.answers)), flush=True)
        self.ends.set()

    def own_scan(self):
        status, body = self.client().upload("/api/scans?duplicate=keep", self.content)
        if status != 201:
            raise SystemExit(f"flood: the upload was answered {status}: {body[:300]!r}")
        self.own = json.loads(body)["id"]

    def client(self):
        return Client(self.url, self.key, FROM)

    def again(self, name, ask):
        while not self.ends.is_set():
            status, _ = ask()
            self.answers[f"{name} {status}"] += 1

    def connect(self, timeout):
        return socket.create_connection((self.address.hostname, self.address.port), timeout, FROM)

    def trickle(self):
        head = (
            f"POST /api/scans HTTP/1.1\r\nHost: {self.address.netloc}\r\nAuthorization: Bearer {self.key}\r\n"
            f"Content-Type: multipart/form-data; boundary={BOUNDARY}\r\nContent-Length: 100000000\r\n\r\n"
            f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
        )
        while not self.ends.is_set():
            try:
                with self.connect(0.5) as stream:
                    stream.sendall(head.encode())
                    while not self.ends.is_set():
                        stream.sendall(b"x")
                        try:
                            self.answers[f"trickle {stream.recv(16)[9:12].decode()}"] += 1
                            break
                        except TimeoutError:
                            pass
            except OSError:
                pass
            self.ends.wait(0.2)

    def upload(self):
        client = self.client()
        self.again("upload", lambda: client.upload("/api/scans?duplicate=keep", self.content))

    def predict(self):
        client = self.client()
        self.again("predict", lambda: client.upload("/inference/predict", self.content))

    def read(self):
        client = self.client()
        while not self.ends.is_set():
            for path in ("/api/scans?limit=100", "/api/patients", "/dicom-web/studies", "/dicom-web/instances?limit=50"):
                status, _ = client.ask("GET", path)
                self.answers[f"read {status}"] += 1

    def instances(self):
        client = self.client()
        self.again("instances", lambda: client.ask("GET", "/dicom-web/instances?limit=5000&includefield=all"))

    def wildcards(self):
        client = self.client()
        self.again("wildcards", lambda: client.ask("GET", f"/dicom-web/studies?PatientName={'*a' * 30}*"))

    def ranges(self):
        client = self.client()
        many = "bytes=" + ",".join(f"{start * 7}-" for start in range(500))
        self.again("ranges", lambda: client.ask("GET", f"/api/scans/{self.own}/file", Range=many))

    def guess(self):
        client = Client(self.url, None, FROM)
        body = json.dumps({"login": "administrator", "password": "a wrong password"})
        self.again("guess", lambda: client.ask("POST", "/api/session", body, Content_Type="application/json"))

    def wrong_key(self):
        while not self.ends.is_set():
            client = Client(self.url, f"norma_{uuid.uuid4().hex}", FROM)
            for _ in range(20):
                status, _ = client.ask("GET", "/api/scans")
                self.answers[f"wrong key {status}"] += 1

    def half_head(self):
        while not self.ends.is_set():
            try:
                with self.connect(2) as stream:
                    stream.sendall(b"GET /api/scans HTTP/1.1\r\nHost: nor")
                    try:
                        self.answers[f"half a head {stream.recv(16)[9:12].decode()}"] += 1
                    except TimeoutError:
                        self.answers["half a head, left"] += 1
            except OSError:
                pass

    def websocket(self):
        while not self.ends.is_set():
            key = base64.b64encode(os.urandom(16)).decode()
            head = (
                f"GET /dicom-web/ws/subscribers/E{uuid.uuid4().hex[:8]} HTTP/1.1\r\nHost: {self.address.netloc}\r\n"
                f"Authorization: Bearer {self.key}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n"
            )
            try:
                with self.connect(2) as stream:
                    stream.sendall(head.encode())
                    self.answers[f"websocket {stream.recv(64)[9:12].decode()}"] += 1
                    self.ends.wait(0.2)
            except OSError:
                pass


def main():
    if len(sys.argv) == 1:
        print("\n".join(Flood("http://127.0.0.1:1", "", b"").threads()))
        return
    kind, url, key, archive, seconds = sys.argv[1:]
    with open(archive, "rb") as file:
        flood = Flood(url, key, file.read())
    flood.run(kind, float(seconds))


if __name__ == "__main__":
    main()
