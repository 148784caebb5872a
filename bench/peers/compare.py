#!/usr/bin/env python3
"""Kvorum beside etcd: three nodes each, on this machine, in one run, taking turns.

Kvorum is asked by its native client, and by the same Go program over gRPC as etcd. Beside them three servers that only
echo (Kvorum.GrpcEcho) show what the gRPC library costs by itself. Writes one JSON object per measurement to --out and
prints markdown tables: medians and ratios, the servers' processor time per operation, and what the disk and a processor
gave meanwhile.
Needs Debian's etcd-server, golang-go, golang-etcd-server-dev, protobuf-compiler and protoc-gen-go-1-3, and the .NET SDK
for ./kvorum. Everything listens on free ports of loopback, lives in a temporary folder, and is ended and removed at the
end. See docs/performance.md for the method.
"""
import argparse
import base64
import http.client
import json
import os
import random
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.dirname(HERE))
import yardsticks
from cluster import free_ports, now_utc, say

KVORUM = os.path.join(ROOT, "kvorum")
ETCD_CONNECTIONS = {64: 8, 256: 16} # fewer or more make it slower
KVORUM_CONNECTIONS = 8 # of the Go program, spread over the nodes
ECHO = os.path.join(ROOT, "artifacts", "bin", "Kvorum.GrpcEcho", "release", "Kvorum.GrpcEcho")
CLIENTS = {"native": "kvorum", "go": "kvorum over Go gRPC"}
KEYS = 100_000
KINDS = ["get", "put", "put-random"]
LOADS = [(what, clients) for what in KINDS for clients in (64, 256)]
TICK = os.sysconf("SC_CLK_TCK")
PROBED_PARTITIONS = 64


