#!/usr/bin/env python3
"""What encryption at rest costs: one node with and without it, in turns, each turn with a new folder; then the trees alone, without a
log and with a small cache, so that most reads decrypt a block. Medians, with the machine's yardsticks beside them.

    bench/encryption.py [--rounds 5] [--seconds 5] [--folder DIR] [--program kvorum] [--benchmarks Kvorum.Benchmarks]
"""
import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import yardsticks

HERE = os.path.dirname(os.path.abspath(__file__))
BIN = os.path.join(HERE, "..", "artifacts", "bin")
ADDR = "127.0.0.1:55351"


def node(options, folder, key):
    data = os.path.join(folder, "node")
    shutil.rmtree(data, ignore_errors=True)
    flags = ["--master-key-file", key] if key else []
    server = subprocess.Popen(
        [options.program, "start", "--addr", ADDR, "--http-addr", "127.0.0.1:55380", "--peer-addr", "127.0.0.1:55361",
         "--data", data, "--log-level", "warning", *flags])
    try:
        while subprocess.run([options.program, "health", "--addr", ADDR], capture_output=True).returncode != 0:
            time.sleep(0.1)
        figures = {}
        for workload in ("put", "get"):
            more = ["--fill"] if workload == "get" else []
            before = cpu(server.pid)
            out = subprocess.run(
                [options.program, "bench", workload, "--addr", ADDR, "--duration", f"{options.seconds}s", "--json", *more],
                capture_output=True, text=True, check=True).stdout
            result = json.loads(out)
            if options.verbose:
                print(result, file=sys.stderr)
            # The node's time also has the bench's warm-up of a second, and what fills the keys.
            spent = cpu(server.pid) - before
            figures[f"{workload}, operations/s"] = result["throughput"]
            figures[f"{workload}, p50 ms"] = result["all"]["p50"]
            figures[f"{workload}, p99 ms"] = result["all"]["p99"]
            figures[f"{workload}, node's us"] = spent * 1e6 / (result["throughput"] * (options.seconds + 1))
        return figures
    finally:
        server.terminate()
        server.wait()
        shutil.rmtree(data, ignore_errors=True)


def cpu(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def trees(options, folder, key):
    out = subprocess.run(
        [options.benchmarks, "tree", "--keys", "1000000", "--cache-mb", "16", "--seconds", "2", "--encryption",
         "on" if key else "off", "--folder", os.path.join(folder, "trees")],
        capture_output=True, text=True, check=True).stdout
    figures = {}
    for line in out.splitlines():
        result = json.loads(line)
        if options.verbose:
            print(result, file=sys.stderr)
        for name in ("per_second", "p50_microseconds", "cpu_microseconds"):
            if name in result:
                figures[f"{result['name']}: {name}"] = result[name]
    return figures


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--folder", default=None)
    parser.add_argument("--program", default=os.path.join(BIN, "Kvorum.Cli", "release", "kvorum"))
    parser.add_argument("--benchmarks", default=os.path.join(BIN, "Kvorum.Benchmarks", "release", "Kvorum.Benchmarks"))
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    folder = tempfile.mkdtemp(prefix="encryption.", dir=options.folder)
    key = os.path.join(folder, "master.key")
    with open(os.open(key, os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="ascii") as file:
        file.write(os.urandom(32).hex())
    measured, sticks = {"plain": [], "encrypted": []}, []
    try:
        for turn in range(options.rounds):
            # Each goes first in every second turn.
            for name in ("plain", "encrypted") if turn % 2 == 0 else ("encrypted", "plain"):
                given = key if name == "encrypted" else None
                measured[name].append({**node(options, folder, given), **trees(options, folder, given)})
                sticks.append(yardsticks.measure(folder))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(yardsticks.summary(sticks))
    print("| what | plain | encrypted | ratio |\n|---|---|---|---|")
    for figure in measured["plain"][0]:
        plain, encrypted = (statistics.median(one[figure] for one in measured[name]) for name in ("plain", "encrypted"))
        print(f"| {figure} | {plain:,.4g} | {encrypted:,.4g} | {encrypted / plain if plain else 0:.3f} |")


if __name__ == "__main__":
    main()
