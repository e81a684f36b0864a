"""Certificates of a server's own: an authority, and a server certificate for the names asked for. Made once, kept over restarts."""
import os
import subprocess

CA, CERTIFICATE, KEY = "ca.pem", "server.pem", "server.key"


def _openssl(*words):
    subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True)


def make(folder, name):
    """Writes the files into `folder` unless they are there. `name`: the host that the certificate is for, besides nothing else."""
    if (folder / CERTIFICATE).exists():
        return
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    ca_key, request, extensions, partial = folder / "ca.key", folder / "server.csr", folder / "server.ext", folder / "server.part"
    _openssl("req", "-x509", *key, "-keyout", ca_key, "-out", folder / CA, "-days", 30, "-subj", "/CN=Test authority",
             "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign,cRLSign")
    _openssl("req", "-new", *key, "-keyout", folder / KEY, "-out", request, "-subj", f"/CN={name}")
    alternatives = "DNS:localhost,IP:127.0.0.1" if name == "localhost" else f"DNS:{name}"
    extensions.write_text(f"subjectAltName={alternatives}\nextendedKeyUsage=serverAuth\n")
    _openssl("x509", "-req", "-in", request, "-CA", folder / CA, "-CAkey", ca_key, "-CAcreateserial", "-out", partial, "-days", 30,
             "-extfile", extensions)
    os.replace(partial, folder / CERTIFICATE)
