using Kvorum.Client;

namespace Kvorum.Tests.Cli;

/// <summary>Processes with the certificates that <c>kvorum cert</c> makes.</summary>
public sealed class TlsClusterTests : IDisposable
{
    private readonly string _certs = Directory.CreateTempSubdirectory("kvorum-certs-").FullName;
    private readonly ServerPlace[] _places = ServerPlace.Free(3);
    private readonly KvorumProcess?[] _servers = new KvorumProcess?[3];

    private string[] Client =>
        ["--tls-ca", At("ca.crt"), "--tls-cert", At("alice.crt"), "--tls-key", At("alice.key")];

    private static CancellationToken Deadline => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        foreach (var server in _servers)
            server?.DisposeAsync().AsTask().GetAwaiter().GetResult();
        foreach (var place in _places)
            place.Dispose();
        Directory.Delete(_certs, recursive: true);
    }

    [Fact(Timeout = 180_000)]
    public async Task Three_nodes_with_TLS_survive_the_kill_of_one()
    {
        await MakeCertificates();
        await StartAll(n => Secure(n));
        await SingleNodeTests.Prints(
            0, "ok=true leader=\"\"", ["put", "k", "v", "--addr", _places[0].Addr, .. Client]);
        foreach (var place in _places)
            await SingleNodeTests.Prints(0, "value=\"v\"", ["get", "k", "--addr", place.Addr, .. Client]);
        _servers[1]!.Kill();
        await SingleNodeTests.Prints(
            0, "ok=true leader=\"\"",
            ["put", "k", "w", "--addr", _places[0].Addr, "--timeout", "20s", .. Client]);
        await Restart(1, Secure(1), kill: true);
        await SingleNodeTests.Prints(
            0, "value=\"w\"", ["get", "k", "--addr", _places[1].Addr, "--timeout", "20s", .. Client]);

        var (code, _, errors) = await KvorumProcess.Run("get", "k", "--addr", _places[0].Addr);
        Assert.Equal(1, code);
        Assert.Contains("This node takes TLS only", errors, StringComparison.Ordinal);
        (code, _, errors) = await KvorumProcess.Run(
            "get", "k", "--addr", _places[0].Addr, "--tls-ca", At("ca.crt"));
        Assert.Equal(1, code);
        Assert.Contains("perhaps it wants a certificate", errors, StringComparison.Ordinal);
        (code, _, errors) = await KvorumProcess.Run("get", "k", "--tls-cert", At("alice.crt"));
        Assert.Equal(2, code);
        Assert.Contains("--tls-ca is missing", errors, StringComparison.Ordinal);

        // A node whose certificate is revoked is cut off while all of them run.
        Assert.Equal(0, (await InProcess.Run("cert", "revoke", At("node-3.crt"), "--dir", _certs)).Code);
        await _servers[0]!.Says("closed the connection with node node-3");
        await _servers[0]!.Says("is revoked");
        await SingleNodeTests.Prints(
            0, "ok=true leader=\"\"",
            ["put", "k", "x", "--addr", _places[0].Addr, "--timeout", "20s", .. Client]);
    }

    /// <summary>Plain, then both, then TLS only: clients write all the time, and no acknowledged write is
    /// lost.</summary>
    [Fact(Timeout = 300_000)]
    public async Task A_cluster_is_switched_over_node_by_node_under_load()
    {
        await MakeCertificates();
        await StartAll(n => Plain(n));
        using var stop = new CancellationTokenSource();
        var plain = Load("plain", tls: null, stop.Token);
        for (var n = 0; n < 3; n++)
            await Restart(n, [.. Secure(n), "--insecure"]);
        await stop.CancelAsync();
        var acknowledged = await plain;

        using var end = new CancellationTokenSource();
        var tls = KvorumTls.FromFiles(At("ca.crt"), At("alice.crt"), At("alice.key"));
        var secure = Load("secure", tls, end.Token);
        for (var n = 0; n < 3; n++)
            await Restart(n, Secure(n));
        await end.CancelAsync();
        var later = await secure;
        Assert.True(acknowledged > 20 && later > 20, $"{acknowledged} and {later} writes");

        await using var reader = Connect(tls);
        foreach (var (prefix, count) in new[] { ("plain", acknowledged), ("secure", later) })
        {
            for (var n = 0; n < count; n++)
                Assert.Equal(
                    $"{n}", (await reader.GetAsync($"{prefix}-{n}", cancellationToken: Deadline)).Text);
        }
    }

    private string At(string file) => Path.Combine(_certs, file);

    private string[] Plain(int n) =>
    [
        "start", "--id", $"node-{n + 1}", .. _places[n].Flags, "--peers",
        string.Join(',', _places.Select(static (place, at) => $"node-{at + 1}@{place.PeerAddr}")),
    ];

    private string[] Secure(int n) =>
    [
        .. Plain(n), "--tls-cert", At($"node-{n + 1}.crt"), "--tls-key", At($"node-{n + 1}.key"), "--tls-ca",
        At("ca.crt"), "--tls-crl", At("ca.crl"),
    ];

    private async Task MakeCertificates()
    {
        foreach (var args in new string[][] { ["ca"], ["node", "node-1"], ["node", "node-2"],
            ["node", "node-3"],
            ["client", "alice"], ["revoke"] })
            Assert.Equal(0, (await InProcess.Run(["cert", .. args, "--dir", _certs])).Code);
    }

    private async Task StartAll(Func<int, string[]> args)
    {
        for (var n = 0; n < 3; n++)
            _servers[n] = KvorumProcess.Start(args(n));
        foreach (var server in _servers)
            await server!.Says("is ready", seconds: 60);
    }

    private async Task Restart(int n, string[] args, bool kill = false)
    {
        if (!kill)
        {
            _servers[n]!.Terminate();
            Assert.Equal(0, await _servers[n]!.Exit());
        }

        await _servers[n]!.DisposeAsync();
        _servers[n] = KvorumProcess.Start(args);
        await _servers[n]!.Says("is ready", seconds: 60);
        // The next one may go when this one is connected with both others.
        foreach (var other in new[] { (n + 1) % 3, (n + 2) % 3 })
            await _servers[n]!.Says($"peer node-{other + 1} ({_places[other].PeerAddr}) is up", seconds: 60);
    }

    private async Task<int> Load(string prefix, KvorumTls? tls, CancellationToken stop)
    {
        await using var client = Connect(tls);
        var count = 0;
        for (; !stop.IsCancellationRequested; count++)
            await client.PutAsync($"{prefix}-{count}", $"{count}", cancellationToken: Deadline);
        return count;
    }

    private KvorumClient Connect(KvorumTls? tls) => KvorumClient.Connect(new()
    {
        Addresses = [.. _places.Select(static place => place.Addr)],
        Timeout = TimeSpan.FromSeconds(60),
        ConnectTimeout = TimeSpan.FromSeconds(5),
        Tls = tls,
    });
}
