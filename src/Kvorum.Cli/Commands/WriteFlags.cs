using System.CommandLine;
using Kvorum.Cli.CommandLine;
using Kvorum.Protocol;

namespace Kvorum.Cli.Commands;

/// <summary>Flags of commands that write.</summary>
internal sealed class WriteFlags
{
    private readonly Option<string> _keyspace = ClientFlags.Keyspace();

    private readonly Option<string> _client = Flag.Text(
        "--client", "id", "Who writes: a repeated pair of --client and --req is applied once.", "cli");

    private readonly Option<ulong?> _req =
        Flag.OptionalNumber<ulong>("--req", "Number of the request. [default: the time now, in nanoseconds]");

    private readonly Option<ulong?> _ifVersion = Flag.OptionalNumber<ulong>(
        "--if-version",
        "Write only if the key has this version now; 0: only if it is absent. [default: always]");

    private readonly Option<bool> _noRedirect = Flag.Switch(
        "--no-redirect", "Ask this node only: a follower answers ok=false and who leads.");

    private readonly Option<QuorumLevel?> _quorum = ClientFlags.Quorum("have the write on disk");

    private readonly Option<bool> _receipt = ClientFlags.Receipt();

    private readonly Option<WriteVersion?> _tried = Flag.OptionalText(
        "--tried", "version",
        "Keyspace of mode quorum: repeat a write that may have happened, with the same --client and --req, "
            + "as the version that was tried. [default: a new one]",
        static text => WriteVersion.ParseOrNull(text), WriteVersion.Form);

    private readonly Option<ulong?> _timestamp = Flag.OptionalNumber<ulong>(
        "--timestamp",
        "Keyspace that takes timestamps of clients: the time of the write, which decides which write wins: "
            + "Unix milliseconds times 65536, and a number below it. [default: the node's]");

    public void AddTo(Command command)
    {
        command.Options.Add(_keyspace);
        command.Options.Add(_client);
        command.Options.Add(_req);
        command.Options.Add(_ifVersion);
        command.Options.Add(_noRedirect);
        command.Options.Add(_quorum);
        command.Options.Add(_receipt);
        command.Options.Add(_tried);
        command.Options.Add(_timestamp);
    }

    public string Keyspace(ParseResult parsed) => parsed.GetValue(_keyspace)!;

    public string Client(ParseResult parsed) => parsed.GetValue(_client)!;

    public ulong? IfVersion(ParseResult parsed) => parsed.GetValue(_ifVersion);

    public bool NoRedirect(ParseResult parsed) => parsed.GetValue(_noRedirect);

    public QuorumLevel? Quorum(ParseResult parsed) => parsed.GetValue(_quorum);

    public WriteVersion? Tried(ParseResult parsed) => parsed.GetValue(_tried);

    public ulong? Timestamp(ParseResult parsed) => parsed.GetValue(_timestamp);

    public bool WantsReceipt(ParseResult parsed) => parsed.GetValue(_receipt);

    public ulong Request(ParseResult parsed) => parsed.GetValue(_req)
        ?? (ulong)(DateTime.UtcNow - DateTime.UnixEpoch).Ticks * TimeSpan.NanosecondsPerTick;
}
