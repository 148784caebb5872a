using Kvorum.Node.Wire;
using Kvorum.Protocol;
using Kvorum.Storage.Lsm.Trees;

namespace Kvorum.Node.State;

/// <summary>
/// Up to which request records of a client were forgotten: what is not above that, and has no record, may
/// have been applied. In the tree, and in memory in the order in which they go. Owned by the node loop.
/// </summary>
internal sealed class SessionFloors
{
    // Looked up by id only, never walked.
    private readonly Dictionary<byte[], (ulong Index, ulong RequestId)> _floors =
        new(ClientIdComparer.Instance);

    private readonly SortedSet<(ulong Index, byte[] Client)> _byAge =
        new(Comparer<(ulong Index, byte[] Client)>.Create(static (a, b) => a.Index != b.Index
            ? a.Index.CompareTo(b.Index)
            : a.Client.AsSpan().SequenceCompareTo(b.Client)));

    private readonly ByteWriter _writer = new();

    /// <summary>All of them, in the order in which they go.</summary>
    public IEnumerable<(byte[] Client, ulong RequestId)> All =>
        _byAge.Select(one => (one.Client, _floors[one.Client].RequestId));

    /// <summary>The newest forgotten request of a client; null if none is known.</summary>
    public ulong? Find(ReadOnlySpan<byte> client)
    {
        var byId = _floors.GetAlternateLookup<ReadOnlySpan<byte>>();
        return byId.TryGetValue(client, out var floor) ? floor.RequestId : null;
    }

    /// <summary>A record of the client was forgotten by the entry at this index.</summary>
    public void Raise(byte[] client, ulong requestId, ulong index, WriteBatch batch)
    {
        if (_floors.TryGetValue(client, out var present))
        {
            _byAge.Remove((present.Index, client));
            requestId = Math.Max(requestId, present.RequestId);
        }

        Add(client, index, requestId);
        Span<byte> room = stackalloc byte[RecordKeys.Size(Protocol.Limits.ClientIdBytesMax)];
        _writer.Clear();
        _writer.U64(index);
        _writer.U64(requestId);
        batch.Put(RecordKeys.ForFloor(client, room), _writer.Written);
        if (_byAge.Count <= Limits.SessionFloorsMax)
            return;
        var oldest = _byAge.Min.Client;
        _byAge.Remove(_byAge.Min);
        _floors.Remove(oldest);
        batch.Delete(RecordKeys.ForFloor(oldest, room));
    }

    /// <summary>Takes what a checkpoint has in place of what was here.</summary>
    public void Load(ReadView view)
    {
        _floors.Clear();
        _byAge.Clear();
        foreach (var (key, value) in view.Scan(
            new[] { RecordKeys.Floor }, new[] { (byte)(RecordKeys.Floor + 1) }))
        {
            var reader = new ByteReader(value);
            Add(key[1..].ToArray(), reader.U64(), reader.U64());
        }
    }

    private void Add(byte[] client, ulong index, ulong requestId)
    {
        _floors[client] = (index, requestId);
        _byAge.Add((index, client));
    }
}
