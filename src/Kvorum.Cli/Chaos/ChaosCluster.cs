using System.Diagnostics;
using System.Globalization;
using Kvorum.Cli.Demo;
using Kvorum.Node;

namespace Kvorum.Cli.Chaos;

/// <summary>
/// Servers as processes of this very program, in a folder of their own, with a proxy before each one's peer
/// address. They end with this process, however it ends.
/// </summary>
internal sealed class ChaosCluster : IAsyncDisposable
{
    private readonly List<PeerProxy> _proxies = [];
    private readonly Link[,] _links;

    /// <param name="nodes">How many.</param>
    /// <param name="flags">What else <c>kvorum start</c> is told.</param>
    public ChaosCluster(int nodes, params string[] flags)
    {
        Folder = Directory.CreateTempSubdirectory("kvorum-chaos-").FullName;
        var ports = DemoCluster.FreePorts(nodes * 4);
        string[] names = [.. Enumerable.Range(1, nodes).Select(n => $"node-{n}")];
        var peers = string.Join(',', names.Select((name, n) => $"{name}@127.0.0.1:{ports[n * 4]}"));
        Servers =
        [
            .. names.Select((name, n) => new DemoServer(
                name, Folder, $"127.0.0.1:{ports[(n * 4) + 1]}", $"127.0.0.1:{ports[(n * 4) + 2]}",
                $"127.0.0.1:{ports[(n * 4) + 3]}", ["--peers", peers, .. flags])),
        ];
        _links = new Link[nodes, nodes];
        foreach (var (from, to) in Ways())
            _links[from, to] = new();
        var indices = names.Select((name, n) => (Id: ClusterIdentity.NodeFromName(name).Value, n))
            .ToDictionary(node => node.Id, node => node.n);
        for (var n = 0; n < nodes; n++)
        {
            var to = n;
            _proxies.Add(new(ports[n * 4], ports[(n * 4) + 3], id =>
                indices.TryGetValue(id, out var from) && from != to
                    ? (_links[from, to], _links[to, from])
                    : null));
        }
    }

    /// <summary>Data and logs.</summary>
    public string Folder { get; }

    /// <summary>True to leave the folder behind.</summary>
    public bool Keep { get; set; }

    public IReadOnlyList<DemoServer> Servers { get; }

    /// <summary>Times that a cut of one of the ways hit something.</summary>
    public long HitsOf(IEnumerable<(int From, int To)> ways) =>
        ways.Sum(way => Between(way.From, way.To).Hit);

    /// <summary>The way from one server to another.</summary>
    public Link Between(int from, int to) => _links[from, to];

    /// <summary>All ordered pairs of servers.</summary>
    public IEnumerable<(int From, int To)> Ways() =>
        from a in Enumerable.Range(0, Servers.Count)
        from b in Enumerable.Range(0, Servers.Count)
        where a != b
        select (a, b);

    /// <summary>Throws, with its last words, if a process has ended by itself.</summary>
    public void CheckRunning()
    {
        foreach (var server in Servers)
            server.CheckRunning();
    }

    /// <summary>
    /// SIGSTOP, and SIGCONT after the time given. A shell does both, so that no process stays stopped when
    /// this one is killed meanwhile. True if both signals found the process.
    /// </summary>
    public static async Task<bool> Pause(IEnumerable<DemoServer> servers, TimeSpan time)
    {
        var ids = string.Join(' ', servers.Select(server => server.ProcessId));
        var seconds = time.TotalSeconds.ToString("0.000", CultureInfo.InvariantCulture);
        var start = new ProcessStartInfo("/bin/sh") { UseShellExecute = false };
        start.ArgumentList.Add("-c");
        start.ArgumentList.Add($"kill -STOP {ids} && sleep {seconds} && kill -CONT {ids}");
        using var shell = Process.Start(start)!;
        await shell.WaitForExitAsync().ConfigureAwait(false);
        return shell.ExitCode == 0;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var server in Servers)
            await server.Kill().ConfigureAwait(false);
        foreach (var proxy in _proxies)
            await proxy.DisposeAsync().ConfigureAwait(false);
        foreach (var (from, to) in Ways())
            Between(from, to).Dispose();
        if (!Keep)
            Directory.Delete(Folder, recursive: true);
    }
}
