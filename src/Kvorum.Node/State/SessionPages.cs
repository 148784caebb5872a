using Kvorum.Node.Wire;
using Kvorum.Protocol;
using Kvorum.Storage.Lsm.Trees;

namespace Kvorum.Node.State;

/// <summary>
/// The records of a <see cref="SessionRing"/> in the tree: in pages of so many places, so that a record costs
/// the tree next to nothing. A page is written when its last place is taken; what is on the page that is
/// being filled, and where the oldest record is, comes with the checkpoint. Owned by the node loop.
/// </summary>
internal sealed class SessionPages(SessionRing ring)
{
    private const ulong Places = 256;
    private const byte IsFound = 1;
    private const byte HasValue = 2;
    private const byte IsOfClientBefore = 4;

    private readonly ByteWriter _writer = new();

    /// <summary>A record was added.</summary>
    public void Added(WriteBatch batch)
    {
        if (ring.Next % Places == 0)
            Put(ring.Next - 1, batch);
    }

    /// <summary>The oldest record was removed.</summary>
    public void Removed(WriteBatch batch)
    {
        Span<byte> room = stackalloc byte[RecordKeys.Size(0)];
        if (ring.First % Places == 0)
            batch.Delete(RecordKeys.ForSessionPage((ring.First / Places) - 1, room));
    }

    /// <summary>What the tree lacks: the page that is being filled, and which records are kept.</summary>
    public void PutRest(WriteBatch batch)
    {
        if (ring.Next % Places != 0)
            Put(ring.Next, batch);
        _writer.Clear();
        _writer.U64(ring.First);
        _writer.U64(ring.Next);
        batch.Put([RecordKeys.SessionRange], _writer.Written);
    }

    /// <summary>Fills the ring from a checkpoint. A <see cref="FormatException"/> if it is none of
    /// ours.</summary>
    public void Load(ReadView view, Func<ReadOnlyMemory<byte>, SessionClient> clientOf)
    {
        ring.Clear(0);
        if (!view.TryGet([RecordKeys.SessionRange], out var range))
            return;
        var reader = new ByteReader(range);
        ring.Clear(reader.U64());
        var next = reader.U64();
        foreach (var (key, page) in view.Scan(
            new[] { RecordKeys.SessionPage }, new[] { (byte)(RecordKeys.SessionPage + 1) }))
        {
            Load(RecordKeys.ReadSessionPage(key) * Places, page, clientOf);
        }

        if (ring.Next != next)
            throw new FormatException($"records up to {ring.Next} where {next} are told of");
    }

    private void Put(ulong place, WriteBatch batch)
    {
        Span<byte> room = stackalloc byte[RecordKeys.Size(0)];
        var number = place / Places;
        var first = Math.Max(ring.First, number * Places);
        var end = Math.Min(ring.Next, (number + 1) * Places);
        _writer.Clear();
        _writer.U64(first);
        SessionClient? before = null;
        for (var at = first; at < end; at++)
        {
            ref readonly var record = ref ring[at];
            Write(record, isOfClientBefore: ReferenceEquals(record.Client, before));
            before = record.Client;
        }

        batch.Put(RecordKeys.ForSessionPage(number, room), _writer.Written);
    }

    private void Write(in SessionRecord record, bool isOfClientBefore)
    {
        _writer.U8((byte)record.Status);
        _writer.U8((byte)((record.Found ? IsFound : 0) | (record.HasValue ? HasValue : 0)
            | (isOfClientBefore ? IsOfClientBefore : 0)));
        _writer.U64(record.RequestId);
        _writer.U64(record.TimeMs);
        _writer.U64(record.Version);
        if (isOfClientBefore)
            return;
        _writer.U8((byte)record.Client.Id.Length);
        _writer.Raw(record.Client.Id);
    }

    private void Load(
        ulong pagePlace, ReadOnlyMemory<byte> page, Func<ReadOnlyMemory<byte>, SessionClient> clientOf)
    {
        var reader = new ByteReader(page);
        var first = reader.U64();
        SessionClient? client = null;
        ReadOnlyMemory<byte> id = default;
        for (var place = first; !reader.AtEnd; place++)
        {
            var status = (ReplyStatus)reader.U8();
            var flags = reader.U8();
            var (requestId, timeMs, version) = (reader.U64(), reader.U64(), reader.U64());
            if ((flags & IsOfClientBefore) == 0)
                (client, id) = (null, reader.Raw(reader.U8()));
            if (place < ring.First)
                continue; // forgotten since
            client ??= clientOf(id);
            if (place != ring.Next || place - pagePlace >= Places)
                throw new FormatException($"record {place} where {ring.Next} should be");
            ring.Add(new SessionRecord
            {
                Client = client,
                RequestId = requestId,
                TimeMs = timeMs,
                Version = version,
                Status = status,
                Found = (flags & IsFound) != 0,
                HasValue = (flags & HasValue) != 0,
            });
        }
    }
}
