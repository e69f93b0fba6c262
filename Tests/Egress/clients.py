#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Egress with the programs that people run: curl, requests, httpx, asyncio, node, git, ssh, a fetching MCP server; TLS included.

None of them knows of a proxy. Prints PASS, FAIL or SKIP for each test, as Tests/run.py reads them.
"""
import http.server
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time

import ground
from ground import API, EVIL, OTHER, Run, both, failures, python, test

ground.enter(__file__)
names = ground.build()
context, ca = ground.certificate("api.example.com", "other.example")
web = ground.Web(API, 80, "the api")
tls = ground.Web(API, 443, "the api by TLS", context)
other = ground.Web(OTHER, 443, "the other by TLS", context)
evil = ground.Web(EVIL, 80, "evil")
NET = ["--net", "api.example.com:80", "--net", "api.example.com:443"]
TRUST = {"SSL_CERT_FILE": ca, "REQUESTS_CA_BUNDLE": ca, "NODE_EXTRA_CA_CERTS": ca}


@test("curl, plain and by TLS, and refused elsewhere", needs=["curl"])
def _():
    def body(user):
        run = Run(["-r", ca, *NET], ["curl", "-sS", "--cacert", ca, "http://api.example.com/", "https://API.example.com/"], user=user)
        assert run.out == "the apithe api by TLS" and run.code == 0, run
        run = Run(["-r", ca, *NET], ["curl", "-sS", "--connect-timeout", "10", f"http://{EVIL}/"], user=user)
        assert run.code == 7 and f"add --net {EVIL}:80" in run.err, run
        run = Run(NET, ["curl", "-sS", "http://other.example/"], user=user)
        assert run.code == 6 and "Could not resolve host" in run.err and "add --net other.example:PORT" in run.err, run
        run = Run(["--net", "other.example:443"], ["curl", "-sS", "--connect-timeout", "10", "http://other.example/"], user=user)
        assert run.code == 7 and "add --net other.example:80" in run.err, run
    both(body)


def shown(module, code):
    @test(f"{module}, plain and by TLS, and refused elsewhere", needs=["python:" + module])
    def _():
        def body(user):
            run = python(code, "-r", ca, *NET, user=user, env=TRUST)
            lines = run.out.splitlines()
            assert lines[:2] == ["the api", "the api by TLS"], run
            assert "Permission denied" in lines[2] and ("not known" in lines[3] or "resolve" in lines[3]), run
            assert not evil.hits
        both(body)


ATTEMPTS = """
for url in ('http://api.example.com/', 'https://api.example.com/', 'http://%s/', 'http://other.example/'):
    try: print(get(url))
    except Exception as error: print(str(error).replace(chr(10), ' '))
""" % EVIL
shown("requests", "import requests\nget = lambda url: requests.get(url, timeout=20).text" + ATTEMPTS)
shown("httpx", "import httpx\nget = lambda url: httpx.get(url, timeout=20).text" + ATTEMPTS)
shown("asyncio", """
import asyncio, ssl
from urllib.parse import urlsplit
async def fetch(url):
    parts = urlsplit(url)
    r, w = await asyncio.wait_for(asyncio.open_connection(parts.hostname, 443 if parts.scheme == 'https' else 80, ssl=True if parts.scheme == 'https' else None), 20)
    w.write(b'GET / HTTP/1.0\\r\\n\\r\\n')
    text = (await r.read()).decode().rpartition('\\r\\n\\r\\n')[2]
    w.close()
    return text
get = lambda url: asyncio.run(fetch(url))
""" + ATTEMPTS)
shown("aiohttp", """
import aiohttp, asyncio
async def fetch(url):
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as session:
        async with session.get(url) as answer: return await answer.text()
get = lambda url: asyncio.run(fetch(url))
""" + ATTEMPTS)


@test("node's fetch and net, plain and by TLS, and refused elsewhere", needs=["node"])
def _():
    code = """
