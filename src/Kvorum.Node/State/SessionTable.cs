using System.Buffers.Binary;
using System.Text;
using Kvorum.Protocol;
using Kvorum.Storage.Lsm.Trees;

namespace Kvorum.Node.State;

/// <summary>
/// The exactly-once records of a partition (thesis 6.3). They live in the tree, written by the very entry
/// that they answer; what is here in memory is only the order in which they are forgotten, rebuilt from the
/// tree. Everything is decided by log time and log index, so all replicas forget the same records at the same
/// entry. Owned by the node loop.
/// </summary>
internal sealed class SessionTable(Tree tree, long windowMs, int recordsMax)
{
    private const int HeadBytes = 26;
    private readonly Queue<Record> _byAge = new();

    // Those with records, looked up by id only, never walked.
    private readonly Dictionary<byte[], SessionClient> _clients = new(ClientIdComparer.Instance);
    private readonly List<SessionClient> _forgotten = [];
    private readonly SortedSet<(ulong Index, string Client)> _floorsByAge =
        new(Comparer<(ulong Index, string Client)>.Create(static (a, b) => a.Index != b.Index
            ? a.Index.CompareTo(b.Index)
            : string.CompareOrdinal(a.Client, b.Client)));

    private readonly record struct Record(SessionClient Client, ulong RequestId, ulong TimeMs);

    public int Count => _byAge.Count;

    /// <summary>
    /// The stored answer to a request that was applied before; one that says so if it is too old to be known;
    /// null for a new request.
    /// </summary>
    public Outcome? Find(ReadOnlySpan<byte> client, ulong requestId)
    {
        // Most clients count up: what is above all that came from one needs no look into the tree.
        var isKnown = _clients.GetAlternateLookup<ReadOnlySpan<byte>>().TryGetValue(client, out var known);
        if (isKnown && requestId > known!.Newest)
            return null;
        Span<byte> room = stackalloc byte[RecordKeys.Size(Protocol.Limits.ClientIdBytesMax)];
        if (isKnown && tree.TryGet(RecordKeys.ForSession(client, requestId, room), out var record))
            return Read(record);
        if (_floors.Count == 0 || !tree.TryGet(RecordKeys.ForFloor(client, room), out var floor))
            return null;
        return requestId <= BinaryPrimitives.ReadUInt64LittleEndian(floor.Span[8..])
            ? new Outcome(ReplyStatus.SessionExpired, false, default, 0)
            : null;
    }

    /// <summary>Adds the record of an answer, to be written with the entry's other changes.</summary>
    public void Add(ReadOnlySpan<byte> client, ulong requestId, ulong index, ulong timeMs, in Outcome outcome, WriteBatch batch)
    {
        Span<byte> room = stackalloc byte[RecordKeys.Size(Protocol.Limits.ClientIdBytesMax)];
        Span<byte> head = stackalloc byte[HeadBytes];
        BinaryPrimitives.WriteUInt64LittleEndian(head, index);
        BinaryPrimitives.WriteUInt64LittleEndian(head[8..], timeMs);
        head[16] = (byte)outcome.Status;
        head[17] = outcome.Found ? (byte)1 : (byte)0;
        BinaryPrimitives.WriteUInt64LittleEndian(head[18..], outcome.Version);
        batch.Put(RecordKeys.ForSession(client, requestId, room), head, outcome.Value.Span);
        Remember(new(ClientOf(client), requestId, timeMs));
    }

    /// <summary>
    /// Forgets what is older than the window or beyond the count, and remembers per client up to where it
    /// forgot. Beyond the count some more go at once, so that a client's floor is written once for many.
    /// </summary>
    public void Forget(ulong index, ulong logTimeMs, WriteBatch batch)
    {
        Span<byte> room = stackalloc byte[RecordKeys.Size(Protocol.Limits.ClientIdBytesMax)];
        var keep = _byAge.Count > recordsMax ? recordsMax - (recordsMax / 64) : recordsMax;
        while (_byAge.TryPeek(out var oldest)
            && (_byAge.Count > keep || oldest.TimeMs + (ulong)windowMs < logTimeMs))
        {
            _byAge.Dequeue();
            batch.Delete(RecordKeys.ForSession(oldest.Client.Id, oldest.RequestId, room));
            if (oldest.Client.Forget(oldest.RequestId))
                _forgotten.Add(oldest.Client);
            if (oldest.Client.Records == 0)
                _clients.Remove(oldest.Client.Id);
        }

        foreach (var client in _forgotten)
            RaiseFloor(client.Id, client.TakeForgotten(), index, batch);
        _forgotten.Clear();
    }

