using System.Collections.Concurrent;
using Kvorum.Protocol;

namespace Kvorum.Client;

/// <summary>
/// The highest version that this client has seen in each quorum keyspace. Its writes say so, and get a higher
/// one: the client's next write wins over all it has read or written, whichever node takes it and whatever
/// that node's clock shows. Safe on any thread.
/// </summary>
internal sealed class SeenVersions
{
    private readonly ConcurrentDictionary<string, ulong> _highest = new(StringComparer.Ordinal);

    /// <summary>A reply came; those of strong keyspaces change nothing.</summary>
    public void Take(string keyspace, Reply reply)
    {
        if (reply.Writer == 0)
            return;
        while (true)
        {
            var known = _highest.GetOrAdd(keyspace, 0ul);
            if (reply.Version <= known || _highest.TryUpdate(keyspace, reply.Version, known))
                return;
        }
    }

    /// <summary>The request as it is sent.</summary>
    public Request Follow(Request request) =>
        request is WriteRequest write && _highest.TryGetValue(request.Keyspace, out var after)
            ? write with { After = after } : request;
}
