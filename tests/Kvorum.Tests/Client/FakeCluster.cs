using System.Net;
using System.Text;
using Kvorum.Client;
using Kvorum.Node;
using Kvorum.Protocol;
using Kvorum.Server.Native;
using Kvorum.Tests.Server;
using Kvorum.Tests.Server.Native;

namespace Kvorum.Tests.Client;

/// <summary>Nodes with real sockets and one common store; leaders are whom a test appoints.</summary>
internal sealed class FakeCluster : IAsyncDisposable
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, byte[]> _store = new(StringComparer.Ordinal);
    private readonly Dictionary<(string, ulong), Reply> _answered = [];

    public FakeCluster(int nodes = 3, int partitions = 4)
    {
        Leaders = [.. Enumerable.Range(0, partitions).Select(partition => partition % nodes)];
        Nodes = [.. Enumerable.Range(0, nodes).Select(number => new FakeNode(this, number))];
        Publish(1);
    }

    public FakeNode[] Nodes { get; }

    /// <summary>Who leads each partition, as the nodes know.</summary>
    public int[] Leaders { get; }

    /// <summary>How many writes were applied: repetitions do not count.</summary>
    public int Applied { get; private set; }

    public string Addresses => string.Join(',', Nodes.Select(node => node.Address));

    /// <summary>The map that nodes tell, with the leaders of now.</summary>
    public void Publish(ulong epoch)
    {
        var members = Nodes.Select(
            (node, number) => new MemberInfo(Guid.Empty, $"n{number}", node.Address, "", "")).ToArray();
        var partitions = Leaders.Select(
            (leader, at) => new PartitionInfo((uint)at, [0], leader, epoch)).ToArray();
        foreach (var node in Nodes)
            node.Double.Map = new(Guid.Empty, epoch, epoch, members,
                [new(KeyspaceName.Default, "strong", 1, 4096, 1 << 22, "binary", partitions)]);
    }

    public KvorumClient Connect(Func<KvorumClientOptions, KvorumClientOptions>? with = null)
    {
        var options = new KvorumClientOptions
        {
            Addresses = Addresses.Split(','),
            Timeout = TimeSpan.FromSeconds(10)
        };
        return KvorumClient.Connect(with is null ? options : with(options));
    }

    public uint PartitionOf(Request request) =>
        KeySlot.PartitionOf(KeySlot.Of(request.Key.Span), Leaders.Length);

    /// <summary>What the leader does: applies a write once per pair of ids.</summary>
    public Reply Apply(Request request)
    {
        lock (_gate)
        {
            if (request is ScanRequest scan)
                return PlainScan.Answer(scan, _store.Select(static entry =>
                    new ScanEntry(Convert.FromHexString(entry.Key), 1, entry.Value)));
            var key = Convert.ToHexString(request.Key.Span);
            if (request is not WriteRequest write)
            {
                return _store.TryGetValue(key, out var value)
                    ? new Reply { Status = ReplyStatus.Ok, Found = true, Value = value, Version = 1 }
                    : new Reply { Status = ReplyStatus.Ok };
            }

            if (write.ClientId.Length > 0
                && _answered.TryGetValue((write.ClientId, write.RequestId), out var first))
                return first with { Replayed = true };
            Applied++;
            if (write is PutRequest put)
                _store[key] = put.Value.ToArray();
            else
                _store.Remove(key);
            return _answered[(write.ClientId, write.RequestId)] = new Reply
            {
                Status = ReplyStatus.Ok,
                Version = (ulong)Applied,
            };
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var node in Nodes)
            await node.DisposeAsync();
    }

    internal sealed class FakeNode : IAsyncDisposable
    {
        private readonly FakeCluster _cluster;
        private readonly int _number;
        private ClientListener _listener;

        public FakeNode(FakeCluster cluster, int number)
        {
            (_cluster, _number) = (cluster, number);
            Double = new() { Answer = Serve };
            _listener = Listen(new(IPAddress.Loopback, 0));
            Address = _listener.EndPoint.ToString();
        }

        public DoubleNode Double { get; }

        public string Address { get; }

        public ClientListener Listener => _listener;

        /// <summary>What to answer instead of serving; null to serve, as the property itself.</summary>
        public Func<Call, Reply?>? Instead { get; set; }

        /// <summary>True to hold calls for ever.</summary>
        public bool IsStuck { get; set; }

        /// <summary>Keys asked for here, in order.</summary>
        public string[] Asked =>
            [.. Double.Seen.Select(call => Encoding.UTF8.GetString(call.Request.Key.Span))];

        public async Task Kill() => await _listener.DisposeAsync();

        public void Revive() => _listener = Listen(IPEndPoint.Parse(Address));

        public ValueTask DisposeAsync() => _listener.DisposeAsync();

        private ClientListener Listen(IPEndPoint at)
        {
            var listener = new ClientListener(new()
            {
                EndPoint = at,
                NodeName = $"n{_number}",
                ClusterId = static () => Guid.Empty,
            });
            listener.Start(Double);
            return listener;
        }

        private Reply? Serve(Call call)
        {
            if (IsStuck)
                return null;
            if (Instead?.Invoke(call) is { } reply)
                return reply;
            if (call.Request is ScanRequest)
                return _cluster.Apply(call.Request);
            var partition = _cluster.PartitionOf(call.Request);
            var leader = _cluster.Leaders[partition];
            return leader == _number
                ? _cluster.Apply(call.Request) with { Partition = partition, Leader = Address }
                : new Reply
                {
                    Status = ReplyStatus.NotLeader,
                    Leader = _cluster.Nodes[leader].Address,
                    Partition = partition,
                };
        }
    }
}
