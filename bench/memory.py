#!/usr/bin/env python3
"""What clients that ask for much and take nothing, or send half of what they announce, cost a node and its other clients.

Real processes with default settings. A value of nearly 4 MiB is stored; then, all at once or one by one (--attack):

  window    8 gRPC connections that open no window, each asking 128 times for the value
  gone      native connections that ask 4,000 times for it and close at once, one after the other
  slow      300 HTTP connections that ask for it and take a few bytes a second
  half      8 gRPC connections, each sending puts of it but for the last byte on 127 streams,
          again and again where the node refuses them

Meanwhile one bystander on each front end reads a key of 100 bytes every few milliseconds, on a connection of its own, and one
has a process of its own that sends 100 bytes back: what that one waits is the machine's doing, because the attackers take its
processors too. Printed are the greatest resident memory of each node over what it had before, during and some seconds after, and
the bystanders' latencies. With --nodes 3 everything is asked of one node that does not lead the value's partition.

Prints a markdown table; --out appends one JSON object for each run.
"""
import argparse
import http.client
import json
import multiprocessing
import os
import socket
import struct
import time

from cluster import Cluster, now_utc, say

VALUE_BYTES = (4 << 20) - (64 << 10)
PAUSE = 0.005  # between two reads of a bystander
PAGE = os.sysconf("SC_PAGE_SIZE")
DATA, HEADERS, RESET, SETTINGS, PING, GOAWAY, WINDOW = 0, 1, 3, 4, 6, 7, 8
END_STREAM, END_HEADERS = 1, 4


def varint(number):
    out = b""
    while number > 127:
        out += bytes([number & 127 | 128])
        number >>= 7
    return out + bytes([number])


def field(number, data):
    return bytes([number << 3 | 2]) + varint(len(data)) + data


def message(body):
    return b"\0" + struct.pack(">I", len(body)) + body


class Http2:
    """One connection of HTTP/2, frame by frame (RFC 9113), with gRPC calls on it."""

    def __init__(self, port, window=1 << 30):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.bytes = b""
        self.sending, self.first_window, self.windows = 65535, 65535, {}
        settings = struct.pack(">HI", 4, window)
        self.socket.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + self.frame(SETTINGS, 0, 0, settings))
        self.stream = -1
        while True:  # the server's settings
            kind, flags, _, payload = self.read()
            if kind == SETTINGS and not flags & 1:
                break

    @staticmethod
    def frame(kind, flags, stream, payload):
        return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload

    def headers(self, path):
        def literal(name, value):
            return b"\0" + bytes([len(name)]) + name + bytes([len(value)]) + value
        self.stream += 2
        block = b"\x83\x86" + literal(b":path", path) + literal(b":authority", b"localhost")
        block += literal(b"content-type", b"application/grpc") + literal(b"te", b"trailers")
        self.windows[self.stream] = self.first_window
        return self.frame(HEADERS, END_HEADERS, self.stream, block)

    def call(self, path, body):
        self.socket.sendall(self.headers(path) + self.frame(DATA, END_STREAM, self.stream, message(body)))
        return self.stream

    def read(self):
        head = self.take(9)
        kind, flags, stream = head[3], head[4], struct.unpack(">I", head[5:])[0]
        payload = self.take(int.from_bytes(head[:3], "big"))
        if kind == SETTINGS and not flags & 1:
            for at in range(0, len(payload), 6):
                name, value = struct.unpack(">HI", payload[at:at + 6])
                if name == 4:
                    for open_one in self.windows:
                        self.windows[open_one] += value - self.first_window
                    self.first_window = value
            self.socket.sendall(self.frame(SETTINGS, 1, 0, b""))
        elif kind == PING and not flags & 1:
            self.socket.sendall(self.frame(PING, 1, 0, payload))
        elif kind == WINDOW:
            more = struct.unpack(">I", payload)[0]
            if stream == 0:
                self.sending += more
            else:
                self.windows[stream] = self.windows.get(stream, 0) + more
        elif kind == RESET:
            self.windows.pop(stream, None)
        elif kind == GOAWAY:
            raise ConnectionError("the server says goodbye")
        return kind, flags, stream, payload

    def take(self, count):
        while len(self.bytes) < count:
            more = self.socket.recv(1 << 16)
            if not more:
                raise ConnectionError("closed")
            self.bytes += more
        out, self.bytes = self.bytes[:count], self.bytes[count:]
        return out

    def get(self, key):
        stream = self.call(b"/kvorum.v1.KV/Get", field(1, key))
        got = b""
        while True:
            kind, flags, of, payload = self.read()
            if kind == DATA and of == stream:
                got += payload
                if payload:
                    self.socket.sendall(self.frame(WINDOW, 0, 0, struct.pack(">I", len(payload))))
            if kind == RESET and of == stream:
                raise ConnectionError("reset")
            if of == stream and flags & END_STREAM:
                self.windows.pop(stream, None)
                if len(got) < 100:
                    raise ConnectionError("no value")
                return


CRC = []
for byte in range(256):
    for _ in range(8):
        byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
    CRC.append(byte)


