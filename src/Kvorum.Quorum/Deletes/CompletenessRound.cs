namespace Kvorum.Quorum.Deletes;

/// <summary>
/// How a replica comes to know that it lacks nothing below a time, the <em>floor</em>.
/// </summary>
/// <remarks>
/// <para>1. All coordinators have said that nothing older will come from them, neither writes nor
/// hints.</para>
/// <para>2. Every replica closes its <em>gate</em> there, durably: it refuses writes and hints below the
/// floor, for messages that were sent before may still be on their way. Repairs it takes, down to the
/// horizon.
/// </para>
/// <para>3. Once all gates are closed, this replica is compared with every other one. With each of them, not
/// with a quorum: a delete that reached one replica only must not be lost either. A comparison before would
/// miss what a late message brings to one replica; no other would take it after the horizon has passed, and
/// the replicas would differ for good.</para>
/// <para>When every replica is done, the floor is the horizon (<see cref="Horizon.Decide"/>).</para>
/// </remarks>
/// <param name="floor">
/// The least of all nodes' watermarks of writes and hints, as they were told before this round.
/// </param>
/// <param name="others">The other replicas of the partition, of both sets while they change.</param>
public sealed class CompletenessRound(HybridTimestamp floor, IReadOnlyCollection<PeerId> others)
{
    private readonly SortedSet<PeerId> _ajar = [.. others];
    private readonly SortedSet<PeerId> _open = [.. others];
    private bool _isAjar = true;

    /// <summary>Below this the replica lacks nothing once the round is done.</summary>
    public HybridTimestamp Floor { get; } = floor;

    /// <summary>True once all gates are closed: comparisons that begin from now on count.</summary>
    public bool MayCompare => !_isAjar && _ajar.Count == 0;

    /// <summary>The replicas to compare with, in order.</summary>
    public IReadOnlyCollection<PeerId> Open => _open;

    /// <summary>True if all gates are closed and the replica has been compared with all others.</summary>
    public bool IsDone => MayCompare && _open.Count == 0;

    /// <summary>This replica refuses writes and hints below the floor from now on, durably.</summary>
    public void CloseGate() => _isAjar = false;

    /// <summary>Another replica has closed its gate at the floor or above it.</summary>
    public void GateClosed(PeerId other) => _ajar.Remove(other);

    /// <summary>
    /// A comparison that began when <see cref="MayCompare"/> was true has ended, and this replica has stored
    /// all that it lacked, durably; equal roots are such a comparison. The other one must be whole: a damaged
    /// one, or one that is being filled, does not count. False if it changes nothing: the gates are not
    /// closed, or the replica is not one to compare with.
    /// </summary>
    public bool Compared(PeerId other) => MayCompare && _open.Remove(other);
}
