#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Egress: what is named is reached, nothing else is, and each attempt is one record. As root and as an ordinary user.

Prints PASS, FAIL or SKIP for each test, as Tests/run.py reads them.
"""
import sys

import ground
from ground import API, EVIL, METADATA, OTHER, PRIVATE, Run, both, failures, python, test

ground.enter(__file__)
names = ground.build()
web = ground.Web(API, 80, "the api")
other = ground.Web(OTHER, 80, "the other")
evil = ground.Web(EVIL, 80, "evil")
meta = ground.Web(METADATA, 80, "credentials")
private = ground.Web(PRIVATE, 80, "private")
local = ground.Web("127.0.0.1", 8080, "the host's own")
secret = ground.Web("127.0.0.1", 8081, "not for cells")
six = ground.Web(ground.SIX, 80, "six")

GET = """
import socket, sys
def get(host, port=80, family=socket.AF_INET, timeout=None):
    s = socket.socket(family, socket.SOCK_STREAM)
    s.settimeout(timeout)
    try:
        s.connect((host, port))
        s.sendall(b'GET / HTTP/1.0\\r\\n\\r\\n')
        data = b''
        while True:
            piece = s.recv(65536)
            if not piece: break
            data += piece
        return data.rpartition(b'\\r\\n\\r\\n')[2].decode()
    except OSError as error:
        return type(error).__name__ + ' ' + str(error.errno)
    finally:
        s.close()
"""


@test("a named endpoint is reached, by a blocking and by a non-blocking socket")
def _():
    def body(user):
        run = python(GET + "print(get('api.example.com')); print(get('api.example.com', timeout=10))", "--net", "api.example.com:80", user=user)
        assert run.out == "the api\nthe api\n" and run.code == 0, run
        assert run.err == "", run
        assert run.result["connections"] == [{"endpoint": "api.example.com:80", "failed": 0, "made": 2, "refused": 0}], run.result["connections"]
        assert run.connects() == [("allow", "api.example.com:80")] * 2, run.connects()
    both(body)


@test("what is not named is not reached, each attempt is one record, and the footer names the flag")
def _():
    def body(user):
        run = python(GET + f"""
for host, port in [('{EVIL}', 80), ('{METADATA}', 80), ('{PRIVATE}', 80), ('{API}', 80), ('api.example.com', 81), ('198.18.0.77', 80), ('127.0.0.1', 8081)]:
    print(get(host, port))
print(get('::ffff:{METADATA}', 80, socket.AF_INET6))
print(get('{ground.SIX}', 80, socket.AF_INET6))
print(get('::1', 8081, socket.AF_INET6))
""", "--net", "api.example.com:80", user=user)
        assert run.out.splitlines() == ["PermissionError 13"] * 6 + ["ConnectionRefusedError 111"] + ["PermissionError 13"] * 2 + ["ConnectionRefusedError 111"], run
        assert not evil.hits and not meta.hits and not private.hits and not secret.hits
        wanted = [f"connect({EVIL}:80)", f"connect({METADATA}:80)", f"connect({PRIVATE}:80)", f"connect({API}:80)", "connect(api.example.com:81)",
                  "connect(198.18.0.77:80)", f"connect({METADATA}:80)", f"connect([{ground.SIX}]:80)"]
        assert run.connects() == [("deny", what) for what in wanted], run.connects()
        assert run.denied["connect(api.example.com:81)"] == (1, "add --net api.example.com:81"), run.denied
        assert run.denied[f"connect({METADATA}:80)"] == (2, f"add --net {METADATA}:80"), run.denied
        assert run.denied["connect(198.18.0.77:80)"] == (1, None), run.denied
        assert "add --net" in run.err and "why: fumehood why" in run.err, run
    both(body)


@test("names that are not named do not exist, and are recorded")
def _():
    def body(user):
        run = python(GET + """
for name in ['evil.example', 'api.example.com.evil.example', 'gone.example', 'api.example.com.']:
    try: print(sorted({x[4][0] for x in socket.getaddrinfo(name, 80)}))
    except OSError as error: print(error)
