#!/usr/bin/env python3
"""How long writes wait when a node dies (kill -9) or falls silent (SIGSTOP), on real processes with default settings.

Three nodes on this machine; `kvorum bench mixed` loads them all the time. Beside it one prober for each partition
writes its key again and again through the nodes that stay, each try bounded by 100 to 200 ms. Each trial: the node is
struck; counted is, for each partition that it led, the time until a write that was sent afterwards is acknowledged, and
of these the greatest. Then the node comes back, and the trial ends when every partition is led by whom it was before.
Through all of the trial the greatest time between two acknowledged writes of any one key is noted, too.

Writes one JSON object per trial to --out and prints a markdown table. See docs/performance.md.
"""
import argparse
import asyncio
import json
import math
import os
import random
import signal
import statistics
import time

from cluster import Cluster, ended, now_utc, say

PARTITIONS = 64
PAUSE = 0.05  # between two writes of one key
GIVE_UP = 30


class Prober:
    """Writes one key through one of the ports it may ask, until it is cancelled."""

    def __init__(self, key, ports):
        self.key = key
        self.ports = ports
        self.partition = None
        self.acked = 0.0
        self.first_after = None  # of those sent after `struck`
        self.struck = math.inf
        self.gap = 0.0
        self._connections = {}

    async def run(self):
        while True:
            sent = time.monotonic()
            if not await self.put(random.choice(self.ports), random.uniform(0.1, 0.2)):
                await asyncio.sleep(0.005)
                continue
            now = time.monotonic()
            self.gap = max(self.gap, now - self.acked) if self.acked else 0.0
            self.acked = now
            if self.first_after is None and sent > self.struck:
                self.first_after = now
            await asyncio.sleep(PAUSE)

    async def put(self, port, timeout):
        """One try, over a connection that is kept while it works; True if it was acknowledged."""
        reader, writer = self._connections.pop(port, (None, None))
        try:
            async with asyncio.timeout(timeout):
                if writer is None:
                    reader, writer = await asyncio.open_connection("127.0.0.1", port)
                body = json.dumps({"key": self.key, "value": "v"})
                writer.write(
                    f"POST /kv/set HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\ncontent-type: application/json\r\n"
                    f"content-length: {len(body)}\r\n\r\n{body}".encode())
                head = await reader.readuntil(b"\r\n\r\n")
                length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
                answer = await reader.readexactly(length)
        except (OSError, EOFError, TimeoutError, StopIteration):
            if writer is not None:
                writer.close()
            return False
        self._connections[port] = reader, writer
        if not head.startswith(b"HTTP/1.1 200 "):
            return False
        self.partition = json.loads(answer)["partition"]
        return True

    def close(self):
        for _, writer in self._connections.values():
            writer.close()


async def one_key_per_partition(ports):
    """A key for each partition, by asking."""
    keys = {}
    for number in range(100 * PARTITIONS):
        prober = Prober(f"probe-{number}", ports)
        if await prober.put(ports[0], 2):
            keys.setdefault(prober.partition, prober.key)
        prober.close()
        if len(keys) == PARTITIONS:
            return keys
    raise SystemExit("could not find a key for each partition")


async def until(what, condition):
    deadline = time.monotonic() + GIVE_UP
    while not condition():
        if time.monotonic() > deadline:
            say(f"not after {GIVE_UP} s: {what}")
            return False
        await asyncio.sleep(0.02)
    return True


