"""Python grpcio against a Kvorum gRPC server: python3 test_kv.py host:port.

The server is a front end over an in-memory node with the echo service of ../echo.proto. Stubs are made from the .proto
files at each run, so that they cannot lag behind them.
"""
import glob
import os
import sys
import tempfile
import threading
import time
import traceback

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from grpc_tools import protoc

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, "..", "..", "..")
LEADER = "127.0.0.1:50051"
MANY_SCRIPTS = "100% проверка – 検証 «ü»\n"
VALUE_MAX = (4 << 20) - (64 << 10)


def make_stubs(folder):
    protos = ["kv.proto", "kvstore.proto", "kvorum/v1/kv.proto", "kvorum/v1/admin.proto", "grpc/health/v1/health.proto",
              "grpc/reflection/v1/reflection.proto", "grpc/reflection/v1alpha/reflection.proto", "echo.proto"]
    code = protoc.main(["protoc", "-I" + os.path.join(ROOT, "proto"), "-I" + os.path.join(HERE, ".."),
                        "--python_out=" + folder, "--grpc_python_out=" + folder] + protos)
    if code != 0:
        sys.exit("protoc failed")
    # grpc/ would hide the grpc package itself: the stubs in it get another name.
    standard = os.path.join(folder, "standard")
    os.rename(os.path.join(folder, "grpc"), standard)
    for path in glob.glob(os.path.join(standard, "*", "*", "*.py")):
        with open(path) as stub:
            text = stub.read().replace("from grpc.", "from standard.")
        with open(path, "w") as stub:
            stub.write(text)
    sys.path.insert(0, folder)


FOLDER = tempfile.TemporaryDirectory()
make_stubs(FOLDER.name)
import kv_pb2 as old  # noqa: E402
import kv_pb2_grpc as old_grpc  # noqa: E402
import kvstore_pb2 as ring  # noqa: E402
import kvstore_pb2_grpc as ring_grpc  # noqa: E402
import echo_pb2_grpc as echo_grpc  # noqa: E402
from kvorum.v1 import kv_pb2 as v1, kv_pb2_grpc as v1_grpc  # noqa: E402
from kvorum.v1 import admin_pb2 as admin_v1, admin_pb2_grpc as admin_grpc  # noqa: E402
from standard.health.v1 import health_pb2 as health, health_pb2_grpc as health_grpc  # noqa: E402
from standard.reflection.v1 import reflection_pb2 as reflection, reflection_pb2_grpc as reflection_grpc  # noqa: E402
from standard.reflection.v1alpha import reflection_pb2_grpc as reflection_alpha_grpc  # noqa: E402

OPTIONS = [("grpc.max_receive_message_length", 64 << 20), ("grpc.max_send_message_length", 64 << 20)]
channel = grpc.insecure_channel(sys.argv[1], options=OPTIONS)
kv = v1_grpc.KVStub(channel)
admin = admin_grpc.AdminStub(channel)
compat = old_grpc.KVStub(channel)
echo = echo_grpc.EchoStub(channel)
TESTS = []


def test(function):
    TESTS.append(function)
    return function


def fails(code, call):
    try:
        result = call()
        if hasattr(result, "__next__"):
            list(result)
    except grpc.RpcError as error:
        assert error.code() == code, "want %s, got %s: %s" % (code, error.code(), error.details())
        return error
    raise AssertionError("want %s, got an answer" % code)


def trailers(error):
    return dict(error.trailing_metadata())


@test
def put_get_delete():
    put = kv.Put(v1.PutRequest(key=b"user:1", value=b"john_doe"))
    assert put.header.leader == LEADER and put.header.ack == "majority"
    assert put.header.version > 0 and put.header.epoch == 7 and put.header.partition == 3
    got = kv.Get(v1.GetRequest(key=b"user:1"))
    assert got.found and got.value == b"john_doe" and got.header.version == put.header.version
    assert got.header.leader == LEADER and got.header.ack == "majority"
    gone = kv.Delete(v1.DeleteRequest(key=b"user:1", return_previous=True))
    assert gone.had_previous and gone.previous == b"john_doe"
    assert not kv.Get(v1.GetRequest(key=b"user:1")).found
    kv.Delete(v1.DeleteRequest(key=b"user:1"))


