using System.CommandLine;
using Kvorum.Cli.CommandLine;
using Kvorum.Protocol;

namespace Kvorum.Cli.Commands;

/// <summary><c>kvorum put</c>, <c>get</c> and <c>del</c>.</summary>
internal static class KeyCommands
{
    private static readonly Argument<string> Key = new("key") { Description = "The key, exactly as it is." };

    private static readonly Argument<string?> Value = new("value")
    {
        Description = "The value, exactly as it is; - or --stdin takes it from standard input.",
        Arity = ArgumentArity.ZeroOrOne,
    };

    public static Command Put()
    {
        var flags = new ClientFlags();
        var write = new WriteFlags();
        var stdin = Flag.Switch("--stdin", "Take the value from standard input, to its end, byte by byte.");
        var ttl = Flag.Time("--ttl", "Life of the key; 0 for no end.", TimeSpan.Zero);
        var command = new Command("put", "Sets a key; prints ok=true leader=\"\" once a majority has it.")
        {
            Key, Value, stdin, ttl,
        };
        write.AddTo(command);
        flags.AddTo(command);
        command.Validators.Add(result =>
        {
            if (result.GetValue(stdin) == (result.GetValue(Value) is not null))
                result.AddError("give the key and either a value or --stdin");
        });
        command.SetAction(async (parsed, cancel) =>
        {
            string? text = parsed.GetValue(Value);
            byte[] value =
                text is null or "-" ? await ReadStdin(cancel).ConfigureAwait(false) : Bytes.Of(text);
            var life = parsed.GetValue(ttl).Span;
            var request = new PutRequest
            {
                Key = Bytes.Of(parsed.GetValue(Key)!),
                Value = value,
                TtlMs = (ulong)life.TotalMilliseconds,
            };
            return await WriteCall.Run(parsed, flags, write, request, cancel).ConfigureAwait(false);
        });
        return command;
    }

    public static Command Delete()
    {
        var flags = new ClientFlags();
        var write = new WriteFlags();
        var command = new Command("del", "Removes a key; an absent one is no error.") { Key };
        command.Aliases.Add("delete");
        write.AddTo(command);
        flags.AddTo(command);
        command.SetAction((parsed, cancel) => WriteCall.Run(
            parsed, flags, write, new DeleteRequest { Key = Bytes.Of(parsed.GetValue(Key)!) }, cancel));
        return command;
    }

    public static Command Get()
    {
        var flags = new ClientFlags();
        var keyspace = ClientFlags.Keyspace();
        var consistency = ClientFlags.Consistency();
        var command = new Command("get", "Reads a key; prints value=\"...\". Exit code 1: no such key.")
        {
            Key, keyspace, consistency,
        };
        flags.AddTo(command);
        command.SetAction((parsed, cancel) => ClientCall.Run(parsed, flags, async output =>
        {
            byte[] key = Bytes.Of(parsed.GetValue(Key)!);
            var fresh = ClientFlags.Freshness(parsed, consistency);
            await using var client = flags.Connect(parsed, keyspace: parsed.GetValue(keyspace));
            var found = await client.GetAsync(key, new() { Consistency = fresh }, cancel)
                .ConfigureAwait(false);
            await output.WriteLineAsync(
                KeyOutput.OfGet(key, found, flags.IsJson(parsed))).ConfigureAwait(false);
            return found.Found ? ExitCode.Ok : ExitCode.NotOk;
        }));
        return command;
    }

    private static async Task<byte[]> ReadStdin(CancellationToken cancel)
    {
        await using var stdin = Console.OpenStandardInput();
        using var bytes = new MemoryStream();
        await stdin.CopyToAsync(bytes, cancel).ConfigureAwait(false);
        return bytes.ToArray();
    }
}
