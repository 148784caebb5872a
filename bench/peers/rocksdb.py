#!/usr/bin/env python3
"""Kvorum's trees beside RocksDB: the same settings, on this machine, in one run, taking turns.

Writes one JSON object per measurement to --out and prints a markdown table of medians and ratios: of rates, and of
processor time per operation of the whole process, which what else the machine does hardly changes. Needs Debian's
rocksdb-tools (db_bench) and the .NET SDK. Debian builds db_bench with assertions, so its figures are a lower bound.
Random fill without a write-ahead log, random reads with a warm cache of 1 GiB and bloom filters of 10 bits per key,
scans through everything; keys of 16 bytes, values of 100, no compression. See docs/performance.md for the method.
"""
import argparse
import json
import math
import os
import re
import resource
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
PAIR_BYTES = 116
HISTOGRAM = "--histogram=1"
NAMES = {"fillrandom": "fill random", "readrandom": "read random", "readseq": "scan", "seekrandom": "seek and 10 next"}


def say(text):
    print(f"# {time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def need(tools):
    missing = [f"{tool} (Debian: {package})" for tool, package in tools if not shutil.which(tool)]
    if missing:
        raise SystemExit(f"rocksdb.py: missing {', '.join(missing)}")


def children_cpu():
    """Processor time of all processes that were started here and have ended, in seconds."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def cpu_of(pid):
    """Processor time of a process that runs, in seconds."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class RocksDB:
    """One database, used by all threads at once, as db_bench does it."""

    name = "rocksdb"

    def __init__(self, folder, options):
        self.folder, self.options = os.path.join(folder, "rocksdb"), options

    def run(self, threads):
        """
        All measurements of a round, each in a process of its own. Reads come after a scan through everything, which
        warms the cache, and the same once more uncounted.
        """
        shutil.rmtree(self.folder, ignore_errors=True)
        # Each thread writes its share, and draws its keys from as many numbers.
        keys = self.options.keys // threads
        fill, cpu = self.command("fillrandom,waitforcompaction,stats", threads, keys, "--disable_wal=1", HISTOGRAM)
        rate = self.rate(fill, "fillrandom", threads)
        yield {**rate, "cpu_us": cpu * 1e6 / (keys * threads), **self.amplification(fill, threads, keys)}
        # Steps of scans are not timed one by one, ours neither: a look at the clock costs more than the step.
        reads = [("readrandom", threads, [self.duration, HISTOGRAM]),
                 ("seekrandom", threads, [self.duration, "--seek_nexts=10", HISTOGRAM]), ("readseq", 1, [])]
        for what, readers, more in reads:
            out, cpu = self.command(f"readseq,{what},{what}", readers, keys, "--use_existing_db=1", *more)
            rate = self.rate(out, what, readers)
            yield {**rate, "cpu_us": cpu * 1e6 / rate.pop("count")}

    @property
    def duration(self):
        return f"--duration={self.options.seconds:g}"

    def command(self, benchmarks, threads, keys, *more):
        """What it says, and the seconds of processor time that the last of several measurements took."""
        command = ["db_bench", f"--db={self.folder}", f"--benchmarks={benchmarks}", f"--threads={threads}",
                   f"--num={keys}", "--key_size=16", "--value_size=100", "--compression_type=none", "--bloom_bits=10",
                   f"--cache_size={self.options.cache_mb << 20}", "--stats_per_interval=0", *more]
        before = children_cpu()
        running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        out, used = [], [0.0]
        for line in running.stdout:
            out.append(line)
            if " micros/op " in line and "--use_existing_db=1" in more:
                used.append(cpu_of(running.pid))
        if running.wait():
            raise SystemExit(f"rocksdb.py: db_bench ended with {running.returncode}:\n{''.join(out)}")
        return "".join(out), children_cpu() - before - used[max(0, len(used) - 2)]

    @staticmethod
    def rate(out, what, threads):
        figures = r"[0-9.]+ micros/op +([0-9]+) ops/sec +[0-9.]+ seconds +([0-9]+) op"
        rates = re.findall(rf"^{what} *: +{figures}", out, re.M)
        tails = re.findall(r"^Percentiles: P50: ([0-9.]+) P75: [0-9.]+ P99: ([0-9.]+)", out, re.M)
        if not rates:
            raise SystemExit(f"rocksdb.py: db_bench gave no figures for {what}:\n{out}")
        record = {"what": NAMES[what], "threads": threads, "ops": float(rates[-1][0])}
        if tails:
            tail = tails[0] if what == "fillrandom" else tails[-1]
            record |= {"p50_us": float(tail[0]), "p99_us": float(tail[1])}
        return record if what == "fillrandom" else {**record, "count": int(rates[-1][1])}

    def amplification(self, out, threads, keys):
        """Flushes and compactions until nothing was left to compact; bytes of the folder then."""
        written = re.search(r"^Cumulative compaction: ([0-9.]+) GB write", out, re.M)
        size = sum(entry.stat().st_size for entry in os.scandir(self.folder))
        there = keys * (1 - math.exp(-threads))
        return {"write_amplification": float(written[1]) * 2**30 / (keys * threads * PAIR_BYTES),
                "space_amplification": size / (there * PAIR_BYTES)}

    def down(self):
        shutil.rmtree(self.folder, ignore_errors=True)


class Kvorum:
    """One tree per thread, as a node has partitions; all threads read all trees."""

    name = "kvorum"

    def __init__(self, folder, options):
        self.folder, self.options = os.path.join(folder, "kvorum"), options

    def run(self, threads):
        command = [PROGRAM, "tree", "--keys", str(self.options.keys), "--threads", str(threads),
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
    for what in NAMES.values():
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
    during = [r for r in records if r["system"] == "kvorum" and r["what"] == "read random during writes"]
    for threads in sorted({record["threads"] for record in during}):
        p99 = statistics.median(r["p99_us"] for r in during if r["threads"] == threads)
        lines.append(f"\nkvorum, {threads} threads: p99 of random reads during writes and compactions {p99:.1f} us")
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
    if "rocksdb" in systems:
        need([("db_bench", "rocksdb-tools")])
    if "kvorum" in systems:
        subprocess.run(["dotnet", "build", PROJECT, "-c", "Release", "-v", "q", "--nologo"], check=True, stdout=sys.stderr)
    folder = tempfile.mkdtemp(prefix="kvorum-peers.")
    peers = [peer(folder, options) for peer in (RocksDB, Kvorum) if peer.name in systems]
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
