using System.Globalization;
using Kvorum.Protocol;
using Kvorum.Tests.Node.Harness;

namespace Kvorum.Tests.Node.Scans;

/// <summary>
/// Scans under crashes, losses of power, cut links and leader changes, by seed, while keys are written. A
/// page is right or an error: each key that was there before the page was asked for and lies in what the page
/// covers is in it, once, in order, and no older than the newest write acknowledged before.
/// </summary>
public class ScanFaultsTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void A_page_is_right_or_an_error(int seed)
    {
        using var run = new FaultyScans(
            new Random(seed), nodes: seed % 2 == 0 ? 3 : 5, loops: 1 + (seed % 2));
        for (var step = 0; step < 250; step++)
            run.Step();
        run.Heal();
        Assert.InRange(run.Pages, 20, int.MaxValue);
        Assert.InRange(run.Scans, 1, int.MaxValue);
    }

    private sealed class FaultyScans : IDisposable
    {
        private const int Keys = 40;
        private readonly Random _random;
        private readonly TestCluster _cluster;

        // The newest version of each key that was acknowledged: keys are never deleted.
        private readonly SortedDictionary<string, ulong> _acked = new(StringComparer.Ordinal);
        private readonly List<(string Key, TestCall Call)> _writes = [];
        private readonly List<PageUnderWay> _pages = [];

        // Asked of a process that is gone: asked again as soon as any node runs.
        private readonly List<PageUnderWay> _lost = [];

        public FaultyScans(Random random, int nodes, int loops)
        {
            _random = random;
            _cluster = new(nodes, options => options with
            {
                Loops = loops,
                PartitionCount = 5,
                CheckpointLogBytes = 3000,
                TrailingLogBytes = 500,
                SegmentBytes = 64 << 10,
            });
            _cluster.RunUntilReady();
        }

        private sealed record PageUnderWay(
            int Node, TestCall Call, ScanRequest Scan, SortedDictionary<string, ulong> Floor, string Last);

        /// <summary>Pages that were answered.</summary>
        public int Pages { get; private set; }

        /// <summary>Scans that came to their end.</summary>
        public int Scans { get; private set; }

        public void Step()
        {
            switch (_random.Next(16))
            {
                case 0 when Running.Count() > (_cluster.Count / 2) + 1 || _random.Next(4) == 0:
                    if (Running.Any())
                        Crash(Pick(Running));
                    break;
                case 1 or 2 when Running.Count() < _cluster.Count:
                    _cluster.Start(Pick(
                        Enumerable.Range(0, _cluster.Count).Where(node => !_cluster.IsRunning(node))));
                    break;
                case 3:
                    _cluster.Network.Cut(
                        _cluster.IdOf(_random.Next(_cluster.Count)),
                        _cluster.IdOf(_random.Next(_cluster.Count)));
                    break;
                case 4 or 5:
                    _cluster.Network.Heal();
                    break;
                case < 11:
                    Write();
                    break;
                default:
                    if (Running.Any() && _pages.Count < 4)
                        Ask(
                            new()
                            {
                                Key = default,
                                Reverse = _random.Next(2) == 0,
                                PageBytes = (uint)_random.Next(1, 1500)
                            }, "");
                    break;
            }

            _cluster.Run(_random.Next(1, 150));
            foreach (var node in Running)
                Assert.Null(_cluster.FatalOf(node));
            Collect();
        }

        public void Heal()
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
                return _pages.Count == 0;
            }, 60_000, "the end of every scan");
        }

        public void Dispose() => _cluster.Dispose();

        private IEnumerable<int> Running => Enumerable.Range(0, _cluster.Count).Where(_cluster.IsRunning);

        private int Pick(IEnumerable<int> nodes)
        {
            var all = nodes.ToArray();
            return all[_random.Next(all.Length)];
        }

        private void Write()
        {
            if (!Running.Any())
                return;
            var key = string.Create(CultureInfo.InvariantCulture, $"key{_random.Next(Keys):00}");
            var put = new PutRequest { Key = TestCluster.Bytes(key), Value = new byte[_random.Next(300)] };
            _writes.Add((key, _cluster.Submit(Pick(Running), put, 1000)));
        }

        private void Crash(int node)
        {
            _cluster.Crash(node, _random.Next());
            _lost.AddRange(_pages.Where(page => page.Node == node && page.Call.Reply is null));
            _pages.RemoveAll(_lost.Contains);
        }

        private void Ask(ScanRequest scan, string last)
        {
            var node = Pick(Running);
            _pages.Add(new(
                node, _cluster.Submit(node, scan, _random.Next(100, 3000)), scan,
                new(_acked, StringComparer.Ordinal), last));
        }

        private void Collect()
        {
            foreach (var (key, call) in _writes)
            {
                if (call.Reply is { Status: ReplyStatus.Ok } reply)
                    _acked[key] = Math.Max(_acked.GetValueOrDefault(key), reply.Version);
            }

            _writes.RemoveAll(write => write.Call.Reply is not null);
            if (!Running.Any())
                return;
            foreach (var page in _lost)
                Ask(page.Scan, page.Last);
            _lost.Clear();
            foreach (var page in _pages.Where(page => page.Call.Reply is not null).ToArray())
            {
                _pages.Remove(page);
                if (page.Call.Reply is { Status: ReplyStatus.Ok } reply)
                    Check(page, ScanPageCodec.Decode(reply.Value));
                else
                    Ask(page.Scan, page.Last);
            }
        }

        private void Check(PageUnderWay asked, ScanPage page)
        {
            Pages++;
            var scan = asked.Scan;
            var last = asked.Last;
            foreach (var entry in page.Entries)
            {
                var key = entry.Key.Text();
                var order = string.CompareOrdinal(last, key);
                Assert.True(
                    last.Length == 0 || (scan.Reverse ? order > 0 : order < 0), $"{key} came behind {last}");
                Assert.True(
                    entry.Version >= asked.Floor.GetValueOrDefault(key),
                    $"{key} is older than was acknowledged");
                last = key;
            }

            // What the page covers is what its rest does not.
            var whole = ScanToken.RangeOf(scan);
            var rest = page.Token.IsEmpty
                ? new("z"u8.ToArray(), "a"u8.ToArray())
                : ScanToken.RangeOf(scan with { Token = page.Token });
            var found = page.Entries.Select(entry => entry.Key.Text()).ToHashSet();
            foreach (var key in asked.Floor.Keys.Where(key => Has(whole, key) && !Has(rest, key)))
                Assert.Contains(key, found);
            if (page.Token.IsEmpty)
                Scans++;
            else
                Ask(scan with { Token = page.Token }, last);
        }

        private static bool Has(KeyRange range, string key) =>
            range.From.Span.SequenceCompareTo(TestCluster.Bytes(key).Span) <= 0
            && (range.End.IsEmpty || range.End.Span.SequenceCompareTo(TestCluster.Bytes(key).Span) > 0);
    }
}
