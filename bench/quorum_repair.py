#!/usr/bin/env python3
"""What replicas of a quorum keyspace (N = 3, W = R = 2) say to each other to stay equal, and what clients feel when one is gone.

Real processes on this machine. The parts, one after the other (--parts):

  equal   three equal replicas compare themselves again and again: bytes of one comparison
  repair  each node in turn misses values at random (it is down, and no hints are kept); what comparisons alone then move until
          it has them: values, and hashes and keys. All of them are read again from its own replica
  kill    a node is killed (kill -9) under 64 clients that write and read: throughput in steps of 100 ms
  stop    the same load with and without a node that is silent (SIGSTOP), in turns: p99

The first two have one keyspace of --partitions partitions, filled with --keys values of --value-size bytes, and count what each
replica says that it has sent (/v1/status: record_bytes_given, compare_bytes_sent); beside it stands what the kernel counted on all
connections between nodes, with everything else that nodes tell each other. The others have default settings and 64 partitions.

Prints markdown tables; --out appends one JSON object for each line. See docs/performance.md.
"""
import argparse
import asyncio
import json
import os
import random
import signal
import statistics
import time
import urllib.parse

import yardsticks
from cluster import Cluster, bytes_received, ended, now_utc, run_command, say

SPACE = "bench"
STEP_MS = 100
STEADY = 0.8  # of the throughput before: it is back
COUNTED = ("records_taken", "records_given", "record_bytes_given", "compare_bytes_sent")
AWAY_FLAGS = ("--hint-bytes-max", "0", "--hint-bytes-per-node-max", "0")


class QuorumCluster(Cluster):
    """Three nodes with a quorum keyspace of three replicas."""

    def create(self, partitions):
        run_command("keyspace", "create", SPACE, "--mode", "quorum", "--partitions", str(partitions), "--replicas", "3",
                    "--write-quorum", "2", "--read-quorum", "2", "--timeout", "60s", "--addr", self.addresses)
        until("the replicas", lambda: all(
            sum(one["role"] == "replica" for one in self.partitions(node)) == partitions for node in range(self.size)))

    def fill(self, keys, value_size):
        ended(self.bench("put", "--keyspace", SPACE, "--fill", "--clients", "128", "--duration", "100ms", "--warmup", "0s",
                         "--keys", str(keys), "--value-size", str(value_size), "--timeout", "30s"))

    def status(self, node):
        status, body = self.ask(node, "/v1/status")
        return json.loads(body) if status == 200 else None

    def partitions(self, node):
        status = self.status(node)
        return [one for one in status["partitions"] if one["keyspace"] == SPACE] if status else []

    def counts(self):
        """What the replicas of all nodes have counted since they started."""
        total = dict.fromkeys(COUNTED, 0)
        for node in range(self.size):
            for one in self.partitions(node):
                for name in COUNTED:
                    total[name] += one["quorum"][name]
        return total

    def between_nodes(self):
        return bytes_received([peer for _, peer, _ in self.ports])


def until(what, condition, within=60.0, pause=0.1):
    deadline = time.monotonic() + within
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit(f"not after {within:.0f} s: {what}")
        time.sleep(pause)


def difference(after, before):
    return {name: after[name] - before[name] for name in after}


