using Kvorum.Node.Events;
using Kvorum.Node.Groups;
using Kvorum.Node.Replicas;
using Kvorum.Storage.Log;

namespace Kvorum.Node.Loops;

/// <summary>
/// Deletes replicas that their groups do not have any more. First a replica is asked nothing; when no job
/// uses its data, the log learns that it is gone, and only then its tree is deleted. After a crash in
/// between, the start finds the record and deletes the tree. Owned by the loop.
/// </summary>
internal sealed class ReplicaRemover(
    NodeContext context, LoopClock clock, Inbox inbox, LoopJobs jobs, ReplicaTable replicas)
{
    // Since when each could go.
    private readonly SortedDictionary<GroupId, long> _givenUp = [];
    private readonly SortedDictionary<GroupId, IReplica> _retired = [];

    // Their files could not be deleted.
    private readonly List<IReplica> _undeleted = [];
    private long _againMs;
    private long _lookedMs;

    /// <summary>True while what was there of a group is deleted: no new replica of it is made.</summary>
    public bool IsRemoving(GroupId group) => _retired.ContainsKey(group);

    /// <summary>Looks which replicas can go, and goes on with those that are going.</summary>
    public void Sweep()
    {
        if (clock.NowMs - _lookedMs >= Limits.GivenUpMs)
            Look();
        foreach (var replica in _retired.Values.Where(static replica => !replica.IsIdle))
            replica.SweepRetired();
        if (_undeleted.Count > 0 && clock.NowMs >= _againMs)
            DeleteAgain();
    }

    private void Look()
    {
        _lookedMs = clock.NowMs;
        foreach (var replica in replicas.All)
        {
            if (!replica.IsGivenUp)
                _givenUp.Remove(replica.Identity.Group);
            else if (!_givenUp.ContainsKey(replica.Identity.Group))
                _givenUp.Add(replica.Identity.Group, clock.NowMs);
        }

        foreach (var (group, sinceMs) in _givenUp.ToArray())
        {
            if (clock.NowMs - sinceMs >= Limits.RemovedKeepMs && replicas.Find(group) is { } replica)
                Retire(replica);
        }
    }

    private void DeleteAgain()
    {
        IReplica[] undeleted = [.. _undeleted];
        _undeleted.Clear();
        foreach (var replica in undeleted)
            Delete(replica);
    }

    private void Retire(IReplica replica)
    {
        _givenUp.Remove(replica.Identity.Group);
        replicas.Remove(replica.Identity.Group);
        _retired.Add(replica.Identity.Group, replica);
        replica.Retire();
        EntombIfIdle(replica);
    }

    // What was queued for its data before is done when this is: one lane, one after the other.
    private void EntombIfIdle(IReplica replica) => jobs.RunInBackground(static () => { }, _ =>
    {
        if (replica.IsIdle)
            Entomb(replica);
        else
            EntombIfIdle(replica);
    });

    private void Entomb(IReplica replica)
    {
        var batch = new LogBatch();
        var state = replica.Entomb(batch);
        context.Log.Append(batch, (_, failure) => inbox.Post(new LoopEvent.JobDone(
            error =>
            {
                if (error is not null)
                    throw new NodeFaultException($"the log could not be written: {error.Message}", error);
                context.Former.Add(replica.Identity.Group, state);
                context.Log.Release(replica.Identity.Group.Value, ulong.MaxValue);
                Delete(replica);
            },
            failure)));
    }

    private void Delete(IReplica replica) => jobs.RunInBackground(
        () =>
        {
            context.Open.Close(replica.Store.Tree);
            GroupFolder.Delete(context.World.Files, replica.Identity.Group);
        },
        failure =>
        {
            if (failure is not null and not IOException)
                throw new NodeFaultException($"a removed replica: {failure.Message}", failure);
            if (failure is null)
            {
                Deleted(replica);
                return;
            }

            // A new replica would take what is left for its own. The next start deletes it too.
            _undeleted.Add(replica);
            _againMs = clock.NowMs + Limits.DiskFullRetryMs;
        });

    private void Deleted(IReplica replica)
    {
        _retired.Remove(replica.Identity.Group);
        context.Cluster.Tell(new ReplicaRemoved(replica.Identity.Keyspace, replica.Identity.Partition));
        // The group may have been placed here again meanwhile, and nobody says so twice.
        inbox.Post(new LoopEvent.ReplicasPlaced(
            [.. context.Cluster.Births().Where(birth => birth.Group == replica.Identity.Group)]));
    }
}