@test
def binary_keys_are_exact():
    for key in [b"\x00", b" ", b" a ", b"\xff\xfe\x00", bytes(range(256)), "ключ".encode()]:
        kv.Put(v1.PutRequest(key=key, value=key + b"!"))
    for key in [b"\x00", b" ", b" a ", b"\xff\xfe\x00", bytes(range(256)), "ключ".encode()]:
        assert kv.Get(v1.GetRequest(key=key)).value == key + b"!"
    assert not kv.Get(v1.GetRequest(key=b"a")).found


@test
def scan_streams_pages():
    for i in range(60):
        kv.Put(v1.PutRequest(key=b"scan:%02d" % i, value=b"v" * 20000))
    pages = list(kv.Scan(v1.ScanRequest(prefix=b"scan:")))
    assert len(pages) > 3, "256 KiB each"
    entries = [entry for page in pages for entry in page.entries]
    assert [entry.key for entry in entries] == [b"scan:%02d" % i for i in range(60)]
    assert all(entry.value == b"v" * 20000 and entry.version > 0 for entry in entries)
    assert all(page.more and page.token for page in pages[:-1]) and not pages[-1].more and not pages[-1].token
    back = list(kv.Scan(v1.ScanRequest(prefix=b"scan:", reverse=True, keys_only=True, limit=5)))
    assert [entry.key for page in back for entry in page.entries] == [b"scan:%02d" % i for i in range(59, 54, -1)]
    assert all(entry.value == b"" for page in back for entry in page.entries)
    assert back[-1].more
    rest = kv.Scan(v1.ScanRequest(prefix=b"scan:", reverse=True, keys_only=True, token=back[-1].token))
    assert [entry.key for page in rest for entry in page.entries] == [b"scan:%02d" % i for i in range(54, -1, -1)]
    assert [entry.key for page in kv.Scan(v1.ScanRequest(**{"from": b"scan:10", "end": b"scan:12"}))
            for entry in page.entries] == [b"scan:10", b"scan:11"]
    empty = list(kv.Scan(v1.ScanRequest(prefix=b"no such key")))
    assert len(empty) == 1 and not empty[0].entries and not empty[0].more


@test
def scan_refuses():
    fails(grpc.StatusCode.INVALID_ARGUMENT, lambda: kv.Scan(v1.ScanRequest(token=b"x")))
    fails(grpc.StatusCode.INVALID_ARGUMENT, lambda: kv.Scan(v1.ScanRequest(**{"from": b"b", "end": b"a"})))
    error = fails(grpc.StatusCode.NOT_FOUND, lambda: kv.Scan(v1.ScanRequest(keyspace="other")))
    assert trailers(error)["kvorum-status"] == "unknown-keyspace"


@test
def scan_waits_for_a_slow_reader_and_ends_when_cancelled():
    for i in range(200):
        kv.Put(v1.PutRequest(key=b"slow:%03d" % i, value=b"v" * 100000))
    call = kv.Scan(v1.ScanRequest(prefix=b"slow:"))
    first = next(call)
    assert len(first.entries) < 10
    time.sleep(0.5)
    # 20 MB are there; HTTP/2 windows hold a few pages: what is asked of the node must have stopped growing.
    call.cancel()
    fails(grpc.StatusCode.CANCELLED, lambda: call)
    assert kv.Get(v1.GetRequest(key=b"slow:000")).found


@test
def empty_value_is_not_absent():
    kv.Put(v1.PutRequest(key=b"empty", value=b""))
    got = kv.Get(v1.GetRequest(key=b"empty"))
    assert got.found and got.value == b""


