"""Measures a clinician's work without and with a flood from one key (scripts/measure-flood starts it)."""

import http.client
import json
import socket
import statistics
import sys
import threading
import time
from collections import Counter, defaultdict
from urllib.parse import urlsplit

BOUNDARY = "flood"


def form(content):
    head = (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="study.zip"\r\n'
        "Content-Type: application/zip\r\n\r\n"
    )
    return head.encode() + content + f"\r\n--{BOUNDARY}--\r\n".encode()


class Client:
    """One connection that is kept, with a key."""

    def __init__(self, url, key=None):
        self.address = urlsplit(url).netloc
        self.headers = {"Authorization": f"Bearer {key}"} if key else {}
        self.connection = http.client.HTTPConnection(self.address, timeout=120)

    def ask(self, method, path, body=None, **headers):
        """Status and body; the connection is made anew where the server closed it."""
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

    def json(self, path):
        status, body = self.ask("GET", path)
        if status != 200:
            raise SystemExit(f"measure-flood: GET {path} was answered {status}: {body[:300]!r}")
        return json.loads(body)


def prepare(url, key, content):
    """A study that is analysed, for the clinician to look at; gives its scan's id and its number of slices."""
    client = Client(url, key)
    status, body = client.upload("/api/scans", content)
    if status != 201:
        raise SystemExit(f"measure-flood: the upload was answered {status}: {body[:300]!r}")
    scan = json.loads(body)["id"]
    client.ask("POST", f"/api/scans/{scan}/analyze", b"{}", Content_Type="application/json")
    for _ in range(600):
        status, _ = client.ask("GET", f"/api/scans/{scan}/report")
        if status == 200:
            return scan, len(client.json(f"/api/scans/{scan}/volume")["slices"])
        time.sleep(1)
    raise SystemExit("measure-flood: the analysis did not end")


def work(url, key, scan, slices, content, seconds):
    """What a clinician does, again and again: seconds of each request, by its kind."""
    client = Client(url, key)
    taken = defaultdict(list)

    def timed(kind, ask):
        began = time.monotonic()
        status, body = ask()
        taken[kind].append(time.monotonic() - began)
        if status not in (200, 201):
            taken[f"{kind} refused"].append(status)
            print(f"    {kind}: {status} {body[:200]!r}", file=sys.stderr)

    until = time.monotonic() + seconds
    turn = 0
    while time.monotonic() < until:
        timed("list", lambda: client.ask("GET", "/api/studies?limit=50"))
        timed("report", lambda: client.ask("GET", f"/api/scans/{scan}/report"))
        for step in range(8):
            index = (turn * 8 + step) % slices
            timed("slice", lambda: client.ask("GET", f"/api/scans/{scan}/slices/{index}"))
        if turn % 4 == 0:
            timed("upload", lambda: client.upload("/api/scans?duplicate=keep", content))
        turn += 1
        time.sleep(0.2)
    return taken


class Flood:
    """One key: trickling uploads, whole uploads, reads, and guesses at a login."""

    def __init__(self, url, key, content):
        self.url, self.key, self.content = url, key, content
        self.ends = threading.Event()
        self.answers = Counter()
        kinds = [(self.trickle, 16), (self.upload, 4), (self.read, 4), (self.guess, 4)]
        self.threads = [threading.Thread(target=kind, daemon=True) for kind, count in kinds for _ in range(count)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        time.sleep(3)
        return self

    def __exit__(self, *_):
        self.ends.set()
        for thread in self.threads:
            thread.join(timeout=5)

    def trickle(self):
        address = urlsplit(self.url)
        head = (
            f"POST /api/scans HTTP/1.1\r\nHost: {address.netloc}\r\nAuthorization: Bearer {self.key}\r\n"
            f"Content-Type: multipart/form-data; boundary={BOUNDARY}\r\nContent-Length: 100000000\r\n\r\n"
            f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
        )
        while not self.ends.is_set():
            try:
                with socket.create_connection((address.hostname, address.port), timeout=0.5) as stream:
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
        client = Client(self.url, self.key)
        while not self.ends.is_set():
            status, _ = client.upload("/api/scans?duplicate=keep", self.content)
            self.answers[f"upload {status}"] += 1

    def read(self):
        client = Client(self.url, self.key)
        while not self.ends.is_set():
            for path in ("/api/scans?limit=200", "/api/patients", "/dicom-web/studies", "/dicom-web/instances?limit=50"):
                status, _ = client.ask("GET", path)
                self.answers[f"read {status}"] += 1

    def guess(self):
        client = Client(self.url)
        body = json.dumps({"login": "administrator", "password": "a wrong password"})
        while not self.ends.is_set():
            status, _ = client.ask("POST", "/api/session", body, Content_Type="application/json")
            self.answers[f"sign-in {status}"] += 1


def p95(values):
    return statistics.quantiles(values, n=20)[-1] if len(values) > 1 else values[0]


def main():
    url, clinician, flooding, archive, seconds = sys.argv[1:]
    with open(archive, "rb") as file:
        content = file.read()
    scan, slices = prepare(url, clinician, content)
    work(url, clinician, scan, slices, content, 3)
    quiet = work(url, clinician, scan, slices, content, float(seconds))
    with Flood(url, flooding, content) as flood:
        flooded = work(url, clinician, scan, slices, content, float(seconds))
    print("the flood was answered:", ", ".join(f"{what}: {count}" for what, count in sorted(flood.answers.items())))
    print(f"{'':10}{'quiet p95':>14}{'flooded p95':>14}{'ratio':>8}   requests")
    for kind in ("list", "report", "slice", "upload"):
        before, after = p95(quiet[kind]), p95(flooded[kind])
        counts = f"{len(quiet[kind])} / {len(flooded[kind])}"
        print(f"{kind:10}{before * 1000:11.1f} ms{after * 1000:11.1f} ms{after / before:8.2f}   {counts}")
    refused = {kind: len(values) for kind, values in flooded.items() if kind.endswith("refused")}
    print("refused to the clinician:", refused or "nothing")


main()
