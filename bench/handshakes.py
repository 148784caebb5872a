#!/usr/bin/env python3
"""TLS handshakes per second with a client's certificate, of one node of each given program and, as a yardstick, of openssl
s_server, in turns.

    bench/handshakes.py [--rounds N] [--seconds S] [--clients C] PATH/TO/kvorum...

The client is bench/handshakes/main.go (Debian's golang-go), on the same processors as the server; each handshake is of TLS 1.3 with
one HTTP request. Beside the rate stand the processor times of server and client for each.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile

import yardsticks

HERE = os.path.dirname(os.path.abspath(__file__))
TICKS = os.sysconf("SC_CLK_TCK")


def built(folder):
    client = os.path.join(folder, "handshakes")
    environment = os.environ | {"GO111MODULE": "off", "GOFLAGS": "", "GOCACHE": os.path.join(folder, "gocache")}
    subprocess.run(["go", "build", "-o", client, os.path.join(HERE, "handshakes", "main.go")], env=environment, check=True)
    return client


def node(kvorum, folder, number):
    port = 22000 + 100 * number
    os.makedirs(folder)
    process = subprocess.Popen(
        [kvorum, "start", "--secure", "--addr", f"127.0.0.1:{port + 51}", "--http-addr", f"127.0.0.1:{port + 80}", "--peer-addr",
         f"127.0.0.1:{port + 61}"], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    while (line := process.stdout.readline()) and "is ready" not in line:
        pass
    if not line:
        sys.exit(f"{kvorum} did not start")
    return process, port + 80


def openssl(folder, port):
    certs = os.path.join(folder, "certs")
    return subprocess.Popen(
        ["openssl", "s_server", "-accept", str(port), "-cert", f"{certs}/node-1.crt", "-key", f"{certs}/node-1.key", "-CAfile",
         f"{certs}/ca.crt", "-Verify", "2", "-www", "-quiet"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL), port


def server_seconds(process):
    with open(f"/proc/{process.pid}/stat") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def ask(client, certs, port, seconds, clients, resumes):
    command = [client, "-address", f"127.0.0.1:{port}", "-certs", certs, "-seconds", str(seconds), "-clients", str(clients)]
    told = json.loads(subprocess.run(
        command + (["-resume"] if resumes else []), check=True, stdout=subprocess.PIPE, text=True).stdout)
    # The first of each client is a full one.
    if told["errors"] or resumes and told["resumed"] < told["count"] - clients:
        print(f"port {port}: {told}", file=sys.stderr)
    return told


def main():
    flags = argparse.ArgumentParser()
    flags.add_argument("--rounds", type=int, default=5)
    flags.add_argument("--seconds", type=float, default=5)
    flags.add_argument("--clients", type=int, default=4)
    flags.add_argument("programs", nargs="+")
    given = flags.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        client, servers = built(folder), {}
        try:
            for number, kvorum in enumerate(given.programs):
                place = os.path.join(folder, f"node{number}")
                servers[kvorum] = (*node(os.path.abspath(kvorum), place, number), os.path.join(place, "certs"))
            first = os.path.join(folder, "node0")
            servers["s_server"] = (*openssl(first, 22443), os.path.join(first, "certs"))
            before, runs = yardsticks.measure(folder), {}
            for round_ in range(-1, given.rounds):  # the first warms up
                for resumes in (False, True):
                    for name, (process, port, certs) in servers.items():
                        used = server_seconds(process)
                        told = ask(client, certs, port, given.seconds, given.clients, resumes)
                        own = 1000 * (server_seconds(process) - used) / told["count"]
                        if round_ >= 0:
                            runs.setdefault((resumes, name), []).append(
                                (told["rate"], own, told["client_ms"], told["p99_ms"]))
            for (resumes, name), all_ in runs.items():
                rate, own, client_ms, p99 = (statistics.median(column) for column in zip(*all_))
                rates = ", ".join(f"{one[0]:.0f}" for one in all_)
                print(f"{'resumed' if resumes else 'full':8} {rate:6.0f}/s ({rates}), {own:.2f} ms of the server and "
                      f"{client_ms:.2f} of the client each, p99 {p99:.1f} ms  {name}")
            print(yardsticks.summary([before, yardsticks.measure(folder)]))
        finally:
            for process, *_ in servers.values():
                process.terminate()
            for process, *_ in servers.values():
                process.wait()


if __name__ == "__main__":
    main()
