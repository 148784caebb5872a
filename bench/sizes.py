#!/usr/bin/env python3
"""Puts and linearizable gets with 64 and 256 clients on clusters of 1, 3 and 5 nodes with default settings.

Each round starts every size anew, one after the other, so that a slow minute of the machine hits all of them. Nodes and
load share this machine: more nodes mean more work for the same processors, not more processors. Writes one JSON object
per measurement to --out and prints a markdown table of medians, with the least and the greatest. See docs/performance.md.
"""
import argparse
import json
import os
import statistics

from cluster import Cluster, ended, now_utc, say

LOADS = [("get", 64), ("get", 256), ("put", 64), ("put", 256)]


def measure(size, options, number):
    results = []
    with Cluster(size, options.folder) as cluster:
        for index, (workload, clients) in enumerate(LOADS):
            # Of so many keys those that puts draw are as good as always new ones.
            keys = 100_000 if workload == "get" else 100_000_000
            said = ended(cluster.bench(
                workload, "--clients", str(clients), "--keys", str(keys), "--warmup", f"{options.warm:g}s",
                "--duration", f"{options.seconds:g}s", *(["--fill"] if index == 0 else [])))
            result = {
                "what": workload, "nodes": size, "clients": clients, "round": number, "ops": round(said["throughput"]),
                "p50_ms": said["all"]["p50"], "p99_ms": said["all"]["p99"], "max_ms": said["all"]["max"],
                "errors": said["failed"] + said["not_found"], "at": now_utc(),
            }
            say(json.dumps(result))
            results.append(result)
    return results


def table(results):
    lines = ["| | nodes | median of a second | least to greatest | p50 | p99 |", "|---|---|---|---|---|---|"]
    for workload, clients in sorted(LOADS, reverse=True):
        for size in sorted({one["nodes"] for one in results}):
            rows = [one for one in results if (one["what"], one["clients"], one["nodes"]) == (workload, clients, size)]
            if rows:
                ops = [one["ops"] for one in rows]
                p50, p99 = (statistics.median(one[name] for one in rows) for name in ("p50_ms", "p99_ms"))
                lines.append(f"| {workload}, {clients} clients | {size} | {statistics.median(ops):,.0f} "
                             f"| {min(ops):,} to {max(ops):,} | {p50:.1f} ms | {p99:.1f} ms |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="1,3,5", help="numbers of nodes [1,3,5]")
    parser.add_argument("--rounds", type=int, default=3, help="rounds over all sizes [3]")
    parser.add_argument("--seconds", type=float, default=4, help="counted seconds of a measurement [4]")
    parser.add_argument("--warm", type=float, default=3, help="seconds of load before counting [3]")
    parser.add_argument("--folder", help="where the data goes [the system's temporary folder]")
    parser.add_argument("--out", default=os.path.join(os.path.dirname(__file__), "sizes.jsonl"), help="file to append to")
    parser.add_argument("--table", action="store_true", help="measure nothing: print the table of what --out has")
    options = parser.parse_args()
    if options.table:
        with open(options.out, encoding="utf-8") as file:
            return print(table([json.loads(line) for line in file]))
    results = []
    for number in range(options.rounds):
        for size in map(int, options.sizes.split(",")):
            measured = measure(size, options, number)
            results += measured
            with open(options.out, "a", encoding="utf-8") as out:
                out.writelines(json.dumps(one) + "\n" for one in measured)
    print(table(results))


if __name__ == "__main__":
    main()
