using System.Buffers;
using Kvorum.Raft.Membership;
using Kvorum.Raft.Replication;

namespace Kvorum.Raft;

/// <summary>
/// Configuration changes (thesis chapter 4): in force when appended, one at a time, joint states are left
/// automatically.
/// </summary>
public sealed partial class RaftNode
{
    /// <summary>Proposes a configuration change (thesis chapter 4).</summary>
    public ProposeResult Propose(ConfigurationChange change)
    {
        ArgumentNullException.ThrowIfNull(change);
        if (Role != Role.Leader) return new(ProposeOutcome.NotLeader, default, Term);
        if (_transferTarget is not null) return new(ProposeOutcome.Transferring, default, Term);
        // An unfinished change of an earlier leader counts too; and before an entry of its own term is
        // committed a leader does not know what is finished.
        var pending = _configurations.CurrentIndex > _log.Commit || Configuration.IsJoint;
        if (pending || !HasCommittedInTerm || MembershipRules.Apply(Configuration, change) is null)
            return new(ProposeOutcome.Refused, default, Term);
        return new(ProposeOutcome.Accepted, AppendChange(change), Term);
    }

    /// <summary>The configuration after a change; null if the change does not apply to it.</summary>
    public static Configuration? After(Configuration current, ConfigurationChange change)
    {
        ArgumentNullException.ThrowIfNull(current);
        ArgumentNullException.ThrowIfNull(change);
        return MembershipRules.Apply(current, change);
    }

    private LogIndex AppendChange(ConfigurationChange change)
    {
        var bytes = new ArrayBufferWriter<byte>();
        ConfigurationCodec.Encode(change, bytes);
        return LeadAppend(EntryKind.Configuration, bytes.WrittenMemory);
    }

    /// <summary>An entry with a change was appended.</summary>
    private void FollowConfiguration(in Entry entry)
    {
        var change = ConfigurationCodec.DecodeChange(entry.Data.Span);
        var next = MembershipRules.Apply(Configuration, change);
        Invariant.Check(next is not null);
        _configurations.Compact(_log.Snapshot.Index.Value);
        _configurations.Add(entry.Index.Value, next);
        if (Role == Role.Leader) FollowMembers();
    }

    private void FollowMembers()
    {
        _peers.Follow(Configuration, CreateProgress);
        _replicationDue = true;
    }

    /// <summary>
    /// The commit index moved: leaves a joint state, and steps down if this leader is no longer a voter.
    /// </summary>
    private void ConfigurationCommitted()
    {
        if (_configurations.CurrentIndex > _log.Commit) return;
        if (Configuration.IsJoint) AppendChange(new ConfigurationChange([]));
        else if (!Configuration.HasVoter(Id)) Retire();
    }

    /// <summary>
    /// Sends the commit index to the others, tells the most complete voter to take over, and steps down
    /// (thesis 4.2.2).
    /// </summary>
    private void Retire()
    {
        Progress? heir = null;
        foreach (var peer in _peers.All)
        {
            if (peer.Node == Id) continue;
            SendHeartbeat(peer, 0, quiesce: false);
            var eligible = Configuration.HasVoter(peer.Node) && IsActive(peer);
            if (eligible && peer.Match > (heir?.Match ?? 0)) heir = peer;
        }
        if (heir is not null) Send(new TimeoutNow { From = Id, To = heir.Node, Term = Term });
        BecomeFollower(Term, null);
    }

    private static ConfigurationHistory ReadConfigurations(ILogStorage storage)
    {
        var history = new ConfigurationHistory(storage.Snapshot.Index.Value, storage.Snapshot.Configuration);
        var batch = new List<Entry>(Limits.ReadBatchEntries);
        for (var next = storage.Snapshot.Index.Next; next <= storage.LastIndex;)
        {
            batch.Clear();
            if (!storage.TryRead(next, storage.LastIndex.Next, 1 << 20, batch) || batch.Count == 0)
            {
                throw new ArgumentException(
                    $"The stored log ends at {storage.LastIndex} but {next} cannot be read.");
            }
            foreach (var entry in batch)
            {
                if (entry.Kind != EntryKind.Configuration) continue;
                var change = ConfigurationCodec.DecodeChange(entry.Data.Span);
                var applied = MembershipRules.Apply(history.Current, change);
                if (applied is null)
                    throw new ArgumentException($"The configuration change at {entry.Index} does not apply.");
                history.Add(entry.Index.Value, applied);
            }
            next = batch[^1].Index.Next;
        }
        return history;
    }
}