def native_frame(kind, correlation, body):
    rest = bytes([kind]) + struct.pack("<Q", correlation) + body
    crc = 0xFFFFFFFF
    for byte in rest:
        crc = CRC[(crc ^ byte) & 255] ^ crc >> 8
    return struct.pack("<II", len(rest), crc ^ 0xFFFFFFFF) + rest


def native_get(correlation, key, timeout_ms):
    keyspace = b"default"
    body = struct.pack("<I", timeout_ms) + b"\x02\0" + bytes([len(keyspace)]) + keyspace
    return native_frame(3, correlation, body + struct.pack("<I", len(key)) + key + b"\0")


class Native:
    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.sendall(b"KVRM" + native_frame(1, 0, struct.pack("<H", 1) + b"\x03raw"))
        self.file = self.socket.makefile("rb")
        self.read()
        self.asked = 0

    def read(self):
        length, _ = struct.unpack("<II", self.file.read(8))
        return self.file.read(length)

    def get(self, key):
        self.asked += 1
        self.socket.sendall(native_get(self.asked, key, 10_000))
        reply = self.read()
        if reply[0] != 4 or reply[9] != 0 or len(reply) < 100:
            raise ConnectionError(f"no value: {reply[:60]}")


class Web:
    def __init__(self, port):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)

    def get(self, key):
        self.connection.request("GET", "/v1/kv/" + key.decode())
        answer = self.connection.getresponse()
        if len(answer.read()) < 100 or answer.status != 200:
            raise ConnectionError(f"no value: {answer.status}")


class Echo:
    """The yardstick: what an answer takes that needs no node."""

    def __init__(self, _):
        listener = socket.create_server(("127.0.0.1", 0))
        self.server = multiprocessing.Process(target=self.serve, args=(listener,), daemon=True)
        self.server.start()
        self.socket = socket.create_connection(listener.getsockname())
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    @staticmethod
    def serve(listener):
        connection, _ = listener.accept()
        while asked := connection.recv(100):
            connection.sendall(asked)

    def get(self, _):
        self.socket.sendall(bytes(100))
        if len(self.socket.recv(100, socket.MSG_WAITALL)) < 100:
            raise ConnectionError("the echo has ended")


KINDS = ("Native", "Http2", "Web", "Echo")


def bystander(make, port, ending, told):
    """Reads a small key until it is told to end; the latencies and what failed go into the queue."""
    took, failed = [], 0
    client = make(port)
    while not ending.is_set():
        before = time.monotonic()
        try:
            client.get(b"small")
        except OSError as e:
            failed += 1
            say(f"a bystander's read failed: {e}")
            client = make(port)
        took.append((before, time.monotonic() - before))
        time.sleep(PAUSE)
    told.put((make.__name__, took, failed))


def patiently(attack):
    """What the node does to an attacker is its own business."""
    def run(ports, ending):
        try:
            attack(ports, ending)
        except OSError as e:
            say(f"{attack.__name__}: the node ended a connection: {e}")
        ending.wait()
    run.__name__ = attack.__name__
    return run


@patiently
def window(ports, ending):
    held = []
    for _ in range(8):
        connection = Http2(ports[0], window=0)
        for _ in range(128):
            connection.call(b"/kvorum.v1.KV/Get", field(1, b"large"))
        held.append(connection)
    ending.wait()


@patiently
def gone(ports, ending):
    while not ending.is_set():
        connection = Native(ports[0])
        connection.socket.sendall(b"".join(native_get(n + 1, b"large", 30_000) for n in range(4000)))
        connection.socket.close()
        connection.file.close()
        ending.wait(1)


@patiently
def slow(ports, ending):
    held = []
    for _ in range(300):
        one = socket.socket()
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        one.connect(("127.0.0.1", ports[2]))
        one.sendall(b"GET /v1/kv/large HTTP/1.1\r\nhost: localhost\r\n\r\n")
        one.setblocking(False)
        held.append(one)
    while not ending.is_set():
        for one in held:
            try:
                one.recv(1024)
            except OSError:
                pass
        ending.wait(1)


def half(ports, ending):
    """Again and again: where the node refuses a call, another is begun."""
    while not ending.is_set():
        try:
            half_once(ports, ending)
        except OSError:
            ending.wait(0.2)


def half_once(ports, ending):
    connection = Http2(ports[0])
    put = message(field(1, b"half") + field(2, bytes(VALUE_BYTES)))[:-1]
    left = {}
    for _ in range(127):
        connection.socket.sendall(connection.headers(b"/kvorum.v1.KV/Put"))
        left[connection.stream] = 0
    while left and not ending.is_set():
        connection.socket.settimeout(10)
        for stream, sent in list(left.items()):
            count = min(len(put) - sent, connection.sending, connection.windows.get(stream, 0), 16384)
            if stream not in connection.windows:
                del left[stream]
            elif count > 0:
                connection.socket.sendall(connection.frame(DATA, 0, stream, put[sent:sent + count]))
                left[stream] += count
                connection.sending -= count
                connection.windows[stream] -= count
        connection.socket.settimeout(0.001 if connection.sending else 0.2)
        try:
            while True:
                kind, flags, stream, _ = connection.read()
                if flags & END_STREAM and kind in (DATA, HEADERS):
                    connection.windows.pop(stream, None)
        except TimeoutError:
            pass


