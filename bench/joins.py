#!/usr/bin/env python3
"""What it costs when a fourth node joins three that hold data: how long, how many bytes, and what the load beside it feels.

Real processes on this machine with default settings but for --snapshot-rate, if given. The keyspace is filled
(--keys values of --value-size bytes: 2 GB by default); then `kvorum bench mixed` runs in slices of a few seconds before
the join, while data moves, and after it (--clients 0: no load). All the while one prober for each partition writes its
key every 50 ms through HTTP. The longest wait of a partition's writes in the second in which it changes hands, retries
included, is put beside what those of the others waited in the same second: the difference is what the change costs. Bytes are
those that the kernel counted on the new node's port for nodes; they are put beside what the new replicas take on its disk.

Prints a markdown table; --out appends one JSON object for each run. See docs/performance.md.
"""
import argparse
import asyncio
import json
import math
import re
import statistics
import subprocess
import threading
import time

from cluster import Cluster, ended, free_ports, now_utc, say
from failovers import Prober, one_key_per_partition, percentile

PAUSE = 0.05
SETTLED = 3  # seconds without a move


class JoinCluster(Cluster):
    def entry(self, node):
        return super().entry(node) if node < self.size else ["--join", f"127.0.0.1:{self.ports[0][1]}"]

    def join(self):
        self.ports.append(free_ports(3))
        self.processes.append(None)
        self.start(self.size)

    def report(self, node=0):
        status, body = self.ask(node, "/v1/admin/cluster")
        return json.loads(body) if status == 200 else None


class WaitingProber(Prober):
    """Writes its key again and again, and keeps when each write began and how long it waited, retries included."""

    async def run(self):
        self.waits = []
        first = time.monotonic()
        while True:
            if await self.put(self.ports[0], 2):
                self.waits.append((first, time.monotonic() - first))
                await asyncio.sleep(PAUSE)
                first = time.monotonic()
            else:
                await asyncio.sleep(0.005)


class Probers:
    """All probers, on a thread of their own."""

    def __init__(self, ports):
        self.keys = asyncio.run(one_key_per_partition(ports))
        self.ports = ports
        self.probers = {}
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)
        self._thread.start()

    async def _run(self):
        self.probers = {at: WaitingProber(key, self.ports) for at, key in self.keys.items()}
        await asyncio.gather(*(prober.run() for prober in self.probers.values()))

    def longest(self, at, begin, end):
        """The longest wait of a partition's writes that were under way in that time, in milliseconds."""
        return 1e3 * max((wait for first, wait in self.probers[at].waits if first + wait >= begin and first <= end), default=0.0)


def received(port):
    """Bytes that came in on connections to this port, as the kernel counts them."""
    said = subprocess.run(["ss", "-tinH", "sport", "=", f":{port}"], capture_output=True, text=True, check=True).stdout
    return sum(map(int, re.findall(r"bytes_received:(\d+)", said)))


