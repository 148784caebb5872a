using System.Text;
using Kvorum.Protocol;

namespace Kvorum.Simulator.Workloads;

/// <summary>What stale reads saw.</summary>
internal sealed class StaleReads
{
    /// <summary>A sight: a key with a value and its version.</summary>
    public readonly record struct Sight(string Key, string Value, ulong Version);

    /// <summary>All sights of a value, in the order in which they were heard.</summary>
    public List<Sight> Sights { get; } = [];

    /// <summary>Adds an answer.</summary>
    public void Add(string key, Reply reply)
    {
        if (reply.Found)
            Sights.Add(new(key, Padding.TextOf(reply.Value.Span), reply.Version));
    }

    /// <summary>Adds what a page showed.</summary>
    public void Add(ScannedPage page)
    {
        foreach (var entry in page.Entries)
        {
            Sights.Add(new(
                KeyspaceKey.Of(page.Scan.Keyspace, Encoding.UTF8.GetString(entry.Key.Span)),
                Padding.TextOf(entry.Value.Span), entry.Version));
        }
    }
}
