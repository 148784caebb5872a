using System.Diagnostics.CodeAnalysis;
using Kvorum.Raft;

namespace Kvorum.Node.Replicas;

/// <summary>
/// Reads of a leader on their way: gathered during a turn, asked for together at its end, and kept until the
/// core has confirmed them and their index is applied. Owned by the node loop.
/// </summary>
internal sealed class PendingReads
{
    private readonly Dictionary<ulong, List<Call>> _asked = [];
    private readonly List<(LogIndex Index, List<Call> Calls)> _awaitingApply = [];
    private List<Call> _new = [];
    private List<Call> _newByLease = [];
    private ulong _lastId;

    /// <summary>Zero if there are none; groups of reads that were asked for together count as one.</summary>
    public int Count => _new.Count + _newByLease.Count + _asked.Count + _awaitingApply.Count;

    /// <summary>A read came.</summary>
    public void Add(Call call, bool byLease) => (byLease ? _newByLease : _new).Add(call);

    /// <summary>Takes what is to be asked of the core next: the number of the question, and how.</summary>
    public bool TryAsk(out ulong id, out ReadMode mode)
    {
        if (_new.Count > 0)
            (id, mode) = (Ask(ref _new), ReadMode.Confirmed);
        else if (_newByLease.Count > 0)
            (id, mode) = (Ask(ref _newByLease), ReadMode.Lease);
        else
            (id, mode) = (0, default);
        return id != 0;
    }

    /// <summary>
    /// Takes the reads of a question that the core has answered; false if it was not asked.
    /// </summary>
    public bool TryTakeAnswered(ulong id, [MaybeNullWhen(false)] out List<Call> calls) =>
        _asked.Remove(id, out calls);

    /// <summary>Confirmed reads wait until their index is applied.</summary>
    public void Await(LogIndex index, List<Call> calls) => _awaitingApply.Add((index, calls));

    /// <summary>
    /// Takes the next confirmed reads whose index is applied, in the order of their answers.
    /// </summary>
    public bool TryTakeApplied(ulong applied, [MaybeNullWhen(false)] out List<Call> calls)
    {
        for (var i = 0; i < _awaitingApply.Count; i++)
        {
            if (_awaitingApply[i].Index.Value > applied)
                continue;
            calls = _awaitingApply[i].Calls;
            _awaitingApply.RemoveAt(i);
            return true;
        }

        calls = null;
        return false;
    }

    /// <summary>Looks at every read that was asked for, and removes those that are done.</summary>
    public void Sweep(Action<Call> look)
    {
        foreach (var (_, calls) in _awaitingApply)
            PendingCalls.Sweep(calls, look);
        // Order does not matter: each call gets its own answer.
        foreach (var calls in _asked.Values)
            PendingCalls.Sweep(calls, look);
    }

    private ulong Ask(ref List<Call> calls)
    {
        _asked[++_lastId] = calls;
        calls = [];
        return _lastId;
    }
}
