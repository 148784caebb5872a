using System.CommandLine;
using System.CommandLine.Parsing;
using Kvorum.Cli.CommandLine;
using Kvorum.Client;
using Kvorum.Protocol;

namespace Kvorum.Cli.Commands;

/// <summary>Flags of all commands that talk to a cluster.</summary>
internal sealed class ClientFlags(TimeSpan timeoutDefault)
{
    private const string AddressVariable = "KVORUM_ADDR";

    private readonly Option<string[]> _addr = Flag.Addresses(
        "--addr",
        $"A node of the cluster, or several separated by commas; the environment variable {AddressVariable} "
        + "changes the default.", AddressVariable, "127.0.0.1:50051");

    private readonly Option<Duration> _timeout = Flag.Time(
        "--timeout", "How long a call may take, retries included.", timeoutDefault,
        TimeSpan.FromMilliseconds(1), TimeSpan.FromHours(24));

    private readonly TlsFlags _tls = new();

    private readonly TokenFlags _token = new();

    private readonly Option<bool> _json = Flag.Switch("--json", "Answer in JSON, for scripts.");

    public ClientFlags() : this(TimeSpan.FromSeconds(2))
    {
    }

    /// <summary>For commands that name keys.</summary>
    public static Option<string> Keyspace() =>
        Flag.Text("--keyspace", "name", "The keyspace.", KeyspaceName.Default);

    /// <summary>For commands that read keys; <see cref="Freshness"/> tells what was given.</summary>
    public static Option<string> Consistency() => Flag.Word(
        "--consistency",
        "linearizable: the newest; lease: the newest while clocks are true; stale: what a node has.",
        "linearizable", "linearizable", "lease", "stale");

    /// <summary>For commands that read or write keys.</summary>
    public static Option<QuorumLevel?> Quorum(string what) => Flag.OptionalText(
        "--quorum", "level",
        $"Keyspace of mode quorum: replicas that must {what}: one, quorum, all or a number. "
            + "[default: the keyspace's]",
        static text => QuorumLevel.ParseOrNull(text), QuorumLevel.Forms);

    /// <summary>For commands that read or write keys.</summary>
    public static Option<bool> Receipt() => Flag.Switch(
        "--receipt",
        "Tell what stands behind the answer: which nodes, whether it is durable, what is promised.");

    public static ReadConsistency Freshness(ParseResult parsed, Option<string> consistency) =>
        Enum.Parse<ReadConsistency>(parsed.GetValue(consistency)!, ignoreCase: true);

    public void AddTo(Command command)
    {
        command.Options.Add(_addr);
        command.Options.Add(_timeout);
        command.Options.Add(_json);
        _tls.AddTo(command);
        _token.AddTo(command);
    }

    public bool IsJson(ParseResult parsed) => parsed.GetValue(_json);

    public bool IsJson(CommandResult result) => result.GetValue(_json);

    public TimeSpan Timeout(ParseResult parsed) => parsed.GetValue(_timeout).Span;

    public string[] Addresses(ParseResult parsed) => parsed.GetValue(_addr)!;

    /// <summary>TLS; null for plain connections. Throws as <see cref="Connect"/> does.</summary>
    public KvorumTls? Tls(ParseResult parsed) => _tls.Read(parsed);

    /// <summary>What is shown beside a certificate; null for nothing. Throws as <see cref="Connect"/> does.
    /// </summary>
    public KvorumCredential? Credential(ParseResult parsed) => _token.Read(parsed);

    /// <summary>A client as the flags say; <see cref="ArgumentException"/> if they make no sense.</summary>
    public KvorumClient Connect(ParseResult parsed, string? clientId = null, string? keyspace = null) =>
        KvorumClient.Connect(new()
        {
            Addresses = Addresses(parsed),
            Timeout = Timeout(parsed),
            ClientId = clientId,
            Keyspace = keyspace ?? KeyspaceName.Default,
            Name = "kvorum-cli",
            Tls = Tls(parsed),
            Credential = Credential(parsed),
        });
}