@test
def same_ids_once():
    first = kv.Put(v1.PutRequest(key=b"once", value=b"1", client_id="c", request_id=9))
    again = kv.Put(v1.PutRequest(key=b"once", value=b"2", client_id="c", request_id=9))
    assert again.replayed and again.header.version == first.header.version
    assert kv.Get(v1.GetRequest(key=b"once")).value == b"1"


@test
def conditions():
    put = kv.Put(v1.PutRequest(key=b"cas", value=b"1", if_version=0))
    error = fails(grpc.StatusCode.ABORTED, lambda: kv.Put(v1.PutRequest(key=b"cas", value=b"2", if_version=0)))
    assert trailers(error)["kvorum-status"] == "condition-failed"
    assert trailers(error)["kvorum-version"] == str(put.header.version)
    kv.Put(v1.PutRequest(key=b"cas", value=b"2", if_version=put.header.version))


@test
def stale_reads_are_labelled():
    got = kv.Get(v1.GetRequest(key=b"x", consistency=v1.STALE))
    assert got.stale and got.header.ack == "none"


@test
def every_status():
    expected = {
        "InvalidArgument": (grpc.StatusCode.INVALID_ARGUMENT, "never"),
        "UnknownKeyspace": (grpc.StatusCode.NOT_FOUND, "never"),
        "ConditionFailed": (grpc.StatusCode.ABORTED, "never"),
        "NotLeader": (grpc.StatusCode.FAILED_PRECONDITION, "safe"),
        "Unavailable": (grpc.StatusCode.UNAVAILABLE, "safe"),
        "Overloaded": (grpc.StatusCode.RESOURCE_EXHAUSTED, "safe"),
        "DeadlineExceeded": (grpc.StatusCode.DEADLINE_EXCEEDED, "same-ids"),
        "OutcomeUnknown": (grpc.StatusCode.UNKNOWN, "same-ids"),
        "SessionExpired": (grpc.StatusCode.FAILED_PRECONDITION, "never"),
        "Cancelled": (grpc.StatusCode.CANCELLED, "same-ids"),
        "Internal": (grpc.StatusCode.INTERNAL, "same-ids"),
        "ShuttingDown": (grpc.StatusCode.UNAVAILABLE, "safe"),
    }
    def reads(key):
        return kv.Get(v1.GetRequest(key=key))

    for name, (code, retry) in expected.items():
        for call in [lambda k: kv.Put(v1.PutRequest(key=k)), reads, lambda k: kv.Delete(v1.DeleteRequest(key=k))]:
            error = fails(code, lambda: call(b"status:" + name.encode()))
            assert error.details() == "as programmed – « é »", error.details()
            # A read has no effect: it may be repeated whatever became of it.
            is_read = call is reads
            assert trailers(error)["kvorum-retry"] == ("safe" if is_read and retry == "same-ids" else retry)
            assert trailers(error)["kvorum-leader"] == LEADER


@test
def unknown_keyspace():
    error = fails(grpc.StatusCode.NOT_FOUND, lambda: kv.Get(v1.GetRequest(key=b"a", keyspace="nope")))
    assert "nope" in error.details()


@test
def no_redirect_gives_the_hint():
    error = fails(grpc.StatusCode.FAILED_PRECONDITION,
                  lambda: kv.Put(v1.PutRequest(key=b"not-mine", no_redirect=True)))
    assert trailers(error)["kvorum-leader"] == LEADER and LEADER in error.details()


@test
def empty_key():
    error = fails(grpc.StatusCode.INVALID_ARGUMENT, lambda: kv.Put(v1.PutRequest(key=b"", value=b"v")))
    assert "empty" in error.details()


@test
def key_at_and_over_the_limit():
    kv.Put(v1.PutRequest(key=b"k" * 4096, value=b"v"))
    error = fails(grpc.StatusCode.INVALID_ARGUMENT, lambda: kv.Put(v1.PutRequest(key=b"k" * 4097, value=b"v")))
    assert "4096" in error.details()


