using Kvorum.Node.Membership;
using Kvorum.Node.Placement;
using Kvorum.Node.Scans;

namespace Kvorum.Node.Loops;

/// <summary>All loops of a node, and which of them owns what. Safe on any thread.</summary>
internal sealed class LoopGroup
{
    private readonly NodeLoop[] _loops;

    public LoopGroup(NodeContext context) => _loops =
        [.. Enumerable.Range(0, context.Options.Loops).Select(index => new NodeLoop(context, this, index))];

    /// <summary>All, by index.</summary>
    public IReadOnlyList<NodeLoop> All => _loops;

    /// <summary>Loop 0, which also owns what there is once on a node.</summary>
    public NodeLoop First => _loops[0];

    /// <summary>The index of the loop that owns a group.</summary>
    public int IndexOf(GroupId group) => GroupDirectory.LoopOf(group, _loops.Length);

    /// <summary>The loop that owns a group.</summary>
    public NodeLoop OfGroup(GroupId group) => _loops[IndexOf(group)];

    /// <summary>The loop of this node that waits for the answer with this number.</summary>
    public NodeLoop OfNumber(ulong number) => _loops[IndexOfNumber(number)];

    /// <summary>Its index.</summary>
    public int IndexOfNumber(ulong number) => (int)(number % (ulong)_loops.Length);

    /// <summary>Leaves an event of this node with every loop. Any thread.</summary>
    public void PostToAll(LoopEvent item)
    {
        foreach (var loop in _loops)
            loop.Post(item);
    }

    /// <summary>Leaves it with each loop to make those of the replicas that it is to own.</summary>
    public void Make(IReadOnlyList<GroupBirth> births)
    {
        foreach (var loop in _loops)
        {
            GroupBirth[] own = [.. births.Where(birth => OfGroup(birth.Group) == loop)];
            if (own.Length > 0)
                loop.Post(new LoopEvent.ReplicasPlaced(own));
        }
    }

    /// <summary>
    /// Leaves a question with the loops that own its groups; each answers for its own. A loop that is too far
    /// behind does not: it is asked again.
    /// </summary>
    public void Take(PartialScanRequest ask, Action<PartialScanResult> answer)
    {
        foreach (var loop in _loops)
        {
            AskedGroup[] own = [.. ask.Groups.Where(asked => OfGroup(asked.Group) == loop)];
            if (own.Length == 0)
                continue;
            loop.TryPost(
                new LoopEvent.ScanAsked(ask with { Groups = own }, answer), own.Length * sizeof(uint));
        }
    }
}