class Cluster:
    """Three processes that can be started, killed and stopped one by one."""

    warm = 3.0 # seconds of load before counting

    def __init__(self, folder, ports_each, load):
        self.folder = folder
        self.load = load
        self.ports = [free_ports(ports_each) for _ in range(3)]
        self.processes = [None] * 3
        os.makedirs(folder)

    def start(self, node):
        with open(os.path.join(self.folder, f"node{node}.log"), "ab") as log:
            self.processes[node] = subprocess.Popen(
                self.command(node), stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def up(self):
        for node in range(3):
            self.start(node)
        self.await_ready()

    def kill(self, node):
        self.processes[node].kill()
        self.processes[node].wait()
        self.processes[node] = None

    def down(self):
        running = [p for p in self.processes if p]
        for process in running:
            process.send_signal(signal.SIGTERM)
        for process in running:
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.processes = [None] * 3

    def await_ready(self):
        """Until a write to each probed key is acknowledged by each node that runs."""
        deadline = time.monotonic() + 60
        for node in range(3):
            for i in range(PROBED_PARTITIONS):
                while not (self.processes[node] and self.put(node, f"ready-{i}", 2)):
                    if time.monotonic() > deadline:
                        raise SystemExit(f"{self.name} is not ready after 60 s; its last lines:\n{self.last_lines()}")
                    time.sleep(0.1)

    def processor_seconds(self):
        """Of all nodes together, since each was started."""
        total = 0.0
        for process in self.processes:
            with open(f"/proc/{process.pid}/stat") as stat:
                fields = stat.read().rpartition(")")[2].split()
            total += (int(fields[11]) + int(fields[12])) / TICK
        return total

    def measure(self, run, seconds):
        """What run() says, with the nodes' processor time for each operation: taken from the counted seconds, a margin at
        both ends left out, because run() takes a moment to begin."""
        shares = []

        def sample():
            time.sleep(self.warm + seconds * 0.2)
            begin, used = time.monotonic(), self.processor_seconds()
            time.sleep(seconds * 0.6)
            shares.append((self.processor_seconds() - used) / (time.monotonic() - begin))

        sampler = threading.Thread(target=sample)
        sampler.start()
        figures = run()
        sampler.join()
        return {**figures, "nodes_us": round(shares[0] * 1e6 / max(1, figures["ops"]), 1)}

    def go(self, system, endpoints, connections, mode, clients, seconds):
        """The Go program's load over gRPC."""
        out = subprocess.run(
            [self.load, "-system", system, "-mode", mode, "-endpoints", ",".join(endpoints), "-conns", str(connections),
             "-clients", str(clients), "-keys", str(KEYS), "-seconds", str(seconds),
             "-warm", "0" if mode == "fill" else str(self.warm)],
            check=True, capture_output=True, text=True, timeout=seconds + 60)
        return json.loads(out.stdout)

    def last_lines(self):
        text = []
        for node in range(3):
            with open(os.path.join(self.folder, f"node{node}.log"), errors="replace") as log:
                text += [f"node {node}: {line.rstrip()}" for line in log.readlines()[-5:]]
        return "\n".join(text)

    def put(self, node, key, timeout):
        """One small put over HTTP, for readiness and failover; True if it was acknowledged."""
        connection = http.client.HTTPConnection("127.0.0.1", self.http_port(node), timeout=timeout)
        try:
            connection.request("POST", self.put_path, self.put_body(key), {"content-type": "application/json"})
            response = connection.getresponse()
            response.read()
            return response.status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


class Etcd(Cluster):
    name = "etcd"
    put_path = "/v3/kv/put"

    clients = ["etcd"]

    def __init__(self, folder, load):
        super().__init__(folder, 2, load)

    def command(self, node):
        client, peer = self.ports[node]
        members = ",".join(f"n{i}=http://127.0.0.1:{self.ports[i][1]}" for i in range(3))
        data = os.path.join(self.folder, f"data{node}")
        return ["etcd", "--name", f"n{node}", "--data-dir", data,
                "--listen-client-urls", f"http://127.0.0.1:{client}",
                "--advertise-client-urls", f"http://127.0.0.1:{client}",
                "--listen-peer-urls", f"http://127.0.0.1:{peer}",
                "--initial-advertise-peer-urls", f"http://127.0.0.1:{peer}",
                "--initial-cluster", members, "--log-level", "error",
                "--initial-cluster-state", "existing" if os.path.exists(data) else "new"]

    def http_port(self, node):
        return self.ports[node][0]

    @staticmethod
    def put_body(key):
        return json.dumps({"key": base64.b64encode(key.encode()).decode(), "value": "dg=="})

    def leader(self):
        for node in range(3):
            connection = http.client.HTTPConnection("127.0.0.1", self.http_port(node), timeout=2)
            try:
                connection.request("POST", "/v3/maintenance/status", "{}")
                status = json.loads(connection.getresponse().read())
                if status.get("leader") == status["header"]["member_id"]:
                    return node
            except (OSError, http.client.HTTPException, ValueError):
                pass
            finally:
                connection.close()
        return None

    def victim(self, trial):
        deadline = time.monotonic() + 20
        while (leader := self.leader()) is None:
            if time.monotonic() > deadline:
                raise SystemExit("etcd has no leader after 20 s")
            time.sleep(0.2)
        return leader

    def run(self, client, mode, clients, seconds):
        # All connections to the leader: the best case for etcd, whose followers pass writes on.
        leader = f"127.0.0.1:{self.ports[self.victim(0)][0]}"
        return self.go("etcd", [leader], ETCD_CONNECTIONS[clients], mode, clients, seconds)

    def fill(self):
        self.run("etcd", "fill", 256, 60)

    def failover_ms(self, times):
        """One group leads all keys: it is back with the first write that is acknowledged."""
        return min(times)


class Kvorum(Cluster):
    name = "kvorum"
    put_path = "/kv/set"

    def __init__(self, folder, load, clients):
        super().__init__(folder, 3, load)
        self.clients = [CLIENTS[client] for client in clients]

    def command(self, node):
        client, peer, web = self.ports[node]
        members = ",".join(f"node-{i}@127.0.0.1:{self.ports[i][1]}" for i in range(3))
        return [KVORUM, "start", "--id", f"node-{node}", "--addr", f"127.0.0.1:{client}",
                "--peer-addr", f"127.0.0.1:{peer}", "--http-addr", f"127.0.0.1:{web}",
                "--data", os.path.join(self.folder, f"data{node}"), "--peers", members]

    def http_port(self, node):
        return self.ports[node][2]

    @staticmethod
    def put_body(key):
        return json.dumps({"key": key, "value": "v"})

    def victim(self, trial):
        return trial % 3

    def run(self, client, mode, clients, seconds, fill=False):
        endpoints = [f"127.0.0.1:{ports[0]}" for ports in self.ports]
        if client == CLIENTS["go"]:
            return self.go("kvorum", endpoints, KVORUM_CONNECTIONS, mode, clients, seconds)
        # Puts are of new keys, as etcd's: in sequence from another number in each run, or at random of as many.
        keys = KEYS if mode == "get" else 10**16
        order = "sequential" if mode == "put" else "uniform"
        out = subprocess.run(
            [KVORUM, "bench", mode.removesuffix("-random"), "--addr", ",".join(endpoints), "--clients", str(clients),
             "--key-size", "16", "--value-size", "256", "--keys", str(keys), "--distribution", order,
             "--warmup", f"{self.warm:g}s", "--duration", f"{seconds:g}s", "--json"] + ["--fill"] * fill,
            check=True, capture_output=True, text=True, timeout=seconds + 120)
        return self.figures(json.loads(out.stdout.strip().splitlines()[-1]))

    @staticmethod
    def figures(said):
        latency = said["all"]
        return {"ops": round(said["throughput"]), "errors": sum(said["errors"].values()) + said["not_found"],
                "p50_ms": latency["p50"], "p99_ms": latency["p99"], "p999_ms": latency["p999"]}

    def fill(self):
        # Each program draws from keys that it spells itself.
        self.run(CLIENTS["native"], "get", 256, 1, fill=True)
        if CLIENTS["go"] in self.clients:
            self.run(CLIENTS["go"], "fill", 256, 60)

    def failover_ms(self, times):
        """Each partition has its own leader: the cluster is back when the slowest one is."""
        return max(times)


class Echo(Cluster):
    """Servers without a store, on the gRPC library's defaults: the floor of all calls over gRPC."""

    name = "echo"
    clients = ["echo"]

    def __init__(self, folder, load):
        super().__init__(folder, 1, load)

    def command(self, node):
        return [ECHO, str(self.ports[node][0])]

    def await_ready(self):
        """Until each accepts connections."""
        deadline = time.monotonic() + 60
        for [port] in self.ports:
            while True:
                try:
                    socket.create_connection(("127.0.0.1", port), timeout=2).close()
                    break
                except OSError:
                    if time.monotonic() > deadline:
                        raise SystemExit(f"echo is not ready after 60 s; its last lines:\n{self.last_lines()}")
                    time.sleep(0.1)

    def run(self, client, mode, clients, seconds):
        endpoints = [f"127.0.0.1:{port}" for [port] in self.ports]
        return self.go("kvorum", endpoints, KVORUM_CONNECTIONS, mode, clients, seconds)

    def fill(self):
        """It has nothing to fill."""


def measure_load(clusters, options, out):
    for cluster in clusters:
        say(f"{cluster.name}: filling {KEYS} keys")
        cluster.up()
        cluster.fill()
        cluster.down()
    for turn in range(options.rounds):
        for cluster in clusters:
            # Started anew: etcd 3.4 copies its last burst of writes for each read until it is restarted.
            cluster.up()
            for mode, clients in LOADS:
                if mode not in options.loads.split(","):
                    continue
                for client in cluster.clients:
                    result = cluster.measure(
                        lambda: cluster.run(client, mode, clients, options.seconds), options.seconds)
                    record(out, {"system": client, "what": mode, "clients": clients, "round": turn, **result})
            cluster.down()
            record(out, {"what": "yardsticks", "round": turn, **yardsticks.measure(cluster.folder)})


def measure_failover(clusters, options, out):
    for cluster in (cluster for cluster in clusters if cluster.name != "echo"):
        cluster.up()
        time.sleep(options.settle)
        for trial in range(options.trials):
            times = fail_once(cluster, trial, options)
            record(out, {"system": cluster.name, "what": "failover", "trial": trial,
                         "ms": round(cluster.failover_ms(times), 1), "slowest_ms": round(max(times), 1)})
        cluster.down()


def fail_once(cluster, trial, options):
    """One writer per probed key asks the survivors, before and after a kill -9; milliseconds from the kill to each one's
    first acknowledged write among those that it sent after the kill. Then the node comes back."""
    dead = cluster.victim(trial)
    survivors = [node for node in range(3) if node != dead]
    killed = threading.Event()
    kill_time = [0.0]
    times = [None] * PROBED_PARTITIONS

    def write(i):
        while True:
            after_kill = killed.is_set()
            # A bound of its own for each try, or all writers would retry in step.
            if cluster.put(random.choice(survivors), f"probe-{i}", random.uniform(0.1, 0.2)):
                if after_kill:
                    times[i] = (time.monotonic() - kill_time[0]) * 1e3
                    return
                time.sleep(0.05)
            elif killed.is_set() and time.monotonic() - kill_time[0] > 30:
                times[i] = 30_000.0
                return

    writers = [threading.Thread(target=write, args=(i,), daemon=True) for i in range(PROBED_PARTITIONS)]
    for writer in writers:
        writer.start()
    time.sleep(1)
    kill_time[0] = time.monotonic()
    cluster.processes[dead].kill()
    killed.set()
    for writer in writers:
        writer.join()
    cluster.kill(dead)
    cluster.start(dead)
    cluster.await_ready()
    time.sleep(options.settle) # leadership goes back to where it is preferred
    return times


def record(out, entry):
    entry = {"time": now_utc(), **entry}
    out.append(entry)
    say(json.dumps(entry))
    if out.path:
        with open(out.path, "a") as f:
            f.write(json.dumps(entry) + "\n")


class Records(list):
    path = None


def table(records):
    lines = ["| what | by | etcd | kvorum | ratio | p99 | p99 | ratio | nodes' us | nodes' us | ratio |",
             "|---|---|---|---|---|---|---|---|---|---|---|"]

    def medians(system, what, clients):
        rows = [r for r in records if (r.get("system"), r["what"], r.get("clients")) == (system, what, clients)]
        return [statistics.median(r[figure] for r in rows) for figure in ("ops", "p99_ms", "nodes_us")] if rows else None

    for what, clients in LOADS:
        peer = medians("etcd", what, clients)
        for by, system in CLIENTS.items():
            own = medians(system, what, clients)
            if not peer or not own:
                continue
            (e, e99, eus), (k, k99, kus) = peer, own
            lines.append(f"| {what}, {clients} clients | {by} | {e:,.0f}/s | {k:,.0f}/s | {k / e:.1f} "
                         f"| {e99:.1f} ms | {k99:.1f} ms | {k99 / e99:.2f} | {eus:.0f} | {kus:.0f} | {kus / max(eus, 1):.2f} |")
    lines += ["", "| servers' time, us | echo | etcd | kvorum, Go gRPC | kvorum, native | gRPC to etcd | gRPC to echo |",
              "|---|---|---|---|---|---|---|"]
    for what, clients in LOADS:
        echo, etcd, go, native = (found[2] if (found := medians(system, what, clients)) else None
                                  for system in ("echo", "etcd", CLIENTS["go"], CLIENTS["native"]))
        if not go:
            continue
        shown = " | ".join(f"{us:.1f}" if us else "" for us in (echo, etcd, go, native))
        ratios = " | ".join(f"{go / us:.2f}" if us else "" for us in (etcd, echo))
        lines.append(f"| {what}, {clients} clients | {shown} | {ratios} |")
    for system in ("etcd", "kvorum"):
        times = sorted(r["ms"] for r in records if (r.get("system"), r["what"]) == (system, "failover"))
        if times:
            lines.append(f"\n{system}, failover after kill -9, {len(times)} trials: median "
                         f"{statistics.median(times):.0f} ms, worst {times[-1]:.0f} ms")
    rows = [r for r in records if r["what"] == "yardsticks"]
    if rows:
        lines.append(f"\n{yardsticks.summary(rows)}")
    return "\n".join(lines)


def need(tools):
    missing = [f"{tool} (Debian: {package})" for tool, package in tools if not shutil.which(tool)]
    if missing:
        raise SystemExit(f"compare.py: missing {', '.join(missing)}")


def build_load(folder):
    """The Go program, with the code that protoc makes of the public contract."""
    binary, made, cache = (os.path.join(folder, name) for name in ("load", "go", "gocache"))
    os.makedirs(os.path.join(made, "src"))
    proto = os.path.join(ROOT, "proto")
    subprocess.run(["protoc", "-I", proto, f"--go_out=plugins=grpc:{made}/src", os.path.join(proto, "kvorum", "v1", "kv.proto")],
                   check=True)
    environment = dict(os.environ, GO111MODULE="off", GOPATH=f"{made}:/usr/share/gocode", GOCACHE=cache, GOFLAGS="")
    subprocess.run(["go", "build", "-o", binary, os.path.join(HERE, "grpc-load", "main.go")], env=environment, check=True)
    shutil.rmtree(cache, ignore_errors=True)
    return binary


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--systems", default="etcd,kvorum,echo", help="which to measure (default: %(default)s)")
    parser.add_argument("--clients", default=",".join(CLIENTS), help="which clients ask kvorum (default: %(default)s)")
    parser.add_argument("--parts", default="load,failover", help="which parts to measure (default: both)")
    parser.add_argument("--loads", default=",".join(KINDS), help="which loads (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of load, each system in turn (default: 3)")
    parser.add_argument("--seconds", type=float, default=5, help="counted seconds of a measurement (default: 5)")
    parser.add_argument("--warm", type=float, default=3, help="seconds of load before counting (default: 3)")
    parser.add_argument("--trials", type=int, default=20, help="failovers of each system (default: 20)")
    parser.add_argument("--settle", type=float, default=6, help="seconds of quiet after a start (default: 6)")
    parser.add_argument("--out", help="file to append one JSON object per measurement to")
    options = parser.parse_args()
    for flag, known in (("loads", KINDS), ("clients", CLIENTS), ("systems", ["etcd", "kvorum", "echo"]), ("parts", ["load", "failover"])):
        if unknown := set(getattr(options, flag).split(",")) - set(known):
            parser.error(f"--{flag} '{','.join(sorted(unknown))}': give some of {','.join(known)}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))

    Cluster.warm = options.warm
    systems = options.systems.split(",")
    folder = tempfile.mkdtemp(prefix="kvorum-peers.")
    clusters = []
    records = Records()
    records.path = options.out
    try:
        asked = options.clients.split(",")
        load = None
        if {"etcd", "echo"} & set(systems) or "go" in asked:
            need([("go", "golang-go, golang-etcd-server-dev"), ("protoc", "protobuf-compiler"), ("protoc-gen-go", "protoc-gen-go-1-3")])
            say("building the load generator")
            load = build_load(folder)
        if "etcd" in systems:
            need([("etcd", "etcd-server")])
            clusters.append(Etcd(os.path.join(folder, "etcd"), load))
        if "kvorum" in systems:
            subprocess.run([KVORUM, "--version"], check=True, stdout=subprocess.DEVNULL)
            clusters.append(Kvorum(os.path.join(folder, "kvorum"), load, asked))
        if "echo" in systems and "load" in options.parts:
            say("building the echo")
            subprocess.run(["dotnet", "build", "-c", "Release", "-v", "quiet", "--nologo",
                            os.path.join(ROOT, "bench", "Kvorum.GrpcEcho")], check=True, stdout=sys.stderr)
            clusters.append(Echo(os.path.join(folder, "echo"), load))
        if "load" in options.parts:
            measure_load(clusters, options, records)
        if "failover" in options.parts:
            measure_failover(clusters, options, records)
        print(table(records))
    finally:
        for cluster in clusters:
            cluster.down()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
