#!/usr/bin/env python3
"""TLS handshakes per second with a client's certificate, of one node and, as a yardstick, of openssl s_server, in turns.

    bench/handshakes.py PATH/TO/kvorum [rounds] [seconds]

Full ones are asked for by openssl s_time, each with one HTTP request, resumed ones by Python's ssl, because s_time resumes none
of TLS 1.3; three processes of either, on the same processors as the server. Beside the rate stands the server's own time.
"""
import multiprocessing
import os
import re
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import time

import yardsticks

CLIENTS = 3
TICKS = os.sysconf("SC_CLK_TCK")
FILES = ["-CAfile", "certs/ca.crt", "-cert", "certs/client.crt", "-key", "certs/client.key"]


def resume(port, seconds, counted):
    context = ssl.create_default_context(cafile="certs/ca.crt")
    context.load_cert_chain("certs/client.crt", "certs/client.key")
    session, end, count = None, time.monotonic() + seconds, 0
    while time.monotonic() < end:
        with socket.create_connection(("127.0.0.1", port)) as plain, context.wrap_socket(
                plain, server_hostname="localhost", session=session) as tls:
            tls.sendall(b"GET /x HTTP/1.0\r\n\r\n")
            while tls.recv(4096):
                pass
            session, count = tls.session, count + tls.session_reused
    counted.put(count)


def full_ones(port, seconds):
    asked = [subprocess.Popen(
        ["openssl", "s_time", "-connect", f"127.0.0.1:{port}", "-new", "-www", "/x", "-time", str(seconds), *FILES],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) for _ in range(CLIENTS)]
    return sum(int(re.search(r"(\d+) connections in \d+ real", one.communicate()[0]).group(1)) for one in asked)


def resumed_ones(port, seconds):
    counted = multiprocessing.Queue()
    asked = [multiprocessing.Process(target=resume, args=(port, seconds, counted)) for _ in range(CLIENTS)]
    for one in asked:
        one.start()
    count = sum(counted.get() for _ in asked)
    for one in asked:
        one.join()
    return count


def server_seconds(pid):
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def main():
    kvorum, rounds, seconds = os.path.abspath(sys.argv[1]), int((sys.argv[2:] or ["3"])[0]), int((sys.argv[3:] or ["5"])[0])
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        node = subprocess.Popen(
            [kvorum, "start", "--secure", "--addr", "127.0.0.1:22051", "--http-addr", "127.0.0.1:22080", "--peer-addr",
             "127.0.0.1:22061"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        while "is ready" not in node.stdout.readline():
            pass
        plain = subprocess.Popen(
            ["openssl", "s_server", "-accept", "22443", "-cert", "certs/node-1.crt", "-key", "certs/node-1.key", "-CAfile",
             "certs/ca.crt", "-Verify", "2", "-www", "-quiet"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            yardsticks_before = yardsticks.measure(folder)
            full_ones(22080, 2)
            rates = {}
            for _ in range(rounds):
                for kind, ask in (("full", full_ones), ("resumed", resumed_ones)):
                    for name, port, pid in (("kvorum", 22080, node.pid), ("s_server", 22443, plain.pid)):
                        before, begun = server_seconds(pid), time.monotonic()
                        count = ask(port, seconds)
                        rates.setdefault((kind, name), []).append((
                            count / (time.monotonic() - begun), 1000 * (server_seconds(pid) - before) / max(1, count)))
            for (kind, name), runs in rates.items():
                rate, own = (statistics.median(column) for column in zip(*runs))
                print(f"{name:9} {kind:8} {rate:6.0f}/s ({', '.join(f'{one[0]:.0f}' for one in runs)}), {own:.2f} ms of the server each")
            print(yardsticks.summary([yardsticks_before, yardsticks.measure(folder)]))
        finally:
            node.terminate()
            plain.terminate()
            node.wait()


if __name__ == "__main__":
    main()