@test
def value_at_and_over_the_limit():
    kv.Put(v1.PutRequest(key=b"big", value=b"v" * VALUE_MAX))
    assert len(kv.Get(v1.GetRequest(key=b"big")).value) == VALUE_MAX
    error = fails(grpc.StatusCode.INVALID_ARGUMENT,
                  lambda: kv.Put(v1.PutRequest(key=b"big", value=b"v" * (VALUE_MAX + 1))))
    assert str(VALUE_MAX) in error.details()


@test
def what_may_be_written_can_be_read_with_default_settings():
    key, value = "\u20ac" * 1365 + "k", b"v" * VALUE_MAX
    with grpc.insecure_channel(sys.argv[1]) as stock:
        mine = v1_grpc.KVStub(stock)
        put = mine.Put(v1.PutRequest(key=key.encode(), value=value, return_previous=True, client_id="c" * 128))
        again = mine.Put(v1.PutRequest(key=key.encode(), value=value, return_previous=True))
        assert not put.had_previous and again.previous == value
        assert mine.Get(v1.GetRequest(key=key.encode())).value == value
        assert old_grpc.KVStub(stock).Get(old.GetRequest(key=key)).value == value
        asked = v1.KeyRequest(id=1, get=v1.GetRequest(key=key.encode()))
        assert [reply.get.value for reply in mine.Pipeline(iter([asked]))] == [value]
        pages = list(mine.Scan(v1.ScanRequest(prefix=key.encode(), page_bytes=1 << 20)))
        assert [entry.value for page in pages for entry in page.entries] == [value]
        assert mine.Delete(v1.DeleteRequest(key=key.encode(), return_previous=True)).previous == value


@test
def message_over_the_limit():
    error = fails(grpc.StatusCode.RESOURCE_EXHAUSTED,
                  lambda: kv.Put(v1.PutRequest(key=b"big", value=b"v" * (5 << 20))))
    assert "limit of 4198400 bytes" in error.details(), error.details()


@test
def message_over_the_limit_after_inflating():
    error = fails(grpc.StatusCode.RESOURCE_EXHAUSTED, lambda: kv.Put(
        v1.PutRequest(key=b"bomb", value=b"v" * (32 << 20)), compression=grpc.Compression.Gzip))
    assert "inflating" in error.details()


@test
def three_megabytes():
    value = os.urandom(3 << 20)
    kv.Put(v1.PutRequest(key=b"3m", value=value))
    assert kv.Get(v1.GetRequest(key=b"3m")).value == value


@test
def gzip_both_ways():
    value = b"abc" * 100000
    answer, call = echo.One.with_call(v1.PutRequest(key=b"z", value=value), compression=grpc.Compression.Gzip)
    assert answer.value == value
    assert dict(call.initial_metadata()).get("grpc-encoding", "gzip") == "gzip"


@test
def deflate_is_refused():
    error = fails(grpc.StatusCode.UNIMPLEMENTED, lambda: echo.One(
        v1.PutRequest(key=b"z", value=b"a" * 1000), compression=grpc.Compression.Deflate))
    assert "deflate" in error.details()


@test
def unknown_method():
    call = channel.unary_unary("/kvorum.v1.KV/Nothing")
    error = fails(grpc.StatusCode.UNIMPLEMENTED, lambda: call(b""))
    assert "/kvorum.v1.KV/Nothing" in error.details()


@test
def not_a_message():
    call = channel.unary_unary("/kvorum.v1.KV/Put")
    fails(grpc.StatusCode.INTERNAL, lambda: call(b"\xff\xff\xff"))


@test
def handler_exception_hides_its_text():
    error = fails(grpc.StatusCode.UNKNOWN, lambda: echo.One(v1.PutRequest(key=b"throw")))
    assert "secret" not in error.details() and "   at " not in error.details()