""", "--net", "api.example.com:80", "--net", "gone.example:80", user=user)
        lines = run.out.splitlines()
        assert lines[3] == "['198.18.0.1']", run
        assert all("Name or service not known" in line for line in lines[:3]), run
        assert not any(name == "evil.example" for name, _ in names.asked), "it was asked for outside"
        assert [c for c in run.connects() if c[0] == "deny"] == [("deny", "look-up of evil.example"), ("deny", "look-up of api.example.com.evil.example")], run.connects()
        assert run.denied["look-up of evil.example"] == (1, "add --net evil.example:PORT"), run.denied
    both(body)


@test("names that lead to private, loopback and metadata addresses are refused, unless those are named")
def _():
    flags = [x for n in ("private.example", "metadata.example", "loop.example", "mapped.example") for x in ("--net", n + ":80")]
    code = GET + "print([get(n + '.example') for n in ('private', 'metadata', 'loop', 'mapped')])"
    run = python(code, *flags)
    assert run.out == str(["PermissionError 13"] * 4) + "\n", run
    assert run.denied["connect(private.example:80)"][1] == f"it leads to a private address: add --net {PRIVATE}:80", run.denied
    assert not meta.hits and not private.hits
    run = python(GET + "print(get('private.example'))", "--net", "private.example:80", "--net", PRIVATE + ":80")
    assert run.out == "private\n", run


@test("a name that is bound anew leads where it was judged to lead")
def _():
    turns = []

    def rebinding():
        turns.append(1)
        return [API] if len(turns) <= 2 else [METADATA, PRIVATE, "127.0.0.1"]
    names.zone["rebind.example"] = rebinding
    before = len(meta.hits) + len(private.hits)
    run = python(GET + "print([get('rebind.example') for _ in range(20)])", "--net", "rebind.example:80")
    assert run.out == str(["the api"] * 20) + "\n", run
    assert len(meta.hits) + len(private.hits) == before and len(turns) == 2, turns
    # From the start to two places: only the one that may be is used.
    names.zone["two.example"] = [METADATA, API]
    run = python(GET + "print([get('two.example') for _ in range(5)])", "--net", "two.example:80")
    assert run.out == str(["the api"] * 5) + "\n" and len(meta.hits) == 0, run


@test("localhost is the cell's own, and the host's where it is named")
def _():
    def body(user):
        code = GET + """
import threading
own = socket.create_server(('127.0.0.1', 9000))
def serve():
    while True:
        c, _ = own.accept(); c.recv(999); c.sendall(b'x\\r\\n\\r\\nmine'); c.close()
threading.Thread(target=serve, daemon=True).start()
print(get('127.0.0.1', 9000), get('localhost', 9000, timeout=5), get('127.0.0.1', 8080), get('localhost', 8080), get('127.0.0.1', 8081), get('0.0.0.0', 8081))
"""
        run = python(code, "--net", "localhost:8080", user=user)
        assert run.out == "mine mine the host's own the host's own ConnectionRefusedError 111 ConnectionRefusedError 111\n", run
        run = python(code, "--net", "api.example.com:80", user=user)
        assert run.out == "mine mine" + " ConnectionRefusedError 111" * 4 + "\n", run
        assert not secret.hits
    both(body)


@test("an IPv6 address is reached by a name and by itself")
def _():
    run = python(GET + f"print(get('six.example'), get('{ground.SIX}', 80, socket.AF_INET6))", "--net", "six.example:80", "--net", f"[{ground.SIX}]:80")
    assert run.out == "six six\n", run


@test("datagrams and other families go nowhere, and are told")
def _():
    def body(user):
        run = python(f"""
import socket
def attempt(body):
    try: return str(body())
    except OSError as error: return type(error).__name__ + ' ' + str(error.errno)
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
print(attempt(lambda: u.sendto(b'x', ('{API}', 53))))
print(attempt(lambda: u.connect(('{API}', 53))))
print(attempt(lambda: u.sendmsg([b'x'], [], 0, ('{API}', 53))))
print(attempt(lambda: socket.socket(socket.AF_INET6, socket.SOCK_DGRAM).sendto(b'x', ('{ground.SIX}', 53))))
for family in (1, 3, 16, 17, 29, 38, 40, 44): print(attempt(lambda: socket.socket(family, socket.SOCK_DGRAM)))
print(attempt(lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)))
t = socket.socket()
print(attempt(lambda: t.sendto(b'x', 0x20000000, ('{API}', 80))))
print(attempt(lambda: t.sendmsg([b'x'], [], 0x20000000, ('{API}', 80))))
v = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); v.bind(('127.0.0.1', 9999))
print(u.sendto(b'own', ('127.0.0.1', 9999)), v.recv(9))
""", "--net", "api.example.com:80", user=user)
        lines = run.out.splitlines()
        assert lines[:4] == ["OSError 101"] * 4, run
        assert all(line.split()[-1] in ("97", "1", "13") for line in lines[4:12]), run
        assert lines[12].split()[-1] in ("1", "13", "93", "94"), run
        assert lines[13:15] == ["OSError 95"] * 2 and lines[15] == "3 b'own'", run
        assert ("deny", f"sendto(udp {API}:53)") in run.connects() and ("deny", f"connect(udp {API}:53)") in run.connects(), run.connects()
    both(body)


@test("a socket that was handed in leads nowhere else and listens to nobody")
def _():
    def body(user):
        run = python(GET + f"""
