using Kvorum.Node.Replicas;
using Kvorum.Protocol;
using Kvorum.Tests.Node.Harness;

namespace Kvorum.Tests.Node.Replicas;

/// <summary>
/// What was proposed waits for its index, also when the replica lost its newest entries and leads again.
/// </summary>
public class ProposalsTests
{
    private readonly Proposals _proposals = new();

    [Fact]
    public void Each_is_taken_when_its_index_is_committed()
    {
        Add(3, 1);
        Add(4, 1);
        Assert.Equal([], Taken(2));
        Assert.Equal([(3UL, 1UL)], Taken(3));
        Assert.Equal(1, _proposals.Count);
        Assert.Equal([(4UL, 1UL)], Taken(9));
    }

    /// <summary>Swarm seed 168: they waited behind it, were proposed again, and took effect twice.</summary>
    [Fact]
    public void Who_leads_again_at_lower_indexes_finds_the_new_ones_first()
    {
        Add(8, 6);
        Add(9, 6);
        Add(10, 6);
        Add(9, 8);
        Add(10, 8);
        Assert.Equal(5, _proposals.Calls.Count());
        Assert.Equal([(8UL, 6UL)], Taken(8));
        Assert.Equal([(9UL, 8UL), (9UL, 6UL)], Taken(9));
        Add(11, 8);
        Assert.Equal([(10UL, 8UL), (10UL, 6UL)], Taken(10));
        Assert.Equal([(11UL, 8UL)], Taken(11));
        Assert.Equal(0, _proposals.Count);
    }

    private void Add(ulong index, ulong term)
    {
        var delete = new DeleteRequest { Key = "k"u8.ToArray() };
        _proposals.Add(new(index), new(term), new TestCall(delete, TimeSpan.FromSeconds(1)));
    }

    private (ulong Index, ulong Term)[] Taken(ulong committed)
    {
        var taken = new List<(ulong, ulong)>();
        while (_proposals.TryTake(new(committed), out var proposal))
            taken.Add((proposal.Index.Value, proposal.Term.Value));
        return [.. taken];
    }
}
