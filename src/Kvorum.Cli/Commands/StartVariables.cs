using System.Globalization;
using Kvorum.Cli.CommandLine;
using Kvorum.Protocol;
using Kvorum.Server.Hosting;

namespace Kvorum.Cli.Commands;

/// <summary>
/// The environment variables of <c>kvorum start</c>: each stands for a flag, which wins if both are given. An
/// empty one counts as not set.
/// </summary>
internal sealed class StartVariables
{
    // Where a node's cluster comes from is one question: a flag that answers it silences all variables that
    // do.
    private static readonly string[] Origin = ["--bootstrap", "--join", "--peers"];

    // What HOST is the host of, where a variable gives the port.
    private static readonly string[] Listening = ["--http-addr", "--addr", "--peer-addr"];

    private static readonly StartVariable[] All =
    [
        new("NODE_ID", ["--id"], ["--id"], static (o, text) => o with { Id = text }),
        new("DATA_DIR", ["--data"], ["--data", "--wal"], static (o, text) => o with { DataFolder = text }),
        new("HTTP_PORT", ["--http-addr"], ["--http-addr"],
            static (o, text) => o with { HttpAddress = WithPort(o.HttpAddress, Port(text)) }),
        new("KV_PORT", ["--addr"], ["--addr"],
            static (o, text) => o with { ClientAddress = WithPort(o.ClientAddress, Port(text)) }),
        new("PEER_PORT", ["--peer-addr"], ["--peer-addr"],
            static (o, text) => o with { PeerAddress = WithPort(o.PeerAddress, Port(text)) }),
        new("HOST", Listening, [], static (o, text) => HostPort.TryParse($"{Spelled(text)}:1") is null
            ? throw new FormatException("give a host name or an IP address, without a port") : o),
        new("BOOTSTRAP", ["--bootstrap"], Origin, static (o, text) => o with { Bootstrap = Switch(text) }),
        new("JOIN_ADDR", ["--join"], Origin, static (o, text) => o with { Join = text }),
        new("PEERS", ["--peers"], Origin, static (o, text) => o with { Peers = text }),
        new("PARTITION_COUNT", ["--partitions"], ["--partitions"],
            static (o, text) => o with { Partitions = Number(text) }),
        new("REPLICATION_FACTOR", ["--replication-factor"], ["--replication-factor"],
            static (o, text) => o with { ReplicationFactor = Number(text) }),
        new("TLS_CERT", ["--tls-cert"], ["--tls-cert"], static (o, text) => o with { TlsCertificate = text }),
        new("TLS_KEY", ["--tls-key"], ["--tls-key"], static (o, text) => o with { TlsKey = text }),
        new("TLS_CA", ["--tls-ca"], ["--tls-ca"], static (o, text) => o with { TlsAuthorities = text }),
        new("TLS_CRL", ["--tls-crl"], ["--tls-crl"], static (o, text) => o with { TlsRevoked = text }),
        new("MASTER_KEY_FILE", ["--master-key-file"], ["--master-key-file", "--master-key-command"],
            static (o, text) => o with { MasterKeyFile = text }),
        new("MASTER_KEY_COMMAND", ["--master-key-command"], ["--master-key-file", "--master-key-command"],
            static (o, text) => o with { MasterKeyCommand = text }),
    ];

    private readonly List<(string Variable, string Flag)> _used = [];
    private readonly List<string> _broken = [];

    private StartVariables(ServerOptions options) => Options = options;

    /// <summary>The names of all variables.</summary>
    public static IEnumerable<string> Names => All.Select(static variable => variable.Name);

    /// <summary>The settings, with what the variables say.</summary>
    public ServerOptions Options { get; private set; }

    /// <summary>What is wrong with the variables themselves, one sentence each.</summary>
    public IReadOnlyList<string> Broken => _broken;

    /// <summary>The variables that stand for a flag.</summary>
    public static string[] Of(string flag) =>
        [.. All.Where(variable => variable.Flags.Contains(flag)).Select(static variable => variable.Name)];

