using Kvorum.Protocol;
using Kvorum.Raft;
using Kvorum.Storage.Lsm.Trees;

namespace Kvorum.Node.State;

/// <summary>
/// The exactly-once records of a partition (thesis 6.3): in memory, and in the tree as of each checkpoint;
/// what came since is in the log. Everything is decided by log time and log index, so all replicas forget the
/// same records at the same entry. Owned by the node loop.
/// </summary>
internal sealed class SessionTable
{
    private readonly Tree _tree;
    private readonly long _windowMs;
    private readonly int _recordsMax;
    private readonly SessionRing _ring;
    private readonly SessionPages _pages;
    private readonly SessionFloors _floors = new();

    // Those with records, looked up by id only, never walked.
    private readonly Dictionary<byte[], SessionClient> _clients = new(ClientIdComparer.Instance);
    private readonly List<SessionClient> _forgotten = [];

    // Most entries come from the client of the one before.
    private SessionClient? _latest;

    // Records whose answer has a value: mostly there is none.
    private int _values;

    public SessionTable(Tree tree, long windowMs, int recordsMax)
    {
        (_tree, _windowMs, _recordsMax) = (tree, windowMs, recordsMax);
        _ring = new(recordsMax);
        _pages = new(_ring);
    }

    public int Count => _ring.Count;

    /// <summary>
    /// The stored answer to a request that was applied before; one that says so if it is too old to be known;
    /// null for a new request.
    /// </summary>
    public Outcome? Find(ReadOnlySpan<byte> client, ulong requestId)
    {
        var known = KnownClient(client);
        // Most clients count up: what is above all that came from one is new.
        if (known is not null && requestId > known.Newest)
            return null;
        if (known is not null && _ring.Find(known, requestId) is { } place)
            return Answer(place);
        return _floors.Find(client) >= requestId
            ? new Outcome(ReplyStatus.SessionExpired, false, default, 0)
            : null;
    }

    /// <summary>Up to where each client's requests are forgotten, the longest forgotten first.</summary>
    public IEnumerable<(byte[] Client, ulong RequestId)> Floors => _floors.All;

    /// <summary>Records from a place on, with their answers, so many at most.</summary>
    /// <param name="from">The place.</param>
    /// <param name="most">How many.</param>
    /// <param name="end">The place behind the last of them; 0 if there are no more.</param>
    public IReadOnlyList<(byte[] Client, ulong RequestId, Outcome Answer)> From(
        ulong from, int most, out ulong end)
    {
        var found = new List<(byte[], ulong, Outcome)>();
        var place = Math.Max(from, _ring.First);
        for (; place < _ring.Next && found.Count < most; place++)
            found.Add((_ring[place].Client.Id, _ring[place].RequestId, Answer(place)));
        end = place < _ring.Next ? place : 0;
        return found;
    }

    /// <summary>All requests of a client up to this one that have no record here may have been made.</summary>
    public void ForgetUpTo(ReadOnlySpan<byte> client, ulong requestId, ulong index, WriteBatch batch)
    {
        KnownClient(client)?.Saw(requestId);
        _floors.Raise(client.ToArray(), requestId, index, batch);
    }

    /// <summary>Bytes of the value in the stored answer to a request; 0 if there is none.</summary>
    public int ValueBytes(string client, ulong requestId)
    {
        if (_values == 0)
            return 0;
        Span<byte> id = stackalloc byte[Protocol.Limits.ClientIdBytesMax];
        if (Utf8Text.CountOf(client) > id.Length
            || KnownClient(id[..Utf8Text.Write(client, id)]) is not { } known || requestId > known.Newest
            || _ring.Find(known, requestId) is not { } place || !_ring[place].HasValue)
            return 0;
        _tree.TryGet(ValueKey(place, stackalloc byte[RecordKeys.Size(0)]), -1, out _, out var bytes);
        return Math.Max(0, bytes);
    }

    /// <summary>Adds the record of an answer; what the tree is to have of it goes with the entry's
    /// changes.</summary>
    public void Add(
        ReadOnlySpan<byte> client, ulong requestId, ulong timeMs, in Outcome outcome, WriteBatch batch)
    {
        var known = KnownClient(client) ?? NewClient(client);
        known.Add(requestId);
        if (!outcome.Value.IsEmpty)
        {
            batch.Put(ValueKey(_ring.Next, stackalloc byte[RecordKeys.Size(0)]), outcome.Value.Span);
            _values++;
        }

        _ring.Add(new SessionRecord
        {
            Client = known,
            RequestId = requestId,
            TimeMs = timeMs,
            Version = outcome.Version,
            Status = outcome.Status,
            Found = outcome.Found,
            HasValue = !outcome.Value.IsEmpty,
        });
        _pages.Added(batch);
    }

