using System.CommandLine;
using Kvorum.Cli.CommandLine;
using Kvorum.Cli.OwnProcess;
using Kvorum.Client;
using Kvorum.Protocol;

namespace Kvorum.Cli.Commands;

/// <summary><c>kvorum put</c>, <c>get</c> and <c>del</c>.</summary>
internal static class KeyCommands
{
    public static Command Put()
    {
        var flags = new ClientFlags();
        var write = new WriteFlags();
        var input = KeyInput.KeyAndValue();
        var ttl = Flag.Time("--ttl", "Life of the key; 0 for no end.", TimeSpan.Zero);
        var command = new Command(
            "put",
            "Sets a key; prints ok=true leader=\"\" once a majority has it, or the quorum of its keyspace.");
        input.AddTo(command);
        command.Options.Add(ttl);
        write.AddTo(command);
        flags.AddTo(command);
        command.SetAction(async (parsed, cancel) =>
        {
            var request = new PutRequest
            {
                Key = input.KeyOf(parsed),
                Value = input.ValueOf(parsed)
                    ?? await StandardInput.Read(Limits.ValueBytesCeiling, cancel).ConfigureAwait(false),
                TtlMs = (ulong)parsed.GetValue(ttl).Span.TotalMilliseconds,
            };
            return await WriteCall.Run(parsed, flags, write, request, cancel).ConfigureAwait(false);
        });
        return command;
    }

    public static Command Delete()
    {
        var flags = new ClientFlags();
        var write = new WriteFlags();
        var input = KeyInput.Key();
        var command = new Command("del", "Removes a key; an absent one is no error.");
        command.Aliases.Add("delete");
        input.AddTo(command);
        write.AddTo(command);
        flags.AddTo(command);
        command.SetAction((parsed, cancel) => WriteCall.Run(
            parsed, flags, write, new DeleteRequest { Key = input.KeyOf(parsed) }, cancel));
        return command;
    }

    public static Command Get()
    {
        var flags = new ClientFlags();
        var input = KeyInput.Key();
        var raw = Flag.Switch("--raw", "Print the value's bytes and nothing else, not even a line's end.");
        var form = ByteForms.Option();
        var keyspace = ClientFlags.Keyspace();
        var consistency = ClientFlags.Consistency();
        var (quorum, receipt) = (ClientFlags.Quorum("have answered"), ClientFlags.Receipt());
        var command = new Command("get", "Reads a key; prints value=\"...\". Exit code 1: no such key.");
        input.AddTo(command);
        foreach (var option in (Option[])[raw, form, keyspace, consistency, quorum, receipt])
            command.Options.Add(option);
        flags.AddTo(command);
        command.Validators.Add(result =>
        {
            var isFormed = flags.IsJson(result) || result.GetResult(form) is { Implicit: false };
            if (result.GetValue(raw) && isFormed)
                result.AddError("--raw prints nothing but the value: leave out --json and --as");
            if (result.GetValue(raw) && result.GetValue(receipt))
                result.AddError("--raw prints nothing but the value: leave out --receipt");
        });
        command.SetAction((parsed, cancel) => ClientCall.Run(parsed, flags, async output =>
        {
            var key = input.KeyOf(parsed);
            var fresh = ClientFlags.Freshness(parsed, consistency);
            await using var client = flags.Connect(parsed, keyspace: parsed.GetValue(keyspace));
            var options = new ReadOptions
            {
                Consistency = fresh,
                Quorum = parsed.GetValue(quorum),
                WantsReceipt = parsed.GetValue(receipt),
            };
            var found = await client.GetAsync(key, options, cancel).ConfigureAwait(false);
            var line = KeyOutput.OfGet(key, found, ByteForms.Of(parsed, form), flags.IsJson(parsed));
            if (!parsed.GetValue(raw))
                await output.WriteLineAsync(line).ConfigureAwait(false);
            else if (found.Found)
                ((CommandOutput)output).WriteBytes(found.Value.Span);
            else
                await parsed.InvocationConfiguration.Error.WriteLineAsync($"kvorum get: {line}")
                    .ConfigureAwait(false);
            return found.Found ? ExitCode.Ok : ExitCode.NotOk;
        }));
        return command;
    }
}
