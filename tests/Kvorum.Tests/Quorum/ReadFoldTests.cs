using Kvorum.Quorum;

namespace Kvorum.Tests.Quorum;

/// <summary>
/// The fold of a read among replicas that are slow, go, change meanwhile, and answer in any order.
/// </summary>
public class ReadFoldTests
{
    private const int Nodes = 7;

    [Fact]
    public void Finds_the_newest_of_enough_answers_and_always_ends()
    {
        var ends = new int[3];
        for (var seed = 0; seed < 30_000; seed++) ends[(int)new Run(seed).Play()]++;
        Assert.Equal(0, ends[(int)ReadOutcome.Undecided]);
        Assert.All(ends[1..], count => Assert.True(count > 500));
    }

    private sealed class Run
    {
        private readonly Random _random;
        private readonly string _where;
        private readonly long[] _versions = new long[Nodes];
        private readonly long[] _told = [.. Enumerable.Repeat(-1L, Nodes)];
        private readonly HashSet<long> _values = [];
        private readonly List<(int Node, bool IsFull)> _requests = [];
        private readonly ReplicaMask _withoutVote;
        private readonly QuorumSet _voters;
        private readonly ReplicaMask _up;
        private ReplicaMask _gone;

        public Run(int seed)
        {
            _random = new Random(seed);
            _where = $"seed {seed}";
            var members = new ReplicaMask((ulong)_random.Next(1, 1 << (Nodes - 1)));
            _voters = new QuorumSet(members, _random.Next(1, members.Count + 1));
            _up = new ReplicaMask((ulong)(_random.Next(128) | _random.Next(128) | _random.Next(128)));
            var few = _random.Next(128) & _random.Next(128) & _random.Next(128);
            _withoutVote = new ReplicaMask((ulong)few);
            for (var i = 0; i < Nodes; i++) _versions[i] = _random.Next(4);
        }

        public ReadOutcome Play()
        {
            var fold = new ReadFold(_voters, _up, nowMs: 1000);
            Take(fold, fold.Start());
            for (var step = 0; _requests.Count > 0; step++)
            {
                Assert.True(step < 100, _where);
                var index = _random.Next(_requests.Count);
                var (node, isFull) = _requests[index];
                if (_random.Next(8) == 0) _versions[node] = Math.Max(_versions[node], _random.Next(10));
                if (_random.Next(4) == 0)
                {
                    Take(fold, fold.Slow(node));
                    continue;
                }

                _requests.RemoveAt(index);
                Take(fold, Reply(fold, node, isFull));
            }

            // Nothing is under way any more: it is decided, without the time-out.
            Assert.True(fold.Outcome != ReadOutcome.Undecided, _where);
            return fold.Outcome;
        }

        private ReadStep Reply(ReadFold fold, int node, bool isFull)
        {
            if (_withoutVote.Contains(node)) return fold.CannotVote(node);
            if (_gone.Contains(node) || _random.Next(10) == 0)
            {
                _gone |= ReplicaMask.Of(node);
                return fold.Failed(node);
            }

            var version = _versions[node];
            if (fold.Outcome == ReadOutcome.Undecided)
            {
                _told[node] = version;
                if (isFull) _values.Add(version);
            }

            return fold.Answer(node, Digest(version), isFull);
        }

        private void Take(ReadFold fold, ReadStep step)
        {
            Assert.True((step.AskFull & step.AskDigest).IsEmpty, _where);
            Assert.True((step.AskFull | step.AskDigest).Except(_up & _voters.Members).IsEmpty, _where);
            foreach (var node in step.AskFull) _requests.Add((node, true));
            foreach (var node in step.AskDigest) _requests.Add((node, false));
            Assert.True(_requests.Count < 3 * Nodes, _where);
            var counted = _voters.Members.Bits == 0 ? 0 : Enumerable.Range(0, Nodes)
                .Count(node => _told[node] >= 0 && _voters.Members.Contains(node));
            if (step.Outcome != ReadOutcome.Succeeded) return;
            Assert.True(counted >= _voters.Needed, _where);
            Assert.Equal(Digest(_told.Max()), fold.Found);
            Assert.True(fold.Found.IsAbsent || _values.Contains(_told.Max()), _where);
        }

        private static RecordDigest Digest(long version) => version == 0
            ? RecordDigest.Absent
            : new RecordDigest(new RecordVersion(HybridTimestamp.At(version), new WriterId(1)), false, 0);
    }
}