    /// <summary>Rebuilds the order of forgetting from the tree.</summary>
    public void Reload(ReadView view)
    {
        _byAge.Clear();
        _clients.Clear();
        _floorsByAge.Clear();
        _floors.Clear();
        foreach (var (_, record) in RecordsByIndex(view))
            Remember(record);
        foreach (var (key, value) in view.Scan(new[] { RecordKeys.Floor }, new[] { (byte)(RecordKeys.Floor + 1) }))
        {
            var client = Encoding.Latin1.GetString(key.Span[1..]);
            var index = BinaryPrimitives.ReadUInt64LittleEndian(value.Span);
            _floorsByAge.Add((index, client));
            var floor = BinaryPrimitives.ReadUInt64LittleEndian(value.Span[8..]);
            _floors[client] = (index, floor);
            if (_clients.TryGetValue(key[1..].ToArray(), out var known))
                known.Saw(floor);
        }
    }

    // Clients as Latin-1 strings: bytes that compare and hash as they are. Looked up by key only, never
    // walked.
    private readonly Dictionary<string, (ulong Index, ulong RequestId)> _floors = new(StringComparer.Ordinal);

    // Every start waits for this: nothing is copied, and a client is made once for all its records.
    private List<(ulong Index, Record Record)> RecordsByIndex(ReadView view)
    {
        var records = new List<(ulong Index, Record Record)>();
        SessionClient? client = null;
        using var cursor = view.OpenCursor([RecordKeys.Session], [RecordKeys.Session + 1]);
        for (cursor.SeekToFirst(); cursor.IsValid; cursor.Next())
        {
            var key = cursor.Key;
            var value = cursor.Value;
            var id = key.Slice(2, key[1]);
            if (client is null || !id.SequenceEqual(client.Id))
                client = ClientOf(id);
            var requestId = BinaryPrimitives.ReadUInt64BigEndian(key[(2 + id.Length)..]);
            var timeMs = BinaryPrimitives.ReadUInt64LittleEndian(value[8..]);
            records.Add((BinaryPrimitives.ReadUInt64LittleEndian(value), new(client, requestId, timeMs)));
        }

        records.Sort(static (a, b) => a.Index.CompareTo(b.Index));
        return records;
    }

    private SessionClient ClientOf(ReadOnlySpan<byte> id)
    {
        if (!_clients.GetAlternateLookup<ReadOnlySpan<byte>>().TryGetValue(id, out var known))
        {
            known = new(id.ToArray());
            _clients.Add(known.Id, known);
        }

        return known;
    }

    private void Remember(in Record record)
    {
        record.Client.Add(record.RequestId);
        _byAge.Enqueue(record);
    }

    private void RaiseFloor(byte[] id, ulong requestId, ulong index, WriteBatch batch)
    {
        var client = Encoding.Latin1.GetString(id);
        if (_floors.TryGetValue(client, out var present))
        {
            _floorsByAge.Remove((present.Index, client));
            requestId = Math.Max(requestId, present.RequestId);
        }

        _floors[client] = (index, requestId);
        _floorsByAge.Add((index, client));
        Span<byte> room = stackalloc byte[RecordKeys.Size(Protocol.Limits.ClientIdBytesMax)];
        Span<byte> value = stackalloc byte[16];
        BinaryPrimitives.WriteUInt64LittleEndian(value, index);
        BinaryPrimitives.WriteUInt64LittleEndian(value[8..], requestId);
        batch.Put(RecordKeys.ForFloor(id, room), value);
        if (_floorsByAge.Count > Limits.SessionFloorsMax)
            ForgetFloor(batch);
    }

    private void ForgetFloor(WriteBatch batch)
    {
        var oldest = _floorsByAge.Min;
        _floorsByAge.Remove(oldest);
        _floors.Remove(oldest.Client);
        Span<byte> room = stackalloc byte[RecordKeys.Size(Protocol.Limits.ClientIdBytesMax)];
        batch.Delete(RecordKeys.ForFloor(Encoding.Latin1.GetBytes(oldest.Client), room));
    }

    private static Outcome Read(ReadOnlyMemory<byte> record)
    {
        var head = record.Span;
        return new(
            (ReplyStatus)head[16], head[17] != 0, record[HeadBytes..], BinaryPrimitives.ReadUInt64LittleEndian(head[18..]), Replayed: true);
    }
}