def run(options):
    flags = ["--snapshot-rate", str(options.rate)] if options.rate else []
    with JoinCluster(3, options.folder, flags) as cluster:
        say(f"filling {options.keys} values of {options.value_size} bytes")
        shape = ["--keys", str(options.keys), "--value-size", str(options.value_size), "--timeout", "30s"]
        ended(cluster.bench("put", "--fill", "--clients", "128", "--duration", "1s", "--warmup", "0s", *shape))

        def slice_(seconds):
            if options.clients == 0:
                time.sleep(seconds)
                return None
            said = ended(cluster.bench(
                "mixed", "--clients", str(options.clients), "--duration", f"{seconds}s", "--warmup", "0s", *shape))
            say(f"load {said['throughput']:,.0f}/s, p99 {said['all']['p99']:.1f} ms, errors {said['errors']}")
            return said

        time.sleep(options.rest)
        probers = Probers([cluster.ports[0][2]])
        before = [slice_(options.slice) for _ in range(options.slices)]
        begun = time.monotonic()
        cluster.join()
        say("node-3 joins")
        during, moved, last_move = [], set(), None
        ending = time.monotonic() + options.within
        watch = {"stop": False}
        moving, ended_at = set(), {}

        def look():
            nonlocal last_move
            while not watch["stop"]:
                report = cluster.report()
                if report is not None:
                    wanted = {(one["keyspace"], one["partition"]) for one in report["moves"]}
                    now = time.monotonic()
                    ended_at.update({at: now for space, at in moving - wanted if space != "system"})
                    moving.clear()
                    moving.update(wanted)
                    moved.update(at for space, at in wanted if space != "system")
                    if wanted or last_move is None and any(m["name"] == "node-3" for m in report["members"]):
                        last_move = time.monotonic()
                time.sleep(0.25)

        watcher = threading.Thread(target=look, daemon=True)
        watcher.start()
        while time.monotonic() < ending and (last_move is None or time.monotonic() - last_move < SETTLED):
            during.append(slice_(options.slice if options.clients else 0.5))
        watch["stop"] = True
        watcher.join()
        took = last_move - begun
        came = received(cluster.ports[3][1])
        # Around the moment of each change; beside it, in the same moments, what the others waited.
        pause, others = [], []
        for at, when in ended_at.items():
            pause.append(probers.longest(at, when - 1, when))
            others += [probers.longest(other, when - 1, when) for other in probers.probers
                       if abs(ended_at.get(other, math.inf) - when) > 2]
        status = json.loads(cluster.ask(3, "/v1/status")[1])
        added = sum(one["bytes"] for one in status["partitions"])
        after = [slice_(options.slice) for _ in range(options.slices)]
        whole = during[:max(1, int(took // options.slice))]  # those that lie in the time of moves

    def load(slices):
        found = [one for one in slices if one]
        if not found:
            return None, None
        return statistics.median(one["throughput"] for one in found), statistics.median(one["all"]["p99"] for one in found)

    return {
        "what": "join", "at": now_utc(), "keys": options.keys, "value_size": options.value_size, "clients": options.clients,
        "rate": options.rate, "seconds": round(took, 1), "moved": len(moved), "bytes_received": came, "bytes_added": added,
        "throughput": [round(load(part)[0]) if load(part)[0] else None for part in (before, whole, after)],
        "p99_ms": [round(load(part)[1], 1) if load(part)[1] else None for part in (before, whole, after)],
        "pause_ms": spread(pause), "others_ms": spread(others),
    }


def spread(values):
    return [round(percentile(values, percent)) for percent in (50, 90, 99)]


def table(rows):
    lines = ["| clients | bytes on the new node | received | time | load before, during, after | p99 before, during, after "
             "| longest wait as a partition changes hands: p50, p90, p99 | of the others then |", "|---|---|---|---|---|---|---|---|"]
    for one in rows:
        lines.append(
            f"| {one['clients']} | {one['bytes_added'] / 1e6:,.0f} MB in {one['moved']} partitions "
            f"| {one['bytes_received'] / 1e6:,.0f} MB | {one['seconds']} s | {one['throughput']} | {one['p99_ms']} ms "
            f"| {one['pause_ms']} ms | {one['others_ms']} ms |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keys", type=int, default=500_000, help="values that the cluster holds [500000]")
    parser.add_argument("--value-size", type=int, default=4096, help="bytes of each [4096]")
    parser.add_argument("--clients", type=int, default=8, help="clients of the load; 0: none [8]")
    parser.add_argument("--rate", type=int, help="--snapshot-rate of all nodes [the program's default]")
    parser.add_argument("--slice", type=int, default=5, help="seconds of one slice of load [5]")
    parser.add_argument("--slices", type=int, default=3, help="slices before and after [3]")
    parser.add_argument("--rest", type=int, default=10, help="seconds between filling and measuring [10]")
    parser.add_argument("--within", type=int, default=300, help="seconds after which the join is given up [300]")
    parser.add_argument("--folder", help="where the data goes [the system's temporary folder]")
    parser.add_argument("--out", help="file to append to")
    options = parser.parse_args()
    row = run(options)
    print(json.dumps(row), flush=True)
    if options.out:
        with open(options.out, "a", encoding="utf-8") as out:
            out.write(json.dumps(row) + "\n")
    print(table([row]))


if __name__ == "__main__":
    main()
