"""Clusters of real kvorum processes on free ports of loopback, for the scripts beside this file."""
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PROGRAM = os.environ.get("KVORUM") or os.path.join(ROOT, "artifacts", "program", "kvorum")
READY_WITHIN = 60


def say(text):
    print(f"# {time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def now_utc():
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def free_ports(count):
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in held]
    for one in held:
        one.close()
    return ports


class Cluster:
    """Nodes with default settings in a temporary folder: `with Cluster(3) as cluster`. Ended and removed at the end."""

    def __init__(self, size, folder=None, flags=()):
        if not os.access(PROGRAM, os.X_OK):
            raise SystemExit(f"{PROGRAM} is not there: build it with ./kvorum --version")
        self.size = size
        self.within = folder
        self.flags = flags  # of each node, beside those that it needs
        self.ports = [free_ports(3) for _ in range(size)]  # clients, peers, HTTP
        self.processes = [None] * size

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="kvorum-bench.", dir=self.within)
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        try:
            for node in range(self.size):
                self.start(node)
            self.await_ready()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for process in self.processes:
            if process and process.poll() is None:
                process.kill()
                process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def addresses(self):
        return ",".join(f"127.0.0.1:{client}" for client, _, _ in self.ports[:self.size])

    def entry(self, node):
        """What tells a node its cluster: all of them found it."""
        return ["--peers", ",".join(f"node-{i}@127.0.0.1:{self.ports[i][1]}" for i in range(self.size))]

    def start(self, node):
        client, peer, web = self.ports[node]
        with open(os.path.join(self.folder, f"node{node}.log"), "ab") as log:
            self.processes[node] = subprocess.Popen(
                [PROGRAM, "start", "--id", f"node-{node}", "--addr", f"127.0.0.1:{client}", "--peer-addr",
                 f"127.0.0.1:{peer}", "--http-addr", f"127.0.0.1:{web}", "--data", os.path.join(self.folder, f"data{node}"),
                 *self.entry(node), *self.flags],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def ask(self, node, path):
        """The status and the body of an answer, or 0 and nothing."""
        connection = http.client.HTTPConnection("127.0.0.1", self.ports[node][2], timeout=5)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException):
            return 0, b""
        finally:
            connection.close()

    def await_ready(self):
        deadline = time.monotonic() + READY_WITHIN
        for node in range(self.size):
            while self.ask(node, "/readyz")[0] != 200:
                if time.monotonic() > deadline:
                    raise SystemExit(f"node-{node} is not ready after {READY_WITHIN} s:\n{self.last_lines(node)}")
                time.sleep(0.05)

    def leaders(self, node):
        """Who leads each partition as this node knows it: numbers of nodes, None for nobody."""
        status, body = self.ask(node, "/v1/map")
        if status != 200:
            return None
        found = json.loads(body)
        names = [member["name"] for member in found["members"]]
        partitions = found["keyspaces"][0]["partitions"]
        leading = (partition.get("leader") for partition in partitions)
        return [None if at is None or at < 0 else int(names[at].removeprefix("node-")) for at in leading]

    def last_lines(self, node):
        with open(os.path.join(self.folder, f"node{node}.log"), errors="replace") as log:
            return "".join(log.readlines()[-10:])

    def bench(self, workload, *flags):
        """Load under way on the nodes that the cluster began with: end it with ended()."""
        return subprocess.Popen(
            [PROGRAM, "bench", workload, "--addr", self.addresses, "--json", *flags],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def run_command(*words):
    """What a command of the program says; an error of it ends the script."""
    done = subprocess.run([PROGRAM, *words], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
    if done.returncode != 0:
        raise SystemExit(f"kvorum {' '.join(words)} ended with {done.returncode}: {done.stderr.strip()}")
    return done.stdout


def bytes_received(ports):
    """Bytes that came in on connections from and to these ports, at both ends, as the kernel counts them."""
    chosen = " or ".join(f"{end} = :{port}" for port in ports for end in ("sport", "dport"))
    said = subprocess.run(["ss", "-tinH", f"( {chosen} )"], capture_output=True, text=True, check=True).stdout
    return sum(map(int, re.findall(r"bytes_received:(\d+)", said)))


def ended(load, early=False):
    """What the load has measured; early: does not wait until its time is over."""
    if early:
        load.send_signal(signal.SIGINT)
    out, errors = load.communicate(timeout=600)
    if load.returncode != 0 or not out.strip():
        raise SystemExit(f"kvorum bench ended with {load.returncode}: {errors.strip()}")
    return json.loads(out.strip().splitlines()[-1])
