using System.Globalization;
using System.Text;
using Kvorum.Protocol;
using Kvorum.Tests.Node.Harness;

namespace Kvorum.Tests.Node;

/// <summary>
/// Whole nodes under crashes, losses of power, cut links and retries, by seed. Each write has its own value
/// and is repeated with the same ids until its outcome is known, so the versions in the answers say what
/// every read must see: at least the newest write acknowledged before it was asked, and never a value other
/// than the one its version was given.
/// </summary>
public class RandomFaultsTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(6)]
    public void Answers_are_linearizable_and_nothing_acknowledged_is_lost(int seed)
    {
        var random = new Random(seed);
        using var run = new FaultyRun(random, nodes: seed % 2 == 0 ? 3 : 5, loops: 1 + (seed % 2));
        for (var step = 0; step < 400; step++)
            run.Step();
        run.HealAndCheckAll();
    }

    private sealed class FaultyRun : IDisposable
    {
        private const int Keys = 6;
        private readonly Random _random;
        private readonly TestCluster _cluster;
        private readonly List<Operation> _open = [];
        private readonly SortedDictionary<string, ulong> _acked = new(StringComparer.Ordinal);
        private readonly SortedDictionary<(string Key, ulong Version), string> _values = [];
        private readonly SortedDictionary<string, ulong> _applied = new(StringComparer.Ordinal);
        private ulong _request;

        public FaultyRun(Random random, int nodes, int loops)
        {
            _random = random;
            _cluster = new(nodes, options => options with
            {
                Loops = loops,
                PartitionCount = 3,
                CheckpointLogBytes = 3000,
                TrailingLogBytes = 500,
                SegmentBytes = 64 << 10,
            });
            _cluster.RunUntilReady();
        }

        private sealed class Operation(string key, string? value, ulong request, ulong floor)
        {
            public string Key => key;

            /// <summary>Null for a read.</summary>
            public string? Value => value;

            public ulong Request => request;

            /// <summary>
            /// The newest version of the key that was acknowledged when the operation began.
            /// </summary>
            public ulong Floor => floor;

            public int Node { get; set; }

            public TestCall Call { get; set; } = null!;
        }

        public void Step()
        {
            switch (_random.Next(20))
            {
                case 0 when Running.Count() > (_cluster.Count / 2) + 1 || _random.Next(4) == 0:
                    if (Running.Any())
                        _cluster.Crash(Pick(Running), _random.Next());
                    break;
                case 1 or 2 when Running.Count() < _cluster.Count:
                    _cluster.Start(Pick(Enumerable.Range(0, _cluster.Count).Where(node => !_cluster.IsRunning(node))));
                    break;
                case 3:
                    _cluster.Network.Cut(_cluster.IdOf(_random.Next(_cluster.Count)), _cluster.IdOf(_random.Next(_cluster.Count)));
                    break;
                case 4 or 5:
                    _cluster.Network.Heal();
                    break;
                default:
                    if (Running.Any())
                        Begin();
                    break;
            }

            _cluster.Run(_random.Next(1, 200));
            foreach (var node in Running)
                Assert.Null(_cluster.FatalOf(node));
            Collect();
        }

        public void HealAndCheckAll()
        {
            _cluster.Network.Heal();
            for (var node = 0; node < _cluster.Count; node++)
            {
                if (!_cluster.IsRunning(node))
                    _cluster.Start(node);
            }

            _cluster.RunUntil(() =>
            {
                Collect();
                return _open.Count == 0;
            }, 60_000, "an outcome of every operation");
            for (var key = 0; key < Keys; key++)
            {
                for (var node = 0; node < _cluster.Count; node++)
                    Begin(node, $"key{key}", null);
            }

            _cluster.RunUntil(() =>
            {
                Collect();
                return _open.Count == 0;
            }, 60_000, "an answer to every read");
            Assert.True(_acked.Count > 0, "nothing was ever written");
        }

        public void Dispose() => _cluster.Dispose();

        private IEnumerable<int> Running => Enumerable.Range(0, _cluster.Count).Where(_cluster.IsRunning);

        private int Pick(IEnumerable<int> nodes)
        {
            var all = nodes.ToArray();
            return all[_random.Next(all.Length)];
        }

        private void Begin()
        {
            var key = string.Create(CultureInfo.InvariantCulture, $"key{_random.Next(Keys)}");
            Begin(Pick(Running), key, _random.Next(3) == 0 ? null : $"value {_request + 1} {new string('x', _random.Next(300))}");
        }

        private void Begin(int node, string key, string? value)
        {
            var operation = new Operation(key, value, ++_request, _acked.GetValueOrDefault(key));
            Submit(operation, node);
            _open.Add(operation);
        }

        private void Submit(Operation operation, int node)
        {
            operation.Node = node;
            var key = TestCluster.Bytes(operation.Key);
            operation.Call = _cluster.Submit(node, operation.Value is { } value
                ? new PutRequest { Key = key, Value = TestCluster.Bytes(value), ClientId = "c", RequestId = operation.Request }
                : new GetRequest { Key = key }, 1000);
        }

        private void Collect()
        {
            for (var i = 0; i < _open.Count; i++)
            {
                var operation = _open[i];
                if (operation.Call.Reply is { Status: ReplyStatus.Ok } reply)
                {
                    Check(operation, reply);
                    _open.RemoveAt(i--);
                }
                else if ((operation.Call.Reply is not null || !_cluster.IsRunning(operation.Node)) && Running.Any())
                {
                    Submit(operation, Pick(Running));
                }
            }
        }

        private void Check(Operation operation, Reply reply)
        {
            if (operation.Value is { } written)
            {
                Know(operation.Key, reply.Version, written);
                _acked[operation.Key] = Math.Max(_acked.GetValueOrDefault(operation.Key), reply.Version);
                return;
            }

            Assert.True(reply.Version >= operation.Floor, $"{operation.Key}: read version {reply.Version}, but {operation.Floor} was acknowledged before");
            if (!reply.Found)
            {
                Assert.Equal(0UL, operation.Floor);
                return;
            }

            // A read is an acknowledgement too: no later read may see less.
            Know(operation.Key, reply.Version, Encoding.UTF8.GetString(reply.Value.Span));
            _acked[operation.Key] = Math.Max(_acked.GetValueOrDefault(operation.Key), reply.Version);
        }

        private void Know(string key, ulong version, string value)
        {
            if (_values.TryGetValue((key, version), out var known))
                Assert.Equal(known, value);
            _values[(key, version)] = value;
            // Exactly once: a value never gets a second version.
            if (_applied.TryGetValue(value, out var first))
                Assert.Equal(first, version);
            _applied[value] = version;
        }
    }
}
