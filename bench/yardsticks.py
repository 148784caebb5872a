"""What the machine gives at this moment, to be printed beside each measurement: the disk's sync latency and a processor's speed.

Run alone it prints both; the other scripts call measure() before and after what they measure.
"""
import hashlib
import os
import statistics
import sys
import tempfile
import threading
import time

SYNC_BYTES = 4096
FILE_BYTES = 8 << 20
DIGEST_BYTES = 1 << 20


def sync_latencies_us(folder, seconds, files=1):
    """Latencies, in microseconds, of one write of 4 KiB and its fdatasync into space that was written before, as a log of
    zero-filled segments does it; by as many threads as files, each with a file of its own."""
    latencies = [[] for _ in range(files)]

    def write(i):
        with tempfile.NamedTemporaryFile(dir=folder, prefix="yardstick.") as file:
            for _ in range(0, FILE_BYTES, DIGEST_BYTES):
                file.write(bytes(DIGEST_BYTES))
            file.flush()
            os.fsync(file.fileno())
            block = b"\x5a" * SYNC_BYTES
            end = time.monotonic() + seconds
            at = 0
            while (begin := time.monotonic()) < end:
                os.pwrite(file.fileno(), block, at)
                os.fdatasync(file.fileno())
                latencies[i].append((time.monotonic() - begin) * 1e6)
                at = (at + SYNC_BYTES) % FILE_BYTES

    threads = [threading.Thread(target=write, args=(i,)) for i in range(files)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(latency for one in latencies for latency in one)


def processor_mb_per_second(seconds):
    """MB of SHA-256 a second on one thread: work that neither waits nor allocates."""
    block = bytes(DIGEST_BYTES)
    begin = time.monotonic()
    done = 0
    while time.monotonic() - begin < seconds:
        hashlib.sha256(block).digest()
        done += 1
    return done * DIGEST_BYTES / 1e6 / (time.monotonic() - begin)


def measure(folder, seconds=0.5):
    """One JSON object: syncs of one and of three files at once, and the processor."""
    figures = {}
    for name, files in (("sync", 1), ("sync3", 3)):
        latencies = sync_latencies_us(folder, seconds, files)
        figures[f"{name}_p50_us"] = round(statistics.median(latencies))
        figures[f"{name}_p99_us"] = round(latencies[int((len(latencies) - 1) * 0.99)])
    figures["sha256_mb_s"] = round(processor_mb_per_second(seconds))
    return figures


def summary(rows):
    """One line with the medians and ranges of what measure() gave."""
    def span(figure):
        values = sorted(row[figure] for row in rows)
        return f"{statistics.median(values):.0f} ({values[0]:.0f} to {values[-1]:.0f})"

    return (f"Yardsticks, {len(rows)} times: 4 KiB write and fdatasync p50 {span('sync_p50_us')} us, p99 {span('sync_p99_us')} us; "
            f"three files at once p50 {span('sync3_p50_us')} us, p99 {span('sync3_p99_us')} us; "
            f"SHA-256 on one thread {span('sha256_mb_s')} MB/s.")


if __name__ == "__main__":
    print(summary([measure(sys.argv[1] if len(sys.argv) > 1 else ".")]))
