# SPDX-License-Identifier: Apache-2.0
"""A network of its own for the tests of egress: a namespace with addresses, a name server and servers that the test makes.

Nothing outside is touched or needed. Root makes it; without root the tests are skipped by name.
"""
import atexit
import http.server
import json
import os
import shutil
import socket
import socketserver
import ssl
import struct
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
FUMEHOOD = os.path.abspath(os.environ.get("FUMEHOOD_BIN", os.path.join(ROOT, "build/fumehood")))
# Numbers of the great network, inside of a namespace that has no way there.
API, OTHER, EVIL, PRIVATE, METADATA, SIX = "93.184.216.34", "93.184.216.35", "93.184.216.66", "10.77.0.5", "169.254.169.254", "2606:2800:220:1::7"
USER = 12345


def enter(script):
    """Goes on in a network and mount namespace of its own, or ends with a skip."""
    if os.environ.get("FUMEHOOD_EGRESS_GROUND") == "1":
        return
    if os.geteuid() != 0:
        print(f"SKIP {os.path.basename(script)}: only root makes network namespaces")
        sys.exit(0)
    os.environ["FUMEHOOD_EGRESS_GROUND"] = "1"
    os.execvp("unshare", ["unshare", "--net", "--mount", "--propagation", "private", sys.executable, script, *sys.argv[1:]])


def sh(*words):
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


STATE = tempfile.mkdtemp(prefix="fumehood-egress-")
os.chmod(STATE, 0o755)


def build():
    """The addresses, the name server, the certificates."""
    atexit.register(shutil.rmtree, STATE, ignore_errors=True)
    os.environ.update(XDG_STATE_HOME=os.path.join(STATE, "state"), XDG_CONFIG_HOME=os.path.join(STATE, "config"))
    os.environ.pop("CI", None)
    sh("ip", "link", "set", "lo", "up")
    for address in (API, OTHER, EVIL, PRIVATE, METADATA):
        sh("ip", "addr", "add", address + "/32", "dev", "lo")
    sh("ip", "-6", "addr", "add", SIX + "/128", "dev", "lo", "nodad")
    conf = os.path.join(STATE, "resolv.conf")
    with open(conf, "w") as file:
        file.write("nameserver 127.0.0.1\n")
    sh("mount", "--bind", conf, os.path.realpath("/etc/resolv.conf"))
    return Names()


class Names(threading.Thread):
    """A name server: `zone` says what each name leads to; what is asked is kept."""

    def __init__(self):
        super().__init__(daemon=True)
        self.zone = {"api.example.com": [API], "other.example": [OTHER], "evil.example": [EVIL], "private.example": [PRIVATE], "metadata.example": [METADATA],
                     "loop.example": ["127.0.0.1"], "six.example": [SIX], "dead.example": [API], "gone.example": None, "mapped.example": ["::ffff:10.77.0.5"]}
        self.asked = []
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 53))
        self.start()

    def run(self):
        while True:
            data, peer = self.socket.recvfrom(4096)
            place, labels = 12, []
            while data[place]:
                labels.append(data[place + 1:place + 1 + data[place]].decode())
                place += 1 + data[place]
            kind = struct.unpack(">H", data[place + 1:place + 3])[0]
            name = ".".join(labels).lower()
            self.asked.append((name, kind))
            entry = self.zone.get(name)
            if callable(entry):
                entry = entry()
            records = b""
            count = 0
            for text in entry or []:
                family = socket.AF_INET6 if ":" in text else socket.AF_INET
                if (kind == 28) != (family == socket.AF_INET6):
                    continue
                raw = socket.inet_pton(family, text)
                records += b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, 1, len(raw)) + raw
                count += 1
            flags = 0x8180 if entry is not None else 0x8183
            self.socket.sendto(data[:2] + struct.pack(">HHHHH", flags, 1, count, 0, 0) + data[12:place + 5] + records, peer)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        body = self.server.body
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        self.server.hits.append(self.path)


class Web(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 512

    def __init__(self, address, port, body, context=None):
        self.address_family = socket.AF_INET6 if ":" in address else socket.AF_INET
        super().__init__((address, port), Handler)
        self.body, self.hits = body.encode(), []
        if context:
            self.socket = context.wrap_socket(self.socket, server_side=True)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, request, client_address):
        pass

    def server_bind(self):
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = "x", self.server_address[1]


def certificate(*names):
    """(context of a server, path of the file that clients are to trust)."""
    key, crt = os.path.join(STATE, "key.pem"), os.path.join(STATE, "crt.pem")
    sh("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", crt, "-days", "2", "-subj", "/CN=" + names[0],
       "-addext", "subjectAltName=" + ",".join("DNS:" + name for name in names))
    os.chmod(crt, 0o644)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(crt, key)
    return context, crt


class Run:
    """One `fumehood run`: its code, output, errors, result record and the records of its log."""

    def __init__(self, flags, command, user=None, timeout=60, env=None, verb="run"):
        home = tempfile.mkdtemp(prefix="run-", dir=STATE)
        self.home = home
        result = os.path.join(home, "result.json")
        words = [FUMEHOOD, verb, *flags, "--result", result, "--", *command]
        environment = {**os.environ, "HOME": home, "XDG_STATE_HOME": home + "/state", "XDG_CONFIG_HOME": home + "/config", **(env or {})}
        self.environment = environment
        if user:
            os.chown(home, user, user)
        self.who = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"] if user else []
        words = self.who + words
        self.user = user
        self.words = words
        done = subprocess.run(words, cwd=home, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=timeout)
        self.code, self.out, self.err = done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace")
        try:
            with open(result) as file:
                self.result = json.load(file)
        except (OSError, ValueError):
            self.result = {}

    def __str__(self):
        return f"exit {self.code}, out {self.out[-700:]!r}, err {self.err[-900:]!r}"

    def log(self):
        done = subprocess.run([*self.who, FUMEHOOD, "log", "show", "--json"], env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def connects(self):
        """(outcome, endpoint or attempt) of each record about a connection."""
        return [(r["outcome"], r["data"].get("attempt") or r["data"]["resource"]["name"]) for r in self.log() if r.get("kind") == "decision" and r.get("tool") == "sys__connect"]

    @property
    def denied(self):
        return {d["what"]: (d["count"], d["remedy"]) for d in self.result.get("denials", [])}


def python(code, *flags, **more):
    return Run(flags, ["/usr/bin/python3", "-c", code], **more)


class Skip(Exception):
    """Says what is not here."""


failures = []


def test(name, needs=()):
    """Runs what it decorates at once, and says how that went. `needs`: programs, or `python:MODULE`."""
    def run(body):
        for need in needs:
            if need.startswith("python:"):
                absent = subprocess.run(["/usr/bin/python3", "-c", "import " + need[7:]], stderr=subprocess.DEVNULL).returncode != 0
            else:
                absent = shutil.which(need) is None
            if absent:
                print(f"SKIP {name}: {need} is not installed", flush=True)
                return
        if len(sys.argv) > 1 and not any(word in name for word in sys.argv[1:] if not word.startswith("-")) and any(not w.startswith("-") for w in sys.argv[1:]):
            return
        began = time.monotonic()
        try:
            body()
            print(f"PASS {name}", flush=True)
        except Skip as reason:
            print(f"SKIP {name}: {reason}", flush=True)
        except Exception as error:  # noqa: BLE001
            failures.append(name)
            print(f"FAIL {name}: {type(error).__name__}: {str(error)[:1800]} after {time.monotonic() - began:.1f} s", flush=True)
    return run


def both(body):
    """As root and as an ordinary user."""
    for user in (None, USER):
        body(user)
