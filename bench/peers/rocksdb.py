#!/usr/bin/env python3
"""Kvorum's trees beside RocksDB: the same settings, on this machine, in one run, taking turns.

Writes one JSON object per measurement to --out and prints a markdown table of medians and ratios: of rates, and of
processor time per operation of the whole process, which what else the machine does hardly changes. Needs the .NET SDK
only: RocksDB's release build comes from its NuGet package, and its C functions do what db_bench does.
Random fill without a write-ahead log, random reads with a warm cache of 1 GiB and bloom filters of 10 bits per key,
scans through everything; keys of 16 bytes, values of 100, no compression. See docs/performance.md for the method.
"""
import argparse
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
PROJECT = os.path.join(ROOT, "bench", "Kvorum.Benchmarks")
PROGRAM = os.environ.get("KVORUM_BENCHMARKS") or os.path.join(
    ROOT, "artifacts", "bin", "Kvorum.Benchmarks", "release", "Kvorum.Benchmarks")
NAMES = ["fill random", "read random", "seek and 10 next", "scan", "read random during writes"]


def say(text):
    print(f"# {time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


class Peer:
    """
    A storage engine, measured by Kvorum.Benchmarks in a process of its own. Kvorum has a tree per thread, as a node
    has partitions, and all threads read all trees; RocksDB one database, as db_bench has it.
    """

    def __init__(self, name, command, folder, options):
        self.name, self.command = name, command
        self.folder, self.options = os.path.join(folder, name), options

    def run(self, threads):
        command = [PROGRAM, self.command, "--keys", str(self.options.keys), "--threads", str(threads),
                   "--seconds", f"{self.options.seconds:g}", "--cache-mb", str(self.options.cache_mb),
                   "--folder", self.folder]
        out = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
        for line in out.splitlines():
            result = json.loads(line)
            record = {"what": result["name"], "threads": result["threads"], "ops": result["per_second"]}
            for theirs, ours in [("cpu_microseconds", "cpu_us"),
                                 ("p50_microseconds", "p50_us"), ("p99_microseconds", "p99_us"),
                                 ("write_amplification", "write_amplification"),
                                 ("space_amplification", "space_amplification")]:
                if theirs in result:
                    record[ours] = result[theirs]
            yield record

    def down(self):
        shutil.rmtree(self.folder, ignore_errors=True)


def tails(figures):
    return f"{figures['p50_us']:.1f}, {figures['p99_us']:.1f} us" if figures["p50_us"] else "not timed one by one"


def table(records):
    lines = ["| what | threads | RocksDB | Kvorum | ratio | RocksDB CPU | Kvorum CPU | ratio "
             "| RocksDB p50, p99 | Kvorum p50, p99 |", "|---|---|---|---|---|---|---|---|---|---|"]
    for what in NAMES:
        for threads in sorted({record["threads"] for record in records}):
            median = {}
            for system in ("rocksdb", "kvorum"):
                rows = [r for r in records if (r["system"], r["what"], r["threads"]) == (system, what, threads)]
                median[system] = {figure: statistics.median(row.get(figure, 0) for row in rows)
                                  for figure in ("ops", "cpu_us", "p50_us", "p99_us") if rows}
            r, k = median["rocksdb"], median["kvorum"]
            if r and k:
                lines.append(
                    f"| {what} | {threads} | {r['ops']:,.0f}/s | {k['ops']:,.0f}/s | {k['ops'] / r['ops']:.2f} "
                    f"| {r['cpu_us']:.2f} us | {k['cpu_us']:.2f} us | {r['cpu_us'] / k['cpu_us']:.2f} "
                    f"| {tails(r)} | {tails(k)} |")
    for system in ("rocksdb", "kvorum"):
        for figure in ("write_amplification", "space_amplification"):
            values = [r[figure] for r in records if r["system"] == system and figure in r]
            if values:
                lines.append(f"\n{system}: {figure.replace('_', ' ')} {statistics.median(values):.2f}")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--systems", default="rocksdb,kvorum", help="which to measure (default: both)")
    parser.add_argument("--keys", type=int, default=5_000_000, help="writes of a fill (default: 5 million)")
    parser.add_argument("--threads", default="1,2", help="numbers of threads (default: 1,2)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds, each system in turn (default: 3)")
    parser.add_argument("--seconds", type=float, default=4, help="seconds of a measurement of reads (default: 4)")
    parser.add_argument("--cache-mb", type=int, default=1024, help="block cache in MiB (default: 1024)")
    parser.add_argument("--out", help="file to append one JSON object per measurement to")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))

    systems = options.systems.split(",")
    if "KVORUM_BENCHMARKS" not in os.environ:
        subprocess.run(["dotnet", "build", PROJECT, "-c", "Release", "-v", "q", "--nologo"], check=True, stdout=sys.stderr)
    folder = tempfile.mkdtemp(prefix="kvorum-peers.")
    commands = {"rocksdb": "rocksdb", "kvorum": "tree"}
    peers = [Peer(name, commands[name], folder, options) for name in systems]
    records = []
    try:
        for round_number in range(options.rounds):
            for threads in map(int, options.threads.split(",")):
                for peer in peers:
                    for record in peer.run(threads):
                        record = {"system": peer.name, "round": round_number, **record}
                        say(json.dumps(record))
                        records.append(record)
                        if options.out:
                            with open(options.out, "a", encoding="ascii") as out:
                                out.write(json.dumps(record) + "\n")
                    peer.down()
        print(table(records))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
