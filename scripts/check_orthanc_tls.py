"""Norma and Orthanc speak DICOM over TLS, each with its certificate, both ways.

    python3 scripts/check_orthanc_tls.py NORMA ORTHANC
"""

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from peers import free_port, start_orthanc, wait_for

NORMA, ORTHANC = sys.argv[1:3]


def openssl(*arguments: str) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)


def authority(folder: Path, name: str) -> None:
    key, file = f"{folder}/{name}.key", f"{folder}/{name}.pem"
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", file, "-days", "2", "-subj", f"/CN={name}")


def certificate(folder: Path, name: str, by: str) -> None:
    """For 127.0.0.1, of a server and of a client."""
    extensions = folder / f"{name}.ext"
    extensions.write_text("subjectAltName=IP:127.0.0.1,DNS:localhost\nextendedKeyUsage=serverAuth,clientAuth\n")
    request = f"{folder}/{name}.csr"
    openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{folder}/{name}.key", "-out", request, "-subj", f"/CN={name}")
    openssl(
        "x509", "-req", "-in", request, "-CA", f"{folder}/{by}.pem", "-CAkey", f"{folder}/{by}.key", "-CAcreateserial",
        "-out", f"{folder}/{name}.pem", "-days", "2", "-extfile", str(extensions),
    )


def asked(url: str, body: object | None = None) -> object:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=300) as answer:
        return json.loads(answer.read() or b"null")


def until(what: str, holds, patience: int = 400):
    for _ in range(patience):
        found = holds()
        if found:
            return found
        time.sleep(1)
    raise SystemExit(f"never: {what}")


