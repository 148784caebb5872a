using Kvorum.Node;
using Kvorum.Node.Placement;
using Kvorum.Node.Placement.Planning;
using Kvorum.Raft;

namespace Kvorum.Tests.Node.Placement.Planning.Harness;

/// <summary>
/// A group of a <see cref="ClusterModel"/>: its leader walks from what is to the target, a step each second,
/// as long as a majority is up. A group of a quorum keyspace goes there by stages, as long as enough of its
/// replicas refuse what is old and fill what is new.
/// </summary>
internal sealed class ModelGroup(
    GroupId id, KeyspaceId keyspace, ReplicaTarget target, QuorumNumbers? numbers = null)
{
    public GroupId Id { get; } = id;

    public KeyspaceId Keyspace { get; } = keyspace;

    public long Bytes { get; set; } = 1 << 20;

    public ReplicaTarget Target { get; private set; } = target;

    public Epoch Epoch { get; private set; }

    public long SinceMs { get; private set; }

    public long ProgressAtMs { get; set; }

    public int Failures { get; set; }

    public List<GivenUpMove> GivenUp { get; } = [];

    public List<NodeId> Voters { get; private set; } = [.. target.Voters];

    /// <summary>The old voters of a joint configuration.</summary>
    public List<NodeId> Outgoing { get; private set; } = [];

    /// <summary>True while a quorum keyspace's group reads its new replicas.</summary>
    public bool ReadsNew { get; private set; }

    public List<NodeId> Learners { get; private set; } = [.. target.Learners];

    public Dictionary<NodeId, long> Filling { get; } = [];

    /// <summary>Bytes of replicas that arrived, of moves that came to nothing too.</summary>
    public long MovedBytes { get; private set; }

    public IEnumerable<NodeId> Wanted => Target.Voters.Concat(Target.Learners);

    public IEnumerable<NodeId> Holding => Voters.Concat(Outgoing).Concat(Learners).Distinct();

    public IEnumerable<NodeId> Pending => Wanted.Except(Voters).Except(Learners);

    public PlannedGroup Planned => new(
        Id, Keyspace, Target,
        new GroupReplicas([.. Voters], [.. Learners], [.. Filling.Keys], Outgoing.Count > 0 || ReadsNew))
    {
        Epoch = Epoch,
        Bytes = Bytes,
        TargetSinceMs = SinceMs,
        ProgressAtMs = ProgressAtMs,
        Failures = Failures,
        GivenUp = [.. GivenUp],
    };

    public void SetTarget(TargetChange change, long nowMs)
    {
        Assert.Equal(Epoch, change.Epoch);
        Target = change.Target;
        Epoch = Epoch.Next;
        SinceMs = nowMs;
        Failures = 0;
        if (change.GivesUp is { } node)
            GivenUp.Add(new GivenUpMove(node, nowMs));
    }

    public bool HasMajority(Func<NodeId, bool> isUp) => Voters.Count(isUp) > Voters.Count / 2
        && (Outgoing.Count == 0 || Outgoing.Count(isUp) > Outgoing.Count / 2);

    /// <summary>One second of the leader's walk.</summary>
    public void Walk(Func<NodeId, ModelNode?> nodeOf, long bytesPerSecond, long nowMs)
    {
        bool IsUp(NodeId id) => nodeOf(id) is { IsUp: true };
        if (numbers is not null)
        {
            WalkStages(numbers, nodeOf, bytesPerSecond, nowMs);
            return;
        }

        if (!HasMajority(IsUp))
            return;
        if (Outgoing.Count > 0)
        {
            Outgoing = [];
            return;
        }

        foreach (var node in Filling.Keys.Except(Wanted).ToArray())
            Filling.Remove(node);
        foreach (var node in Pending)
            Filling.TryAdd(node, 0);
        foreach (var node in Filling.Keys.Where(IsUp).ToArray())
            Fill(nodeOf(node)!, bytesPerSecond, nowMs);
        if (!Pending.Any())
            Change(IsUp);
    }

    private void WalkStages(
        QuorumNumbers numbers, Func<NodeId, ModelNode?> nodeOf, long bytesPerSecond, long nowMs)
    {
        NodeId[] left = [.. Voters.Where(node => nodeOf(node) is { IsLost: false })];
        var up = left.Count(node => nodeOf(node)!.IsUp);
        // Those that are lost refuse whatever is asked.
        bool DoRefuse(int quorum) => left.Length - up < Math.Min(quorum, Voters.Count);
        if (ReadsNew)
        {
            if (!DoRefuse(numbers.ReadOf(Voters.Count)))
                return;
            (Voters, Learners, ReadsNew) = ([.. Target.Voters], [], false);
            return;
        }

        foreach (var node in Filling.Keys.Except(Wanted).ToArray())
            Filling.Remove(node);
        Learners.RemoveAll(node => !Wanted.Contains(node));
        if (Voters.ToHashSet().SetEquals(Target.Voters))
            Voters = [.. Target.Voters];
        else if (DoRefuse(numbers.WriteOf(Voters.Count)))
            Fill(numbers, left.Length, up, nodeOf, bytesPerSecond, nowMs);
    }

    private void Fill(
        QuorumNumbers numbers, int left, int up, Func<NodeId, ModelNode?> nodeOf, long bytesPerSecond,
        long nowMs)
    {
        foreach (var node in Pending)
            Filling.TryAdd(node, 0);
        var sources = Math.Min(left, Math.Max(1, Voters.Count - numbers.WriteOf(Voters.Count) + 1));
        foreach (var node in Filling.Keys.Where(node => nodeOf(node) is { IsUp: true }).ToArray())
        {
            if (left > 0 && up >= sources)
                Fill(nodeOf(node)!, bytesPerSecond, nowMs);
        }

        ReadsNew = !Pending.Any();
    }

    // Bytes that arrive are progress, and so is a snapshot that was empty.
    private void Fill(ModelNode node, long bytesPerSecond, long nowMs)
    {
        if (node.IsStuck)
            return;
        ProgressAtMs = nowMs;
        Filling[node.Id] += bytesPerSecond;
        if (Filling[node.Id] < Bytes)
            return;
        if (node.IsFailing)
        {
            Filling[node.Id] = 0;
            Failures++;
            return;
        }

        Filling.Remove(node.Id);
        Learners.Add(node.Id);
        MovedBytes += Bytes;
    }

    private void Change(Func<NodeId, bool> isUp)
    {
        if (Voters.ToHashSet().SetEquals(Target.Voters))
        {
            Learners = [.. Target.Learners];
            return;
        }

        // A leader begins no change that would leave no majority up, or fewer voters up: one of the new ones
        // may have fallen silent since it caught up.
        var up = Target.Voters.Count(isUp);
        if (up <= Target.Voters.Count / 2 || up < Math.Min(Voters.Count(isUp), Target.Voters.Count))
            return;
        Assert.True(Target.Voters.Count % 2 == 1, $"group {Id} would have {Target.Voters.Count} voters");
        Outgoing = Voters;
        Voters = [.. Target.Voters];
        Learners = [.. Target.Learners];
        Assert.True(HasMajority(isUp), $"group {Id} loses its majority by {this}");
    }

    public override string ToString()
    {
        var text = $"{string.Join(',', Voters)}";
        if (ReadsNew)
            return $"{text} becomes {string.Join(',', Target.Voters)}";
        if (Outgoing.Count > 0)
            text += $" from {string.Join(',', Outgoing)}";
        if (Learners.Count > 0)
            text += $" learns {string.Join(',', Learners)}";
        if (Filling.Count > 0)
            text += $" fills {string.Join(',', Filling.Keys.Order())}";
        return text;
    }
}