def attackers(names):
    every = {"window": window, "gone": gone, "slow": slow}
    runs = [every[name] for name in names if name in every]
    return runs + ([half] * 8 if "half" in names else [])


def resident(process):
    with open(f"/proc/{process.pid}/statm") as file:
        return int(file.read().split()[1]) * PAGE >> 20


def waits(took):
    """One latency for each moment at which a read was due: a read of a second kept two hundred others from being sent."""
    for _, seconds in took:
        while seconds > 0:
            yield seconds
            seconds -= PAUSE if seconds > PAUSE else seconds


def percentile(sorted_ones, share):
    return sorted_ones[min(len(sorted_ones) - 1, int(len(sorted_ones) * share))] if sorted_ones else 0


def run(arguments, names):
    with Cluster(arguments.nodes) as cluster:
        seed = Http2(cluster.ports[0][0])
        web = http.client.HTTPConnection("127.0.0.1", cluster.ports[0][2], timeout=30)
        for key, size in (("large", VALUE_BYTES), ("small", 100)):
            web.request("PUT", "/v1/kv/" + key, b"v" * size)
            answer = web.getresponse()
            answer.read()
            if answer.status != 200:
                raise SystemExit(f"{key} could not be stored: {answer.status}")
        web.request("HEAD", "/v1/kv/large")
        answer = web.getresponse()
        answer.read()
        leader = next(n for n in range(arguments.nodes) if answer.getheader("kvorum-leader", "").endswith(
            f":{cluster.ports[n][0]}"))
        asked = (leader + 1) % arguments.nodes
        ports = cluster.ports[asked]
        del seed
        time.sleep(2)
        before = [resident(process) for process in cluster.processes]
        ending, told = multiprocessing.Event(), multiprocessing.Queue()
        bystanders = [multiprocessing.Process(target=bystander, args=(make, port, ending, told)) for make, port in
                      ((Native, ports[0]), (Http2, ports[0]), (Web, ports[2]), (Echo, None))]
        for one in bystanders:
            one.start()
        time.sleep(2)
        attack_ending = multiprocessing.Event()
        attack = [multiprocessing.Process(target=attacker, args=(ports, attack_ending)) for attacker in attackers(names)]
        begun = time.monotonic()
        for one in attack:
            one.start()
        most = list(before)
        while time.monotonic() - begun < arguments.seconds:
            most = [max(a, resident(p)) for a, p in zip(most, cluster.processes)]
            time.sleep(0.05)
        attack_ending.set()
        for one in attack:
            one.join(3)
            one.kill()
            one.join()
        time.sleep(arguments.rest)
        after = [resident(process) for process in cluster.processes]
        ending.set()
        found = [told.get() for _ in bystanders]
        for one in bystanders:
            one.join()
        if any(process.poll() is not None for process in cluster.processes):
            raise SystemExit("a node has ended:\n" + cluster.last_lines(asked))
    row = {
        "at": now_utc(), "nodes": arguments.nodes, "attack": "+".join(names), "seconds": arguments.seconds,
        "before": before, "growth": [m - b for m, b in zip(most, before)], "after": [a - b for a, b in zip(after, before)],
        "load": os.getloadavg()[0],
    }
    for name, took, failed in found:
        ours = sorted(waits((at, t) for at, t in took if at >= begun))
        row[name] = {"reads": len(ours), "failed": failed, "p50": 1000 * percentile(ours, 0.5),
                     "p99": 1000 * percentile(ours, 0.99), "max": 1000 * ours[-1],
                     "worst": [[round(at - begun, 1), round(1000 * t)] for at, t in took if at >= begun and t > 0.2][:20]}
    return row


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--nodes", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=20, help="of the attack")
    parser.add_argument("--rest", type=float, default=10, help="seconds after it until memory is looked at again")
    parser.add_argument("--attack", nargs="*", default=["window+gone+slow+half"], help="each a run; join several with +")
    parser.add_argument("--out")
    arguments = parser.parse_args()
    print("| nodes | attack | MiB more, at most, each node | MiB more afterwards | native p50 / p99 / max, ms | gRPC | HTTP | echo without a node | failed | load |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for names in arguments.attack:
        row = run(arguments, names.split("+"))
        latencies = " | ".join(
            f"{row[name]['p50']:.1f} / {row[name]['p99']:.0f} / {row[name]['max']:.0f}" for name in KINDS)
        failed = sum(row[name]["failed"] for name in KINDS)
        print(f"| {row['nodes']} | {row['attack']} | {row['growth']} | {row['after']} | {latencies} | {failed} | {row['load']:.1f} |",
              flush=True)
        if arguments.out:
            with open(arguments.out, "a") as file:
                file.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    main()
