using System.Security.Cryptography.X509Certificates;

namespace Kvorum.Cli.Network;

/// <summary>
/// The ways between servers of this machine: a proxy before each one's peer address, so that any way can be
/// cut without rights over the machine.
/// </summary>
internal sealed class PeerNetwork : IAsyncDisposable
{
    private readonly List<PeerProxy> _proxies = [];
    private readonly Link[,] _links;
    private readonly int _count;

    /// <param name="names">The servers' names.</param>
    /// <param name="ports">Of each, the port that others are told, and its own port for peers.</param>
    /// <param name="certificateOf">Each server's certificate, with its key; null where they are plain.
    /// </param>
    public PeerNetwork(
        IReadOnlyList<string> names, IReadOnlyList<(int Told, int Own)> ports,
        Func<string, X509Certificate2>? certificateOf = null)
    {
        _count = names.Count;
        _links = new Link[_count, _count];
        foreach (var (from, to) in Ways())
            _links[from, to] = new();
        var numbers = names.Select(static (name, n) => (name, n))
            .ToDictionary(static one => one.name, static one => one.n, StringComparer.Ordinal);
        for (var n = 0; n < _count; n++)
        {
            var to = n;
            _proxies.Add(new(ports[n].Told, ports[n].Own, name =>
                numbers.TryGetValue(name, out var from) && from != to
                    ? (_links[from, to], _links[to, from])
                    : null,
                certificateOf is null ? null : new(names[n], certificateOf)));
        }
    }

    /// <summary>Times that a cut of one of the ways hit something.</summary>
    public long HitsOf(IEnumerable<(int From, int To)> ways) =>
        ways.Sum(way => Between(way.From, way.To).Hit);

    /// <summary>The way from one server to another.</summary>
    public Link Between(int from, int to) => _links[from, to];

    /// <summary>All ordered pairs of servers.</summary>
    public IEnumerable<(int From, int To)> Ways() =>
        from a in Enumerable.Range(0, _count)
        from b in Enumerable.Range(0, _count)
        where a != b
        select (a, b);

    /// <summary>The ways between servers of one side and those of the other, in both directions.</summary>
    public IEnumerable<(int From, int To)> Across(IReadOnlyCollection<int> side) =>
        Ways().Where(way => side.Contains(way.From) != side.Contains(way.To));

    public async ValueTask DisposeAsync()
    {
        foreach (var proxy in _proxies)
            await proxy.DisposeAsync().ConfigureAwait(false);
        foreach (var (from, to) in Ways())
            Between(from, to).Dispose();
    }
}