import ctypes, fcntl, struct
libc = ctypes.CDLL(None, use_errno=True)
def call(name, *a):
    r = getattr(libc, name)(*a); return r if r >= 0 else -ctypes.get_errno()
def address(host, port): return struct.pack('<H', 2) + struct.pack('>H', port) + socket.inet_aton(host) + bytes(8)
def harm(s):
    out = []
    out.append(call('connect', s.fileno(), bytes(16), 16))
    out.append(call('connect', s.fileno(), address('{EVIL}', 80), 16))
    out.append(call('sendto', s.fileno(), b'x', 1, 0x20000000, address('{EVIL}', 80), 16))
    out.append(call('sendto', s.fileno(), b'x', 1, 0x20000000, bytes(16), 16))
    out.append(call('bind', s.fileno(), address('0.0.0.0', 9191), 16))
    out.append(call('listen', s.fileno(), 5))
    try: fcntl.ioctl(s, 0x8912, bytes(16)); out.append('told')
    except OSError as e: out.append(-e.errno)
    return out
s = socket.socket(); s.connect(('api.example.com', 80)); print('connected', harm(s))
s.shutdown(socket.SHUT_RDWR); print('shut', harm(s))
# Refused: nobody listens at this port.
s = socket.socket(); s.setblocking(False); print(s.connect_ex(('api.example.com', 7)) in (115, 111))
import time; time.sleep(0.2)
print('refused', harm(s)[2:])
s = socket.socket(); s.setblocking(False); s.connect_ex(('api.example.com', 80)); print('begun', harm(s)[2:])
s = socket.socket(); s.setblocking(False); s.connect_ex(('api.example.com', 7)); call('shutdown', s.fileno(), 2); print('dissolved', harm(s)[2:])
""", "--net", "api.example.com:80", "--net", "api.example.com:7", user=user)
        assert run.code == 0, run
        import ast
        lines = dict((line.split(" ", 1)[0], line.split(" ", 1)[1]) for line in run.out.splitlines() if "[" in line)
        assert len(lines) == 5, run
        for state, text in lines.items():
            codes = ast.literal_eval(text)
            assert all(isinstance(code, int) and code < 0 for code in codes), (state, codes, run)
        assert not evil.hits
        import socket
        probe = socket.socket()
        assert probe.connect_ex((API, 9191)) != 0, "it listens in the host's network"
    both(body)


@test("a policy forbids a connection that was named, under the digest of the set")
def _():
    import os
    run = None
    folder = os.path.join(ground.STATE, "policy")
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "p.cedar"), "w") as file:
        file.write('@id("no-other") @reason("the other is closed") forbid (principal, action == Action::"sys__connect", resource == Endpoint::"other.example:80");\n')
    run = python(GET + "print(get('other.example'), get('api.example.com'))", "--net", "other.example:80", "--net", "api.example.com:80", "--policy", folder)
    assert run.out == "PermissionError 13 the api\n", run
    records = [r for r in run.log() if r.get("tool") == "sys__connect" and r.get("kind") == "decision"]
    assert [(r["outcome"], r["policies"]) for r in records] == [("deny", [folder + "/p.cedar#no-other"]), ("allow", ["built-in#connect"])], records
    assert len({r["policy_set_sha256"] for r in run.log() if r.get("policy_set_sha256")}) == 1
    assert "by policy" in run.err and "the other is closed" in run.err, run
    assert run.result["connections"][1] == {"endpoint": "other.example:80", "failed": 0, "made": 0, "refused": 1}, run.result


sys.exit(1 if failures else 0)