@test
def error_with_text_of_many_scripts_and_trailers():
    error = fails(grpc.StatusCode.ABORTED, lambda: echo.One(v1.PutRequest(key=b"abort")))
    assert error.details() == MANY_SCRIPTS, repr(error.details())
    assert trailers(error)["why"] == "because" and trailers(error)["why-bin"] == b"\x00\xff\x01"


@test
def metadata_both_ways():
    for raw in [b"", b"\x00", b"\x00\x01", bytes(range(256))]:
        _, call = echo.One.with_call(v1.PutRequest(key=b"metadata"), metadata=[("x-text", "hello"), ("x-bytes-bin", raw)])
        assert dict(call.initial_metadata())["x-initial"] == "first"
        assert dict(call.trailing_metadata())["x-text"] == "hello"
        assert dict(call.trailing_metadata())["x-bytes-bin"] == raw


@test
def deadline():
    for call in [lambda: echo.One(v1.PutRequest(key=b"wait"), timeout=0.2),
                 lambda: echo.Repeat(v1.PutRequest(key=b"wait", request_id=3), timeout=0.2),
                 lambda: kv.Put(v1.PutRequest(key=b"hang"), timeout=0.2)]:
        started = time.monotonic()
        fails(grpc.StatusCode.DEADLINE_EXCEEDED, call)
        assert time.monotonic() - started < 5


@test
def long_deadline():
    assert echo.One(v1.PutRequest(value=b"v"), timeout=3e7).value == b"v"


@test
def cancellation():
    call = echo.One.future(v1.PutRequest(key=b"wait"))
    time.sleep(0.1)
    call.cancel()
    assert call.cancelled()
    stream = echo.Repeat(v1.PutRequest(key=b"wait", request_id=2, value=b"x"))
    assert next(stream).value == b"x"
    stream.cancel()
    try:
        list(stream)
        raise AssertionError("a cancelled stream went on")
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.CANCELLED


@test
def server_stream():
    assert [m.value for m in echo.Repeat(v1.PutRequest(value=b"v", request_id=1000))] == [b"v"] * 1000
    assert list(echo.Repeat(v1.PutRequest(request_id=0))) == []


@test
def late_error():
    got = []
    try:
        for message in echo.Repeat(v1.PutRequest(key=b"late", value=b"v", request_id=10)):
            got.append(message.value)
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.ABORTED and error.details() == "late"
    assert len(got) == 10


@test
def client_stream():
    joined = echo.Join(v1.PutRequest(value=b"%d," % i) for i in range(1000))
    assert joined.value == b"".join(b"%d," % i for i in range(1000))
    assert echo.Join(iter([])).value == b""


@test
def error_before_the_client_is_done():
    stop = threading.Event()

    def endless():
        yield v1.PutRequest(key=b"early")
        while not stop.is_set():
            time.sleep(0.01)
            yield v1.PutRequest(value=b"more")

    for call in [lambda: echo.Join(endless()), lambda: echo.Talk(endless())]:
        started = time.monotonic()
        error = fails(grpc.StatusCode.ABORTED, call)
        assert error.details() == "enough" and time.monotonic() - started < 5
    stop.set()


@test
def bidirectional_ping_pong():
    queue = __import__("queue").Queue()
    replies = echo.Talk(iter(queue.get, None))
    for i in range(200):
        queue.put(v1.PutRequest(value=b"%d" % i))
        assert next(replies).value == b"%d" % i
    queue.put(None)
    assert list(replies) == []


@test
def twenty_megabytes_to_a_slow_reader():
    total = 0
    for i, message in enumerate(echo.Repeat(v1.PutRequest(value=b"x" * (1 << 20), request_id=20))):
        total += len(message.value)
        if i < 3:
            time.sleep(0.1)
    assert total == 20 << 20


@test
def forty_megabytes_up():
    assert len(list(echo.Talk(v1.PutRequest(value=b"x" * (1 << 20)) for _ in range(40)))) == 40


