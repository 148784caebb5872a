using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Kvorum.Cli.Network;

namespace Kvorum.Cli.Demo;

/// <summary>
/// Servers as processes of this very program, on free ports of the loopback interface, in a folder of
/// their own. They end with this process, however it ends: each one watches its standard input.
/// </summary>
internal sealed class DemoCluster : IAsyncDisposable
{
    private readonly DemoServer[] _servers;

    private DemoCluster(
        string name, DemoWish wish, int count, Func<int, string[], string[]> membership,
        bool splits = false)
    {
        Keep = wish.Keep;
        Folder = Directory.CreateTempSubdirectory($"kvorum-{name}-").FullName;
        var ports = FreePorts(count * (splits ? 4 : 3)).Chunk(count).ToArray();
        string[] told = [.. ports[^1].Select(Local)];
        PeerAddresses = told;
        string[] names = [.. Enumerable.Range(1, count).Select(static n => $"node-{n}")];
        Security = wish.IsSecure ? new(Folder, names) : null;
        _servers =
        [
            .. names.Select((one, n) => new DemoServer(
                one, Folder, Local(ports[0][n]), Local(ports[1][n]), Local(ports[2][n]), membership(n, told))
            {
                Security = Security,
            }),
        ];
        if (splits)
        {
            Network = new(
                [.. _servers.Select(static one => one.Name)], [.. ports[3].Zip(ports[2])],
                Security is { } security ? security.CertificateOf : null);
        }
    }

    /// <summary>Three founders.</summary>
    public static DemoCluster OfThree(DemoWish wish) => new("demo", wish, 3, (_, peers) => Founders(peers));

    /// <summary>
    /// Founders whose network can be split. Few partitions: whatever happens to one happens to all of them
    /// before somebody's eyes.
    /// </summary>
    public static DemoCluster Splitting(DemoWish wish, int count) => new(
        "quorum", wish, count, (_, peers) => [.. Founders(peers), "--partitions", "8"], splits: true);

    /// <summary>
    /// The first server founds a cluster of its own; each of the others joins it. Half of the usual number of
    /// partitions: all of them move before somebody's eyes.
    /// </summary>
    public static DemoCluster Growing(DemoWish wish, int count) => new("cluster", wish, count, (n, peers) =>
        n == 0 ? ["--bootstrap", "--partitions", "32"] : ["--join", peers[0]]);

    /// <summary>TLS and rights; null if the servers are plain.</summary>
    public DemoSecurity? Security { get; }

    /// <summary>What each server is called by the others.</summary>
    public IReadOnlyList<string> PeerAddresses { get; }

    /// <summary>The ways between the servers, if they can be cut.</summary>
    public PeerNetwork? Network { get; }

    /// <summary>True to leave the folder behind.</summary>
    public bool Keep { get; set; }

    /// <summary>Data and logs.</summary>
    public string Folder { get; }

    public IReadOnlyList<DemoServer> Servers => _servers;

    public async ValueTask DisposeAsync()
    {
        await Task.WhenAll(_servers.Select(server => server.Kill())).ConfigureAwait(false);
        if (Network is not null)
            await Network.DisposeAsync().ConfigureAwait(false);
        if (!Keep)
            Directory.Delete(Folder, recursive: true);
    }

    /// <summary>
    /// Free ports below those that systems give to outgoing connections: while a server is dead, none of
    /// those may take its place, or it could not come back.
    /// </summary>
    public static int[] FreePorts(int count)
    {
        List<int> free = [];
        for (var port = Random.Shared.Next(20_000, 28_000); free.Count < count; port++)
        {
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            try
            {
                socket.Bind(new IPEndPoint(IPAddress.Loopback, port));
                free.Add(port);
            }
            catch (SocketException) when (port < ushort.MaxValue)
            {
            }
        }

        return [.. free];
    }

    private static string[] Founders(string[] peers) =>
        ["--peers", string.Join(',', peers.Select((address, n) => $"node-{n + 1}@{address}"))];

    private static string Local(int port) => $"127.0.0.1:{port}";
}

/// <summary>How a demo is run.</summary>
/// <param name="Keep">True to leave the folder behind.</param>
/// <param name="IsSecure">True for TLS and rights.</param>
internal sealed record DemoWish(bool Keep, bool IsSecure);

/// <summary>One of them; the flags say which cluster it belongs to, and what else it is told.</summary>
internal sealed class DemoServer(
    string name, string folder, string addr, string http, string peer, params string[] flags)
{
    private Process? _process;

    public string Name => name;

    /// <summary>TLS and rights; null if it is plain.</summary>
    public DemoSecurity? Security { get; init; }

    public string Address => addr;

    /// <summary>Where it listens for other nodes.</summary>
    public string PeerAddress => peer;

    /// <summary>Throws, with its last words, if the process has ended by itself.</summary>
    public void CheckRunning()
    {
        if (_process is not { HasExited: true } ended)
            return;
        var path = Path.Combine(folder, $"{name}.log");
        var last = File.Exists(path) ? File.ReadLines(path).LastOrDefault("") : "";
        throw new InvalidOperationException($"{name} ended with exit code {ended.ExitCode}: {last}");
    }

    /// <summary>Its process id, as text.</summary>
    public string ProcessId => _process?.Id.ToString(CultureInfo.InvariantCulture) ?? "none";

    public void Start() => Start(flags);

    /// <summary>As a new node of the same name and addresses: what it had is gone.</summary>
    /// <param name="membership">In place of the flags that it was made with.</param>
    public void StartEmpty(params string[] membership)
    {
        Directory.Delete(Path.Combine(folder, name), recursive: true);
        Start(membership);
    }

    private void Start(string[] membership)
    {
        var self = Environment.ProcessPath!;
        var isHosted = Path.GetFileNameWithoutExtension(self) == "dotnet";
        var start = new ProcessStartInfo(self)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        };
        string[] arguments =
        [
            "start", "--id", name, "--addr", addr, "--http-addr", http, "--peer-addr", peer,
            "--data", Path.Combine(folder, name), "--until-stdin-ends", .. membership,
            .. Security?.FlagsOf(name) ?? [],
        ];
        if (isHosted)
            start.ArgumentList.Add(typeof(DemoServer).Assembly.Location);
        foreach (var argument in arguments)
            start.ArgumentList.Add(argument);
        _process = Process.Start(start)!;
        _ = CopyLog(_process.StandardOutput);
        _ = CopyLog(_process.StandardError);
    }

    /// <summary>kill -9, as far as the system has it.</summary>
    public async Task Kill()
    {
        if (_process is not { } process)
            return;
        // First of all, so that a check meanwhile does not take it for one that has ended by itself.
        _process = null;
        if (!process.HasExited)
            process.Kill();
        await process.WaitForExitAsync().ConfigureAwait(false);
        process.Dispose();
    }

    private async Task CopyLog(StreamReader lines)
    {
        var path = Path.Combine(folder, $"{name}.log");
        try
        {
            while (await lines.ReadLineAsync().ConfigureAwait(false) is { } line)
            {
                lock (this)
                    File.AppendAllText(path, line + Environment.NewLine);
            }
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException or InvalidOperationException)
        {
        }
    }
}