    /// <param name="options">What the command line says.</param>
    /// <param name="isGiven">True for a flag that is on the command line.</param>
    /// <param name="environment">The value of a variable; null if it is not set.</param>
    public static StartVariables Read(
        ServerOptions options, Func<string, bool> isGiven, Func<string, string?> environment)
    {
        var read = new StartVariables(options);
        foreach (var variable in All.Where(variable => !variable.SilencedBy.Any(isGiven)))
        {
            if (environment(variable.Name) is { Length: > 0 } text)
                read.Take(variable, text);
        }

        var saysPeers = isGiven("--peer-addr") || environment("PEER_PORT") is { Length: > 0 };
        if (!saysPeers && read._used.Contains(("KV_PORT", "--addr")))
            read.PlacePeers();
        if (read._used.Exists(static used => used.Variable == "HOST"))
            read.PlaceOn(Spelled(environment("HOST")!));
        return read;
    }

    /// <summary>
    /// A sentence about flags, with the variables that the flags' values come from: they are what is to be
    /// corrected.
    /// </summary>
    public string Explain(string sentence)
    {
        var words = sentence.Split(' ', ',', ':', ';', '(', ')', '\'');
        string[] sources =
        [
            .. _used.Where(used => words.Contains(used.Flag))
                .Select(static used => $"{used.Flag} comes from the environment variable {used.Variable}"),
        ];
        return sources.Length == 0 ? sentence : $"{sentence} ({string.Join("; ", sources)})";
    }

    private void Take(StartVariable variable, string text)
    {
        try
        {
            // The runtime has decoded it.
            if (text.Contains('\ufffd', StringComparison.Ordinal))
                throw new FormatException("it holds bytes that are not UTF-8 text");
            Options = variable.Apply(Options, text);
            _used.AddRange(variable.Flags.Select(flag => (variable.Name, flag)));
        }
        catch (FormatException e)
        {
            _broken.Add(Flag.Mistake($"environment variable {variable.Name}", text, e.Message));
        }
    }

    // Ten thousand above the clients' port, as the defaults are.
    private void PlacePeers()
    {
        var port = HostPort.TryParse(Options.ClientAddress)!.Value.Port;
        if (port + 10_000 > ushort.MaxValue)
        {
            _broken.Add(Flag.Mistake(
                "environment variable KV_PORT", port,
                "other nodes are served 10000 above it: give 1 to 55535, or set PEER_PORT too"));
            return;
        }

        Options = Options with { PeerAddress = WithPort(Options.PeerAddress, port + 10_000) };
        _used.Add(("KV_PORT", "--peer-addr"));
    }

    // Shells and tools set HOST for purposes of their own: it counts only beside a port.
    private void PlaceOn(string host)
    {
        _used.RemoveAll(static used => used.Variable == "HOST");
        var flags = _used.Select(static used => used.Flag).Intersect(Listening).ToArray();
        foreach (var flag in flags)
        {
            Options = flag switch
            {
                "--http-addr" => Options with { HttpAddress = On(host, Options.HttpAddress) },
                "--addr" => Options with { ClientAddress = On(host, Options.ClientAddress) },
                _ => Options with { PeerAddress = On(host, Options.PeerAddress) },
            };
            _used.Add(("HOST", flag));
        }
    }

    private static string On(string host, string address) => host + address[address.LastIndexOf(':')..];

    // IPv6 goes in brackets before a port.
    private static string Spelled(string host) =>
        System.Net.IPAddress.TryParse(host, out var ip) && host.Contains(':', StringComparison.Ordinal)
            ? $"[{ip}]" : host;

    private static string WithPort(string address, int port) =>
        string.Create(CultureInfo.InvariantCulture, $"{address[..address.LastIndexOf(':')]}:{port}");

    private static int Port(string text) => Number(text) is var port && port is >= 1 and <= ushort.MaxValue
        ? port : throw new FormatException("give a port, 1 to 65535");

    private static int Number(string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? number : throw new FormatException("give a whole number");

    private static bool Switch(string text) => text.ToUpperInvariant() switch
    {
        "TRUE" or "1" => true,
        "FALSE" or "0" => false,
        _ => throw new FormatException("give true, false, 1 or 0"),
    };

    /// <param name="Name">The variable.</param>
    /// <param name="Flags">The flags that it stands for.</param>
    /// <param name="SilencedBy">With one of these flags it is not looked at.</param>
    /// <param name="Apply">
    /// Puts it into the settings; <see cref="FormatException"/> says what to give.
    /// </param>
    private sealed record StartVariable(
        string Name, string[] Flags, string[] SilencedBy, Func<ServerOptions, string, ServerOptions> Apply);
}