@test
def pipeline():
    count = 5000

    def requests():
        for i in range(count):
            yield v1.KeyRequest(id=i, put=v1.PutRequest(key=b"p%d" % i, value=b"v%d" % i))

    ids = sorted(reply.id for reply in kv.Pipeline(requests()) if reply.put.header.version > 0)
    assert ids == list(range(count))


@test
def pipeline_mixes_kinds_and_errors():
    requests = [v1.KeyRequest(id=1, put=v1.PutRequest(key=b"m", value=b"1")),
                v1.KeyRequest(id=2, get=v1.GetRequest(key=b"")),
                v1.KeyRequest(id=3, delete=v1.DeleteRequest(key=b"status:OutcomeUnknown")),
                v1.KeyRequest(id=4),
                v1.KeyRequest(id=5, get=v1.GetRequest(key=b"m", consistency=77)),
                v1.KeyRequest(id=6, delete=v1.DeleteRequest(key=b"m"))]
    replies = {reply.id: reply for reply in kv.Pipeline(iter(requests))}
    assert replies[1].WhichOneof("kind") == "put" and replies[6].WhichOneof("kind") == "delete"
    assert replies[2].error.code == 3 and replies[4].error.code == 3 and replies[5].error.code == 3
    assert replies[3].error.code == 2 and replies[3].error.status == "outcome-unknown"
    assert replies[3].error.retry == "same-ids" and replies[3].error.header.leader == LEADER


@test
def pipeline_deadline_of_one_request():
    replies = list(kv.Pipeline(iter([v1.KeyRequest(id=1, get=v1.GetRequest(key=b"hang"), timeout_ms=100)])))
    assert len(replies) == 1 and replies[0].error.status == "deadline-exceeded"


@test
def many_calls_at_once():
    futures = [kv.Put.future(v1.PutRequest(key=b"c%d" % i, value=b"v")) for i in range(500)]
    assert all(f.result().header.version > 0 for f in futures)


@test
def health_of_the_node():
    state = kv.Health(v1.HealthRequest())
    assert state.node_id == "node-1" and state.is_leader and state.term == 5 and state.ready
    assert list(state.members_up) == ["node-1", "node-2", "node-3"] and state.failures_tolerated == 1
    assert [p.keyspace for p in state.partitions] == ["system", "default", "default"]
    assert state.partitions[1].follower_lag["node-3"] == 2


@test
def standard_health():
    stub = health_grpc.HealthStub(channel)
    for name in ["", "kvorum.v1.KV", "kv.KV", "kvstore.KVStore"]:
        assert stub.Check(health.HealthCheckRequest(service=name)).status == 1
    fails(grpc.StatusCode.NOT_FOUND, lambda: stub.Check(health.HealthCheckRequest(service="nope")))
    watch = stub.Watch(health.HealthCheckRequest())
    assert next(watch).status == 1
    watch.cancel()
    watch = stub.Watch(health.HealthCheckRequest(service="nope"))
    assert next(watch).status == 3
    watch.cancel()


@test
def first_design():
    put = compat.Put(old.PutRequest(key="user:1", value=b"john_doe", client_id="cli", request_id=1))
    assert put.ok and put.leader == ""
    got = compat.Get(old.GetRequest(key="user:1"))
    assert got.found and got.value == b"john_doe" and got.leader == LEADER
    gone = compat.Delete(old.DeleteRequest(key="user:1", client_id="cli", request_id=2))
    assert gone.ok and gone.leader == ""
    assert compat.Delete(old.DeleteRequest(key="user:1", client_id="cli", request_id=3)).ok
    assert not compat.Get(old.GetRequest(key="user:1")).found
    state = compat.Health(old.HealthRequest())
    assert (state.node_id, state.is_leader, state.term) == ("node-1", True, 5)