    /// <summary>
    /// Forgets what is older than the window or beyond the count, and remembers per client up to where it
    /// forgot. Beyond the count some more go at once, so that a client's floor is written once for many.
    /// </summary>
    public void Forget(ulong index, ulong logTimeMs, WriteBatch batch)
    {
        var keep = _ring.Count > _recordsMax ? _recordsMax - (_recordsMax / 64) : _recordsMax;
        while (_ring.Count > 0
            && (_ring.Count > keep || _ring[_ring.First].TimeMs + (ulong)_windowMs < logTimeMs))
        {
            ForgetOldest(batch);
        }

        foreach (var client in _forgotten)
            _floors.Raise(client.Id, client.TakeForgotten(), index, batch);
        _forgotten.Clear();
    }

    /// <summary>What a checkpoint at this index must have beside what is in the tree.</summary>
    public void PutRest(WriteBatch batch)
    {
        if (Invariant.Expensive)
            CheckRecords();
        _pages.PutRest(batch);
    }

    /// <summary>Takes what a checkpoint has in place of what was here.</summary>
    public void Reload(ReadView view)
    {
        _clients.Clear();
        _latest = null;
        _values = 0;
        _floors.Load(view);
        _pages.Load(view, id => KnownClient(id.Span) ?? NewClient(id.Span));
        for (var place = _ring.First; place < _ring.Next; place++)
        {
            _ring[place].Client.Add(_ring[place].RequestId);
            _values += _ring[place].HasValue ? 1 : 0;
        }
    }

    // What is counted of the records, and kept of their clients, fits the records themselves.
    private void CheckRecords()
    {
        var records = new Dictionary<SessionClient, int>(); // compared whole, in no order
        var values = 0;
        for (var place = _ring.First; place < _ring.Next; place++)
        {
            var record = _ring[place];
            records[record.Client] = records.GetValueOrDefault(record.Client) + 1;
            values += record.HasValue ? 1 : 0;
            Invariant.Check(record.RequestId <= record.Client.Newest, "a record is above its client's newest");
            Invariant.Check(
                place == _ring.First || _ring[place - 1].TimeMs <= record.TimeMs, "log time fell");
        }

        Invariant.Check(values == _values, "values of answers are counted wrongly");
        Invariant.Check(records.Count == _clients.Count, "clients without records are kept");
        Invariant.Check(
            records.All(static client => client.Key.Records == client.Value),
            "records of a client are counted wrongly");
    }

    private void ForgetOldest(WriteBatch batch)
    {
        var place = _ring.First;
        var oldest = _ring[place];
        _ring.RemoveOldest();
        _pages.Removed(batch);
        if (oldest.HasValue)
        {
            batch.Delete(ValueKey(place, stackalloc byte[RecordKeys.Size(0)]));
            _values--;
        }

        if (oldest.Client.Forget(oldest.RequestId))
            _forgotten.Add(oldest.Client);
        if (oldest.Client.Records > 0)
            return;
        _clients.Remove(oldest.Client.Id);
        _latest = null;
    }

    private Outcome Answer(ulong place)
    {
        var record = _ring[place];
        ReadOnlyMemory<byte> value = default;
        if (record.HasValue)
        {
            var isThere = _tree.TryGet(ValueKey(place, stackalloc byte[RecordKeys.Size(0)]), out value);
            Invariant.Check(isThere, $"the tree lacks the value of the answer at {place}");
        }

        return new(record.Status, record.Found, value, record.Version, Replayed: true);
    }

    private SessionClient? KnownClient(ReadOnlySpan<byte> id)
    {
        if (_latest is not null && id.SequenceEqual(_latest.Id))
            return _latest;
        if (_clients.GetAlternateLookup<ReadOnlySpan<byte>>().TryGetValue(id, out var known))
            _latest = known;
        return known;
    }

    private SessionClient NewClient(ReadOnlySpan<byte> id)
    {
        var client = new SessionClient(id.ToArray());
        if (_floors.Find(id) is { } floor)
            client.Saw(floor);
        _clients.Add(client.Id, client);
        return _latest = client;
    }

    private static ReadOnlySpan<byte> ValueKey(ulong place, Span<byte> room) =>
        RecordKeys.ForSessionValue(place, room);
}