with tempfile.TemporaryDirectory() as temporary:
    folder = Path(temporary)
    authority(folder, "hospital")
    authority(folder, "stranger")
    certificate(folder, "norma", "hospital")
    certificate(folder, "orthanc", "hospital")
    certificate(folder, "impostor", "stranger")
    for retrieve in ("move", "get"):
        own = folder / retrieve
        own.mkdir()
        http, node, orthanc_http, orthanc_dicom = (free_port() for _ in range(4))
        norma, orthanc = f"http://127.0.0.1:{http}", f"http://127.0.0.1:{orthanc_http}"
        environment = os.environ | {
            "NORMA__GATEWAY__STORAGE__FREE_FLOOR_BYTES": "0",
            "NORMA__IDENTITY__AUTHENTICATION": "off",
            "NORMA__MODELS__CUDA": "off",
            "NORMA__PACS__ENABLED": "true",
            "NORMA__PACS__PORT": str(node),
            "NORMA__PACS__QUIET_SECONDS": "3",
            "NORMA__PACS__TLS__CERTIFICATE": f"{folder}/norma.pem",
            "NORMA__PACS__TLS__KEY": f"{folder}/norma.key",
            "NORMA__PACS__TLS__CLIENT_CA": f"{folder}/hospital.pem",
        }
        for kind in ("DESTINATIONS", "SOURCES"):
            prefix = f"NORMA__PACS__{kind}__ORTHANC__"
            environment |= {
                f"{prefix}AE_TITLE": "ORTHANC",
                f"{prefix}HOST": "127.0.0.1",
                f"{prefix}PORT": str(orthanc_dicom),
                f"{prefix}TLS": "true",
                f"{prefix}TLS_CA": f"{folder}/hospital.pem",
            }
        environment["NORMA__PACS__SOURCES__ORTHANC__RETRIEVE"] = retrieve
        settings = {
            "DicomTlsEnabled": True,
            "DicomTlsCertificate": f"{folder}/orthanc.pem",
            "DicomTlsPrivateKey": f"{folder}/orthanc.key",
            "DicomTlsTrustedCertificates": f"{folder}/hospital.pem",
            "DicomTlsRemoteCertificateRequired": True,
            "DicomAlwaysAllowFind": True,
            "DicomAlwaysAllowGet": True,
            "DicomAlwaysAllowMove": True,
            "DicomModalities": {"norma": {"AET": "NORMA", "Host": "127.0.0.1", "Port": node, "UseDicomTls": True}},
        }
        log_file = own / "serve.log"
        processes = []
        try:
            processes.append(
                start_orthanc(ORTHANC, own, "ORTHANC", http=orthanc_http, dicom=orthanc_dicom, settings=settings)
            )
            with open(log_file, "wb") as log:
                command = [NORMA, "serve", "--data", f"{own}/data", "--listen", f"127.0.0.1:{http}"]
                processes.append(subprocess.Popen(command, env=environment, stdout=log, stderr=log))
            wait_for(f"{norma}/readyz", processes[-1])
            phantom = own / "phantom.zip"
            subprocess.run([NORMA, "phantom", "norm", "--out", phantom], check=True, stderr=subprocess.DEVNULL)
            subprocess.run([sys.executable, "-m", "zipfile", "-e", phantom, own / "study"], check=True)
            files = [file for file in (own / "study").rglob("*") if file.is_file()]
            peer = ["--called", "ORTHANC", "--tls", "--tls-ca", f"{folder}/hospital.pem"]
            shown = ["--tls-certificate", f"{folder}/norma.pem", "--tls-key", f"{folder}/norma.key"]
            address = f"127.0.0.1:{orthanc_dicom}"
            subprocess.run([NORMA, "pacs", "echo", *peer, *shown, address], check=True, capture_output=True)
            stranger = ["--tls-certificate", f"{folder}/impostor.pem", "--tls-key", f"{folder}/impostor.key"]
            refused = subprocess.run([NORMA, "pacs", "echo", *peer, *stranger, address], capture_output=True)
            assert refused.returncode != 0, "Orthanc takes a stranger's certificate"
            subprocess.run([NORMA, "pacs", "send", *peer, *shown, address, own / "study"], check=True, capture_output=True)
            assert len(asked(f"{orthanc}/instances")) == len(files)
            print(f"norma pacs echo, send over TLS: {len(files)} instances in Orthanc; a stranger is refused")

            study = asked(f"{orthanc}/studies")[0]
            uid = asked(f"{orthanc}/studies/{study}")["MainDicomTags"]["StudyInstanceUID"]
            if retrieve == "move":
                # Orthanc begins.
                asked(f"{orthanc}/modalities/norma/echo", {})
                asked(f"{orthanc}/modalities/norma/store", [study])
            else:
                asked(f"{norma}/api/pacs/pulls", {"source": "orthanc", "study_instance_uid": uid})
            scans = until("a scan", lambda: asked(f"{norma}/api/scans")["items"])
            assert scans[0]["study_uid"] == uid, scans
            delivered = until(
                "results delivered",
                lambda: [one for one in asked(f"{norma}/api/deliveries")["items"] if one["state"] == "delivered"],
            )
            objects = len(asked(f"{orthanc}/instances")) - len(files)
            assert len(delivered) == 1 and objects >= 3, (delivered, objects)
            how = "sent by Orthanc" if retrieve == "move" else "pulled by C-GET"
            print(f"{how} over TLS, answered, {objects} objects of the answer in Orthanc over TLS")
            if retrieve == "move":
                asked(f"{norma}/api/pacs/pulls", {"source": "orthanc", "study_instance_uid": uid})
                pulled = until(
                    "a pull",
                    lambda: [one for one in asked(f"{norma}/api/pacs/pulls")["items"] if one["state"] in ("done", "failed")],
                )
                assert pulled[0]["state"] == "done", pulled
                assert len(asked(f"{norma}/api/scans")["items"]) == 1, "the same study again"
                print(f"pulled by C-MOVE over TLS: {pulled[0]['studies'][0]['instances']} instances, no second scan")
        except BaseException:
            print(log_file.read_text()[-3000:] if log_file.exists() else "", file=sys.stderr)
            print((own / "orthanc.log").read_text()[-3000:], file=sys.stderr)
            raise
        finally:
            for process in processes:
                process.terminate()
            for process in processes:
                process.wait()
