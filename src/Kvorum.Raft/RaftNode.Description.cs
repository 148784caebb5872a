using System.Globalization;
using System.Text;
using Kvorum.Raft.Replication;

namespace Kvorum.Raft;

/// <summary>The whole state as text.</summary>
public sealed partial class RaftNode
{
    /// <summary>
    /// A textual read-out of the whole state: role, term, vote, commit, applied, log, configuration,
    /// progress. For tests and people.
    /// </summary>
    public string Describe()
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture,
            $"{Id} {Role.ToString().ToLowerInvariant()} term={Term} vote={Name(_vote)}");
        text.Append(CultureInfo.InvariantCulture, $" leader={Name(Leader)}");
        text.Append(CultureInfo.InvariantCulture, $" commit={_log.Commit} applied={_log.Applied}");
        if (IsQuiescent) text.Append(" quiescent");
        if (IsQuarantined) text.Append(" quarantined");
        if (Contradiction is { } found)
        {
            text.Append(CultureInfo.InvariantCulture,
                $" ({found.Index} is t{found.Local} here, t{found.Other} at {found.From})");
        }
        if (_transferTarget is { } target) text.Append(CultureInfo.InvariantCulture, $" transfer={target}");
        text.Append(CultureInfo.InvariantCulture,
            $"\n  log {DescribeLog()} stable={_log.Stable}");
        text.Append(CultureInfo.InvariantCulture,
            $" snapshot={_log.Snapshot.Index}/{_log.Snapshot.Term}");
        if (_log.Installing is { } snapshot)
            text.Append(CultureInfo.InvariantCulture, $" installing={snapshot.Index}/{snapshot.Term}");
        text.Append(CultureInfo.InvariantCulture, $"\n  configuration {Describe(Configuration)}\n");
        foreach (var peer in _peers.All) text.Append(CultureInfo.InvariantCulture, $"  {Describe(peer)}\n");
        return text.ToString();
    }

    /// <summary>The term of an entry, for tests; null if compacted or not there.</summary>
    internal Term? TermAt(LogIndex index) => _log.TermOf(index.Value);

    /// <summary>An entry of the log, durable or not, for tests; null if compacted or not there.</summary>
    internal Entry? EntryAt(LogIndex index) => _log.EntryAt(index.Value);

    /// <summary>
    /// A configuration as text: <c>voters=1,2,3</c> and the other sets where they are not empty.
    /// </summary>
    internal static string Describe(Configuration configuration)
    {
        var text = $"voters={Join(configuration.Voters)}";
        if (configuration.IsJoint) text += $" outgoing={Join(configuration.Outgoing)}";
        if (configuration.Learners.Count > 0) text += $" learners={Join(configuration.Learners)}";
        if (configuration.LearnersNext.Count > 0)
            text += $" learners-next={Join(configuration.LearnersNext)}";
        return text;
    }

    /// <summary>Runs of one term: <c>1-3:t1 4:t2</c>.</summary>
    private string DescribeLog()
    {
        var runs = new List<(ulong From, ulong To, Term Term)>();
        for (var index = _log.LastIndex; index > 0 && _log.TermOf(index) is { } term; index--)
        {
            if (runs.Count > 0 && runs[^1].Term == term) runs[^1] = runs[^1] with { From = index };
            else runs.Add((index, index, term));
        }
        runs.Reverse();
        return runs.Count == 0
            ? "empty"
            : string.Join(' ', runs.Select(run => run.From == run.To
                ? $"{run.From}:t{run.Term}"
                : $"{run.From}-{run.To}:t{run.Term}"));
    }

    private string Describe(Progress peer)
    {
        var state = peer.State.ToString().ToLowerInvariant();
        var text = $"peer {peer.Node} {state} match={peer.Match} next={peer.Next}";
        if (peer.Inflights.Count > 0) text += $" inflight={peer.Inflights.Count}";
        return IsActive(peer) ? text : text + " inactive";
    }

    private static string Join(IReadOnlyList<NodeId> nodes) => string.Join(',', nodes);

    private static string Name(NodeId? node) => node?.ToString() ?? "none";
}
