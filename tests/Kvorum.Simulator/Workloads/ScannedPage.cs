using System.Text;
using Kvorum.Protocol;
using Kvorum.Verification;

namespace Kvorum.Simulator.Workloads;

/// <summary>What a client was told of a page, and which keys that speaks of.</summary>
internal sealed class ScannedPage
{
    private readonly KeyRange _asked;
    private readonly KeyRange? _rest;
    private readonly SortedDictionary<string, ScanEntry> _byKey = new(StringComparer.Ordinal);

    public ScannedPage(Asked asked, Reply reply)
    {
        Asked = asked;
        Scan = (ScanRequest)asked.Request;
        var page = ScanPageCodec.Decode(reply.Value);
        Entries = page.Entries;
        _asked = ScanToken.RangeOf(Scan);
        _rest = page.Token.IsEmpty ? null : ScanToken.RangeOf(Scan with { Token = page.Token });
        Token = page.Token;
        foreach (var entry in Entries)
            _byKey.TryAdd(Encoding.UTF8.GetString(entry.Key.Span), entry);
    }

    /// <summary>What was asked.</summary>
    public Asked Asked { get; }

    /// <summary>The same, as the node got it.</summary>
    public ScanRequest Scan { get; }

    /// <summary>What was found, in the order in which it came.</summary>
    public IReadOnlyList<ScanEntry> Entries { get; }

    /// <summary>What leads on; empty at the end.</summary>
    public ReadOnlyMemory<byte> Token { get; }

    /// <summary>True if the page says of the key what it holds, or that it is absent.</summary>
    public bool Covers(string key) => IsIn(_asked, key) && (_rest is not { } rest || !IsIn(rest, key));

    /// <summary>True if the key is within what the page was asked for.</summary>
    public bool IsAskedFor(string key) => IsIn(_asked, key);

    /// <summary>The key's entry; null if it has none.</summary>
    public ScanEntry? this[string key] => _byKey.TryGetValue(key, out var entry) ? entry : null;

    /// <summary>The page as a read of a key, by its name in the history.</summary>
    public Outcome OutcomeOf(string name)
    {
        var (_, key) = KeyspaceKey.Read(name);
        if (!Covers(key))
            return Outcome.Failed;
        return this[key] is { } entry
            ? Outcome.Found(Padding.TextOf(entry.Value.Span), entry.Version)
            : Outcome.Absent;
    }

    private static bool IsIn(KeyRange range, string key)
    {
        var bytes = Encoding.UTF8.GetBytes(key).AsSpan();
        return bytes.SequenceCompareTo(range.From.Span) >= 0
            && (range.End.IsEmpty || bytes.SequenceCompareTo(range.End.Span) < 0);
    }
}
