"""Receives what Norma sends as HL7 v2, FHIR and webhook, and reads it with the libraries of others.

    python3 scripts/check_result_messages.py NORMA
"""

import base64
import hashlib
import hmac
import http.server
import json
import os
import socketserver
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

from fhir.resources.R4B.bundle import Bundle
from hl7apy.consts import VALIDATION_LEVEL
from hl7apy.parser import parse_message

NORMA = str(Path(sys.argv[1]).resolve())
SECRET = "a secret of this script alone"
FLAGS = {"norm": "N", "pathology": "A", "undetermined": "IND"}
received: dict[str, list] = {"hl7": [], "fhir": [], "webhook": []}


class Mllp(socketserver.StreamRequestHandler):
    def handle(self):
        message = b""
        while not message.endswith(b"\x1c\r"):
            message += self.rfile.read(1)
        text = message[1:-2].decode()
        received["hl7"].append(text)
        # It fails over the first: it has to come again, the same.
        code = "AE" if len(received["hl7"]) == 1 else "AA"
        answer = f"MSH|^~\\&|RIS||NORMA||20260101||ACK|1|P|2.5.1\rMSA|{code}|{text.split('|')[9]}\r"
        self.wfile.write(b"\x0b" + answer.encode() + b"\x1c\r")


class Web(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        kind = self.path.strip("/")
        received[kind].append((dict(self.headers), body))
        # Busy at first.
        self.send_response(503 if len(received[kind]) == 1 else 200)
        self.end_headers()

    def log_message(self, *arguments):
        pass


def serve(handler):
    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_address[1]


def check_hl7(text, verdict):
    parsed = parse_message(text, find_groups=True, validation_level=VALIDATION_LEVEL.STRICT)
    assert parsed.validate()
    segments = [segment.split("|") for segment in text.split("\r") if segment]
    first = next(segment for segment in segments if segment[0] == "OBX")
    assert first[3] == "verdict^Verdict^99NORMA" and first[8] == FLAGS[verdict], first
    patient = next(segment for segment in segments if segment[0] == "PID")
    assert patient[5].startswith("PHANTOM"), patient


def check_fhir(body, verdict):
    bundle = Bundle.model_validate_json(body)
    resources = [entry.resource for entry in bundle.entry]
    kinds = [resource.get_resource_type() for resource in resources]
    assert kinds[0] == "ImagingStudy" and kinds[-1] == "DiagnosticReport" and "Observation" in kinds, kinds
    # Value sets are not looked at by the library.
    report = resources[-1]
    assert report.status == "preliminary"
    assert resources[0].status == "available"
    first = resources[1]
    assert first.interpretation[0].coding[0].code == FLAGS[verdict]
    for resource in resources[1:-1]:
        assert resource.status == "preliminary"
        assert resource.category[0].coding[0].code == "imaging"
    full = {entry.fullUrl for entry in bundle.entry}
    references = [reference.reference for reference in report.result + report.imagingStudy]
    references += [reference.reference for resource in resources[1:-1] for reference in resource.derivedFrom]
    assert set(references) <= full, (references, full)


def check_webhook(headers, body, verdict):
    headers = {name.lower(): value for name, value in headers.items()}
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(SECRET.encode(), signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    document = json.loads(body)
    assert document["type"] == "analysis.completed"
    assert document["data"]["triage"] == FLAGS[verdict]
    assert document["data"]["status"] == "preliminary"
    assert document["data"]["report"]["verdict"] == verdict


def main():
    mllp, web = serve(Mllp), serve(Web)
    folder = tempfile.TemporaryDirectory()
    data = Path(folder.name) / "data"
    port = int(subprocess.check_output(["scripts/free-port"], text=True))
    prefix = "NORMA__PACS__DESTINATIONS__"
    settings = {
        "NORMA__IDENTITY__AUTHENTICATION": "off",
        f"{prefix}RIS__KIND": "hl7",
        f"{prefix}RIS__HOST": "127.0.0.1",
        f"{prefix}RIS__PORT": str(mllp),
        f"{prefix}RIS__STUDIES": "all",
        f"{prefix}RIS__HL7__RECEIVING_APPLICATION": "RIS",
        f"{prefix}RECORD__KIND": "fhir",
        f"{prefix}RECORD__URL": f"http://127.0.0.1:{web}/fhir",
        f"{prefix}RECORD__STUDIES": "all",
        f"{prefix}HOOK__KIND": "webhook",
        f"{prefix}HOOK__URL": f"http://127.0.0.1:{web}/webhook",
        f"{prefix}HOOK__SECRET": SECRET,
        f"{prefix}HOOK__STUDIES": "all",
    }
    log = open(Path(folder.name) / "serve.log", "wb")
    server = subprocess.Popen(
        [NORMA, "serve", "--data", str(data), "--listen", f"127.0.0.1:{port}"],
        env=os.environ | settings,
        stdout=log,
        stderr=log,
    )
    url = f"http://127.0.0.1:{port}"

    def ask(path, method="GET", body=None, headers=()):
        request = urllib.request.Request(url + path, method=method, data=body, headers=dict(headers))
        return json.load(urllib.request.urlopen(request, timeout=60))

    try:
        for _ in range(600):
            try:
                urllib.request.urlopen(f"{url}/healthz", timeout=5)
                break
            except OSError:
                assert server.poll() is None, "norma serve ended"
                time.sleep(0.5)
        phantom = Path(folder.name) / "effusion.zip"
        subprocess.check_call([NORMA, "phantom", "effusion", "--out", str(phantom)], stderr=subprocess.DEVNULL)
        boundary = "phantom"
        form = (
            f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="a.zip"\r\n\r\n'.encode()
            + phantom.read_bytes()
            + f"\r\n--{boundary}--\r\n".encode()
        )
        scan = ask("/api/scans", "POST", form, {"Content-Type": f"multipart/form-data; boundary={boundary}"})["id"]
        analysis = ask(f"/api/scans/{scan}/analyze", "POST", b"", {"Prefer": "respond-async"})["id"]
        for _ in range(1200):
            deliveries = ask("/api/deliveries")["items"]
            if len(deliveries) == 3 and all(delivery["state"] == "delivered" for delivery in deliveries):
                break
            time.sleep(1)
        else:
            raise SystemExit(f"not delivered: {deliveries}")
        assert all(delivery["attempts"] == 2 for delivery in deliveries), deliveries
        verdict = ask(f"/api/analyses/{analysis}/report")["verdict"]
    finally:
        server.terminate()
        server.wait()
    told = (Path(folder.name) / "serve.log").read_bytes()
    assert b"PHANTOM" not in told, "patient data in the log"
    for kind, messages in received.items():
        assert len(messages) == 2, (kind, len(messages))
    assert received["hl7"][0] == received["hl7"][1]
    check_hl7(received["hl7"][1], verdict)
    check_fhir(received["fhir"][1][1], verdict)
    assert received["fhir"][0][1] == received["fhir"][1][1]
    check_webhook(*received["webhook"][1], verdict)
    ids = {headers.get("webhook-id") for headers, _ in received["webhook"]}
    assert len(ids) == 1, ids
    print(f"HL7 v2, FHIR and webhook of a study that is {verdict}: read, each sent twice as the same")


main()