const net = require('net');
const attempt = async body => { try { return await body(); } catch (e) { return String((e.cause && e.cause.message) || e.message); } };
const raw = (host, port) => new Promise((yes, no) => {
  let text = ''; const s = net.connect(port, host, () => s.write('GET / HTTP/1.0\\r\\n\\r\\n'));
  s.on('data', d => text += d); s.on('end', () => yes(text.split('\\r\\n\\r\\n')[1])); s.on('error', no);
});
(async () => {
  for (const url of ['http://api.example.com/', 'https://api.example.com/', 'http://%s/', 'http://other.example/'])
    console.log(await attempt(async () => (await fetch(url)).text()));
  console.log(await attempt(() => raw('api.example.com', 80)));
  console.log(await attempt(() => raw('%s', 80)));
  const all = await Promise.all(Array.from({ length: 40 }, () => raw('api.example.com', 80)));
  console.log(new Set(all).size, all[0]);
  process.exit(0);
})();
""" % (EVIL, EVIL)

    def body(user):
        run = Run(["-p", "node", "-r", ca, *NET], ["node", "-e", code], user=user, env=TRUST)
        lines = run.out.splitlines()
        assert lines[:2] == ["the api", "the api by TLS"], run
        assert "EACCES" in lines[2] and "ENOTFOUND" in lines[3], run
        assert lines[4] == "the api" and "EACCES" in lines[5] and lines[6] == "1 the api", run
    both(body)


@test("git over http", needs=["git"])
def _():
    folder = os.path.join(ground.STATE, "web")
    work = os.path.join(ground.STATE, "work")
    os.makedirs(folder)
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "check": True}
    subprocess.run(["git", "init", "-q", work], **quiet)
    with open(os.path.join(work, "file"), "w") as file:
        file.write("content\n")
    subprocess.run(["git", "-C", work, "add", "file"], **quiet)
    subprocess.run(["git", "-C", work, "-c", "user.name=x", "-c", "user.email=x@x", "commit", "-qm", "one"], **quiet)
    subprocess.run(["git", "clone", "-q", "--bare", work, os.path.join(folder, "repo.git")], **quiet)
    subprocess.run(["git", "-C", os.path.join(folder, "repo.git"), "update-server-info"], **quiet)

    class Files(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *a, **k):
            super().__init__(*a, directory=folder, **k)

        def log_message(self, *_):
            pass
    server = http.server.ThreadingHTTPServer((API, 8000), Files)
    threading.Thread(target=server.serve_forever, daemon=True).start()

    def body(user):
        run = Run(["-p", "git", "--net", "api.example.com:8000"], ["/bin/sh", "-c", "git clone -q http://api.example.com:8000/repo.git /tmp/x && cat /tmp/x/file"], user=user)
        assert run.out == "content\n" and run.code == 0, run
        run = Run(["-p", "git", "--net", "api.example.com:8000"], ["git", "clone", "-q", f"http://{EVIL}/repo.git", "/tmp/x"], user=user)
        assert run.code != 0 and f"add --net {EVIL}:80" in run.err, run
    both(body)


@test("ssh", needs=["ssh", "/usr/sbin/sshd", "ssh-keygen"])
def _():
    folder = os.path.join(ground.STATE, "ssh")
    os.makedirs(folder)
    os.makedirs("/run/sshd", exist_ok=True)
    for key in ("host", "user"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", f"{folder}/{key}"], check=True)
    shutil.copy(f"{folder}/user.pub", f"{folder}/authorized")
    with open(f"{folder}/config", "w") as file:
        file.write(f"HostKey {folder}/host\nAuthorizedKeysFile {folder}/authorized\nStrictModes no\nUsePAM no\nPermitRootLogin yes\nPidFile none\nListenAddress {API}:2222\n")
    server = subprocess.Popen(["/usr/sbin/sshd", "-D", "-e", "-f", f"{folder}/config"], stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 20
        while socket.socket().connect_ex((API, 2222)) and time.monotonic() < until:
            time.sleep(0.05)

        def body(user):
            if user:
                os.chown(f"{folder}/user", user, user)
            words = ["ssh", "-F", "none", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR", "-o", "BatchMode=yes",
                     "-o", "ConnectTimeout=15", "-i", f"{folder}/user"]
            run = Run(["-r", f"{folder}/user", "--net", "api.example.com:2222"], [*words, "-p", "2222", "root@api.example.com", "echo from there"], user=user)
            assert run.out == "from there\n" and run.code == 0, run
            run = Run(["-r", f"{folder}/user", "--net", "api.example.com:2222"], [*words, "-p", "22", "root@api.example.com", "true"], user=user)
            assert run.code == 255 and "add --net api.example.com:22" in run.err, run
        both(body)
    finally:
        server.kill()
        server.wait()


@test("what is registered before it is connected, and other quirks, are as they are told")
def _():
    run = python(f"""
