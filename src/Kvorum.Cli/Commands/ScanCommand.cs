using System.CommandLine;
using Kvorum.Cli.CommandLine;
using Kvorum.Client;

namespace Kvorum.Cli.Commands;

/// <summary>
/// <c>kvorum scan</c>: the keys of a range, one line each, printed page by page as they come.
/// </summary>
internal static class ScanCommand
{
    public static Command Create()
    {
        var flags = new ClientFlags();
        var prefix = Flag.Text("--prefix", "text", "Keys that begin with this. [default: any]", "");
        var from = Flag.Text("--from", "key", "Keys from this one on, inclusive. [default: the first]", "");
        var end = Flag.Text("--end", "key", "Keys before this one, exclusive. [default: none]", "");
        var limit = Flag.Number("--limit", "Keys at most; 0 for all.", 0ul);
        var reverse = Flag.Switch("--reverse", "Greatest key first.");
        var keysOnly = Flag.Switch("--keys-only", "Without values.");
        var keyspace = ClientFlags.Keyspace();
        var consistency = ClientFlags.Consistency();
        var command = new Command(
            "scan", "Prints keys in order; --timeout is for each page of 256 KiB. None found: exit code 0.")
        {
            prefix, from, end, limit, reverse, keysOnly, keyspace, consistency,
        };
        flags.AddTo(command);
        command.SetAction((parsed, cancel) => ClientCall.Run(parsed, flags, async output =>
        {
            await using var client = flags.Connect(parsed, keyspace: parsed.GetValue(keyspace));
            var options = new ScanOptions
            {
                Prefix = Bytes.Of(parsed.GetValue(prefix)!),
                From = Bytes.Of(parsed.GetValue(from)!),
                End = Bytes.Of(parsed.GetValue(end)!),
                Limit = parsed.GetValue(limit),
                Reverse = parsed.GetValue(reverse),
                KeysOnly = parsed.GetValue(keysOnly),
                Consistency = ClientFlags.Freshness(parsed, consistency),
            };
            await using var lines = new OutputLines(output);
            await Print(client, options, flags.IsJson(parsed), lines, cancel).ConfigureAwait(false);
            if (lines.Failure is not { } failure)
                return ExitCode.Ok;
            await parsed.InvocationConfiguration.Error.WriteLineAsync(
                $"kvorum scan: standard output: {failure}")
                .ConfigureAwait(false);
            return ExitCode.NotOk;
        }));
        return command;
    }

    private static async Task Print(
        KvorumClient client, ScanOptions options, bool isJson, OutputLines lines, CancellationToken cancel)
    {
        var (left, isEnd) = (options.Limit, false);
        while (!isEnd)
        {
            var page = await client.ScanPageAsync(options with { Limit = left }, cancel)
                .ConfigureAwait(false);
            var text = page.Keys.Select(found => KeyOutput.OfScan(found, options.KeysOnly, isJson));
            if (!await lines.Write(text).ConfigureAwait(false))
                return;
            left = options.Limit == 0 ? 0 : left - (ulong)page.Keys.Count;
            isEnd = page.Token.IsEmpty || (options.Limit > 0 && left == 0);
            options = options with { Token = page.Token };
        }
    }
}