async def each(port, requests, at_once=32):
    """Sends requests (method, path, body) over some connections, and gives their (status, body) in order."""
    answers, left = [None] * len(requests), iter(enumerate(requests))

    async def work():
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for number, (method, path, body) in left:
            writer.write(f"{method} {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body)
            head = await reader.readuntil(b"\r\n\r\n")
            length = next((int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0)
            answers[number] = int(head[9:12]), await reader.readexactly(length)
        writer.close()

    await asyncio.gather(*(work() for _ in range(at_once)))
    return answers


def path_of(key, **query):
    return f"/v1/kv/{urllib.parse.quote(key)}?" + urllib.parse.urlencode({"keyspace": SPACE, **query})


def quiet(cluster, interval, rounds=2):
    """Waits until comparisons have moved nothing for some rounds, and everything was compared meanwhile."""
    since, seen = time.monotonic(), None
    while time.monotonic() - since < rounds * interval + 1:
        now = cluster.counts()
        if seen is None or now["records_given"] != seen["records_given"]:
            since = time.monotonic()
        seen = now
        time.sleep(0.5)
    return seen


def equal(cluster, options):
    """Bytes of comparisons of replicas that hold the same, seen as bursts: a pair compares once in the interval."""
    quiet(cluster, options.interval)
    before, wire = cluster.counts(), cluster.between_nodes()
    begun, last, bursts, moved_at = time.monotonic(), before, [], 0.0
    while time.monotonic() - begun < options.rounds * options.interval:
        time.sleep(0.05)
        now = cluster.counts()
        came = now["compare_bytes_sent"] - last["compare_bytes_sent"]
        if came and time.monotonic() - moved_at < 0.5:
            bursts[-1] += came
        elif came:
            bursts.append(came)
        moved_at, last = time.monotonic() if came else moved_at, now
    moved = difference(last, before)
    return {
        "what": "equal", "at": now_utc(), "keys": options.keys, "partitions": options.partitions,
        "value_size": options.value_size, "rounds": options.rounds, "compare_bytes": moved["compare_bytes_sent"],
        "records": moved["records_given"], "largest_burst": max(bursts, default=0),
        "per_pair": round(moved["compare_bytes_sent"] / (3 * options.rounds * options.partitions)),
        "between_nodes": cluster.between_nodes() - wire,
    }


def has(cluster, node, pairs):
    """How many of these keys and values a node's own replica has: a stale read asks no other."""
    asked = [("GET", path_of(key, consistency="stale"), b"") for key, _ in pairs]
    answers = asyncio.run(each(cluster.ports[node][2], asked))
    return sum(status == 200 and value == body for (status, body), (_, value) in zip(answers, pairs))


def repair(cluster, options, victim, number):
    """One node misses values; comparisons alone bring them."""
    lacking = options.keys // 100
    rng = random.Random(number)
    # Each directly behind a key that is there, so that they lie all over the partition.
    behind = rng.sample(range(options.keys), lacking)
    keys = [f"{one:k>16}-{number}" for one in behind]
    values = [rng.randbytes(options.value_size) for _ in keys]
    quiet(cluster, options.interval)
    cluster.processes[victim].terminate()
    cluster.processes[victim].wait()
    writer = cluster.ports[(victim + 1) % 3][2]
    answers = asyncio.run(each(writer, [("PUT", path_of(key), value) for key, value in zip(keys, values)]))
    refused = [one for one in answers if one[0] not in (200, 201, 204)]
    if refused:
        raise SystemExit(f"{len(refused)} writes were refused, such as {refused[0]}")
    staying = [node for node in range(3) if node != victim]
    hints = [cluster.status(node)["quorum"]["hints"] for node in staying]
    before, wire = cluster.counts(), cluster.between_nodes()
    begun = time.monotonic()
    cluster.start(victim)
    cluster.await_ready()

    # Comparisons go in the order of keys, so the last ones come last.
    pairs = sorted(zip(keys, values))
    sample = pairs[-50:] + rng.sample(pairs, 50)
    until("the replica has all", lambda: has(cluster, victim, sample) == len(sample), 300)
    took = time.monotonic() - begun
    moved = difference(quiet(cluster, options.interval), before)
    wire = cluster.between_nodes() - wire
    held = options.keys + (number + 1) * lacking
    data = held * options.value_size
    rest = moved["compare_bytes_sent"] + moved["record_bytes_given"] - moved["records_given"] * options.value_size
    return {
        "what": "repair", "at": now_utc(), "keys": held, "partitions": options.partitions, "value_size": options.value_size,
        "node": victim, "missing": lacking, "hints": sum(hints), "seconds": round(took, 1), "right": has(cluster, victim, pairs), **moved,
        "values_ratio": round(moved["records_given"] / lacking, 3), "rest_bytes": rest, "rest_percent": round(100 * rest / data, 2),
        "between_nodes": wire,
    }


def steps_of(timeline):
    """(end in Unix milliseconds, operations a second) of each step."""
    return [(two["unix_ms"], 1e3 * (two["done"] - one["done"]) / max(1.0, two["unix_ms"] - one["unix_ms"]))
            for one, two in zip(timeline, timeline[1:])]


def load(cluster, options, seconds, warmup):
    return cluster.bench(
        "mixed", "--keyspace", SPACE, "--clients", str(options.clients), "--keys", "100000", "--value-size", "256",
        "--duration", f"{seconds}s", "--warmup", f"{warmup}s", "--timeline", f"{STEP_MS}ms", "--timeout", "10s")


def kill(cluster, options, number):
    """Throughput in steps around the kill of a node."""
    victim = number % 3
    running = load(cluster, options, 12, 3)
    time.sleep(8)
    struck = time.time() * 1e3
    cluster.processes[victim].kill()
    cluster.processes[victim].wait()
    said = ended(running)
    steps = steps_of(said["timeline"])
    usual = statistics.median(rate for end, rate in steps if struck - 3000 < end <= struck)
    after = [(end - struck, rate) for end, rate in steps if end > struck]
    low = sum(rate < STEADY * usual for end, rate in after if end < 3000)
    low_before = sum(rate < STEADY * usual for end, rate in steps if struck - 3000 < end <= struck)
    # Back: from here on at least four fifths of what it was in the median of each half second.
    back = next((after[i][0] for i in range(len(after) - 5)
                 if statistics.median(rate for _, rate in after[i:i + 5]) >= STEADY * usual
                 and after[i][1] >= STEADY * usual), None)
    cluster.start(victim)
    cluster.await_ready()
    time.sleep(5)
    return {
        "what": "kill", "at": now_utc(), "node": victim, "clients": options.clients, "usual": round(usual),
        "back_ms": round(back) if back is not None else None, "low_before": low_before, "low_after": low,
        "least": round(min(rate for end, rate in after if end < 3000)),
        "afterwards": round(statistics.median(rate for end, rate in after if end > 1000)),
        "slowest_ms": round(said["all"]["max"]), "failed": said["failed"],
        "timeline": [[round(end - struck), round(rate)] for end, rate in steps if -1000 < end - struck < 3000],
        "load_average": os.getloadavg()[0],
    }


def stop(cluster, options, number):
    """p99 of the same load without and with a silent node, one after the other."""
    victim, seconds = number % 3, 10
    plain = ended(load(cluster, options, seconds, 3))
    running = load(cluster, options, seconds, 3)
    time.sleep(4.5)
    cluster.processes[victim].send_signal(signal.SIGSTOP)
    try:
        said = ended(running)
    finally:
        cluster.processes[victim].send_signal(signal.SIGCONT)
    time.sleep(8)
    figures = {"what": "stop", "at": now_utc(), "node": victim, "clients": options.clients, "load_average": os.getloadavg()[0]}
    for name, one in (("plain", plain), ("stopped", said)):
        figures |= {
            f"{name}_throughput": round(one["throughput"]), f"{name}_p99_ms": one["all"]["p99"],
            f"{name}_reads_p99_ms": one["reads"]["p99"], f"{name}_writes_p99_ms": one["writes"]["p99"],
            f"{name}_slowest_ms": round(one["all"]["max"]), f"{name}_failed": one["failed"],
        }
    return figures | {"ratio": round(said["all"]["p99"] / plain["all"]["p99"], 2)}


def rows_of(options):
    parts = options.parts.split(",")
    if "equal" in parts or "repair" in parts:
        flags = ("--sync-interval", f"{options.interval}s", *AWAY_FLAGS)
        with QuorumCluster(3, options.folder, flags) as cluster:
            cluster.create(options.partitions)
            say(f"filling {options.keys} values of {options.value_size} bytes")
            cluster.fill(options.keys, options.value_size)
            if "equal" in parts:
                yield equal(cluster, options)
            for number in range(options.trials if "repair" in parts else 0):
                yield repair(cluster, options, number % 3, number)
    for part, measure in (("kill", kill), ("stop", stop)):
        if part in parts:
            with QuorumCluster(3, options.folder) as cluster:
                cluster.create(64)
                cluster.fill(100_000, 256)
                time.sleep(5)
                for number in range(options.trials):
                    yield measure(cluster, options, number)


TABLES = {
    "equal": ("| keys | partitions | comparisons of all pairs | bytes of one pair's in a partition | most at once | records moved |",
              lambda one: (f"{one['keys']:,}", one["partitions"], one["rounds"], one["per_pair"], one["largest_burst"], one["records"])),
    "repair": ("| keys | partitions | missing on | missing | values moved | of those missing | hashes and keys | of the data | all between nodes "
               "| until all are there | right when read |",
               lambda one: (f"{one['keys']:,}", one["partitions"], f"node-{one['node']}", f"{one['missing']:,}", f"{one['records_given']:,}",
                            one["values_ratio"], f"{one['rest_bytes'] / 1e6:.2f} MB", f"{one['rest_percent']} %",
                            f"{one['between_nodes'] / 1e6:.1f} MB", f"{one['seconds']} s", f"{one['right']:,}")),
    "kill": ("| before, a second | back after | steps of 100 ms below 80 %: 3 s before, 3 s after | least in a step | afterwards | slowest call | failed |",
             lambda one: (f"{one['usual']:,}", f"{one['back_ms']} ms", f"{one['low_before']}, {one['low_after']}", f"{one['least']:,}", f"{one['afterwards']:,}",
                          f"{one['slowest_ms']} ms", one["failed"])),
    "stop": ("| p99 | with a silent node | ratio | reads | writes | a second | slowest | failed |",
             lambda one: (f"{one['plain_p99_ms']:.1f} ms", f"{one['stopped_p99_ms']:.1f} ms", one["ratio"],
                          f"{one['plain_reads_p99_ms']:.1f}, {one['stopped_reads_p99_ms']:.1f} ms",
                          f"{one['plain_writes_p99_ms']:.1f}, {one['stopped_writes_p99_ms']:.1f} ms",
                          f"{one['plain_throughput']:,}, {one['stopped_throughput']:,}",
                          f"{one['plain_slowest_ms']}, {one['stopped_slowest_ms']} ms", one["stopped_failed"])),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", default="equal,repair,kill,stop", help="what is measured [all]")
    parser.add_argument("--keys", type=int, default=1_000_000, help="values that the keyspace holds [1000000]")
    parser.add_argument("--value-size", type=int, default=256, help="bytes of each [256]")
    parser.add_argument("--partitions", type=int, default=1, help="partitions of equal and repair [1]")
    parser.add_argument("--interval", type=int, default=10, help="seconds between two comparisons of a pair [10]")
    parser.add_argument("--rounds", type=int, default=3, help="intervals in which equal replicas are watched [3]")
    parser.add_argument("--clients", type=int, default=64, help="clients of kill and stop [64]")
    parser.add_argument("--trials", type=int, default=3, help="trials of repair, kill and stop [3]")
    parser.add_argument("--folder", help="where the data goes [the system's temporary folder]")
    parser.add_argument("--out", help="file to append to")
    options = parser.parse_args()
    sticks, rows = [yardsticks.measure(options.folder or ".")], []
    for row in rows_of(options):
        rows.append(row)
        print(json.dumps(row), flush=True)
        if options.out:
            with open(options.out, "a", encoding="utf-8") as out:
                out.write(json.dumps(row) + "\n")
    sticks.append(yardsticks.measure(options.folder or "."))
    for what, (head, cells) in TABLES.items():
        found = [row for row in rows if row["what"] == what]
        if found:
            print(head, "|---" * (head.count("|") - 1) + "|", sep="\n")
            for row in found:
                print("| " + " | ".join(map(str, cells(row))) + " |")
    print(yardsticks.summary(sticks))


if __name__ == "__main__":
    main()
