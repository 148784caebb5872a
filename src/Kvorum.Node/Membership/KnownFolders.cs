using System.Collections.Immutable;

namespace Kvorum.Node.Membership;

/// <summary>
/// The short ids of the data folders that this node knows members by, and those of members that have been
/// replaced since it was started: who may have given a version. Safe on any thread.
/// </summary>
internal sealed class KnownFolders
{
    private ImmutableHashSet<ulong> _ids = []; // looked up only

    /// <summary>A member comes with this data folder.</summary>
    public void Add(UInt128 incarnation) => ImmutableInterlocked.Update(
        ref _ids, static (ids, id) => ids.Add(id), ClusterIdentity.ShortOf(incarnation));

    /// <summary>True if a folder with this short id is known.</summary>
    public bool Has(ulong shortId) => Volatile.Read(ref _ids).Contains(shortId);
}
