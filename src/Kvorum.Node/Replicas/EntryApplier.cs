using Kvorum.Node.Groups;
using Kvorum.Node.State;
using Kvorum.Raft;
using Kvorum.Storage.Lsm;

namespace Kvorum.Node.Replicas;

/// <summary>
/// Applies committed entries to the state machine, in order, and answers the calls that wait for them. Owned
/// by the node loop.
/// </summary>
internal sealed class EntryApplier(
    ReplicaParts parts, ReplicaCondition condition, CommittedHistory history, ReplicaCalls calls,
    Action<TreeDamagedException> damaged)
{
    private readonly IStateMachine _machine = parts.Machine;

    /// <summary>
    /// Applies the entries. False if the data is damaged: the log hands all of them out again once the tables
    /// are rebuilt.
    /// </summary>
    public bool Apply(IReadOnlyList<Entry> committed)
    {
        for (var i = 0; i < committed.Count && !condition.IsFenced; i++)
            Apply(committed[i]);
        if (condition.IsFenced)
            return false;
        parts.Raft.Applied(committed[^1].Index);
        return true;
    }

    private void Apply(in Entry entry)
    {
        if (entry.Kind != EntryKind.Command)
        {
            _machine.Skip(entry.Index);
            history.Add(entry);
            calls.Resolve(entry, null);
            return;
        }

        Outcome outcome;
        try
        {
            outcome = _machine.Apply(entry.Index, entry.Data);
        }
        catch (TreeDamagedException e)
        {
            damaged(e);
            return;
        }
        catch (FormatException e)
        {
            // Skipping it would make this replica differ from the others for ever.
            throw new NodeFaultException(
                $"{parts.Identity}: entry {entry.Index} cannot be applied: {e.Message} "
                    + "Start a version that knows it.",
                e);
        }

        history.Add(entry);
        calls.Resolve(entry, outcome);
    }
}
