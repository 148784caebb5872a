using System.Diagnostics;
using System.Globalization;
using Kvorum.Cli.Demo;
using Kvorum.Cli.Network;

namespace Kvorum.Cli.Chaos;

/// <summary>
/// Servers as processes of this very program, in a folder of their own, with a proxy before each one's peer
/// address. They end with this process, however it ends.
/// </summary>
internal sealed class ChaosCluster : IAsyncDisposable
{
    /// <param name="nodes">How many.</param>
    /// <param name="isSecure">True for TLS and rights.</param>
    /// <param name="flags">What else <c>kvorum start</c> is told.</param>
    public ChaosCluster(int nodes, bool isSecure, params string[] flags)
    {
        Folder = Directory.CreateTempSubdirectory("kvorum-chaos-").FullName;
        var ports = DemoCluster.FreePorts(nodes * 4);
        string[] names = [.. Enumerable.Range(1, nodes).Select(n => $"node-{n}")];
        var peers = string.Join(',', names.Select((name, n) => $"{name}@127.0.0.1:{ports[n * 4]}"));
        Security = isSecure ? new(Folder, names) : null;
        Servers =
        [
            .. names.Select((name, n) => new DemoServer(
                name, Folder, $"127.0.0.1:{ports[(n * 4) + 1]}", $"127.0.0.1:{ports[(n * 4) + 2]}",
                $"127.0.0.1:{ports[(n * 4) + 3]}", ["--peers", peers, .. flags])
            {
                Security = Security,
            }),
        ];
        Network = new(names, [.. names.Select((_, n) => (ports[n * 4], ports[(n * 4) + 3]))],
            Security is { } security ? security.CertificateOf : null);
    }

    /// <summary>TLS and rights; null if the servers are plain.</summary>
    public DemoSecurity? Security { get; }

    /// <summary>Data and logs.</summary>
    public string Folder { get; }

    /// <summary>True to leave the folder behind.</summary>
    public bool Keep { get; set; }

    public IReadOnlyList<DemoServer> Servers { get; }

    /// <summary>The ways between them.</summary>
    public PeerNetwork Network { get; }

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
        await Network.DisposeAsync().ConfigureAwait(false);
        if (!Keep)
            Directory.Delete(Folder, recursive: true);
    }
}
