using System.CommandLine;
using Kvorum.Cli.CommandLine;
using Kvorum.Client;

namespace Kvorum.Cli.Commands;

/// <summary>Flags of all commands that talk to a cluster.</summary>
internal sealed class ClientFlags
{
    private readonly Option<string> _addr = Flag.Text(
        "--addr", "host:port", "A node of the cluster, or several separated by commas.", "127.0.0.1:50051");

    private readonly Option<Duration> _timeout = Flag.Time(
        "--timeout", "How long the call may take, retries included.", TimeSpan.FromSeconds(2));

    private readonly Option<bool> _json = Flag.Switch("--json", "Answer in JSON, for scripts.");

    public void AddTo(Command command)
    {
        command.Options.Add(_addr);
        command.Options.Add(_timeout);
        command.Options.Add(_json);
    }

    public bool IsJson(ParseResult parsed) => parsed.GetValue(_json);

    public TimeSpan Timeout(ParseResult parsed) => parsed.GetValue(_timeout).Span;

    public string[] Addresses(ParseResult parsed) =>
    [
        .. parsed.GetValue(_addr)!
            .Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)
            .Select(address => address.StartsWith(':') ? "127.0.0.1" + address : address),
    ];

    /// <summary>A client as the flags say; <see cref="ArgumentException"/> if they make no sense.</summary>
    public KvorumClient Connect(ParseResult parsed, string? clientId = null, string? keyspace = null) =>
        KvorumClient.Connect(new()
        {
            Addresses = Addresses(parsed),
            Timeout = Timeout(parsed),
            ClientId = clientId,
            Keyspace = keyspace ?? "default",
            Name = "kvorum-cli",
        });
}
