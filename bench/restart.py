#!/usr/bin/env python3
"""How soon a node that holds much serves again: fills one node, then ends and starts it, again and again.

Each round is a start after kill -9 in the middle of writes, or after a clean stop; with --cold the kernel's cache of
files is dropped before (as root only). Counted from the start of the process: until /readyz says yes, and until the
first linearizable read of a key is answered. Writes one JSON object per start to --out, prints a markdown table, and
removes the data. See docs/performance.md.
"""
import argparse
import http.client
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

from cluster import PROGRAM, ROOT, free_ports, now_utc, say

READY_WITHIN = 120


class Node:
    """One node on ports of its own."""

    def __init__(self, data):
        self.data = data
        self.addr, self.http, self.peer = (f"127.0.0.1:{port}" for port in free_ports(3))
        self.process = None

    def start(self):
        """Seconds until it is ready, and until the first read is answered."""
        log = open(self.data + ".log", "ab")
        began = time.monotonic()
        self.process = subprocess.Popen(
            [PROGRAM, "start", "--id", "restart", "--data", self.data, "--addr", self.addr, "--http-addr", self.http,
             "--peer-addr", self.peer, "--log-level", "warning"], stdout=log, stderr=log)
        log.close()
        while self.status("GET", "/readyz") != 200:
            if self.process.poll() is not None or time.monotonic() - began > READY_WITHIN:
                sys.exit(f"the node did not become ready: see {self.data}.log")
            time.sleep(0.002)
        ready = time.monotonic() - began
        while self.status("GET", "/v1/kv/probe") not in (200, 404):
            time.sleep(0.002)
        return ready, time.monotonic() - began

    def status(self, method, path, body=None):
        """The status of an answer; 0 if there is none."""
        connection = http.client.HTTPConnection(self.http, timeout=5)
        try:
            connection.request(method, path, body)
            answer = connection.getresponse()
            answer.read()
            return answer.status
        except OSError:
            return 0
        finally:
            connection.close()

    def end(self, how):
        self.process.send_signal(how)
        self.process.wait(60)

    def load(self, keys, value, seconds, fill):
        return subprocess.Popen(
            [PROGRAM, "bench", "put", "--addr", self.addr, "--keys", str(keys), "--value-size", str(value), "--clients",
             "64", "--warmup", "0s", "--duration", f"{seconds}s", "--timeout", "60s"] + (["--fill"] if fill else []),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def bytes_of(folder):
    total = 0
    for path, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.stat(os.path.join(path, name)).st_size
            except FileNotFoundError:
                pass
    return total


def drop_cache():
    os.sync()
    with open("/proc/sys/vm/drop_caches", "w") as file:
        file.write("3")


def fill(node, options, keys):
    say(f"filling: {keys} keys with values of {options.value_size} bytes")
    load = node.load(keys, options.value_size, 1, fill=True)
    while load.poll() is None:
        time.sleep(10)
        say(f"{bytes_of(node.data) / 1e9:.2f} GB on disk")
    if load.returncode != 0:
        sys.exit("the load ended with an error")


def round_of(node, options, keys, how, cold):
    load = node.load(keys, options.value_size, 3, fill=False)
    if how == signal.SIGKILL:
        time.sleep(2)
        node.end(how)
        load.wait()
    else:
        load.wait()
        node.end(how)
    if cold:
        drop_cache()
    ready, first = node.start()
    tables = sum(len(names) for _, _, names in os.walk(os.path.join(node.data, "trees")))
    result = {
        "what": "restart", "after": "kill -9" if how == signal.SIGKILL else "clean stop", "cold": cold,
        "ready_s": round(ready, 3), "first_get_s": round(first, 3), "bytes": bytes_of(node.data), "files": tables,
        "log_bytes": bytes_of(os.path.join(node.data, "log")),
        "at": now_utc(),
    }
    say(json.dumps(result))
    return result


def table(results):
    print("| start after | files cached | data | log | ready | first read |\n|---|---|---|---|---|---|")
    for key in sorted({(one["after"], one["cold"]) for one in results}):
        group = [one for one in results if (one["after"], one["cold"]) == key]
        ready, first = (statistics.median(one[name] for one in group) for name in ("ready_s", "first_get_s"))
        worst = max(one["first_get_s"] for one in group)
        size, log = (max(one[name] for one in group) for name in ("bytes", "log_bytes"))
        print(f"| {key[0]} | {'no' if key[1] else 'yes'} | {size / 1e9:.1f} GB | {log / 1e6:.0f} MB "
              f"| {ready:.2f} s | {first:.2f} s, worst {worst:.2f} s |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gigabytes", type=float, default=10, help="how much to fill [10]")
    parser.add_argument("--value-size", type=int, default=4096, help="bytes of a value [4096]")
    parser.add_argument("--rounds", type=int, default=5, help="starts of each kind [5]")
    parser.add_argument("--cold", action="store_true", help="also with the kernel's cache of files dropped; as root")
    parser.add_argument("--folder", default=tempfile.gettempdir(), help="where the data goes")
    parser.add_argument("--out", default=os.path.join(ROOT, "bench", "restart.jsonl"), help="file to append to")
    options = parser.parse_args()
    free = shutil.disk_usage(options.folder).free
    if free < 2.5e9 * options.gigabytes:
        sys.exit(f"{options.folder}: {free / 1e9:.0f} GB are free, {2.5 * options.gigabytes:.0f} GB are needed")
    if not os.access(PROGRAM, os.X_OK):
        sys.exit(f"{PROGRAM} is not there: build it with ./kvorum --version")
    keys = int(options.gigabytes * 1e9 / (options.value_size + 16))
    results = []
    with tempfile.TemporaryDirectory(prefix="kvorum-restart-", dir=options.folder) as folder:
        node = Node(os.path.join(folder, "data"))
        node.start()
        try:
            node.status("PUT", "/v1/kv/probe", b"here")
            fill(node, options, keys)
            for _ in range(options.rounds):
                for cold in (False, True) if options.cold else (False,):
                    for how in (signal.SIGKILL, signal.SIGTERM):
                        results.append(round_of(node, options, keys, how, cold))
        finally:
            if node.process.poll() is None:
                node.process.kill()
                node.process.wait()
    with open(options.out, "a", encoding="utf-8") as out:
        out.writelines(json.dumps(one) + "\n" for one in results)
    table(results)


if __name__ == "__main__":
    main()