@test
def first_design_hints_and_errors():
    hint = [("kvorum-no-redirect", "true")]
    put = compat.Put(old.PutRequest(key="not-mine", value=b"v"), metadata=hint)
    assert not put.ok and put.leader == LEADER
    gone = compat.Delete(old.DeleteRequest(key="not-mine"), metadata=hint)
    assert not gone.ok and gone.leader == LEADER
    fails(grpc.StatusCode.FAILED_PRECONDITION, lambda: compat.Get(old.GetRequest(key="not-mine"), metadata=hint))
    fails(grpc.StatusCode.UNAVAILABLE, lambda: compat.Put(old.PutRequest(key="status:Unavailable")))
    fails(grpc.StatusCode.UNAVAILABLE, lambda: compat.Get(old.GetRequest(key="status:Unavailable")))
    fails(grpc.StatusCode.INVALID_ARGUMENT, lambda: compat.Put(old.PutRequest(key="")))


@test
def ring_design():
    stub = ring_grpc.KVStoreStub(channel)
    first = stub.Put(ring.PutRequest(key="ring/1", value=MANY_SCRIPTS, timestamp=time.time_ns()))
    assert not first.had_old_value and first.old_value == ""
    got = stub.Get(ring.GetRequest(key="ring/1"))
    assert got.exists and got.value == MANY_SCRIPTS and got.timestamp > 0
    second = stub.Put(ring.PutRequest(key="ring/1", value="two"))
    assert second.had_old_value and second.old_value == MANY_SCRIPTS
    absent = stub.Get(ring.GetRequest(key="ring/2"))
    assert not absent.exists and absent.value == "" and absent.timestamp == 0
    node = ring_grpc.NodeInternalStub(channel)
    fails(grpc.StatusCode.PERMISSION_DENIED, lambda: node.Replicate(ring.ReplicateRequest(key="k", timestamp=1)))
    fails(grpc.StatusCode.PERMISSION_DENIED, lambda: node.Heartbeat(ring.Ping(node_id=1)))


def ask_reflection(stub, **request):
    """One question on a stream of its own."""
    asked = reflection.ServerReflectionRequest(host="h", **request)
    answers = list(stub.ServerReflectionInfo(iter([asked])))
    assert len(answers) == 1 and answers[0].valid_host == "h" and answers[0].original_request == asked
    return answers[0]


REFLECTIONS = [reflection_grpc.ServerReflectionStub(channel), reflection_alpha_grpc.ServerReflectionStub(channel)]


@test
def operators_ask_and_change():
    cluster = admin.GetCluster(admin_v1.GetClusterRequest())
    assert [member.name for member in cluster.members] == ["node-1", "node-2"]
    assert not cluster.members[0].WhichOneof("for_ms_known") and cluster.members[1].for_ms == 1500
    drained = admin.DrainMember(admin_v1.MemberRequest(member="node-2", dry_run=True))
    assert drained.dry_run and drained.moved_bytes == 77 and drained.reasons == ["too few nodes"]
    assert admin.ChangeLimits(admin_v1.ChangeLimitsRequest(paused=False)).limits.moves_max == 5
    unknown = fails(grpc.StatusCode.NOT_FOUND, lambda: admin.GetKeyspace(admin_v1.GetKeyspaceRequest(keyspace="x")))
    assert unknown.details() == "no keyspace 'x': there is 'default'"
    assert trailers(unknown)["kvorum-status"] == "unknown-keyspace" and trailers(unknown)["kvorum-retry"] == "never"


@test
def events_are_a_stream_that_ends_with_words():
    watch = admin.WatchEvents(admin_v1.WatchEventsRequest(after=7))
    joined, moved = next(watch), next(watch)
    assert (joined.position, joined.kind, joined.member) == (8, "node_joined", "node-3")
    assert not joined.WhichOneof("partition_known") and moved.partition == 2
    assert (moved.before, moved.after, moved.why) == (["node-1", "node-2"], ["node-1", "node-3"], "repair")
    assert fails(grpc.StatusCode.UNAVAILABLE, lambda: watch).details() == "as programmed"