import os, select, socket
# Known to an epoll set before it leads anywhere: the set forgets it, and it is added again.
p = select.epoll(); s = socket.socket(); s.setblocking(False)
p.register(s, select.EPOLLOUT); p.poll(0)
code = s.connect_ex(('api.example.com', 80))
try: p.modify(s, select.EPOLLOUT); kept = True
except FileNotFoundError: kept = False; p.register(s, select.EPOLLOUT)
print('registered', kept, code in (0, 115), bool(p.poll(20)), s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))
# The address of the other side is its own, not the one that stands for its name.
print('peer', s.getpeername())
# A duplicate of before is another socket.
a = socket.socket(); b = a.dup(); a.connect(('api.example.com', 80))
try: b.getpeername(); print('duplicate leads there')
except OSError as error: print('duplicate', error.errno)
# Options and flags are carried over.
o = socket.socket(); o.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1); o.setsockopt(6, 1, 1); o.setsockopt(6, 4, 77); o.setsockopt(1, 8, 50000); o.settimeout(7); o.set_inheritable(True)
o.connect(('api.example.com', 80))
print('options', o.getsockopt(1, 9), o.getsockopt(6, 1), o.getsockopt(6, 4), o.getsockopt(1, 8), o.getblocking(), os.get_inheritable(o.fileno()))
q = socket.socket(); q.connect(('api.example.com', 80)); print('flags', q.getblocking(), os.get_inheritable(q.fileno()))
print('again', q.connect_ex(('api.example.com', 80)))
""", "--net", "api.example.com:80")
    assert run.out.splitlines() == ["registered False True True 0", f"peer ('{API}', 80)", "duplicate 107", "options 1 1 77 100000 True True", "flags True False", "again 106"], run


@test("a fetching MCP server reaches what is named and is refused elsewhere, in words for the model")
def _():
    server = os.environ.get("FUMEHOOD_MCP_FETCH") or shutil.which("mcp-server-fetch")
    if not server:
        raise ground.Skip("mcp-server-fetch is not installed")
    prefix = os.path.dirname(os.path.dirname(os.path.realpath(server)))
    home = os.path.join(ground.STATE, "fetch")
    os.makedirs(home)
    process = subprocess.Popen([ground.FUMEHOOD, "mcp", "-p", "tool", "-r", prefix, "--net", "api.example.com:80", "--", server, "--ignore-robots-txt"],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "HOME": home})

    def say(value):
        process.stdin.write(json.dumps({"jsonrpc": "2.0", **value}) + "\n")
        process.stdin.flush()

    def hear(number):
        for line in process.stdout:
            if json.loads(line).get("id") == number:
                return json.loads(line)
        raise AssertionError(process.stderr.read())
    say({"id": 0, "method": "initialize", "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "c", "version": "1"}}})
    hear(0)
    say({"method": "notifications/initialized"})
    say({"id": 1, "method": "tools/list"})
    hear(1)
    for number, (url, wanted) in enumerate([("http://api.example.com/", "the api"), (f"http://{EVIL}/", "ermission denied"), ("http://other.example/", "not known")], 2):
        say({"id": number, "method": "tools/call", "params": {"name": "fetch", "arguments": {"url": url, "raw": True}}})
        answer = hear(number)
        text = json.dumps(answer)
        assert wanted in text, (url, text, process.poll())
    process.stdin.close()
    err = process.stderr.read()
    assert process.wait(20) == 0 and f"add --net {EVIL}:80" in err, err


sys.exit(1 if failures else 0)