async def trial(cluster, keys, home, victim, how):
    """Strikes one node, brings it back, and tells what the probers saw."""
    staying = [node for node in range(cluster.size) if node != victim]
    ports = [cluster.ports[node][2] for node in staying]
    probers = {partition: Prober(key, ports) for partition, key in keys.items()}
    tasks = [asyncio.create_task(prober.run()) for prober in probers.values()]
    await asyncio.sleep(1)
    leaders = await asyncio.to_thread(cluster.leaders, staying[0])
    led = [probers[partition] for partition in sorted(keys) if leaders[partition] == victim]

    for prober in probers.values():
        prober.gap = 0.0
    struck = time.monotonic()
    cluster.processes[victim].send_signal(signal.SIGKILL if how == "kill" else signal.SIGSTOP)
    for prober in probers.values():
        prober.struck = struck
    await until("all partitions that it led are written again",
                lambda: all(prober.first_after is not None for prober in led))
    await asyncio.sleep(0.5)
    firsts = [(prober.first_after or math.inf) - struck for prober in led]
    gap = max(prober.gap for prober in probers.values())

    for prober in probers.values():
        prober.gap = 0.0
    back = time.monotonic()
    if how == "kill":
        cluster.processes[victim].wait()
        cluster.start(victim)
    else:
        cluster.processes[victim].send_signal(signal.SIGCONT)
    home_again = False
    while not home_again and time.monotonic() - back < GIVE_UP:
        await asyncio.sleep(0.1)
        home_again = await asyncio.to_thread(cluster.leaders, victim) == home
    home_after = time.monotonic() - back
    await asyncio.sleep(0.5)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    for prober in probers.values():
        prober.close()
    return {
        "what": "failover", "how": how, "node": victim, "led": len(led),
        "all_back_ms": round(max(firsts) * 1e3), "median_back_ms": round(statistics.median(firsts) * 1e3),
        "worst_gap_ms": round(gap * 1e3),
        "return_gap_ms": round(max(prober.gap for prober in probers.values()) * 1e3),
        "home_s": round(home_after, 1) if home_again else None, "at": now_utc(),
    }


async def trials(cluster, options, how):
    keys = await one_key_per_partition([ports[2] for ports in cluster.ports])
    say(f"{how}: waiting for every leadership at its home")
    home = None
    for _ in range(GIVE_UP):  # unchanged for two seconds: at home
        before, home = home, cluster.leaders(0)
        if home == before and None not in home:
            break
        await asyncio.sleep(2)
    say(f"{how}: partitions led by each node: {[home.count(node) for node in range(cluster.size)]}")
    load = cluster.bench("mixed", "--clients", str(options.clients), "--duration", "1h", "--warmup", "0s", "--timeout", "30s")
    results = []
    try:
        for number in range(options.trials):
            result = await trial(cluster, keys, home, number % cluster.size, how)
            results.append(result)
            say(json.dumps(result))
    finally:
        said = ended(load, early=True)
    say(f"{how}: load {said['throughput']:,.0f}/s, slowest {said['all']['max']:.0f} ms, errors {said['errors']}")
    return results, said


def percentile(values, percent):
    ordered = sorted(values)
    return ordered[max(0, math.ceil(percent / 100 * len(ordered)) - 1)]


def table(results):
    lines = ["| | trials | writes to all its partitions again: median | p90 | worst | longest wait of a key | when it comes back | leaders home |",
             "|---|---|---|---|---|---|---|---|"]
    for how, name in (("kill", "kill -9"), ("stop", "SIGSTOP")):
        rows = [one for one in results if one["how"] == how]
        if rows:
            back, gap, again = ([one[column] for one in rows] for column in ("all_back_ms", "worst_gap_ms", "return_gap_ms"))
            home = [one["home_s"] or GIVE_UP for one in rows]
            lines.append(
                f"| {name} | {len(rows)} | {statistics.median(back):.0f} ms | {percentile(back, 90)} ms | {max(back)} ms "
                f"| {max(gap)} ms | {statistics.median(again):.0f} ms, worst {max(again)} ms "
                f"| {statistics.median(home):.1f} s, worst {max(home):.1f} s |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--how", default="kill,stop", help="kill, stop, or both [kill,stop]")
    parser.add_argument("--trials", type=int, default=20, help="trials of each [20]")
    parser.add_argument("--clients", type=int, default=8, help="clients of the load [8]")
    parser.add_argument("--folder", help="where the data goes [the system's temporary folder]")
    parser.add_argument("--out", default=os.path.join(os.path.dirname(__file__), "failovers.jsonl"), help="file to append to")
    parser.add_argument("--table", action="store_true", help="measure nothing: print the table of what --out has")
    options = parser.parse_args()
    if options.table:
        with open(options.out, encoding="utf-8") as file:
            return print(table([json.loads(line) for line in file]))
    results = []
    for how in options.how.split(","):
        with Cluster(3, options.folder) as cluster:
            measured, said = asyncio.run(trials(cluster, options, how))
        results += measured
        with open(options.out, "a", encoding="utf-8") as out:
            out.writelines(json.dumps({**one, "load": round(said["throughput"])}) + "\n" for one in measured)
    print(table(results))


if __name__ == "__main__":
    main()