@test
def reflection_lists_services():
    for stub in REFLECTIONS:
        services = [service.name for service in ask_reflection(stub, list_services="").list_services_response.service]
        assert services == sorted(["kv.KV", "kvstore.KVStore", "kvorum.v1.KV", "kvorum.v1.Admin", "grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection",
                                   "grpc.reflection.v1alpha.ServerReflection"]), services


@test
def reflection_is_enough_to_call():
    for stub in REFLECTIONS:
        answer = ask_reflection(stub, file_containing_symbol="kvorum.v1.KV")
        pool = descriptor_pool.DescriptorPool()
        files = [descriptor_pb2.FileDescriptorProto.FromString(one)
                 for one in answer.file_descriptor_response.file_descriptor_proto]
        assert files[0].name == "kvorum/v1/kv.proto"
        for file in reversed(files):  # imports come behind those that import them
            pool.Add(file)
        method = pool.FindServiceByName("kvorum.v1.KV").FindMethodByName("Put")
        kinds = message_factory.MessageFactory(pool)
        request, reply = kinds.GetPrototype(method.input_type), kinds.GetPrototype(method.output_type)
        put = channel.unary_unary("/kvorum.v1.KV/Put", request.SerializeToString, reply.FromString)
        assert put(request(key=b"learned", value=b"from the server")).header.version > 0
    assert kv.Get(v1.GetRequest(key=b"learned")).value == b"from the server"


@test
def reflection_finds_files_by_name_and_symbol():
    stub = REFLECTIONS[0]
    for symbol in ["kvorum.v1.KV.Put", "kvorum.v1.PutRequest", "kvorum.v1.PutRequest.key", "kvorum.v1.Consistency",
                   "grpc.health.v1.HealthCheckResponse.ServingStatus", "grpc.reflection.v1alpha.ServerReflection"]:
        found = ask_reflection(stub, file_containing_symbol=symbol).file_descriptor_response.file_descriptor_proto
        names = [descriptor_pb2.FileDescriptorProto.FromString(one).name for one in found]
        assert names, symbol
        for name, one in zip(names, found):
            by_name = ask_reflection(stub, file_by_filename=name).file_descriptor_response.file_descriptor_proto
            assert by_name[0] == one
    assert len(names) == 2, "v1alpha imports v1: %s" % names


@test
def reflection_says_what_it_does_not_know():
    stub = REFLECTIONS[0]
    unknown = [{"file_by_filename": "no.proto"}, {"file_containing_symbol": "kvorum.v1.Nothing"},
               {"file_containing_symbol": ""}, {"all_extension_numbers_of_type": "kvorum.v1.Nothing"},
               {"file_containing_extension": reflection.ExtensionRequest(containing_type="kv.PutRequest")}]
    for request in unknown:
        assert ask_reflection(stub, **request).error_response.error_code == grpc.StatusCode.NOT_FOUND.value[0], request
    assert ask_reflection(stub).error_response.error_code == grpc.StatusCode.INVALID_ARGUMENT.value[0]
    none = ask_reflection(stub, all_extension_numbers_of_type="kv.PutRequest").all_extension_numbers_response
    assert none.base_type_name == "kv.PutRequest" and not none.extension_number
    # An error is not the end of the stream.
    asked = [reflection.ServerReflectionRequest(file_by_filename="no.proto"),
             reflection.ServerReflectionRequest(list_services="")]
    answers = list(stub.ServerReflectionInfo(iter(asked)))
    assert [answer.WhichOneof("message_response") for answer in answers] == ["error_response", "list_services_response"]


def main():
    failed = 0
    for function in TESTS:
        try:
            function()
            print("ok   " + function.__name__, flush=True)
        except Exception:
            failed += 1
            print("FAIL " + function.__name__, flush=True)
            traceback.print_exc(file=sys.stdout)
    print("all passed (%d)" % len(TESTS) if not failed else "%d of %d failed" % (failed, len(TESTS)))
    sys.exit(1 if failed else 0)


main()
