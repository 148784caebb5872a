using Kvorum.Protocol;

namespace Kvorum.Node.Access;

/// <summary>Rights to the keys of a keyspace that begin with a prefix.</summary>
/// <param name="Keyspace">The keyspace; <see cref="AccessNeed.AllKeyspaces"/> for every one.</param>
/// <param name="Prefix">What the keys begin with; empty for all keys.</param>
/// <param name="Actions">What may be done.</param>
public sealed record Grant(string Keyspace, ReadOnlyMemory<byte> Prefix, AccessActions Actions)
{
    private readonly KeyRange _keys = KeyRange.OfPrefix(Prefix);

    /// <summary>Rights to everything in every keyspace.</summary>
    public static Grant Everywhere(AccessActions actions) => new(AccessNeed.AllKeyspaces, default, actions);

    /// <summary>True if all keys that a request is about are of this grant.</summary>
    public bool Covers(in AccessNeed need)
    {
        if (Keyspace != AccessNeed.AllKeyspaces && Keyspace != need.Keyspace)
            return false;
        if (Prefix.IsEmpty)
            return true;
        if (need.IsOneKey)
            return need.Keys.From.Span.StartsWith(Prefix.Span);
        // A range without an end reaches behind every prefix that can grow.
        return need.Keys.From.Span.SequenceCompareTo(_keys.From.Span) >= 0
            && (_keys.End.IsEmpty
                || (!need.Keys.End.IsEmpty
                    && need.Keys.End.Span.SequenceCompareTo(_keys.End.Span) <= 0));
    }
}
